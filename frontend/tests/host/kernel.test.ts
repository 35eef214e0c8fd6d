/** The kernel as a host page has it: its status, its targets and its end. */
import {describe, expect, it} from 'vitest';
import {settled} from '../parts/worlds';
import {abortedSoon, connected, failed, port, say, shown, status, targets} from './a_host_page';

describe('the kernel', () => {
  it('tells of its status, until nobody listens', async () => {
    const kernel = await connected();
    const heard: string[][] = [];
    const stop = kernel.onStatus((...now) => heard.push(now));
    await say(status('restarting', 'why'), status('ready'));
    stop();
    await say(status('dead'));
    expect([heard, kernel.status]).toEqual([
      [
        ['restarting', 'why'],
        ['ready', '']
      ],
      'dead'
    ]);
  });

  it('is waited for until it exposes a target', async () => {
    const kernel = await connected();
    await kernel.whenTarget('sum');
    const waiting = kernel.whenTarget('product');
    expect(await Promise.race([waiting, settled()])).toBe(undefined);
    await say(targets('product', 'sum'));
    await waiting;
  });

  it('is waited for no longer than is said', async () => {
    const kernel = await connected();
    expect(await failed(kernel.whenTarget('product', {timeout_ms: 20}))).toEqual([
      'TimeoutError',
      "the notebook has not exposed a target 'product' (exposed: sum): nothing in 20 ms"
    ]);
    const signals = [AbortSignal.abort(), abortedSoon()];
    for (const signal of signals) {
      expect((await failed(kernel.whenTarget('product', {signal})))[0]).toBe('AbortError');
    }
  });

  it('ends when the page goes, with its comms, requests and waits', async () => {
    const kernel = await connected();
    const comm = kernel.open('sum');
    const why: unknown[] = [];
    comm.onClose(({metadata}) => why.push(metadata));
    const asked = failed(comm.request());
    const waiting = failed(kernel.whenTarget('product'));
    await say({type: 'bye', reason: 'the page has been left'});
    expect([kernel.status, kernel.reason]).toEqual(['closed', 'the page has been left']);
    expect(why).toEqual([{lite_comms: {ename: 'Disconnected', evalue: 'the page has been left'}}]);
    expect([await asked, await waiting]).toEqual([
      ['ClosedError', "comm 'sum' (host-1) is closed: Disconnected: the page has been left"],
      ['ClosedError', 'the connection is closed: the page has been left']
    ]);
    expect(() => kernel.open('sum')).toThrow('the connection is closed');
    expect((await failed(kernel.whenTarget('sum')))[0]).toBe('ClosedError');
  });

  it.each(['its status', 'another comm'])(
    'ends while %s aborts a request: the request ends, too',
    async by => {
      const kernel = await connected();
      const [first, second] = [kernel.open('sum'), kernel.open('sum')];
      const controller = new AbortController();
      const asked = failed(second.request({}, {signal: controller.signal}));
      if (by === 'its status') {
        kernel.onStatus(() => controller.abort());
      } else {
        first.onClose(() => controller.abort());
      }
      await say({type: 'bye', reason: 'gone'});
      expect(await Promise.race([asked, settled()])).toEqual(
        by === 'its status'
          ? ['ClosedError', "comm 'sum' (host-2) is closed: Disconnected: gone"]
          : ['AbortError', 'This operation was aborted']
      );
      expect(shown).toEqual([]);
    }
  );

  it('ends when the other end of the port has gone', async () => {
    const kernel = await connected();
    port.close();
    await settled();
    expect([kernel.status, kernel.reason]).toEqual(['closed', 'the page has gone']);
  });

  it('shows a frame that is not understood, and handles the next one', async () => {
    const kernel = await connected();
    await say(
      {type: '__proto__'},
      {type: 'register', target_name: 'a'},
      status('happy'),
      status('dead')
    );
    expect([shown.length, kernel.status]).toEqual([3, 'dead']);
  });
});
