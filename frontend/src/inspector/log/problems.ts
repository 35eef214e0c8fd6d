/** What looks wrong, as a list: the latest. */
import type {IError, IRecord, MarkKind} from './record';

/** How many are kept. */
export const MOST_PROBLEMS = 200;

export interface IProblem {
  readonly kind: MarkKind | 'queue';
  /** What was said; a number of milliseconds or of messages. */
  readonly text: string;
  readonly time: number;
  readonly comm_id: string | null;
  /** Of its comm; named where no message is. */
  readonly target_name?: string | null;
  /** The message, if it was seen. */
  readonly record: IRecord | null;
  readonly error?: IError;
}

export class Problems {
  /** The kept ones, the newest first. */
  get all(): readonly IProblem[] {
    return this._all;
  }

  /** How many there were in all. */
  get count(): number {
    return this._count;
  }

  add(problem: IProblem): void {
    this._all = [problem, ...this._all].slice(0, MOST_PROBLEMS);
    this._count++;
  }

  clear(): void {
    this._all = [];
    this._count = 0;
  }

  private _all: readonly IProblem[] = [];
  private _count = 0;
}
