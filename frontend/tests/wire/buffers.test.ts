import {expect, it} from 'vitest';
import {copyBytes, toTransfer} from '../../src/wire/buffers';

const bytes = (data: ArrayBuffer) => [...new Uint8Array(data)];

it('copies the bytes of a view, and only these', () => {
  expect(bytes(copyBytes(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)))).toEqual([2, 3]);
});

it('copies out of shared memory, which cannot be transferred', () => {
  const shared = new SharedArrayBuffer(2);
  new Uint8Array(shared).set([5, 6]);
  const copy = toTransfer(shared);
  expect([copy instanceof ArrayBuffer, bytes(copy)]).toEqual([true, [5, 6]]);
});

it.each([
  ['buffer', new Uint8Array([1, 2]).buffer],
  ['view', new Uint8Array([1, 2])]
])("never gives away a %s of the user's", (_, data) => {
  const given = toTransfer(data);
  expect(given).not.toBe(data);
  expect(given).not.toBe(ArrayBuffer.isView(data) ? data.buffer : null);
  expect(bytes(given)).toEqual([1, 2]);
});

it('gives away a copy of its own, once', () => {
  const copy = copyBytes(new Uint8Array([1]));
  expect([toTransfer(copy) === copy, toTransfer(copy) === copy]).toEqual([true, false]);
});
