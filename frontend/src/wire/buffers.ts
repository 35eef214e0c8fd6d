/** Copies of binary data, each made once on its way to the kernel. */

/** Copies that nobody else holds: these may be transferred. */
const owned = new WeakSet<ArrayBuffer>();

/**
 * Copy the bytes of a buffer or of a view, and only these.
 *
 * @throws TypeError if it is no object.
 */
export function copyBytes(data: ArrayBufferLike | ArrayBufferView): ArrayBuffer {
  if (Object(data) !== data) {
    throw new TypeError(`a buffer must be an ArrayBuffer or a view, not ${String(data)}`);
  }
  const view = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  // Also out of shared memory, which cannot be transferred.
  const copy = view.slice().buffer as ArrayBuffer;
  owned.add(copy);
  return copy;
}

/** Return a buffer that may be transferred: the given one if it is such a copy already. */
export function toTransfer(data: ArrayBufferLike | ArrayBufferView): ArrayBuffer {
  return data instanceof ArrayBuffer && owned.delete(data) ? data : copyBytes(data);
}
