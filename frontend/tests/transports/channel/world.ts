/** What is around a channel's state machine, with events at random, and the rules that it has to keep. */
import {expect} from 'vitest';
import {
  type Action,
  canStop,
  type Event,
  heldOf,
  type IPath,
  isComm,
  type Kind,
  takes
} from '../../../src/transports/channel/state';
import {step} from '../../../src/transports/channel/step';
import {VERSION} from '../../../src/wire/frames';
import {type INumbered, message, NONE, type S, WHY} from './states';

/** The same numbers for the same seed, from 0 to below 1 (mulberry32). */
function numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface IEntry {
  readonly message: INumbered;
  hasBegun: boolean;
}

/** A channel with all that is around it, at random; it fails when a rule is broken. */
export class World {
  constructor(seed: number) {
    this._random = numbers(seed);
    this._can = new Set(['begun', 'interrupt'].filter(() => this._random() < 0.7));
  }

  /** Something happens. */
  turn(): void {
    const {is} = this.state;
    const n = this._random() * 100;
    if (n < 45) {
      this._send(
        this._pick(['comm', 'comm', 'open', 'cell', 'info', 'other']),
        this._pick(['a', 'b'])
      );
    } else if (n < 65) {
      this._advance();
    } else if (n < 75) {
      this._do({type: 'ready', path: this._path});
    } else if (n < 86) {
      if (is !== 'none' && is !== 'dead') {
        const version = this._random() < 0.9 ? VERSION : VERSION + 1;
        this._hellos += version === VERSION ? 1 : 0;
        this._do({type: 'hello', version, can: this._can, path: this._path});
      }
    } else if (n < 91) {
      if (is !== 'none' && is !== 'dead') {
        this._byes++;
        this._do({type: 'bye'});
        this._hellos = 0;
        expect(this._byes).toBe(0);
      }
    } else if (n < 93) {
      this._stop();
    } else if (n < 95) {
      const session = this._pick(['a', 'b']);
      this._lose(heldOf(this.state).filter(message => message.session === session));
      this._entries = this._entries.filter(({message}) => message.session !== session);
      this._do({type: 'forgotten', session});
      this._move();
    } else if (n < 96) {
      this._entries = [];
      this._do({type: 'abandoned', why: WHY});
    } else if (n < 96.5) {
      this._do({type: 'waited'});
      this._move();
    } else if (n < 97) {
      this._do({type: 'died', reason: 'r', canRestart: true});
    } else {
      this._remake();
    }
    this._check();
  }

  state: S = NONE;
  /** What has become of each message that the channel has taken: how often, and what at last. */
  readonly ends = new Map<INumbered['number'], string[]>();
  readonly counts: {[action: string]: number} = {};

  private _send(kind: Kind, session: string): void {
    const message = {kind, session, isAborted: false, number: ++this._sent};
    if (takes(this.state, kind)) {
      this.ends.set(message.number, []);
      this._do({type: 'sent', message, path: this._path});
    } else {
      this._entries.push({message, hasBegun: false});
    }
  }

  /** The first message on JupyterLite's path begins, or has been handled. */
  private _advance(): void {
    const first = this._entries[0];
    if (!first || this.state.is === 'none' || this.state.is === 'starting') {
      return;
    }
    if (first.hasBegun || first.message.isAborted) {
      this._entries.shift();
    } else {
      first.hasBegun = true;
    }
    this._move();
  }

  private _move(): void {
    this._do({type: 'moved', path: this._path});
  }

  private _stop(): void {
    if (canStop(this.state)) {
      this._do({type: 'stopped'});
      if (!this._entries.some(({hasBegun}) => hasBegun)) {
        this._entries = this._entries.map(entry => ({
          ...entry,
          message: {...entry.message, isAborted: entry.message.kind === 'cell'}
        }));
      }
    } else {
      this._entries = this._entries.filter(({message, hasBegun}) => hasBegun || !isComm(message));
    }
    this._move();
  }

  /** The kernel ends, and another may be made, with nothing on its path. */
  private _remake(): void {
    this._lose(heldOf(this.state));
    this._entries = [];
    this._owesIdle = false;
    this._hellos = 0;
    this._do({type: 'gone'});
    expect(heldOf(this.state)).toEqual([]);
    if (this._random() < 0.8) {
      this._do({type: 'made', isExpected: true});
      if (this._random() < 0.2) {
        this._entries = [{message: message('comm', ++this._sent), hasBegun: false}];
        this._do({type: 'found'});
      }
    }
  }

