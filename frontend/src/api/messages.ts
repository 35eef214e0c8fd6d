/** What goes over a comm: messages that come and go, and the mark that makes one of them a request. */
import type {Attachment} from '../wire/attachments';
import {copyBytes} from '../wire/buffers';
import {describe, type IError} from './errors';

/**
 * A message from the other end, as "Custom Messages" of the Jupyter messaging specification has it. What
 * JupyterLab's messages have beside that is there, but not typed.
 */
export interface IMessage<T = unknown> {
  readonly header: {readonly msg_id: string; readonly msg_type: string};
  readonly metadata: {readonly [key: string]: unknown};
  readonly content: {
    readonly comm_id: string;
    /** What the other end has sent. */
    readonly data: T;
  };
  /** Binary data; each is a `DataView`. */
  readonly buffers?: readonly (ArrayBuffer | ArrayBufferView)[];
}

/** Binary data to send. */
export type Bytes = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** What may go with the data of a message. */
export interface ISendOptions {
  /** The message's metadata, as JSON. The key `lite_comms` is not yours in requests and replies. */
  readonly metadata?: object | null | undefined;
  /** Binary data. It is copied at the call; yours stays usable. */
  readonly buffers?: readonly Bytes[] | null | undefined;
  /** Is told of JupyterLab's future when the message goes. @internal */
  readonly sent?: ((future: unknown) => void) | undefined;
  /** Is called when a message that had to wait cannot be sent after all. @internal */
  readonly failed?: ((why: Error) => void) | undefined;
}

/** What may go with a message or a request of an open comm. */
export interface IAttachOptions extends ISendOptions {
  /**
   * Objects that go to Python without being read, in `msg["attachments"]`. Files and Blobs stay usable,
   * all others are transferred. Only the direct channel of lite_comms carries them.
   */
  readonly attachments?: readonly Attachment[] | null | undefined;
}

/** A message to send: nobody else changes what it has. */
export interface IOutgoing {
  readonly data: unknown;
  readonly metadata: {[key: string]: unknown};
  readonly buffers: ArrayBuffer[];
  readonly options: ISendOptions;
}

/** What is in `metadata.lite_comms` of a request, its reply, or its end; see PROTOCOL.md, "Requests". */
export type Mark =
  | {readonly request: string}
  | {readonly reply: string; readonly error?: IError}
  | {readonly cancel: string};

/**
 * Read the mark of a message; null if it is an ordinary one.
 *
 * An error that is malformed is still one, and its `evalue` names the field.
 */
export function markOf({metadata}: IMessage): Mark | null {
  const {request, reply, cancel, error} = (metadata?.['lite_comms'] ?? {}) as {
    [key: string]: unknown;
  };
  if (typeof request === 'string') {
    return {request};
  }
  if (typeof reply === 'string') {
    return error === undefined ? {reply} : {reply, error: errorIn(error)};
  }
  return typeof cancel === 'string' ? {cancel} : null;
}

/** The message as its user has made it. */
export function withoutMark(msg: IMessage): IMessage {
  const {lite_comms: _, ...metadata} = msg.metadata;
  return {...msg, metadata};
}

function errorIn(error: unknown): IError {
  const {ename, evalue, traceback} = (error ?? {}) as {[key: string]: unknown};
  let wrong = 'traceback';
  if (typeof ename !== 'string') {
    wrong = 'ename';
  } else if (typeof evalue !== 'string') {
    wrong = 'evalue';
  } else if (Array.isArray(traceback) && traceback.every(line => typeof line === 'string')) {
    return {ename, evalue, traceback};
  }
  const why = `the answer's metadata.lite_comms.error has no valid ${wrong}: ${JSON.stringify(error)}`;
  return {ename: 'ProtocolError', evalue: why, traceback: []};
}

/**
 * Copy what is to be sent, and check it.
 *
 * @throws TypeError, or what JSON.stringify throws, if it cannot be sent.
 */
export function prepare(
  data: unknown,
  options: ISendOptions,
  who: object | string,
  mark?: Mark | null
): IOutgoing {
  const metadata = json(options.metadata) as IOutgoing['metadata'];
  if (typeof metadata !== 'object' || Array.isArray(metadata)) {
    throw new TypeError(
      `metadata of ${who}: an object is needed, not ${describe(options.metadata)}`
    );
  }
  if (mark) {
    if ('lite_comms' in metadata) {
      throw new TypeError(`metadata of a request or reply on ${who} has the key 'lite_comms'`);
    }
    metadata['lite_comms'] = mark;
  }
  // What a reply has is any JSON value, copied already.
  const copied = mark && 'reply' in mark ? data : json(data);
  return {data: copied, metadata, buffers: bytes(options.buffers, who), options};
}

/** JupyterLab serializes a message at once, or when the kernel has connected: take a copy. */
function json(value: unknown): unknown {
  return value === undefined || value === null ? {} : JSON.parse(JSON.stringify(value));
}

/** Copy each buffer: JupyterLab's own path sends all of the memory that a view stands on. */
function bytes(buffers: readonly Bytes[] | null | undefined, who: object | string): ArrayBuffer[] {
  if (buffers === undefined || buffers === null) {
    return [];
  }
  if (!Array.isArray(buffers)) {
    throw new TypeError(`buffers of ${who}: an array is needed, not ${describe(buffers)}`);
  }
  // Not by `map`, which leaves out what the array does.
  return Array.from(buffers, (buffer: Bytes, i) => {
    if (isBinary(buffer)) {
      return copyBytes(buffer);
    }
    throw new TypeError(
      `buffers[${i}] of ${who} is neither an ArrayBuffer nor a view, but ${describe(buffer)}`
    );
  });
}

export function isBinary(value: unknown): value is Bytes {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}
