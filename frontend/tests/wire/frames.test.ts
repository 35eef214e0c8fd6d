import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {FrameError, fromWire, type ToKernel, toWire} from '../../src/wire/frames';

type Json = {[key: string]: unknown};
type Case = {wire: unknown[]; frame: Json};
type Refusal = {wire: unknown[]; field: string};

const cases: {to_page: Case[]; to_kernel: Case[]; refused_by_page: Refusal[]} = JSON.parse(
  readFileSync(new URL('../../../tests/frames.json', import.meta.url), 'utf-8')
);

/** A field of a case: binary data is {"bytes": [...]} there, memory {"shared": nbytes}. */
function plain(value: unknown): unknown {
  const {bytes, shared} = (value ?? {}) as {bytes?: number[]; shared?: number};
  if (shared !== undefined) {
    return new Int32Array(new SharedArrayBuffer(shared));
  }
  return bytes ? new Uint8Array(bytes).buffer : value;
}

const frameOf = ({frame}: Case): Json =>
  Object.fromEntries(
    Object.entries(frame).map(([key, value]) => [
      key,
      key === 'buffers' || key === 'places' ? (value as unknown[]).map(plain) : value
    ])
  );

/** Binary data made comparable. */
const shown = (value: unknown): unknown =>
  value instanceof ArrayBuffer
    ? {bytes: [...new Uint8Array(value)]}
    : value instanceof Int32Array
      ? {shared: value.buffer.byteLength}
      : Array.isArray(value)
        ? value.map(shown)
        : value;

describe('a frame to the kernel', () => {
  it.each(cases.to_kernel.map(each => [JSON.stringify(each.wire), each] as const))(
    'is written: %s',
    (_, each) => {
      expect(shown(toWire(frameOf(each) as unknown as ToKernel))).toEqual(each.wire);
    }
  );
});

describe('a frame to the page', () => {
  it.each(cases.to_page.map(each => [JSON.stringify(each.wire), each] as const))(
    'is read: %s',
    (_, each) => {
      const {buffers, ...rest} = fromWire(each.wire.map(plain)) as unknown as Json;
      const read = buffers ? {...rest, buffers: shown(buffers)} : rest;
      expect(read).toEqual(each.frame);
    }
  );

  it('may bring its buffers as views that span their memory', () => {
    const {buffer} = new Uint8Array([5]);
    const read = fromWire(['comm', 'comm_msg', '{}', '{}', '{}', new Uint8Array(buffer)]);
    expect(read).toMatchObject({buffers: [buffer]});
  });

  it.each(cases.refused_by_page.map(each => [JSON.stringify(each.wire), each] as const))(
    'is refused with the field: %s',
    (_, {wire, field}) => {
      expect(() => fromWire(wire)).toThrow(FrameError);
      expect(() => fromWire(wire)).toThrow(field);
    }
  );

  it.each([[null], [3], ['comm'], [{}]])('is not %j', data => {
    expect(() => fromWire(data)).toThrow('a frame is a list');
  });
});
