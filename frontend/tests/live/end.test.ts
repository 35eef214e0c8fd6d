import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {WorkerEnd} from '../../src/live/end';

/** Stands for the browser's Web Locks: each is held by a worker until that ends. */
class FakeLocks {
  readonly waiting = new Map<string, () => void>();

  request(name: string, {signal}: {signal: AbortSignal}, f: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.waiting.set(name, () => resolve(f()));
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }
}

let locks: FakeLocks;
let page: EventTarget;
let ends: number;
let warned: unknown[];
let end: WorkerEnd;

beforeEach(() => {
  vi.useFakeTimers();
  locks = new FakeLocks();
  vi.stubGlobal('navigator', {locks});
  page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  warned = [];
  vi.spyOn(console, 'warn').mockImplementation(text => void warned.push(text));
  ends = 0;
  end = new WorkerEnd(() => ends++);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a worker's end", () => {
  it('is told once its last frames have come', async () => {
    end.watch('a');
    locks.waiting.get('a')!();
    await vi.advanceTimersByTimeAsync(50);
    expect(ends).toBe(0);
    await vi.advanceTimersByTimeAsync(50);
    expect(ends).toBe(1);
  });

  it.each(['before', 'after'])('is not told to who has been disposed %s it', async when => {
    end.watch('a');
    if (when === 'after') {
      locks.waiting.get('a')!();
      await vi.advanceTimersByTimeAsync(50);
    }
    end.dispose();
    locks.waiting.get('a')!();
    await vi.advanceTimersByTimeAsync(1000);
    expect([ends, warned]).toEqual([0, []]);
  });

  it.each([true, false])('is not told once the page may come back: %j', async persisted => {
    end.watch('a');
    page.dispatchEvent(Object.assign(new Event('pagehide'), {persisted}));
    locks.waiting.get('a')!();
    await vi.advanceTimersByTimeAsync(1000);
    expect([ends, warned]).toEqual([persisted ? 0 : 1, []]);
  });

  it('is that of the last lock', async () => {
    end.watch('a');
    end.watch('b');
    locks.waiting.get('a')!();
    await vi.advanceTimersByTimeAsync(1000);
    expect(ends).toBe(0);
    locks.waiting.get('b')!();
    await vi.advanceTimersByTimeAsync(1000);
    expect([ends, warned]).toEqual([1, []]);
  });

  it('is not told where the page may not wait for locks', async () => {
    locks.request = () => Promise.reject(new DOMException('no', 'SecurityError'));
    end.watch('a');
    await vi.advanceTimersByTimeAsync(1000);
    expect([ends, warned]).toEqual([0, ['lite_comms: the end of a kernel may go unnoticed']]);
  });

  it('can be seen where there are locks', () => {
    expect(WorkerEnd.canBeSeen).toBe(true);
    vi.stubGlobal('navigator', {});
    expect(WorkerEnd.canBeSeen).toBe(false);
  });
});
