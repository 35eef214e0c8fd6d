/** What page code hears of the kernel: its functions are called with the classic Notebook's messages. */
import {type Kernel, KernelMessage} from '@jupyterlab/services';
import {fence} from '../api/errors';
import {take} from '../outputs/callbacks';

/** What a page may hear of the kernel's answer to one message. */
export interface ICallbacks {
  shell?: {reply?: (msg: KernelMessage.IShellMessage) => unknown};
  iopub?: {
    output?: (msg: KernelMessage.IIOPubMessage) => unknown;
    clear_output?: (msg: KernelMessage.IIOPubMessage) => unknown;
    status?: (msg: KernelMessage.IIOPubMessage) => unknown;
  };
}

/** Has the callbacks of a message hear what the kernel says in answer; returns the message's id. */
export type Hear = (future: Kernel.IShellFuture) => string;

/** @throws TypeError if one of them is not a function. */
export function hearing(callbacks: ICallbacks | null | undefined, who: string): Hear {
  const {shell, iopub} = callbacks ?? {};
  const reply = shell?.reply && fenced(shell.reply, 'callbacks.shell.reply', who);
  const on = (name: keyof NonNullable<ICallbacks['iopub']>) =>
    iopub?.[name] && fenced(iopub[name], `callbacks.iopub.${name}`, who);
  const [output, clearOutput, status] = [on('output'), on('clear_output'), on('status')];
  return future => {
    const printed = output && new Printed(output);
    if (output || reply) {
      future.onReply = msg => {
        printed?.flush();
        return reply?.(msg);
      };
    }
    if (output || clearOutput || status) {
      future.onIOPub = msg => {
        if (KernelMessage.isStreamMsg(msg) && printed) {
          take(msg);
          return printed.add(msg);
        }
        printed?.flush();
        switch (msg.header.msg_type) {
          case 'status':
            return status?.(msg);
          case 'clear_output':
            return clearOutput?.(msg);
          case 'display_data':
          case 'update_display_data':
          case 'execute_result':
          case 'error':
            if (output) {
              take(msg);
            }
            return output?.(msg);
          default:
            return undefined;
        }
      };
    }
    return future.msg.header.msg_id;
  };
}

/** How long a text waits for what is printed next, if nothing else comes behind it; on a server it is the same. */
const JOIN_MS = 200;

/**
 * Joins what is printed in one go, as a server does: JupyterLite sends a text and its line end apart, and code
 * that takes the first message for all that `print` has printed would have the second one besides.
 */
class Printed {
  constructor(private readonly _output: (msg: KernelMessage.IIOPubMessage) => unknown) {}

  add(msg: KernelMessage.IStreamMsg): void {
    const held = this._held;
    if (held && held.content.name === msg.content.name) {
      const content = {...held.content, text: held.content.text + msg.content.text};
      this._held = {...held, content};
      return;
    }
    this.flush();
    this._held = msg;
    this._timer = setTimeout(() => this.flush(), JOIN_MS);
  }

  flush(): void {
    const held = this._held;
    clearTimeout(this._timer);
    this._held = null;
    if (held) {
      this._output(held);
    }
  }

  private _held: KernelMessage.IStreamMsg | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** Wrap a function of the user: what it throws is shown, and the next message is handled. */
export function fenced<M extends KernelMessage.IMessage>(
  f: (msg: M) => unknown,
  field: string,
  who: object | string
) {
  const call = fence(f, field, who);
  return (msg: M) => call(asClassic(msg));
}

/** As the classic Notebook handed a message over: its id and type stand at the top as well. */
export function asClassic<M extends {readonly header: Header}>(msg: M): M {
  const {msg_id, msg_type} = msg.header;
  return {...msg, msg_id, msg_type};
}

type Header = {readonly msg_id: string; readonly msg_type: string};
