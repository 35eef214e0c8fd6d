/** What the inspector keeps of messages, how much, and what it writes into a file. */
import {describe, expect, it} from 'vitest';
import {ALL, Filtered, indexOf, matches} from '../../src/inspector/filter';
import {toLines, valueOf} from '../../src/inspector/lines';
import {Log, MOST_MEMORY, MOST_RECORDS} from '../../src/inspector/log/log';
import {Rates, SECONDS} from '../../src/inspector/log/rates';
import {
  type CommType,
  type Direction,
  type IRecord,
  makeRecord,
  MOST_BYTES,
  MOST_TEXT
} from '../../src/inspector/log/record';
import {type IMade, message} from '../parts/inspector';

const TIME = Date.UTC(2026, 10, 28, 12, 30, 15, 250);

function record(
  made: IMade = {},
  direction: Direction = 'kernel_to_page',
  type: CommType = 'comm_msg',
  number = 0
): IRecord {
  return makeRecord(message(type, made) as never, {
    number,
    time: TIME,
    direction,
    target_name: 'demo',
    target_module: null
  });
}

describe('a record', () => {
  it('is a copy: neither data nor buffers are shared', () => {
    const data = {list: [1]};
    const buffer = new Uint8Array([1, 2, 3, 4]);
    const kept = record({data, buffers: [new DataView(buffer.buffer, 1, 2)]});
    data.list.push(2);
    buffer.fill(0);
    expect(valueOf(kept.data)).toEqual({list: [1]});
    expect([...kept.buffers[0]!.bytes]).toEqual([2, 3]);
    expect(kept.isCut).toBe(false);
  });

  it('counts its bytes as they are on the wire, in UTF-8', () => {
    // "ä" is four bytes with its quotes.
    expect(record({data: 'ä', buffers: [new ArrayBuffer(10)]}).nbytes).toBe(4 + 10);
  });

  it('has no more than the beginning of long data, with a word about the rest', () => {
    const {data, isCut, nbytes} = record({data: 'x'.repeat(MOST_TEXT + 8)});
    expect(data).toEqual({text: `"${'x'.repeat(MOST_TEXT - 1)}`, missing: 10});
    expect([isCut, nbytes]).toEqual([true, MOST_TEXT + 10]);
    expect(valueOf(data)).toMatch(/x… \(cut: 10 more characters of JSON\)$/);
  });

  it('has no more than the first bytes of its buffers together', () => {
    const made = record({buffers: [new ArrayBuffer(MOST_BYTES - 5), new ArrayBuffer(20)]});
    expect(made.buffers.map(({bytes, nbytes}) => [bytes.length, nbytes])).toEqual([
      [MOST_BYTES - 5, MOST_BYTES - 5],
      [5, 20]
    ]);
    expect(made.isCut).toBe(true);
  });

  it('is made of what is no JSON as well', () => {
    expect(valueOf(record({data: {big: 1n}}).data)).toMatch(/^not JSON: TypeError/);
  });
});

describe('the log', () => {
  const fill = (log: Log, count: number, data: unknown = 0) => {
    for (let i = 0; i < count; i++) {
      log.add(record({id: `n${log.next}`, data}, 'kernel_to_page', 'comm_msg', log.next));
    }
  };

  it('keeps the last messages, and finds them by number and id', () => {
    const log = new Log();
    fill(log, MOST_RECORDS + 2_500);
    expect([log.length, log.first, log.next]).toEqual([MOST_RECORDS, 2_500, MOST_RECORDS + 2_500]);
    expect(log.count).toBe(MOST_RECORDS + 2_500);
    expect([log.get(2_499), log.find('n2499')]).toEqual([undefined, undefined]);
    expect(log.get(2_500)).toBe(log.find('n2500'));
    expect(log.get(log.next)).toBeUndefined();
    expect([...log.from(log.next - 2)].map(({number}) => number)).toEqual([12_498, 12_499]);
  });

  it('keeps fewer if they are large', () => {
    const log = new Log();
    const large = 'x'.repeat(MOST_TEXT - 2);
    fill(log, 1_000, large);
    const each = record({data: large}).kept;
    expect(each).toBeGreaterThan(2 * MOST_TEXT - 1);
    expect(log.length).toBe(Math.floor(MOST_MEMORY / each));
  });

  it('is empty when it is cleared, and counts on', () => {
    const log = new Log();
    fill(log, 3);
    log.clear();
    expect([log.length, log.count, log.first, log.find('n1'), [...log.from(0)]]).toEqual([
      0,
      0,
      3,
      undefined,
      []
    ]);
    fill(log, 1);
    expect(log.get(3)?.number).toBe(3);
  });

  it('lets go of what messages carried when it drops them', () => {
    const log = new Log();
    const buffers = [new ArrayBuffer(8)];
    log.add(record({data: 'first', buffers}));
    const first = log.get(0)!;
    expect([first.data.text, first.buffers.length]).toEqual(['"first"', 1]);
    fill(log, MOST_RECORDS);
    expect(first).toMatchObject({data: {text: '', missing: 7}, buffers: [], isCut: true});
    const last = log.get(log.next - 1)!;
    log.clear();
    expect([last.data.text, last.metadata.text]).toEqual(['', '']);
  });
});

