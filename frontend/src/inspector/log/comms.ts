/** The comms of a kernel, as far as their messages tell: who opened them, and how much they carry. */
import type {Direction, IRecord} from './record';

/** How many closed comms are kept. */
export const MOST_CLOSED = 100;

/** How many messages may wait before a queue is worth a word. */
const LONG_QUEUE = 10;
/** At how many looks in a row it has grown, where each message waits for less than the time between two. */
const GROWTHS = 2;

export interface ICount {
  messages: number;
  bytes: number;
}

export interface IComm {
  readonly comm_id: string;
  target_name: string | null;
  target_module: string | null;
  /** null if it was open before the inspector was. */
  opened: {readonly by: Direction; readonly time: number; readonly parent_id: string | null} | null;
  closed: {readonly by: Direction | null; readonly time: number} | null;
  readonly kernel_to_page: ICount;
  readonly page_to_kernel: ICount;
  /** How many messages of the page the kernel has not handled. */
  waiting: number;
  /** Whether the page sends more than the kernel handles. */
  isGrowing: boolean;
}

interface IQueue {
  /** How many messages waited at the last look. */
  waiting: number;
  /** How many the page had sent until then. */
  sent: number;
  /** At how many looks in a row more messages waited than at the one before. */
  growths: number;
  /** The longest that was told. */
  told: number;
}

export class Comms {
  /** All that are known, the open ones and the last closed ones, in the order of opening. */
  get all(): readonly IComm[] {
    return [...this._comms.values()];
  }

  get(comm_id: string): IComm | undefined {
    return this._comms.get(comm_id);
  }

  /** Learn of a comm that was open before. */
  found(comm_id: string, target_name: string | null): void {
    const comm = this._comms.get(comm_id) ?? this._add(comm_id);
    comm.target_name ??= target_name;
  }

  /** Count a message. */
  count(record: IRecord): IComm {
    const {comm_id, direction, msg_type, time, parent_id, nbytes} = record;
    if (msg_type === 'comm_open') {
      this._comms.delete(comm_id); // one that had the id before
    }
    const comm = this._comms.get(comm_id) ?? this._add(comm_id);
    if (msg_type === 'comm_open') {
      comm.target_name = record.target_name;
      comm.target_module = record.target_module;
      comm.opened = {by: direction, time, parent_id};
    } else if (msg_type === 'comm_close') {
      this._close(comm, direction, time);
    }
    comm[direction].messages++;
    comm[direction].bytes += nbytes;
    return comm;
  }

  /** The kernel is gone, and all of its comms with it. */
  end(time: number): void {
    for (const comm of this.all) {
      this._close(comm, null, time);
    }
  }

  /** Look which queues are long, about every second; returns those of which it is news. */
  look(): IComm[] {
    const news: IComm[] = [];
    for (const comm of this._comms.values()) {
      const {waiting} = comm;
      const sent = comm.page_to_kernel.messages;
      const queue = this._queues.get(comm) ?? {waiting: 0, sent: 0, growths: 0, told: 0};
      this._queues.set(comm, queue);
      queue.growths = waiting > queue.waiting ? queue.growths + 1 : 0;
      // The kernel handles them in order: some that wait were there at the last look already.
      const isSlow = waiting > sent - queue.sent;
      comm.isGrowing = waiting > LONG_QUEUE && (isSlow || queue.growths >= GROWTHS);
      queue.waiting = waiting;
      queue.sent = sent;
      if (!comm.isGrowing) {
        queue.told = 0;
      } else if (waiting > queue.told) {
        queue.told = waiting;
        news.push(comm);
      }
    }
    return news;
  }

  private _add(comm_id: string): IComm {
    const comm: IComm = {
      comm_id,
      target_name: null,
      target_module: null,
      opened: null,
      closed: null,
      kernel_to_page: {messages: 0, bytes: 0},
      page_to_kernel: {messages: 0, bytes: 0},
      waiting: 0,
      isGrowing: false
    };
    this._comms.set(comm_id, comm);
    return comm;
  }

  private _close(comm: IComm, by: Direction | null, time: number): void {
    if (comm.closed) {
      return;
    }
    comm.closed = {by, time};
    comm.waiting = 0;
    this._closed.push(comm);
    if (this._closed.length > MOST_CLOSED) {
      const oldest = this._closed.shift()!;
      if (this._comms.get(oldest.comm_id) === oldest) {
        this._comms.delete(oldest.comm_id);
      }
    }
  }

  private readonly _comms = new Map<string, IComm>();
  private readonly _closed: IComm[] = [];
  private readonly _queues = new WeakMap<IComm, IQueue>();
}
