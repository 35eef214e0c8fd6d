/**
 * What goes over the bridge between a host page and the page of a site: the messages of the handshake,
 * and the frames on its port. See "Bridge" in PROTOCOL.md.
 *
 * Each end reads what the other sends with `readFrame`, which takes nothing on trust.
 */

export const BRIDGE_VERSION = 1;

/** The key of a handshake message, so that others' messages are told apart. */
export const BRIDGE = 'lite_comms_bridge';

/** The first message, from the host page. */
export interface IConnect {
  readonly type: 'connect';
  readonly version: number;
  /** Chosen by the host page; the answer has it. */
  readonly nonce: string;
  /** The path of the notebook or console; null for the only one of the page. */
  readonly path: string | null;
}

/** The answer of the page: with a port, or with the reason why there is none. */
export type Answer =
  | {readonly type: 'accept'; readonly nonce: string}
  | {readonly type: 'refuse'; readonly nonce: string; readonly reason: string};

const STATUSES = ['waiting', 'starting', 'ready', 'restarting', 'dead'] as const;

/** What a host page hears of the kernel. */
export type Status = (typeof STATUSES)[number];

export interface IMetadata {
  readonly [name: string]: unknown;
}

interface IComm {
  readonly comm_id: string;
  readonly data: unknown;
  readonly metadata: IMetadata;
  readonly buffers: ArrayBuffer[];
}

export interface ICommOpen extends IComm {
  readonly type: 'comm_open';
  readonly target_name: string;
}

export interface ICommMessage extends IComm {
  readonly type: 'comm_msg' | 'comm_close';
}

/** A frame that has been read. */
export type Frame =
  | ICommOpen
  | ICommMessage
  | {readonly type: 'register' | 'unregister'; readonly target_name: string}
  | {readonly type: 'status'; readonly status: Status; readonly reason: string}
  | {readonly type: 'targets'; readonly names: readonly string[]}
  | {readonly type: 'error' | 'bye'; readonly reason: string};

type Check = (value: unknown) => boolean;

export const isText: Check = value => typeof value === 'string';
/** Unlike `every`, `findIndex` sees also what a list leaves out, however long it says it is. */
export const listOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.findIndex(item => !check(item)) < 0;

const COMM = {comm_id: isText, content: isText, buffers: listOf(v => v instanceof ArrayBuffer)};
const TARGET = {target_name: isText};
const REASON = {reason: isText};

/** A Map, because a type may be called like a member of every object. */
const FIELDS = new Map<unknown, {readonly [field: string]: Check}>([
  ['comm_open', {...COMM, ...TARGET}],
  ['comm_msg', COMM],
  ['comm_close', COMM],
  ['register', TARGET],
  ['unregister', TARGET],
  ['status', {status: v => STATUSES.some(status => status === v), ...REASON}],
  ['targets', {names: listOf(isText)}],
  ['error', REASON],
  ['bye', REASON]
]);

/**
 * Read a frame of the other end.
 *
 * @throws Error that names the field that is not as it should be.
 */
export function readFrame(posted: unknown): Frame {
  const frame = Object(posted);
  const {type} = frame;
  const fields = FIELDS.get(type);
  if (!fields) {
    throw new Error(`there is no frame of type '${String(type)}'`);
  }
  for (const [field, check] of Object.entries(fields)) {
    if (!check(frame[field])) {
      throw new Error(`the field '${field}' of a '${type}' frame is missing or of another type`);
    }
  }
  return fields['content'] ? {...frame, ...readContent(frame.content, type)} : frame;
}

function readContent(content: string, type: string): {data: unknown; metadata: IMetadata} {
  let read;
  try {
    read = JSON.parse(content);
  } catch (error) {
    throw new Error(`the field 'content' of a '${type}' frame is no JSON: ${error}`);
  }
  const {data = {}, metadata = {}} = Object(read);
  if (!isRecord(metadata)) {
    throw new Error(`the metadata of a '${type}' frame is no object`);
  }
  return {data, metadata};
}

/** Whether a value is an object with names, and no list. */
export function isRecord(value: unknown): value is IMetadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What kind of message it is, and of which comm. */
export type CommIds =
  Pick<ICommOpen, 'type' | 'comm_id' | 'target_name'> | Pick<ICommMessage, 'type' | 'comm_id'>;

/** What is posted for a comm; `content` is JSON, as on every other way of a comm message. */
export function commFrame(
  ids: CommIds,
  data: unknown,
  metadata: object,
  buffers: ArrayBuffer[]
): object {
  return {...ids, content: JSON.stringify({data, metadata}), buffers};
}
