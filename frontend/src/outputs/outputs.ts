/** What callbacks put into the outputs of a cell, and how much of it. */
import type {KernelMessage} from '@jupyterlab/services';
import type {ISignal} from '@lumino/signaling';

type Message = KernelMessage.IIOPubMessage;

/** What is used of JupyterLab's model of a cell's outputs. */
export interface IOutputs {
  readonly length: number;
  readonly isDisposed: boolean;
  readonly changed: ISignal<unknown, unknown>;
  clear(): void;
  get(index: number): {readonly type: string; readonly data: object};
  add(output: never): unknown;
  set(index: number, output: never): void;
}

/**
 * How much callbacks may put into the outputs of one cell until these are cleared. The page draws all
 * of a text again with each line that is added, which it does not with images and tables; and no
 * flood of either keeps an error from being seen.
 */
const LIMITS = {
  text: {characters: 100_000, outputs: 200},
  display: {characters: 10_000_000, outputs: 200},
  error: {characters: Infinity, outputs: 50}
};

type Limits = {-readonly [kind in keyof typeof LIMITS]: {characters: number; outputs: number}};

const n = (count: number) => count.toLocaleString('en');
const LEFT_OUT =
  `lite_comms: something that callbacks have said is left out here, until the cell runs again or its ` +
  `outputs are cleared. Up to ${n(LIMITS.text.characters)} characters of text are shown, ` +
  `${n(LIMITS.display.characters)} of other displays, ${LIMITS.display.outputs} outputs of each kind, ` +
  `and ${LIMITS.error.outputs} errors.\n`;

/** Shows the new content of a display; returns false when the display is not there any more. */
export type Update = (content: object) => boolean;

/** What callbacks have put into the outputs of one cell. */
export class Shown {
  static in(outputs: IOutputs): Shown {
    const shown = all.get(outputs) ?? new Shown(outputs);
    all.set(outputs, shown);
    return shown;
  }

  private constructor(private readonly _outputs: IOutputs) {
    // As when the cell runs again.
    _outputs.changed.connect(() => {
      if (_outputs.length === 0) {
        this._left = structuredClone(LIMITS);
        this._stream = undefined;
        this._isTold = false;
      }
    });
  }

  /**
   * Show what a callback has said, unless it would be too much; that is told once.
   *
   * @returns What updates it, or undefined if it was left out.
   */
  add(msg: Message): Update | undefined {
    if (isToBeCleared(this._outputs)) {
      this._outputs.clear();
    }
    const {header, content} = msg;
    const {msg_type} = header;
    const kind = msg_type === 'stream' ? 'text' : msg_type === 'error' ? 'error' : 'display';
    const {name, text, data} = content as {name?: string; text?: string; data?: object};
    const room = this._left[kind];
    // JupyterLab joins what goes to the same stream.
    const outputs = name !== undefined && name === this._stream ? 0 : 1;
    const characters = lengthOf(text ?? data);
    if (outputs > room.outputs || characters > room.characters) {
      if (text && outputs <= room.outputs && room.characters > 0) {
        // Up to the limit: no later text is to follow on a line that is not there.
        const beginning = text.slice(0, room.characters);
        this.add({...msg, content: {...content, text: beginning}} as Message);
      }
      this._tell();
      return undefined;
    }
    this._put(msg_type, content);
    // Not before now: outputs that were to be cleared by the next one have been.
    const left = this._left;
    left[kind].characters -= characters;
    left[kind].outputs -= outputs;
    const index = this._outputs.length - 1;
    return update => {
      const isThere = this._left === left && !this._outputs.isDisposed;
      if (isThere && lengthOf((update as {data?: object}).data) > LIMITS.display.characters) {
        this._tell();
      } else if (isThere) {
        this._outputs.set(index, {...update, output_type: 'display_data'} as never);
      }
      return isThere;
    };
  }

  private _tell(): void {
    if (!this._isTold) {
      const text = this._stream === 'stderr' ? `\n${LEFT_OUT}` : LEFT_OUT;
      this._put('stream', {name: 'stderr', text});
      this._isTold = true;
    }
  }

  private _put(output_type: string, content: object): void {
    this._outputs.add({...content, output_type} as never);
    this._stream = (content as {name?: string}).name;
  }

  private _left: Limits = structuredClone(LIMITS);
  /** The stream of the last output, if it is one. */
  private _stream: string | undefined;
  private _isTold = false;
}

const all = new WeakMap<IOutputs, Shown>();

/**
 * Whether the next output is to clear those before it, by `clear_output(wait=True)`: then there is room
 * for it. A private field of JupyterLab; where there is none, JupyterLab clears when it is added.
 */
function isToBeCleared(outputs: object): boolean {
  return (outputs as {clearNext?: unknown}).clearNext === true;
}

/** How long a text is, or the contents of a display together. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') {
    return value.length;
  }
  const parts: unknown[] = Object.values(value ?? {});
  const lengths = parts.map(part =>
    typeof part === 'string' ? part.length : (JSON.stringify(part)?.length ?? 0)
  );
  return lengths.reduce((sum, length) => sum + length, 0);
}
