/** The state machine of a channel: each row of its table, and what it takes and stops. */
import {describe, expect, it} from 'vitest';
import {canStop, type Event, type Kind, takes} from '../../../src/transports/channel/state';
import {step} from '../../../src/transports/channel/step';
import {
  BEGUN,
  BYE,
  CAN,
  COMM,
  DEAD,
  died,
  FORGOTTEN,
  FOUND,
  GONE,
  hello,
  type INumbered,
  late,
  moved,
  NONE,
  OPEN,
  open,
  QUIET,
  ready,
  type S,
  starting,
  STATES,
  stock,
  STOPPED,
  WAITED
} from './states';
import {TABLE} from './table';

describe('the table', () => {
  it.each(TABLE)('%s', (_, state, event, next, ...actions) => {
    expect(step(state, event)).toEqual([next, actions]);
  });

  it.each([
    [starting(CAN, COMM), true, [COMM], false, 'could not start (r)\nRestart it'],
    [stock({isReady: false}), true, [], false, 'could not start (r)\nRestart it'],
    [stock(), false, [], false, 'has died (r)\nRestart it'],
    [late(COMM), true, [COMM], true, 'has died (r)\nIt starts anew'],
    [open([COMM, OPEN]), true, [COMM, OPEN], true, 'has died (r)\nIt starts anew']
  ])('a kernel dies: %#', (state, canRestart, held, restarts, text) => {
    const isReady = state.is !== 'starting' && (state as S & {is: 'open'}).isReady;
    const why = {ename: 'KernelDied', evalue: expect.stringContaining(`the kernel ${text}`)};
    expect(step(state, died(canRestart))).toEqual([
      {is: 'dead', why},
      [{do: 'die', held, why, isReady, reason: 'r', restarts}]
    ]);
  });

  it.each([
    [NONE, [FOUND, ready(), hello(), BYE, died(), GONE, moved(QUIET), STOPPED, FORGOTTEN, WAITED]],
    [starting(null, COMM), [moved(QUIET), STOPPED, FORGOTTEN, WAITED]],
    [stock(), [FOUND, STOPPED, FORGOTTEN, moved(BEGUN), ready(), WAITED]],
    [open([COMM]), [WAITED]],
    [open(), [FOUND, STOPPED, FORGOTTEN, moved(BEGUN), moved(QUIET), ready()]],
    [DEAD, [FOUND, ready(), hello(), BYE, died(), moved(QUIET), STOPPED, FORGOTTEN, WAITED]]
  ] as [S, Event<INumbered>[]][])('has no other row that changes %o', (state, events) => {
    events.forEach(event => expect(step(state, event)).toEqual([state, []]));
  });

  it('is the same each time: what it was given is not changed', () => {
    for (const [, state, event] of TABLE) {
      const before = structuredClone([state, event]);
      step(state, event);
      expect([state, event]).toEqual(before);
    }
  });
});

it('takes comm messages where they do not take the other path, and what is behind them', () => {
  const kinds: Kind[] = ['comm', 'open', 'cell', 'info', 'other'];
  const taken = (state: S) => kinds.filter(kind => takes(state, kind));
  expect(STATES.map(taken)).toEqual([
    [],
    ['comm', 'open'],
    ['comm', 'open', 'cell', 'other'],
    [],
    ['comm', 'open'],
    ['comm', 'open'],
    kinds
  ]);
  expect(taken(late(COMM))).toEqual(['comm', 'open', 'cell', 'other']);
});

it('stops what runs where the kernel can be interrupted, and what is held at its start', () => {
  expect(STATES.map(canStop)).toEqual([false, true, true, false, false, true, true]);
  expect(canStop(open([], {can: new Set(['begun'])}))).toBe(false);
});
