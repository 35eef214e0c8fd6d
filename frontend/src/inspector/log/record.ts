/**
 * A comm message as the log keeps it: its data as JSON text, copies of its buffers. Large ones are cut,
 * so that a flood of them cannot fill the page's memory.
 */
import type {KernelMessage} from '@jupyterlab/services';

export type Direction = 'kernel_to_page' | 'page_to_kernel';
export type CommType = 'comm_open' | 'comm_msg' | 'comm_close';

/** How many characters of JSON text are kept of the data of a message, and of its metadata. */
export const MOST_TEXT = 100_000;
/** How many characters are kept of each text of an error. */
const MOST_SAID = 10_000;
/** How many bytes of the buffers of a message are kept. */
export const MOST_BYTES = 1_000_000;

/** What looks wrong about a message. */
export type MarkKind = 'error' | 'refused' | 'unknown-comm' | 'unknown-target' | 'closed' | 'slow';

export interface IMark {
  readonly kind: MarkKind;
  /** What was said about it; the number of milliseconds if it is slow. */
  readonly text: string;
}

export interface IError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** JSON text, of which the end may be missing. */
export interface IText {
  readonly text: string;
  /** How many characters are missing. */
  readonly missing: number;
}

export interface IBuffer {
  /** Its bytes, or the first of them. */
  readonly bytes: Uint8Array;
  /** How many bytes it had. */
  readonly nbytes: number;
}

export interface IRecord {
  /** Counts the messages of a log from 0. */
  readonly number: number;
  /** In milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly direction: Direction;
  readonly msg_type: CommType;
  readonly msg_id: string;
  readonly parent_id: string | null;
  readonly comm_id: string;
  readonly target_name: string | null;
  readonly target_module: string | null;
  data: IText;
  metadata: IText;
  buffers: readonly IBuffer[];
  /** The length of the data as JSON in UTF-8, and of all buffers. */
  readonly nbytes: number;
  /** How much memory it takes, about. */
  readonly kept: number;
  isCut: boolean;

  // What is learned later.

  /** How long it took from sending until the kernel has handled it. */
  handled_ms?: number;
  /** How long its callback took, if that can be told. */
  callback_ms?: number;
  /** How long it took until a request had its answer. */
  round_trip_ms?: number;
  error?: IError;
  /** Whether its callback raised, or the handler of the request. */
  hasFailed?: boolean;
  marks?: readonly IMark[];
}

interface IAbout {
  readonly number: number;
  readonly time: number;
  readonly direction: Direction;
  /** Of its comm; a comm_open names it itself. */
  readonly target_name: string | null;
  readonly target_module: string | null;
}

type Bytes = ArrayBuffer | ArrayBufferView;

/** Keep a comm message. Nothing of it is shared: its receiver may change it. */
export function makeRecord(msg: KernelMessage.IMessage, about: IAbout): IRecord {
  const {header, parent_header, content, buffers = []} = msg;
  const {comm_id, data, target_name, target_module} = content as {
    comm_id: string;
    data?: unknown;
    target_name?: string;
    target_module?: string | null;
  };
  const [text, textBytes] = toText(data);
  const [metadata] = toText(msg.metadata);
  let nbytes = textBytes;
  let room = MOST_BYTES;
  let isCut = text.missing > 0 || metadata.missing > 0;
  const copies = (buffers as Bytes[]).map(buffer => {
    const bytes = new Uint8Array(
      ArrayBuffer.isView(buffer) ? buffer.buffer : buffer,
      ArrayBuffer.isView(buffer) ? buffer.byteOffset : 0,
      buffer.byteLength
    );
    nbytes += bytes.length;
    isCut ||= bytes.length > room;
    const copy = bytes.slice(0, room);
    room -= copy.length;
    return {bytes: copy, nbytes: bytes.length};
  });
  // Written out, and not spread: this runs with each message.
  return {
    number: about.number,
    time: about.time,
    direction: about.direction,
    msg_type: header.msg_type as CommType,
    msg_id: header.msg_id,
    parent_id: (parent_header as {msg_id?: string}).msg_id ?? null,
    comm_id,
    target_name: target_name ?? about.target_name,
    target_module: target_module ?? about.target_module,
    data: text,
    metadata,
    buffers: copies,
    nbytes,
    kept:
      2 * (text.text.length + metadata.text.length + comm_id.length + header.msg_id.length) +
      MOST_BYTES -
      room,
    isCut
  };
}

/** Let go of what a message carried: the record itself may still be needed, as that of a problem. */
export function release(record: IRecord): void {
  record.data = nothingOf(record.data);
  record.metadata = nothingOf(record.metadata);
  record.buffers = [];
  record.isCut = true;
}

const nothingOf = ({text, missing}: IText): IText => ({text: '', missing: missing + text.length});

/** Add a mark to a record, once for each kind. */
export function mark(record: IRecord, kind: MarkKind, text: string): void {
  const marks = record.marks ?? [];
  if (!marks.some(each => each.kind === kind)) {
    record.marks = [...marks, {kind, text}];
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The beginning of a text. By way of bytes, because a slice of a string keeps the whole string in memory. */
const beginning = (text: string, most: number) =>
  text.length > most ? decoder.decode(encoder.encode(text.slice(0, most))) : text;

/** What an error says, of which long texts are cut. */
export function cutError({ename, evalue, traceback}: IError): IError {
  const cut = (text: string) => beginning(text, MOST_SAID);
  return {ename: cut(ename), evalue: cut(evalue), traceback: traceback.map(cut)};
}

/** The JSON text of a value, and its length in bytes. */
function toText(value: unknown): [IText, number] {
  let text: string;
  try {
    text = JSON.stringify(value) ?? 'null';
  } catch (error) {
    // The page sends what its serializer takes, which may be more.
    text = JSON.stringify(`not JSON: ${error}`);
  }
  const bytes = encoder.encode(text);
  const missing = Math.max(0, text.length - MOST_TEXT);
  if (missing > 0) {
    text = beginning(text, MOST_TEXT);
  }
  return [{text, missing}, bytes.length];
}
