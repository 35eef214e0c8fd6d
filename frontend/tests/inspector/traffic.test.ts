/** What the inspector learns from the messages of a kernel's connections. */
import {beforeEach, expect, it, vi} from 'vitest';
import {MOST_WAITING} from '../../src/inspector/log/timing';
import {View} from '../../src/inspector/view';
import {clock, FakeConnection, follow, fresh} from '../parts/inspector';

let connection: FakeConnection;
let traffic: ReturnType<typeof follow>;

beforeEach(() => {
  ({connection, traffic} = fresh());
});

const cell = {msg_id: 'cell', msg_type: 'execute_request'};
const parentOf = (msg_id: string, msg_type = 'comm_msg') => ({msg_id, msg_type});
const last = () => traffic.log.get(traffic.log.next - 1)!;
const kinds = () => last().marks?.map(({kind}) => kind) ?? [];

it('nobody listens before somebody follows, or after that', () => {
  const other = new FakeConnection();
  const spies = [other.anyMessage, other.statusChanged].map(signal => vi.spyOn(signal, 'connect'));
  follow();
  expect(spies.map(spy => spy.mock.calls.length)).toEqual([0, 0]);
  traffic.dispose();
  connection.comm('kernel_to_page', 'comm_open');
  expect(traffic.log.length).toBe(0);
});

it('a message is kept once, though each connection hears it', () => {
  const second = new FakeConnection();
  traffic.follow(second as never);
  for (const each of [connection, second]) {
    each.comm('kernel_to_page', 'comm_open', {id: 'o', parent: cell});
  }
  second.comm('page_to_kernel', 'comm_msg', {id: 's'});
  expect([...traffic.log.from(0)].map(({msg_id}) => msg_id)).toEqual(['o', 's']);
  expect(last().target_name).toBe('demo');
  // The first one is closed: the second one is heard from then on.
  connection.disposed.emit();
  second.comm('kernel_to_page', 'comm_msg', {id: 'k'});
  expect(last().msg_id).toBe('k');
});

it('comms are counted, with who has opened them', () => {
  connection.comm('kernel_to_page', 'comm_open', {data: 1, parent: cell});
  connection.comm('page_to_kernel', 'comm_msg', {data: 22, buffers: [new ArrayBuffer(5)]});
  traffic.found({c: {target_name: 'demo'}, old: {target_name: 'widget'}});
  const [c, old] = traffic.comms.all;
  expect(c).toMatchObject({
    comm_id: 'c',
    target_name: 'demo',
    opened: {by: 'kernel_to_page', parent_id: 'cell'},
    kernel_to_page: {messages: 1, bytes: 1},
    page_to_kernel: {messages: 1, bytes: 7},
    waiting: 1
  });
  expect(old).toMatchObject({target_name: 'widget', opened: null, closed: null});
  connection.statusChanged.emit('restarting');
  expect(traffic.comms.all.map(({closed}) => closed !== null)).toEqual([true, true]);
  expect(c!.waiting).toBe(0);
});

/** What comes in one frame has been seen. */
const turn = () => new Promise(resolve => setTimeout(resolve));

it('a callback takes from busy to idle, behind the one before', async () => {
  // The channel says busy for both when they are sent.
  for (const id of ['a', 'b']) {
    connection.state('busy', parentOf(id));
    connection.comm('page_to_kernel', 'comm_msg', {id});
  }
  clock.now += 30;
  connection.state('idle', parentOf('a'));
  await turn();
  clock.now += 130;
  connection.state('idle', parentOf('b'));
  await turn();
  const [a, b] = [traffic.log.find('a')!, traffic.log.find('b')!];
  expect([a.callback_ms, a.handled_ms, a.marks]).toEqual([30, 30, undefined]);
  expect([b.callback_ms, b.handled_ms]).toEqual([130, 160]);
  expect(b.marks).toEqual([{kind: 'slow', text: '130'}]);
  expect(traffic.problems.all.map(({record}) => record)).toEqual([b]);
});