/** Messages to the page and to the kernel, in turns. */
function fillBothWays(log: Log, count: number): void {
  for (let i = 0; i < count; i++) {
    const direction = i % 2 ? 'page_to_kernel' : 'kernel_to_page';
    log.add(record({id: `f${log.next}`}, direction, 'comm_msg', log.next));
  }
}

describe('the filter', () => {
  const made = record({id: 'abc', data: {Key: 'Value'}, metadata: {lite_comms: {request: '7'}}});

  it.each([
    [{}, true],
    [{target: 'demo'}, true],
    [{target: 'other'}, false],
    [{direction: 'kernel_to_page'}, true],
    [{direction: 'page_to_kernel'}, false],
    [{comm_id: 'c'}, true],
    [{comm_id: 'd'}, false],
    [{search: 'vALUE'}, true],
    [{search: 'request'}, true],
    [{search: 'ABC'}, true],
    [{search: 'nowhere'}, false],
    [{marked: true}, false]
  ] as const)('%o lets it through: %s', (part, expected) => {
    expect(matches({...ALL, ...part}, made)).toBe(expected);
  });

  it('looks at new messages only, and drops those that the log has dropped', () => {
    const log = new Log();
    const filtered = new Filtered(log);
    filtered.filter = {...ALL, direction: 'page_to_kernel'};
    fillBothWays(log, MOST_RECORDS);
    expect(filtered.update().records.length).toBe(MOST_RECORDS / 2);
    fillBothWays(log, 100);
    const {records, removed} = filtered.update();
    expect([records.length, removed]).toEqual([MOST_RECORDS / 2, 50]);
    expect([records[0]!.number, records.at(-1)!.number]).toEqual([101, MOST_RECORDS + 99]);
  });

  it('tells what it lets through without a change of what is drawn', () => {
    const log = new Log();
    const filtered = new Filtered(log);
    const add = () => log.add(record({}, 'kernel_to_page', 'comm_msg', log.next));
    add();
    const {records} = filtered.update();
    for (let i = 0; i < MOST_RECORDS; i++) {
      add();
    }
    expect([filtered.records.length, records.length]).toEqual([MOST_RECORDS, 1]);
    expect(filtered.update().removed).toBe(1);
  });

  it('knows how many it lets through, also between two drawings', () => {
    const log = new Log();
    const filtered = new Filtered(log);
    fillBothWays(log, MOST_RECORDS);
    filtered.filter = {...ALL, direction: 'page_to_kernel'};
    expect(filtered.update().records.length).toBe(MOST_RECORDS / 2);
    fillBothWays(log, 100);
    expect(filtered.length).toBe(MOST_RECORDS / 2);
    expect(filtered.update().removed).toBe(50);
  });

  it('finds a message, and not another one of its number', () => {
    const records = [0, 1, 4].map(number => record({}, 'kernel_to_page', 'comm_msg', number));
    expect(records.map(each => indexOf(records, each))).toEqual([0, 1, 2]);
    // It came in a pause.
    expect(indexOf(records, record({}, 'kernel_to_page', 'comm_msg', 4))).toBe(-1);
  });
});

it('rates are counted by the second, and forgotten after a minute', () => {
  const rates = new Rates();
  rates.count('kernel_to_page', 10, 5_100);
  rates.count('kernel_to_page', 10, 5_900);
  rates.count('page_to_kernel', 7, 6_000);
  const last = rates.until(7_500);
  expect(last.length).toBe(SECONDS - 1);
  expect(last.slice(-2)).toEqual([
    {
      messages: {kernel_to_page: 2, page_to_kernel: 0},
      bytes: {kernel_to_page: 20, page_to_kernel: 0}
    },
    {
      messages: {kernel_to_page: 0, page_to_kernel: 1},
      bytes: {kernel_to_page: 0, page_to_kernel: 7}
    }
  ]);
  const later = rates.until(5_100 + SECONDS * 1000);
  expect(later.flatMap(({messages}) => Object.values(messages)).every(n => n === 0)).toBe(false);
  expect(rates.until(200_000).every(({messages}) => messages.kernel_to_page === 0)).toBe(true);
});

it('lines are JSON, one a message, behind one that names the format', () => {
  const open = record(
    {id: 'o', data: [1], target_name: 'demo', target_module: 'm', parent: {msg_id: 'cell'}},
    'kernel_to_page',
    'comm_open'
  );
  const cut = record({
    id: 'b',
    metadata: {k: 'x'.repeat(MOST_TEXT)},
    buffers: [new Uint8Array([0, 255, 16])]
  });
  const lines = toLines([open, cut], '1.2.3').trimEnd().split('\n');
  expect(lines.map(line => JSON.parse(line))).toEqual([
    {lite_comms: '1.2.3', format: 1},
    {
      time: '2026-11-28T12:30:15.250Z',
      direction: 'kernel_to_page',
      msg_type: 'comm_open',
      msg_id: 'o',
      parent_id: 'cell',
      comm_id: 'c',
      target_name: 'demo',
      target_module: 'm',
      data: [1],
      metadata: {},
      buffers: [],
      nbytes: 3
    },
    {
      time: '2026-11-28T12:30:15.250Z',
      direction: 'kernel_to_page',
      msg_type: 'comm_msg',
      msg_id: 'b',
      parent_id: null,
      comm_id: 'c',
      target_name: 'demo',
      target_module: null,
      data: {},
      metadata: {},
      buffers: ['AP8Q'],
      nbytes: 2 + 3,
      cut: true
    }
  ]);
});
