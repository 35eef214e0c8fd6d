/** Bytes read as numbers, in the byte order of NumPy's and of all browsers' machines: little-endian. */
import type {IBuffer} from './log/record';

/** How many values are shown. */
export const MOST_VALUES = 32;
/** How many bytes of a text are shown. */
const MOST_CHARACTERS = 400;

const READERS = {
  uint8: [1, (view, at) => view.getUint8(at)],
  int8: [1, (view, at) => view.getInt8(at)],
  uint16: [2, (view, at) => view.getUint16(at, true)],
  int16: [2, (view, at) => view.getInt16(at, true)],
  uint32: [4, (view, at) => view.getUint32(at, true)],
  int32: [4, (view, at) => view.getInt32(at, true)],
  uint64: [8, (view, at) => view.getBigUint64(at, true)],
  int64: [8, (view, at) => view.getBigInt64(at, true)],
  float32: [4, (view, at) => Number(view.getFloat32(at, true).toPrecision(7))],
  float64: [8, (view, at) => view.getFloat64(at, true)]
} satisfies {[dtype: string]: [number, (view: DataView, at: number) => number | bigint]};

/** NumPy's names of the types, and text in UTF-8. */
export type DType = keyof typeof READERS | 'text';
export const DTYPES: readonly DType[] = [...(Object.keys(READERS) as DType[]), 'text'];

/** The first values of a buffer as text, how many follow, and how many bytes are no whole value. */
export function firstValues(
  {bytes, nbytes}: IBuffer,
  dtype: DType
): {values: string; more: number; rest: number} {
  if (dtype === 'text') {
    const values = new TextDecoder().decode(bytes.subarray(0, MOST_CHARACTERS));
    return {values, more: Math.max(0, nbytes - MOST_CHARACTERS), rest: 0};
  }
  const [size, read] = READERS[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.min(MOST_VALUES, Math.floor(bytes.length / size));
  const values = Array.from({length: count}, (_, i) => String(read(view, i * size)));
  return {values: values.join(', '), more: Math.floor(nbytes / size) - count, rest: nbytes % size};
}