it.each([
  ['quick ones share the time', 3, [1, 1, 1], []],
  ['only the last can have taken long', 300, [0, 0, 300], ['c']]
])('of a burst %s', async (_, ms, each, slow) => {
  for (const id of ['a', 'b', 'c']) {
    connection.state('busy', parentOf(id));
    connection.comm('page_to_kernel', 'comm_msg', {id});
  }
  clock.now += ms;
  ['a', 'b', 'c'].forEach(id => connection.state('idle', parentOf(id)));
  await turn();
  expect(['a', 'b', 'c'].map(id => traffic.log.find(id)!.callback_ms)).toEqual(each);
  expect(traffic.problems.all.map(({record}) => record!.msg_id)).toEqual(slow);
});

it('amidst a cell only the time until it is handled is known', async () => {
  connection.state('busy', cell);
  connection.state('busy', parentOf('a'));
  connection.comm('page_to_kernel', 'comm_msg', {id: 'a'});
  clock.now += 500;
  connection.state('idle', parentOf('a'));
  await turn();
  expect([last().handled_ms, last().callback_ms, last().marks]).toEqual([
    500,
    undefined,
    undefined
  ]);
});

it('a cell that ran before anybody listened is one as well', async () => {
  connection = new FakeConnection();
  connection.status = 'busy';
  traffic = follow(connection);
  const handle = async (id: string) => {
    connection.state('busy', parentOf(id));
    connection.comm('page_to_kernel', 'comm_msg', {id});
    clock.now += 500;
    connection.state('idle', parentOf(id));
    await turn();
    return last().callback_ms;
  };
  expect(await handle('a')).toBeUndefined();
  expect(await handle('b')).toBeUndefined();
  expect(traffic.problems.all).toEqual([]);
  connection.state('idle', cell);
  expect(await handle('c')).toBe(500);
});

it('no message waits for ever, however many there were', () => {
  connection.comm('kernel_to_page', 'comm_open');
  const ids = Array.from({length: MOST_WAITING + 1}, (_, i) => `w${i}`);
  ids.forEach(id => connection.comm('page_to_kernel', 'comm_msg', {id}));
  ids.forEach(id => connection.state('idle', parentOf(id)));
  expect(traffic.comms.get('c')!.waiting).toBe(0);
});

it('times are those of the clock when the inspector was opened', () => {
  // The page's clock has stood still while the computer slept.
  vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 10, 28, 12));
  traffic = follow(connection);
  clock.now += 250;
  connection.comm('kernel_to_page', 'comm_open');
  expect(new Date(last().time).toISOString()).toBe('2026-11-28T12:00:00.250Z');
});

it.each(['page_to_kernel', 'kernel_to_page'] as const)('a request %s has a round trip', from => {
  const to = from === 'page_to_kernel' ? 'kernel_to_page' : 'page_to_kernel';
  connection.comm('kernel_to_page', 'comm_open');
  connection.comm(from, 'comm_msg', {id: 'q', metadata: {lite_comms: {request: '1'}}});
  clock.now += 12;
  connection.comm(to, 'comm_msg', {metadata: {lite_comms: {reply: '2'}}});
  expect(last().round_trip_ms).toBeUndefined();
  const error = {ename: 'KeyError', evalue: 'x', traceback: ['line']};
  connection.comm(to, 'comm_msg', {metadata: {lite_comms: {reply: '1', error}}});
  expect(traffic.log.find('q')?.round_trip_ms).toBe(12);
  expect([last().round_trip_ms, last().error]).toEqual([12, error]);
  expect(kinds()).toEqual(['error']);
});

it('the error of a callback is that of its message', () => {
  connection.comm('page_to_kernel', 'comm_msg', {id: 'a'});
  const error = {ename: 'ZeroDivisionError', evalue: 'division by zero', traceback: ['t']};
  connection.says('error', error, parentOf('a'));
  connection.says('error', {...error, ename: 'NameError'}, cell);
  expect(last().error).toEqual(error);
  expect(last().marks).toEqual([{kind: 'error', text: 'ZeroDivisionError: division by zero'}]);
  expect(traffic.problems.all.length).toBe(1);
});

