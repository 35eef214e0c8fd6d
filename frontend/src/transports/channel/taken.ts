/** A message of the page that the channel sends, over the port or by JupyterLite's own path. */
import type {KernelMessage} from '@jupyterlab/services';
import {type Attachment, attachmentsOf} from '../../wire/attachments';
import {toTransfer} from '../../wire/buffers';
import {COMM_TYPES} from '../../wire/comm_messages';
import {checkDepth} from '../../wire/depth';
import type {IFromPage} from '../../wire/frames';
import type {IClient} from '../clients';
import type {IMessage, Kind} from './state';

type Message = KernelMessage.IMessage;
type Frame = Omit<IFromPage, 'id' | 'may_wait'>;

export interface ITaken extends IMessage {
  readonly msg: Message;
  readonly client: IClient;
  /** What is posted; null unless it is a comm message. */
  readonly frame: Frame | null;
  readonly attachments: readonly Attachment[];
}

/** No text of the web can hold a lone surrogate, so an answer could not name the comm. */
const IS_ID = /^\P{Surrogate}+$/su;

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['comm_open', 'open'],
  ['comm_msg', 'comm'],
  ['comm_close', 'comm'],
  ['execute_request', 'cell'],
  ['kernel_info_request', 'info']
]);

export function kindOf({header}: Message): Kind {
  return KINDS.get(header.msg_type) ?? 'other';
}

/** Whether it tells that a cell has failed. */
export function isFailure({header, content}: Message): boolean {
  return header.msg_type === 'execute_reply' && 'status' in content && content.status === 'error';
}

/**
 * Take a message with its present content; its sender may change it afterwards.
 *
 * @throws what JSON.stringify and `checkComm` throw.
 */
export function takeMessage(msg: Message, client: IClient): ITaken {
  const kind = kindOf(msg);
  const frame = kind === 'open' || kind === 'comm' ? toFrame(msg) : null;
  const {header, parent_header, metadata, content} = msg;
  // The content of a comm message is in its frame; that of another one is copied as JSON.
  const own = frame
    ? {...msg, header: {...header}}
    : {...msg, ...JSON.parse(JSON.stringify({header, parent_header, metadata, content}))};
  return {
    kind,
    session: header.session,
    isAborted: false,
    msg: own as Message,
    client,
    frame,
    attachments: attachmentsOf(msg)
  };
}

/** Make the message for JupyterLite's own path. */
export function toMessage({msg, frame}: ITaken): Message {
  return frame ? {...msg, ...JSON.parse(frame.message), buffers: [...frame.buffers]} : msg;
}

/**
 * Refuse a comm message that would kill the kernel, or leave it with a comm that cannot be closed.
 *
 * @param text - The message as JSON.
 * @throws RangeError that names the comm.
 */
export function checkComm(msg: Message, text?: string): void {
  const {header, metadata, content} = msg;
  const {msg_type} = header;
  if (!COMM_TYPES.has(msg_type)) {
    return;
  }
  const {comm_id} = content as {comm_id: unknown};
  if (msg_type === 'comm_open' && !(typeof comm_id === 'string' && IS_ID.test(comm_id))) {
    throw new RangeError(
      'the comm_id of a comm_open must be a text that is not empty and has no lone surrogates, ' +
        `not ${JSON.stringify(comm_id)}`
    );
  }
  checkDepth(text ?? JSON.stringify({header, metadata, content}), msg_type, comm_id);
}

function toFrame(msg: Message): Frame {
  const {header, metadata, content, buffers} = msg;
  const message = JSON.stringify({header, metadata, content});
  checkComm(msg, message);
  const {comm_id} = content as {comm_id: unknown};
  const all = Array.from(buffers ?? [], (buffer, i) => {
    try {
      return toTransfer(buffer);
    } catch (error) {
      throw new TypeError(`buffers[${i}] of a ${header.msg_type} of comm ${comm_id}: ${error}`);
    }
  });
  return {type: 'comm', message, buffers: all};
}
