/** A message of the page that the channel sends, over the port or by JupyterLite's own path. */
import type {KernelMessage} from '@jupyterlab/services';
import {type Attachment, attachmentsOf} from '../../wire/attachments';
import {toTransfer} from '../../wire/buffers';
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
 * @throws what JSON.stringify throws.
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

function toFrame({header, metadata, content, buffers}: Message): Frame {
  return {
    type: 'comm',
    message: JSON.stringify({header, metadata, content}),
    buffers: (buffers ?? []).map(toTransfer)
  };
}
