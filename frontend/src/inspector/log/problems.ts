/** What looks wrong, as a list: the latest. Those that say the same of one target are one line. */
import type {IError, IRecord, MarkKind} from './record';

/** How many lines are kept. */
export const MOST_PROBLEMS = 200;

/** What is said of a message, or of a comm. */
export interface ISaid {
  readonly kind: MarkKind | 'queue' | 'uncaught';
  /** What was said; a number of milliseconds or of messages. */
  readonly text: string;
  readonly time: number;
  readonly comm_id: string | null;
  /** Of its comm, if that is known. */
  readonly target_name: string | null;
  /** The message, if it was seen. */
  readonly record: IRecord | null;
  readonly error?: IError;
}

/** One line: the last of several that say the same. */
export interface IProblem extends ISaid {
  /** Stays when another one joins. */
  readonly key: number;
  /** The same for those that say the same. */
  readonly line: string;
  /** How many there were. */
  readonly count: number;
}

/** Their texts are numbers, which may differ from one to the next. */
const COUNTED: ReadonlySet<ISaid['kind']> = new Set(['slow', 'queue']);

const lineOf = ({kind, text, comm_id, target_name}: ISaid) =>
  JSON.stringify([kind, target_name ?? comm_id, COUNTED.has(kind) || text]);

export class Problems {
  /** The kept ones, the latest first. */
  get all(): readonly IProblem[] {
    return this._all;
  }

  add(said: ISaid): void {
    const line = lineOf(said);
    const before = this._all.find(each => each.line === line);
    const {key, count} = before ?? {key: this._next++, count: 0};
    const others = this._all.filter(each => each !== before);
    this._all = [{...said, key, line, count: count + 1}, ...others].slice(0, MOST_PROBLEMS);
  }

  clear(): void {
    this._all = [];
  }

  private _all: readonly IProblem[] = [];
  private _next = 0;
}
