/**
 * What goes over the port between the page and the kernel's worker: PROTOCOL.md.
 *
 * Each frame is a value. On the wire it is a flat list, its type first and its buffers last, because
 * a list of strings and numbers crosses between JavaScript and Python without a conversion of
 * objects. Its twin in the kernel is `lite_comms/_wire/frames.py`; both are held to `tests/frames.json`.
 */
import type {Attachment} from './attachments';

export const VERSION = 1;

/** The id of an error that belongs to no message. */
export const NO_MESSAGE = 0;

/** Both ways. In every version it begins with these fields, and more may follow. */
export interface IHello {
  readonly type: 'hello';
  readonly version: number;
  readonly package: string;
  /** What this end can do beyond what its version asks for. */
  readonly can: readonly string[];
}

interface IBye {
  readonly type: 'bye';
}

interface IFailed {
  readonly type: 'error';
  readonly reason: string;
  readonly id: number;
}

/** The parent of a comm message of the kernel: the text of the last one that had a text. */
export const SAME_PARENT = 0;

/**
 * A comm message of the kernel. Content, metadata and parent header are JSON. The parent is a number
 * where the page knows the header: `SAME_PARENT`, or the id of a comm message of the page that has not
 * been acknowledged.
 */
export interface IFromKernel {
  readonly type: 'comm';
  readonly msg_type: string;
  readonly content: string;
  readonly metadata: string;
  readonly parent: string | number;
  readonly buffers: readonly ArrayBuffer[];
}

/** The messages with these ids have been handled. */
interface IAck {
  readonly type: 'ack';
  readonly ids: readonly number[];
}

/** A comm message of the page, as JSON with header, metadata and content. */
export interface IFromPage {
  readonly type: 'comm';
  readonly id: number;
  readonly message: string;
  /** An execution is queued or running that may register the target of a comm_open. */
  readonly may_wait: boolean;
  readonly buffers: readonly ArrayBuffer[];
}

/** What the comm message with this id, which comes next, has besides its buffers. */
interface IAttach {
  readonly type: 'attach';
  readonly id: number;
  readonly attachments: readonly Attachment[];
}

/** Stop what runs; the number of times that was asked for. */
interface IInterrupt {
  readonly type: 'interrupt';
  readonly number: number;
}

/**
 * Where the kernel sees an interrupt while its event loop does not turn: shared memory that holds
 * the number, and the id of the last comm message so far; or the number of the first of some URLs,
 * one for each of the next, and these.
 */
export interface IWatch {
  readonly type: 'watch';
  readonly places: readonly [Int32Array, number] | readonly [number, ...string[]];
}

/** The interrupts up to this number are done with. */
interface IInterrupted {
  readonly type: 'interrupted';
  readonly number: number;
}

/** The cell of this execute_request has begun to run. */
interface IBegun {
  readonly type: 'begun';
  readonly msg_id: string;
}

/** Python has suffered a fatal error, or has exited: nothing else comes any more. */
interface IDied {
  readonly type: 'died';
  readonly reason: string;
}

/** The kernel's worker holds the Web Lock with this name until it ends. */
export interface ILock {
  readonly type: 'lock';
  readonly name: string;
}

/** No execution is queued or running any more. */
interface IIdle {
  readonly type: 'idle';
}

export type ToPage =
  IHello | IBye | IFailed | IFromKernel | IAck | IBegun | IInterrupted | ILock | IDied;
export type ToKernel = IHello | IBye | IFailed | IFromPage | IAttach | IIdle | IInterrupt | IWatch;

/** What came over the port is not a frame of the protocol. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Write a frame as it goes over the port. */
export function toWire(frame: ToKernel): unknown[] {
  switch (frame.type) {
    case 'hello':
      return ['hello', frame.version, frame.package, ...frame.can];
    case 'bye':
    case 'idle':
      return [frame.type];
    case 'interrupt':
      return ['interrupt', frame.number];
    case 'watch':
      return ['watch', ...frame.places];
    case 'attach':
      return ['attach', frame.id, ...frame.attachments];
    case 'error':
      return ['error', frame.reason, frame.id];
    case 'comm': {
      const {id, message, may_wait, buffers} = frame;
      return ['comm', id, message, may_wait, ...buffers];
    }
  }
}

