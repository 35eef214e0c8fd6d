/**
 * What is under way on JupyterLite's own path: a queue that handles one message at a time, in order.
 *
 * JupyterLite does not say which messages it throws away, at a cell's error and at Stop. But what it
 * has handled tells that nothing sent before is still to come.
 */
import type {KernelMessage} from '@jupyterlab/services';

type Header = KernelMessage.IHeader;

export const COMM_TYPES: ReadonlySet<string> = new Set(['comm_open', 'comm_msg', 'comm_close']);

export class Queue {
  /** A message has been sent to the kernel. */
  sent(header: Header): void {
    this._headers.set(header.msg_id, header);
  }

  /** A message of the kernel; returns whether it says anything about the queue. */
  heard(msg: KernelMessage.IMessage): boolean {
    const parent = msg.parent_header as Header;
    if (msg.header.msg_type === 'status') {
      const {execution_state} = (msg as KernelMessage.IStatusMsg).content;
      if (execution_state === 'idle') {
        this._handled(parent.msg_id);
      } else if (execution_state === 'busy' && parent.msg_type === 'execute_request') {
        // Also one that was on its way to the queue when this was emptied.
        this._headers.set(parent.msg_id, parent);
      }
      return true;
    }
    if (msg.header.msg_type === 'execute_reply') {
      const {content, metadata} = msg as KernelMessage.IExecuteReplyMsg;
      if (content.status === 'error' && metadata?.['cause'] !== 'interrupt') {
        this._headers.clear();
        return true;
      }
    }
    return false;
  }

  /** Forget all of it, and return it, in order. */
  empty(): Header[] {
    const headers = [...this._headers.values()];
    this._headers.clear();
    return headers;
  }

  /** Forget what one client has sent. */
  forget(session: string): void {
    this._headers.forEach((header, msg_id) => {
      if (header.session === session) {
        this._headers.delete(msg_id);
      }
    });
  }

  get hasExecutions(): boolean {
    return this._some(type => type === 'execute_request');
  }

  get hasComms(): boolean {
    return this._some(type => COMM_TYPES.has(type));
  }

  private _handled(msg_id: string): void {
    if (this._headers.has(msg_id)) {
      for (const [before] of this._headers) {
        this._headers.delete(before);
        if (before === msg_id) {
          break;
        }
      }
    }
  }

  private _some(wanted: (type: string) => boolean): boolean {
    for (const {msg_type} of this._headers.values()) {
      if (wanted(msg_type)) {
        return true;
      }
    }
    return false;
  }

  /** By their ids, in the order of sending. */
  private readonly _headers = new Map<string, Header>();
}