  private get _path(): IPath {
    const cells = this._entries.filter(({message}) => message.kind === 'cell');
    const isToBegin = cells.some(({message}) => !message.isAborted);
    const comms = this._entries.filter(({message}) => isComm(message));
    return {
      hasExecutions: cells.length > 0,
      cells: cells.some(({hasBegun}) => hasBegun) ? 'begun' : isToBegin ? 'queued' : 'none',
      // Those of client b cannot be taken back.
      isQuiet: comms.every(({hasBegun, message}) => !hasBegun && message.session === 'a')
    };
  }

  private _do(event: Event<INumbered>): void {
    const before = this.state;
    const [state, actions] = step(before, event);
    this.state = state;
    for (const action of actions) {
      this.counts[action.do] = (this.counts[action.do] ?? 0) + 1;
      this._perform(action, before);
    }
  }

  private _perform(action: Action<INumbered>, before: S): void {
    if (['greet', 'later', 'bye', 'idle', 'post'].includes(action.do)) {
      expect([before.is, this.state.is]).not.toContain('dead');
      expect(this.state.is).not.toBe('none');
    }
    switch (action.do) {
      case 'greet':
        if (action.can === this._can) {
          expect(this._hellos).toBeGreaterThan(0);
          this._hellos = 0;
        }
        break;
      case 'bye':
        this._byes--;
        break;
      case 'post':
        expect(this.state.is).toBe('open');
        expect(isComm(action.message)).toBe(true);
        expect(action.mayWait).toBe(this._path.hasExecutions);
        expect(this._path.cells === 'queued' && this._can.has('begun')).toBe(false);
        // None that was sent before is still on its way.
        expect(this._underWay.filter(number => number < action.message.number)).toEqual([]);
        this._end(action.message, 'post');
        this._owesIdle ||= action.mayWait && action.message.kind === 'open';
        break;
      case 'stock':
        expect(this.state.is).not.toBe('dead');
        this._end(action.message, 'stock');
        this._entries.push({message: action.message, hasBegun: false});
        break;
      case 'idle':
        expect([this._owesIdle, this._path.hasExecutions]).toEqual([true, false]);
        this._owesIdle = false;
        break;
      case 'takeBack': {
        const taken = this._entries.filter(({message}) => isComm(message));
        this._entries = this._entries.filter(({message}) => !isComm(message));
        for (const {message} of taken) {
          expect(takes(this.state, message.kind)).toBe(true);
          this.ends.set(message.number, []);
        }
        for (const {message} of taken) {
          this._do({type: 'sent', message, path: this._path});
        }
        break;
      }
      case 'send':
        this._do({type: 'sent', message: action.message, path: this._path});
        break;
      case 'refuse':
      case 'die':
        action.held.forEach(message => this._end(message, 'refuse'));
        this._owesIdle &&= action.do === 'refuse';
        this._entries = [];
        break;
      case 'deny':
        this._end(action.message, 'deny');
        break;
      case 'busy':
      case 'leave':
      case 'later':
      case 'limit':
      case 'warn':
        break;
    }
  }

  /** The comm messages that the kernel has still to get, in no order. */
  private get _underWay(): number[] {
    const waiting = [...this._entries.map(({message}) => message), ...heldOf(this.state)].filter(
      isComm
    );
    return waiting.map(({number}) => number);
  }

  private _end({number}: INumbered, how: string): void {
    this.ends.get(number)!.push(how);
  }

  private _lose(messages: INumbered[]): void {
    messages.forEach(message => this._end(message, 'lost'));
  }

  /** What holds between two events. */
  private _check(): void {
    const held = heldOf(this.state).map(({number}) => number);
    expect(held).toEqual([...held].sort((a, b) => a - b));
    // Each has left once, or is held.
    const isWrong = ([number, ends]: [number, string[]]) =>
      ends.length !== (held.includes(number) ? 0 : 1);
    expect([...this.ends].filter(isWrong)).toEqual([]);
    if (this.state.is === 'open' && held.length > 0) {
      expect([this._path.cells, this._can.has('begun')]).toEqual(['queued', true]);
    }
    if (this.state.is === 'stock' && held.length > 0) {
      expect([this.state.can, this._path.isQuiet]).toEqual([this._can, false]);
    }
    expect('owesIdle' in this.state && this.state.owesIdle).toBe(this._owesIdle);
  }

  private readonly _random: () => number;
  private readonly _can: ReadonlySet<string>;
  private readonly _pick = <T>(values: T[]): T =>
    values[Math.floor(this._random() * values.length)]!;
  private _entries: IEntry[] = [];
  private _sent = 0;
  /** Those in our version that are not answered. */
  private _hellos = 0;
  private _byes = 0;
  private _owesIdle = false;
}
