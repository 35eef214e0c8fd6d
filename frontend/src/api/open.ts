/** Comms that the page opens. */
import {Comm} from './comm';
import {named} from './errors';
import type {ILine, IStyle} from './line';
import {type IOutgoing, type ISendOptions, prepare} from './messages';

/** What may go with the opening of a comm. */
export interface IOpenOptions extends ISendOptions {
  /** The id; a unique one is made without it. */
  readonly commId?: string | null | undefined;
}

/**
 * Open a comm by a line that is opened for it with a message.
 *
 * @throws Error if the data cannot be sent, or the line cannot be opened.
 */
export function openComm(
  targetName: string,
  data: unknown,
  options: IOpenOptions,
  open: (commId: string, message: IOutgoing) => ILine,
  style?: IStyle
): Comm {
  const commId = options.commId || newId();
  const who = `comm '${targetName}' (${commId})`;
  try {
    return Comm.on(open(commId, prepare(data, options, who)), style);
  } catch (error) {
    throw named(error, `${who} cannot be opened`);
  }
}

/** `crypto.randomUUID` is missing in pages that are not secure. */
function newId(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return bytes.map(byte => byte.toString(16).padStart(2, '0')).join('');
}