/**
 * Read a frame of the kernel.
 *
 * @throws FrameError if it is not one that the kernel may send, naming the field.
 */
export function fromWire(wire: unknown): ToPage {
  if (!Array.isArray(wire)) {
    throw new FrameError('a frame is a list');
  }
  if (isPlainComm(wire)) {
    const [type, msg_type, content, metadata, parent] = wire;
    return {type, msg_type, content, metadata, parent, buffers: []};
  }
  const [type, ...fields] = wire as unknown[];
  const read = READERS[type as ToPage['type']];
  if (typeof type !== 'string' || !Object.hasOwn(READERS, type)) {
    throw new FrameError(`unknown frame type ${JSON.stringify(type) ?? typeof type}`);
  }
  return read(new Fields(type, fields));
}

/** Nearly all frames; of any other what is wrong is named. */
function isPlainComm(
  wire: readonly unknown[]
): wire is readonly ['comm', string, string, string, string | number] {
  return (
    wire.length === 5 &&
    wire[0] === 'comm' &&
    typeof wire[1] === 'string' &&
    typeof wire[2] === 'string' &&
    typeof wire[3] === 'string' &&
    (typeof wire[4] === 'string' || typeof wire[4] === 'number')
  );
}

const READERS: {[type in ToPage['type']]: (fields: Fields) => ToPage} = {
  hello: fields => ({
    type: 'hello',
    version: fields.number('version'),
    package: fields.string('package'),
    can: fields.strings()
  }),
  bye: fields => fields.end({type: 'bye'}),
  error: fields =>
    fields.end({
      type: 'error',
      reason: fields.string('reason'),
      id: fields.number('id')
    }),
  begun: fields => fields.end({type: 'begun', msg_id: fields.string('msg_id')}),
  interrupted: fields => fields.end({type: 'interrupted', number: fields.number('number')}),
  lock: fields => fields.end({type: 'lock', name: fields.string('name')}),
  died: fields => fields.end({type: 'died', reason: fields.string('reason')}),
  ack: fields => ({type: 'ack', ids: fields.numbers('ids')}),
  comm: fields => ({
    type: 'comm',
    msg_type: fields.string('msg_type'),
    content: fields.string('content'),
    metadata: fields.string('metadata'),
    parent: fields.stringOrNumber('parent'),
    buffers: fields.buffers()
  })
};

/** The fields of a frame, one after the other. */
class Fields {
  constructor(
    private readonly _type: string,
    private readonly _fields: readonly unknown[]
  ) {}

  string(name: string): string {
    const value = this._fields[this._at++];
    return typeof value === 'string' ? value : this._refuse(name, 'a string', value);
  }

  number(name: string): number {
    const value = this._fields[this._at++];
    return typeof value === 'number' ? value : this._refuse(name, 'a number', value);
  }

  stringOrNumber(name: string): string | number {
    const value = this._fields[this._at++];
    return typeof value === 'string' || typeof value === 'number'
      ? value
      : this._refuse(name, 'a string or a number', value);
  }

  /** The rest, as far as it is text: a later version may say more. */
  strings(): string[] {
    return this._fields.slice(this._at).filter(value => typeof value === 'string');
  }

  /** The rest. */
  numbers(name: string): number[] {
    return this._fields
      .slice(this._at)
      .map(value => (typeof value === 'number' ? value : this._refuse(name, 'numbers', value)));
  }

  /** The rest: the worker posts views that span the whole of their memory. */
  buffers(): ArrayBuffer[] {
    return this._fields.slice(this._at).map(value => {
      const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
      return buffer instanceof ArrayBuffer ? buffer : this._refuse('buffers', 'binary', value);
    });
  }

  end<F>(frame: F): F {
    if (this._at < this._fields.length) {
      throw new FrameError(
        `a frame '${this._type}' has ${this._at} fields, not ${this._fields.length}`
      );
    }
    return frame;
  }

  private _refuse(name: string, wanted: string, value: unknown): never {
    throw new FrameError(
      `${name} of a frame '${this._type}' must be ${wanted}, not ${typeof value}`
    );
  }

  private _at = 0;
}
