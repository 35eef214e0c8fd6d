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

  /** Look at all messages again. */
  refresh(): void {
    this._records = [];
    this._seen = 0;
  }

  /**
   * The messages, the oldest first; the array changes with the next call.
   *
   * @returns Also how many have been removed at the front since the last call.
   */
  update(): {records: readonly IRecord[]; removed: number} {
    const {first} = this._log;
    let removed = 0;
    while (removed < this._records.length && this._records[removed]!.number < first) {
      removed++;
    }
    this._records.splice(0, removed);
    for (const record of this._log.from(this._seen)) {
      if (matches(this._filter, record)) {
        this._records.push(record);
      }
    }
    this._seen = this._log.next;
    return {records: this._records, removed};
  }

  private _filter: IFilter = ALL;
  private _records: IRecord[] = [];
  private _seen = 0;
}
