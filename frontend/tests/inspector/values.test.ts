/** What the inspector shows of a buffer. */
import {describe, expect, it} from 'vitest';
import {firstValues} from '../../src/inspector/values';

describe('the values of a buffer', () => {
  const bytes = new Uint8Array(new Float32Array([1.5, -2, 0.1]).buffer);
  const buffer = {bytes, nbytes: bytes.length};

  it.each([
    ['float32', '1.5, -2, 0.1', 0],
    ['uint32', '1069547520, 3221225472, 1036831949', 0],
    ['int8', '0, 0, -64, 63, 0, 0, 0, -64, -51, -52, -52, 61', 0]
  ] as const)('as %s', (dtype, values, more) => {
    expect(firstValues(buffer, dtype)).toEqual({values, more, rest: 0});
  });

  it('leave out bytes that are no whole value', () => {
    const odd = new Uint8Array([...new Uint8Array(new Float64Array([0.25]).buffer), 1, 2, 3]);
    expect(firstValues({bytes: odd, nbytes: 11}, 'float64')).toEqual({
      values: '0.25',
      more: 0,
      rest: 3
    });
  });

  it('are the first ones, with how many follow, also of a cut buffer', () => {
    const {values, more} = firstValues({bytes: new Uint8Array(100), nbytes: 1_000}, 'uint16');
    expect([values.split(', ').length, more]).toEqual([32, 468]);
    const text = new TextEncoder().encode('täxt');
    expect(firstValues({bytes: text, nbytes: 5}, 'text')).toEqual({
      values: 'täxt',
      more: 0,
      rest: 0
    });
  });
});