it('a value that is refused is a problem, also of a cell', () => {
  const evalue = "comm 'demo': data.a: a set cannot be sent";
  connection.says('error', {ename: 'EncodeError', evalue, traceback: []}, cell);
  expect(traffic.problems.all).toMatchObject([
    {kind: 'refused', text: `EncodeError: ${evalue}`, record: null, error: {evalue}}
  ]);
});

it('an error of the channel in a callback is no refused value', () => {
  connection.comm('page_to_kernel', 'comm_msg', {id: 'a'});
  const error = {ename: 'TransportError', evalue: 'closed', traceback: []};
  connection.says('error', error, parentOf('a'));
  connection.says('error', error, cell);
  expect(traffic.problems.all.map(({kind}) => kind)).toEqual(['error']);
});

it('what the kernel closes because it is unknown is marked', () => {
  const why = (evalue: string) => ({metadata: {lite_comms: {ename: 'LookupError', evalue}}});
  connection.comm('page_to_kernel', 'comm_open', {comm_id: 'n', target_name: 'nobody'});
  connection.comm('kernel_to_page', 'comm_close', {
    comm_id: 'n',
    ...why("no comm target 'nobody'")
  });
  expect(last().marks).toEqual([{kind: 'unknown-target', text: "no comm target 'nobody'"}]);
  connection.comm('page_to_kernel', 'comm_msg', {comm_id: 'x'});
  connection.comm('kernel_to_page', 'comm_close', {
    comm_id: 'x',
    ...why('the kernel has no comm x')
  });
  expect(kinds()).toEqual(['unknown-comm']);
});

it('a comm that nobody on the page has is marked, but none that is being opened', () => {
  connection.comm('kernel_to_page', 'comm_msg', {comm_id: 'gone'});
  expect(kinds()).toEqual(['unknown-comm']);
  connection.comms.add('there');
  connection.comm('kernel_to_page', 'comm_msg', {comm_id: 'there'});
  expect(kinds()).toEqual([]);
  connection.comm('kernel_to_page', 'comm_open');
  connection.comm('kernel_to_page', 'comm_msg');
  expect(kinds()).toEqual([]);
});

it('in a pause messages are counted only', () => {
  traffic.isPaused = true;
  connection.comm('kernel_to_page', 'comm_open');
  connection.comm('kernel_to_page', 'comm_msg');
  expect([traffic.log.length, traffic.skipped]).toEqual([0, 2]);
  // Nor is a message kept that has a problem.
  connection.comm('kernel_to_page', 'comm_msg', {comm_id: 'gone', data: 'large'});
  expect(traffic.problems.all[0]!.record!.data.text).toBe('');
  expect(traffic.comms.get('c')?.kernel_to_page.messages).toBe(2);
  traffic.isPaused = false;
  connection.comm('kernel_to_page', 'comm_msg', {id: 'after'});
  expect([traffic.log.length, last().msg_id]).toEqual([1, 'after']);
  traffic.clear();
  expect([traffic.log.length, traffic.skipped]).toEqual([0, 0]);
});

it('nothing is kept when it is disposed', () => {
  connection.comm('kernel_to_page', 'comm_open');
  traffic.dispose();
  expect(traffic.log.length).toBe(0);
});

it('a view draws once a frame, however many messages come', () => {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval']});
  const frames: (() => void)[] = [];
  vi.stubGlobal('requestAnimationFrame', (draw: () => void) => frames.push(draw));
  vi.stubGlobal('cancelAnimationFrame', () => undefined);
  const view = new View(traffic, {} as never, {} as never);
  let drawn = 0;
  view.changed.connect(() => drawn++);
  for (let i = 0; i < 1_000; i++) {
    connection.comm('kernel_to_page', 'comm_msg');
  }
  vi.advanceTimersByTime(0);
  expect([frames.length, drawn]).toEqual([1, 0]);
  frames[0]!();
  expect(drawn).toBe(1);
  // The next ones wait for a while.
  connection.comm('kernel_to_page', 'comm_msg');
  vi.advanceTimersByTime(49);
  expect(frames.length).toBe(1);
  vi.advanceTimersByTime(1);
  expect(frames.length).toBe(2);
  view.dispose();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
