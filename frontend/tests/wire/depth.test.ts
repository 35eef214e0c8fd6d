import {describe, expect, it} from 'vitest';
import {checkDepth, MAX_DEPTH} from '../../src/wire/depth';

const objects = (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
const lists = (depth: number) => '['.repeat(depth) + '"[{"' + ']'.repeat(depth);
const both = (depth: number) => lists(depth >> 1).replace('"[{"', objects((depth + 1) >> 1));
const check = (content: string) => () =>
  checkDepth(`{"header":{"msg_type":"comm_msg"},"content":${content}}`, 'comm_msg', 'c');

describe('a message', () => {
  it.each([objects, lists, both])('may be as deep as the limit says', make => {
    expect(check(make(MAX_DEPTH))).not.toThrow();
    expect(check(make(MAX_DEPTH + 1))).toThrow(
      new RangeError('a comm_msg of comm c cannot be sent: it is nested more than 500 levels deep')
    );
  });

  it.each([
    ['many lists beside one another', JSON.stringify(Array(10_000).fill([[]]))],
    ['brackets in strings', JSON.stringify('[{'.repeat(10_000))],
    [
      'brackets behind quotes in strings',
      JSON.stringify(['"[', '\\"{', '\\', '\\\\"['].map(s => s.repeat(1000)))
    ],
    ['a string that does not end', `"${'['.repeat(2000)}`]
  ])('may have %s', (_, content) => {
    expect(check(content)).not.toThrow();
  });

  it('does not hide its depth in closing brackets of strings', () => {
    const deep = '{"]}\\\\":["}]\\"",'.repeat(1000);
    expect(check(deep)).toThrow(RangeError);
  });
});
