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
  sent({msg_id, msg_type}: Header): void {
    this._types.set(msg_id, msg_type);
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
        this._types.set(parent.msg_id, parent.msg_type);
      }
      return true;
    }
    if (msg.header.msg_type === 'execute_reply') {
      const {content, metadata} = msg as KernelMessage.IExecuteReplyMsg;
      if (content.status === 'error' && metadata?.['cause'] !== 'interrupt') {
        this._types.clear();
        return true;
      }
    }
    return false;
  }

  clear(): void {
    this._types.clear();
  }

  get hasExecutions(): boolean {
    return this._some(type => type === 'execute_request');
  }

  get hasComms(): boolean {
    return this._some(type => COMM_TYPES.has(type));
  }

  private _handled(msg_id: string): void {
    if (this._types.has(msg_id)) {
      for (const [before] of this._types) {
        this._types.delete(before);
        if (before === msg_id) {
          break;
        }
      }
    }
  }

  private _some(wanted: (type: string) => boolean): boolean {
    for (const type of this._types.values()) {
      if (wanted(type)) {
        return true;
      }
    }
    return false;
  }

  /** The types of the messages by their ids, in the order of sending. */
  private readonly _types = new Map<string, string>();
}
