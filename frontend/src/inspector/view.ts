/** What a panel shows of the traffic: which messages, which of them in full; and when it draws. */
import type {TranslationBundle} from '@jupyterlab/translation';
import {type ISignal, Signal} from '@lumino/signaling';
import {Filtered, type IFilter} from './filter';
import type {IProblem} from './log/problems';
import type {IError, IRecord} from './log/record';
import type {Traffic} from './log/traffic';

/** How long after the messages have been drawn they are drawn again at the earliest. */
const REDRAW_MS = 50;
/** How often what is not a message is drawn: counts, rates, the path. */
const TICK_MS = 500;
/** How many ticks are between two looks at the queues. */
const LOOK_TICKS = 2;

/** The way that comm messages take now. */
export interface IPath {
  readonly name: string;
  readonly why: string;
}

/** A cell of the document, as a place to go to. */
export interface IPlace {
  readonly label: string;
  reveal(): void;
}

/** What the page knows of the kernel and its document. */
export interface IFacts {
  path(): IPath;
  /** The cell that has opened a comm, if it is still there. */
  cellOf(comm_id: string): IPlace | null;
  /** Have the kernel say what `lite_comms.status()` returns. */
  status(): Promise<string>;
}

export class View {
  constructor(
    readonly traffic: Traffic,
    readonly facts: IFacts,
    readonly trans: TranslationBundle
  ) {
    this._filtered = new Filtered(traffic.log);
    traffic.changed.connect(this._schedule, this);
    this._timer = setInterval(() => {
      this._ticks++;
      if (this._ticks % LOOK_TICKS === 0) {
        traffic.look();
      }
      this._ticked.emit();
    }, TICK_MS);
  }

  /** Emitted before the page draws, when there is something new. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted a few times a second. */
  get ticked(): ISignal<this, void> {
    return this._ticked;
  }

  /** Emitted when another message, or an error of one that was not seen, is to be shown in full. */
  get chosen(): ISignal<this, void> {
    return this._chosen;
  }

  /** The messages that the filter lets through, and how many have gone at the front since the last time. */
  update(): {records: readonly IRecord[]; removed: number} {
    return this._filtered.update();
  }

  /** The messages that the filter lets through, for other uses than to draw them. */
  get records(): readonly IRecord[] {
    return this._filtered.records;
  }

  /** How many messages the filter lets through. */
  get shown(): number {
    return this._filtered.length;
  }

  get filter(): IFilter {
    return this._filtered.filter;
  }

  /** Change a part of the filter. */
  narrow(part: Partial<IFilter>): void {
    this._filtered.filter = {...this.filter, ...part};
    this._schedule();
    this._ticked.emit();
  }

  get selected(): IRecord | null {
    return this._selected;
  }

  /** The error of the selected message, or one whose message was not seen. */
  get error(): IError | null {
    return this._selected?.error ?? this._error;
  }

  select(record: IRecord | null, error: IError | null = null): void {
    this._selected = record;
    this._error = error;
    this._chosen.emit();
    this._schedule();
  }

  /** Show what a problem is about: its message or error, or else the messages of its comm. */
  show(problem: IProblem): void {
    if (!this.explain(problem) && problem.comm_id !== null) {
      this.narrow({comm_id: problem.comm_id});
    }
  }

  /** Show the message of a problem, or its error; returns whether it has one. */
  explain({record, error}: IProblem): boolean {
    if (record || error) {
      this.select(record, error);
    }
    return Boolean(record ?? error);
  }

  clear(): void {
    this.traffic.clear();
    this._filtered.refresh();
    this.select(null);
    this._ticked.emit();
  }

  /** Have everything drawn again. */
  refresh(): void {
    this._filtered.refresh();
    this._schedule();
    this._ticked.emit();
  }

  dispose(): void {
    clearInterval(this._timer);
    clearTimeout(this._delay);
    cancelAnimationFrame(this._frame);
    this.traffic.dispose();
    Signal.clearData(this);
  }

  private _schedule(): void {
    if (this._isScheduled) {
      return;
    }
    this._isScheduled = true;
    this._delay = setTimeout(
      () => {
        this._frame = requestAnimationFrame(() => {
          this._isScheduled = false;
          this._drawn = performance.now();
          this._changed.emit();
        });
      },
      this._drawn + REDRAW_MS - performance.now()
    );
  }

  private readonly _filtered: Filtered;
  private readonly _timer: ReturnType<typeof setInterval>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _ticked = new Signal<this, void>(this);
  private readonly _chosen = new Signal<this, void>(this);
  private _selected: IRecord | null = null;
  private _error: IError | null = null;
  private _isScheduled = false;
  private _delay?: ReturnType<typeof setTimeout>;
  private _frame = 0;
  private _drawn = -REDRAW_MS;
  private _ticks = 0;
}
