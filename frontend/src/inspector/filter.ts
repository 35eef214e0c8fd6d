/** Which messages are shown. */
import type {Log} from './log/log';
import type {Direction, IRecord} from './log/record';

export interface IFilter {
  /** The target of their comms; null for all. */
  readonly target: string | null;
  readonly direction: Direction | null;
  /** One comm; null for all. */
  readonly comm_id: string | null;
  /** Only those with marks. */
  readonly marked: boolean;
  /** A text in the data, metadata, target, comm or message id, in any case. */
  readonly search: string;
}

export const ALL: IFilter = {
  target: null,
  direction: null,
  comm_id: null,
  marked: false,
  search: ''
};

/** Whether a filter lets every message through. */
export function isAll({target, direction, comm_id, marked, search}: IFilter): boolean {
  return target === null && direction === null && comm_id === null && !marked && search === '';
}

export function matches(filter: IFilter, record: IRecord): boolean {
  const {target, direction, comm_id, marked} = filter;
  return (
    (target === null || record.target_name === target) &&
    (direction === null || record.direction === direction) &&
    (comm_id === null || record.comm_id === comm_id) &&
    (!marked || record.marks !== undefined) &&
    contains(record, filter.search.toLowerCase())
  );
}

function contains(record: IRecord, search: string): boolean {
  if (search === '') {
    return true;
  }
  const {target_name, comm_id, msg_id, msg_type, data, metadata} = record;
  return [target_name ?? '', comm_id, msg_id, msg_type, data.text, metadata.text].some(text =>
    text.toLowerCase().includes(search)
  );
}

/** Where a message is in a list that is in order; -1 if it is not in it. */
export function indexOf(records: readonly IRecord[], record: IRecord): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle]!.number < record.number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  // One that came in a pause has the number of the next one that is kept.
  return records[low] === record ? low : -1;
}

/** The messages of a log that a filter lets through; only the new ones are looked at. */
export class Filtered {
  constructor(private readonly _log: Log) {}

  get filter(): IFilter {
    return this._filter;
  }

  set filter(filter: IFilter) {
    this._filter = filter;
    this.refresh();
  }

  /** The messages as they are now, in an array of its own: what is drawn does not change. */
  get records(): readonly IRecord[] {
    return [...this._log.from(0)].filter(record => matches(this._filter, record));
  }

  /** How many messages the filter lets through now. */
  get length(): number {
    this._advance();
    return this._records.length;
  }

  /** Look at all messages again. */
  refresh(): void {
    this._records = [];
    this._removed = 0;
    this._seen = 0;
  }

  /**
   * The messages, the oldest first; the array changes with the next call.
   *
   * @returns Also how many have been removed at the front since the last call.
   */
  update(): {records: readonly IRecord[]; removed: number} {
    this._advance();
    const removed = this._removed;
    this._removed = 0;
    return {records: this._records, removed};
  }

  private _advance(): void {
    const {first} = this._log;
    let removed = 0;
    while (removed < this._records.length && this._records[removed]!.number < first) {
      removed++;
    }
    this._records.splice(0, removed);
    this._removed += removed;
    for (const record of this._log.from(this._seen)) {
      if (matches(this._filter, record)) {
        this._records.push(record);
      }
    }
    this._seen = this._log.next;
  }

  private _filter: IFilter = ALL;
  private _records: IRecord[] = [];
  private _removed = 0;
  private _seen = 0;
}
