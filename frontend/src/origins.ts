/**
 * Which cell a comm belongs to, as told by the messages of a kernel and of the page.
 *
 * A widget belongs to the cells that show it, or that show what holds it; any comm, to the cell that
 * has opened it. Cells are known by the ids of their execute_request.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {COMM_TYPES} from './queue';

type Message = KernelMessage.IMessage;

const VIEW = 'application/vnd.jupyter.widget-view+json';
const REFERENCE = 'IPY_MODEL_';

/** How many comms, and how many messages to them, are remembered; the oldest are forgotten first. */
export const MOST_COMMS = 10_000;
const MOST_MESSAGES = 2_000;

/** A Map that keeps what was set last. */
export class Recent<V> extends Map<string, V> {
  constructor(private readonly _most: number) {
    super();
  }

  override set(key: string, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this._most) {
      this.delete(this.keys().next().value!);
    }
    return this;
  }
}

export class Origins {
  /** The page has sent a message. */
  sent({header, content}: Message): void {
    if (COMM_TYPES.has(header.msg_type)) {
      const {comm_id, data} = content as KernelMessage.ICommMsgMsg['content'];
      this._comms.set(header.msg_id, comm_id);
      this._hold(comm_id, data);
    }
  }

  /** The kernel has said something. */
  heard(msg: Message): void {
    const {msg_type} = msg.header;
    if (msg_type === 'comm_open' || msg_type === 'comm_msg') {
      const {comm_id, data} = msg.content as KernelMessage.ICommMsgMsg['content'];
      if (msg_type === 'comm_open') {
        this._cells.set(comm_id, this.cellsOf(msg.parent_header));
        const {target_name} = msg.content as KernelMessage.ICommOpenMsg['content'];
        this._targets.set(comm_id, target_name);
      }
      this._hold(comm_id, data);
    }
  }

  /** A cell shows an output, which may be a widget. */
  shown({content}: Message, cell: string): void {
    const model = modelIn(content);
    if (model !== undefined) {
      this._views.set(model, [cell, ...(this._views.get(model) ?? []).filter(id => id !== cell)]);
    }
  }

  /** The comm that a message of the page was for. */
  commOf(parent: object): string | undefined {
    return this._comms.get((parent as KernelMessage.IHeader).msg_id);
  }

  /** The target of the comm that a message of the page was for, if the kernel has opened it. */
  targetOf(parent: object): string | undefined {
    return this._targets.get(this.commOf(parent) ?? '');
  }

  /** The cells where what is said under a message may be shown, the best first. */
  cellsOf(parent: object): readonly string[] {
    const {msg_id, msg_type} = parent as KernelMessage.IHeader;
    if (msg_type === 'execute_request') {
      return [msg_id];
    }
    const comm = this.commOf(parent);
    if (comm === undefined) {
      return [];
    }
    const found: string[] = [];
    // Whatever holds it, from the inside out.
    const holders = new Set([comm]);
    holders.forEach(id => {
      found.push(...(this._views.get(id) ?? []));
      this._holders.get(id)?.forEach(holder => holders.add(holder));
    });
    return [...found, ...(this._cells.get(comm) ?? [])];
  }

  /** Learn which widgets another one holds, from its state. */
  private _hold(holder: string, data: unknown): void {
    const {state} = (data ?? {}) as {state?: object};
    for (const value of Object.values(state ?? {})) {
      const items: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (typeof items[0] === 'number') {
        continue; // data, and it may be much
      }
      for (const item of items) {
        const model = referred(item);
        if (model !== undefined) {
          this._holders.set(model, (this._holders.get(model) ?? new Set<string>()).add(holder));
        }
      }
    }
  }

  /** By message: the comm that it was for. */
  private readonly _comms = new Recent<string>(MOST_MESSAGES);
  /** By comm: its target. */
  private readonly _targets = new Recent<string>(MOST_COMMS);
  /** By comm: where it was opened. */
  private readonly _cells = new Recent<readonly string[]>(MOST_COMMS);
  /** By widget: the cells that show it, the latest first. */
  private readonly _views = new Recent<readonly string[]>(MOST_COMMS);
  /** By widget: those that hold it. */
  private readonly _holders = new Recent<Set<string>>(MOST_COMMS);
}

/** The widget that an item of a state stands for, if it does. */
function referred(item: unknown): string | undefined {
  if (typeof item === 'string') {
    return item.startsWith(REFERENCE) ? item.slice(REFERENCE.length) : undefined;
  }
  return modelIn(item); // an output of an Output widget
}

/** The widget that an output shows, if it does. */
function modelIn(output: unknown): string | undefined {
  const {data} = (output ?? {}) as {data?: {[VIEW]?: {model_id?: unknown}}};
  const model = data?.[VIEW]?.model_id;
  return typeof model === 'string' ? model : undefined;
}
