/**
 * What a comm message of the page has besides its buffers: objects that go to the kernel's worker
 * without being read. They are neither JSON nor bytes, so only the port carries them.
 *
 * JupyterLab makes the message, and hands on the array of its buffers as it is: they are found there.
 * Whether they can be sent, the serializer of a kernel connection knows. Both are asked by symbols that
 * are the same for all scripts of a page, since another extension may have a copy of this file.
 */

/** Cloned: that copies a reference to their content. */
const CLONED = ['File', 'Blob'];
/** Transferred: the page has them no longer. */
const MOVED = [
  'ImageBitmap',
  'OffscreenCanvas',
  'MessagePort',
  'ReadableStream',
  'WritableStream',
  'TransformStream'
];

export type Attachment =
  | Blob
  | ImageBitmap
  | OffscreenCanvas
  | MessagePort
  | ReadableStream
  | WritableStream
  | TransformStream;

const ATTACHMENTS = Symbol.for('lite_comms.attachments');
const CANNOT_ATTACH = Symbol.for('lite_comms.cannotAttach');

/** What is used of JupyterLab's kernel connection. */
interface IConnection {
  readonly id: string;
  readonly serverSettings?: {readonly serializer?: object};
}

/** Returns why messages of the kernel with this id can have no attachments; empty if they can. */
type WhyNot = (kernelId: string) => string;

/** Why they cannot be sent. */
export const NO_PORT =
  'its attachments need the direct channel of lite_comms, which does not reach this kernel';

const NONE: readonly Attachment[] = [];

export function attachmentsOf({buffers}: {readonly buffers?: object}): readonly Attachment[] {
  return (buffers as {[ATTACHMENTS]?: readonly Attachment[]} | undefined)?.[ATTACHMENTS] ?? NONE;
}

/** The attachments that are transferred. */
export function toMove(attachments: readonly Attachment[]): Transferable[] {
  return attachments.filter(each => !CLONED.includes(kindOf(each))) as Transferable[];
}

/** Have connections with this serializer learn whether they can send attachments. */
export function answerWhetherToAttach(serializer: object, whyNot: WhyNot): void {
  Object.assign(serializer, {[CANNOT_ATTACH]: whyNot});
}

/**
 * Attach what the user gives to the message that is made with this array of buffers. It is taken over,
 * since the message may have to wait, and leaves with what it has now.
 *
 * @param connection - What the message goes through; null if that does not exist yet.
 * @param who - The comm, for errors.
 * @throws Error if it cannot be sent, and a DataCloneError if the browser refuses it: of a bitmap that is closed,
 * for example. Only then what stands before it may be transferred already.
 */
export function attach(
  buffers: object,
  given: unknown,
  connection: IConnection | null,
  who: object
): void {
  const attachments = checked(given, who);
  if (attachments.length > 0) {
    if (connection) {
      refuse(connection);
    }
    const taken = structuredClone(attachments, {transfer: toMove(attachments)});
    Object.assign(buffers, {[ATTACHMENTS]: taken});
  }
}

/** @throws Error if the message with these buffers has attachments, and the connection takes none. */
export function checkAttached(buffers: object, connection: IConnection): void {
  if (attachmentsOf({buffers}).length > 0) {
    refuse(connection);
  }
}

/**
 * Why a connection takes no attachments; empty if it does, undefined if it does not go through a channel
 * of lite_comms at all.
 */
export function whyNotAttached({id, serverSettings}: IConnection): string | undefined {
  const serializer = serverSettings?.serializer as {[CANNOT_ATTACH]?: WhyNot} | undefined;
  return serializer?.[CANNOT_ATTACH]?.(id);
}

function refuse(connection: IConnection): void {
  const why = whyNotAttached(connection) ?? NO_PORT;
  if (why) {
    throw new Error(why);
  }
}

function checked(given: unknown, who: object): readonly Attachment[] {
  if (given === undefined || given === null) {
    return NONE;
  }
  if (!Array.isArray(given)) {
    throw new TypeError(`attachments of ${who}: an array is needed, not ${kindOf(given)}`);
  }
  // Not by `forEach`, which leaves out what the array does.
  for (const [i, value] of given.entries()) {
    const kind = kindOf(value);
    if (!CLONED.includes(kind) && !MOVED.includes(kind)) {
      const known = [...CLONED, ...MOVED].join(', ');
      throw new TypeError(`attachments[${i}] of ${who} must be one of ${known}, not ${kind}`);
    }
    const {readable, writable} = value;
    if ([value, readable, writable].some(stream => stream?.locked)) {
      throw new TypeError(`attachments[${i}] of ${who} is a ${kind} that is in use (locked)`);
    }
  }
  return given;
}

/** The name of its class, also if another window has made it. */
const kindOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);
