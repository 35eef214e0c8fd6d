/** What is kept of comms that are refused while no inspector is open. */
import {beforeEach, expect, it, vi} from 'vitest';
import {ClosedError} from '../../../src/api/errors';
import {Refusals} from '../../../src/install/site/refusals';
import {Failures} from '../../../src/outputs/failures';
import {message, type IMade} from '../../parts/inspector';
import type {CommType} from '../../../src/inspector/log/record';

const TIME = Date.UTC(2026, 10, 28, 12);
const UNKNOWN =
  "no comm target 'termometer' is registered in the kernel (registered: 'thermometer')";

let failures: Failures;
let refusals: Refusals;
const connections = [{targets: ['here']}, {targets: []}];

beforeEach(() => {
  vi.spyOn(Date, 'now').mockReturnValue(TIME);
  failures = new Failures();
  refusals = new Refusals(failures, (connection, target) =>
    (connection as {targets: string[]}).targets.includes(target)
  );
});

const page = (type: CommType, made?: IMade) =>
  refusals.examine(message(type, made) as never, true, 'kernel', connections);
const kernel = (type: CommType, made?: IMade) =>
  refusals.examine(message(type, made) as never, false, 'kernel', connections);
const because = (ename: string, evalue: string) => ({lite_comms: {ename, evalue}});
const told = () => failures.of('kernel');

it('a comm that the kernel refuses is kept, once', () => {
  page('comm_open', {target_name: 'termometer'});
  const metadata = because('LookupError', UNKNOWN);
  // Each connection hears it.
  kernel('comm_close', {metadata, parent: {msg_type: 'comm_open'}});
  kernel('comm_close', {metadata, parent: {msg_type: 'comm_open'}});
  expect(told()).toEqual([
    {
      kind: 'unknown-target',
      text: UNKNOWN,
      time: TIME,
      comm_id: 'c',
      target_name: 'termometer',
      error: {ename: 'LookupError', evalue: UNKNOWN, traceback: []}
    }
  ]);
});

it.each([
  ['LookupError', 'comm_msg', 'unknown-comm'],
  ['ValueError', 'comm_open', 'closed']
])('a close of the kernel because of a %s in answer to a %s is %s', (ename, msg_type, kind) => {
  kernel('comm_close', {metadata: because(ename, 'why'), parent: {msg_type}});
  expect(told()).toMatchObject([{kind, text: 'why', target_name: null}]);
});

it('a close without a reason is none, nor is that of a probe', () => {
  page('comm_open', {target_name: 'jupyter.widget.control'});
  kernel('comm_close', {metadata: because('LookupError', 'none'), parent: {msg_type: 'comm_open'}});
  kernel('comm_open', {comm_id: 'd'});
  kernel('comm_close', {comm_id: 'd'});
  expect(told()).toEqual([]);
});

it('a comm of the kernel is refused if no connection has its target when the page closes it', () => {
  for (const [comm_id, target_name, target_module] of [
    ['a', 'here'],
    ['b', 'missing'],
    ['c', 'missing', 'of a module']
  ] as const) {
    kernel('comm_open', {comm_id, target_name, ...(target_module && {target_module})});
    expect(told().length).toBe(comm_id === 'c' ? 1 : 0);
    page('comm_close', {comm_id});
  }
  page('comm_open', {comm_id: 'own', target_name: 'missing'});
  page('comm_close', {comm_id: 'own'});
  expect(told()).toMatchObject([{kind: 'unknown-target', text: 'missing', comm_id: 'b'}]);
});

it('an error that nobody has caught belongs to the kernel of its comm', () => {
  page('comm_open', {comm_id: 'id 1', target_name: 'wave'});
  refusals.uncaught(new ClosedError("comm 'wave' (id 1)", 'LookupError: none'));
  refusals.uncaught(new ClosedError("comm 'wave' (id 1)", 'LookupError: none'));
  refusals.uncaught(new ClosedError("comm 'wave' (of another page)"));
  refusals.uncaught(new Error("comm 'wave' (id 1) is closed"));
  refusals.uncaught('text');
  refusals.uncaught(undefined);
  expect(told()).toMatchObject([
    {
      kind: 'uncaught',
      text: "comm 'wave' is closed: LookupError: none",
      target_name: 'wave',
      error: {ename: 'ClosedError'}
    }
  ]);
});

it('equal notes leave room for the errors of callbacks', () => {
  const heard: unknown[] = [];
  failures.subscribe((_, failure) => heard.push(failure));
  const error = {content: {ename: 'E'}} as never;
  failures.add('kernel', error);
  failures.add('kernel', error);
  page('comm_open');
  for (let i = 0; i < 30; i++) {
    refusals.uncaught(new ClosedError("comm 'demo' (c)"));
  }
  expect(told().slice(0, 2)).toEqual([error, error]);
  expect([told().length, heard.length]).toEqual([3, 32]);
});
