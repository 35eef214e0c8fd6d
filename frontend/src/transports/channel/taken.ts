/** A message of the page that its channel has taken from JupyterLab, to send it by either way. */
import type {KernelMessage} from '@jupyterlab/services';
import {toTransfer} from '../../wire/buffers';
import type {IFromPage} from '../../wire/frames';
import type {IClient} from '../clients';
import type {IMessage, Kind} from './state';

type Message = KernelMessage.IMessage;
type Frame = Omit<IFromPage, 'id' | 'may_wait'>;

export interface ITaken extends IMessage {
  readonly msg: Message;
  readonly client: IClient;
  /** What goes over the port; null for other messages than those of comms. */
  readonly frame: Frame | null;
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

/**
 * Take a message as it is now; its sender may change it afterwards.
 *
 * @throws what JSON.stringify throws.
 */
export function takeMessage(msg: Message, client: IClient): ITaken {
  const kind = kindOf(msg);
  const frame = kind === 'open' || kind === 'comm' ? toFrame(msg) : null;
  const {header, parent_header, metadata, content} = msg;
  // What a comm message holds is in its frame; others are JSON as well.
  const own = frame
    ? {...msg, header: {...header}}
    : {...msg, ...JSON.parse(JSON.stringify({header, parent_header, metadata, content}))};
  return {kind, session: header.session, isAborted: false, msg: own as Message, client, frame};
}

/** The message as JupyterLite's own path takes it. */
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
