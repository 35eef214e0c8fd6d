/** What a comm stands on: the line to its other end, and how its user sees it. */
import {NO_PORT} from '../wire/attachments';
import type {IMessage, IOutgoing} from './messages';

/** What carries the messages of one comm. */
export interface ILine {
  readonly targetName: string;
  readonly commId: string;
  /** Whether the line is closed. */
  readonly isClosed: boolean;
  /** Set by the comm; called with each message. The next one may wait for the promise. */
  onMsg: (msg: IMessage) => Promise<void> | undefined;
  /** Set by the comm; called when the other end closes the comm, or has ended. */
  onClose: (msg: IMessage) => Promise<void> | undefined;
  /**
   * Take over what goes unread with the message that has these buffers, and is sent next. A line without
   * it carries no such things.
   *
   * @param who - The comm, for errors.
   * @throws Error if they cannot be sent.
   */
  attach?(buffers: ArrayBuffer[], attachments: unknown, who: object): void;
  /** Send a comm_msg; returns its id. */
  send(message: IOutgoing): string;
  /** Send a comm_close; returns its id. */
  close(message: IOutgoing): string;
  /** Close this end without notifying the other. */
  dispose(): void;
}

/** @throws Error if this line, or what the user gives, is not for attachments. */
export function attachTo(
  line: ILine,
  buffers: ArrayBuffer[],
  attachments: unknown,
  who: object
): void {
  if (line.attach) {
    line.attach(buffers, attachments, who);
  } else if ((attachments as unknown[] | null | undefined)?.length) {
    throw new Error(NO_PORT);
  }
}

/** How users see a comm. */
export interface IStyle {
  /** The name of a method. */
  name(method: string): string;
  /** A message that they get. */
  message<T>(msg: IMessage<T>): IMessage<T>;
}

export const PLAIN: IStyle = {name: method => method, message: msg => msg};
