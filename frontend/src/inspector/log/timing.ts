/**
 * How long messages take: the kernel to handle one, a callback, a request until its answer. All of it is
 * read from what crosses anyway: `busy` and `idle`, and the marks of requests.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {markOf} from '../../api/messages';
import {COMM_TYPES} from '../../wire/comm_messages';
import type {Comms} from './comms';
import {type Direction, type IRecord, mark} from './record';

/** A callback that takes longer holds up what the user does next. */
export const SLOW_MS = 100;

/**
 * The worker says at once that it has handled a message that took longer, and what it has handled before
 * that: of several in one frame only the last can have taken long. See `port.js`.
 */
export const BURST_MS = 4;

/** How many messages without an answer are remembered. */
export const MOST_WAITING = 10_000;

/** Stands for the id of a request that was there before. */
const UNSEEN = '';

type Message = KernelMessage.IMessage;
type Header = KernelMessage.IHeader;

export class Timing {
  /** @param onTimed - Called when it is known how long the callback of a message took. */
  constructor(
    private readonly _comms: Comms,
    private readonly _onTimed: (record: IRecord) => void
  ) {}

  /** Learn of a message that is kept as `record`. */
  add(msg: Message, record: IRecord): void {
    const {comm_id, direction, msg_id, time} = record;
    if (direction === 'page_to_kernel') {
      const forgotten = remember(this._waiting, msg_id, record);
      if (forgotten) {
        this._isNoMoreWaiting(forgotten);
      }
      const comm = this._comms.get(comm_id);
      if (comm && !comm.closed) {
        comm.waiting++;
      }
    }
    const found = markOf(msg as never);
    if (found && 'request' in found) {
      remember(this._requests, keyOf(comm_id, direction, found.request), record);
    } else if (found && 'reply' in found) {
      const key = keyOf(comm_id, OTHER[direction], found.reply);
      const request = this._requests.get(key);
      this._requests.delete(key);
      if (request) {
        request.round_trip_ms = time - request.time;
        record.round_trip_ms = request.round_trip_ms;
      }
      if ('error' in found && found.error) {
        if (request) {
          request.hasFailed = true;
        }
        const {ename, evalue, traceback} = found.error as never as {
          ename: string;
          evalue: string;
          traceback: readonly string[];
        };
        record.error = {ename, evalue, traceback};
        mark(record, 'error', `${ename}: ${evalue}`);
      }
    }
  }

  /** The kernel was busy before anybody listened: a cell is taken to run, until one has ended. */
  assumeRunning(): void {
    this._running.add(UNSEEN);
  }

  /** Learn from a status of the kernel. */
  status(msg: KernelMessage.IStatusMsg, time: number): void {
    const {msg_id, msg_type} = msg.parent_header as Partial<Header>;
    const {execution_state} = msg.content;
    if (msg_id === undefined) {
      return;
    }
    if (!COMM_TYPES.has(msg_type!)) {
      if (execution_state === 'busy') {
        this._running.add(msg_id);
      } else if (execution_state === 'idle') {
        this._running.delete(msg_id);
        this._running.delete(UNSEEN);
        this._lastIdle = time;
      }
    } else if (execution_state === 'busy') {
      // The direct channel says so before the page has seen the message leave.
      remember(this._begun, msg_id, {time, amidst: this._running.size > 0});
    } else if (execution_state === 'idle') {
      this._handled(msg_id, time);
    }
  }

  /** The message without an `idle` that has this id. */
  waiting(msg_id: string): IRecord | undefined {
    return this._waiting.get(msg_id);
  }

  /** The kernel is gone; nothing of it comes any more. */
  end(): void {
    this._waiting.clear();
    this._requests.clear();
    this._begun.clear();
    this._running.clear();
    this._burst = [];
  }

  private _handled(msg_id: string, time: number): void {
    const record = this._waiting.get(msg_id);
    const begun = this._begun.get(msg_id);
    const lastIdle = this._lastIdle;
    this._waiting.delete(msg_id);
    this._begun.delete(msg_id);
    this._lastIdle = time;
    if (!record) {
      return;
    }
    record.handled_ms = time - record.time;
    this._isNoMoreWaiting(record);
    // While a cell runs, the time includes what the cell did until it let the message in.
    if (begun && !begun.amidst && this._running.size === 0) {
      // The kernel handles one after the other: it was not before the one before had ended.
      this._burst.push({record, ms: time - Math.max(begun.time, lastIdle)});
      if (this._burst.length === 1) {
        setTimeout(() => this._timed()); // when all that came in one frame have been seen
      }
    }
  }

  /** Share out the time that the kernel took for messages that it says to have handled in one go. */
  private _timed(): void {
    const burst = this._burst;
    this._burst = [];
    // Most of the time may be that of the traceback, which of several messages is not always told with its own.
    const hasFailed = burst.some(({record}) => record.hasFailed);
    const total = burst.reduce((sum, {ms}) => sum + ms, 0);
    for (const [i, {record}] of burst.entries()) {
      const ofSlow = i === burst.length - 1 ? total : 0;
      record.callback_ms = total > BURST_MS ? ofSlow : total / burst.length;
      if (record.callback_ms > SLOW_MS && !hasFailed) {
        mark(record, 'slow', String(Math.round(record.callback_ms)));
      }
      this._onTimed(record);
    }
  }

  private _isNoMoreWaiting({comm_id}: IRecord): void {
    const comm = this._comms.get(comm_id);
    if (comm && comm.waiting > 0) {
      comm.waiting--;
    }
  }

  private _lastIdle = 0;
  private _burst: {record: IRecord; ms: number}[] = [];
  /** Of the page, by id: what the kernel has not handled. */
  private readonly _waiting = new Map<string, IRecord>();
  /** When the kernel became busy with it, and whether that was amidst a cell. */
  private readonly _begun = new Map<string, {time: number; amidst: boolean}>();
  /** The requests other than comm messages that the kernel is busy with. */
  private readonly _running = new Set<string>();
  private readonly _requests = new Map<string, IRecord>();
}

const OTHER: {[direction in Direction]: Direction} = {
  kernel_to_page: 'page_to_kernel',
  page_to_kernel: 'kernel_to_page'
};

const keyOf = (comm_id: string, direction: Direction, id: string) =>
  JSON.stringify([comm_id, direction, id]);

/** Set a key, and forget the oldest one of too many; returns the value of that. */
export function remember<V>(map: Map<string, V>, key: string, value: V): V | undefined {
  map.set(key, value);
  if (map.size <= MOST_WAITING) {
    return undefined;
  }
  const [oldest, forgotten] = map.entries().next().value!;
  map.delete(oldest);
  return forgotten;
}
