/** The module of a host page: whom it connects to, and whose answer it takes. */
import {describe, expect, it, vi} from 'vitest';
import {settled} from '../parts/worlds';
import {
  answer,
  ask,
  failed,
  frames,
  hello,
  host,
  iframe,
  kept,
  port,
  say,
  SITE,
  site,
  status,
  targets
} from './a_host_page';

describe('connect', () => {
  it('asks the window of the iframe, at the origin of its src, for the kernel of a path', () => {
    void ask({path: 'a.ipynb', timeout_ms: 1}).catch(() => undefined);
    expect(site.posted).toEqual([
      [
        {
          lite_comms_bridge: {
            type: 'connect',
            version: 1,
            path: 'a.ipynb',
            nonce: expect.stringMatching(/^(\d+-){3}\d+$/)
          }
        },
        SITE
      ]
    ]);
  });

  it('asks with another nonce each time', () => {
    void ask({timeout_ms: 1}).catch(() => undefined);
    const {nonce} = hello();
    void ask({timeout_ms: 1}).catch(() => undefined);
    expect(hello().nonce).not.toBe(nonce);
  });

  it('waits until the kernel is ready', async () => {
    const asking = ask();
    answer();
    await say(status('waiting', "'a.ipynb' is not open there"), status('starting'));
    expect(await Promise.race([asking, 'not yet'])).toBe('not yet');
    await say(targets('sum'), status('ready'));
    const kernel = await kept(asking);
    expect([kernel.status, kernel.reason]).toEqual(['ready', '']);
  });

  it('does not ask before the page is there', async () => {
    iframe.contentDocument = {URL: 'about:blank'};
    const asking = ask();
    await settled();
    expect(site.posted).toEqual([]);
    iframe.contentDocument = null;
    await vi.waitFor(() => expect(site.posted.length).toBe(1));
    answer();
    await say(status('ready'));
    await kept(asking);
  });

  it.each(['bye', 'the end of the port'])(
    'asks the next page when the one that answers goes before it is ready: %s',
    async how => {
      const asking = ask();
      const {nonce} = hello();
      answer();
      await say(status('starting'));
      if (how === 'bye') {
        await say({type: 'bye', reason: 'the page has been left'});
      } else {
        port.close();
      }
      await vi.waitFor(() => expect(hello().nonce).not.toBe(nonce));
      answer({}, nonce); // too late
      answer();
      await say(status('ready'));
      const kernel = await kept(asking);
      expect(kernel.status).toBe('ready');
      await say({type: 'bye', reason: 'now it counts'});
      expect(kernel.status).toBe('closed');
    }
  );

  it('is refused with the reason of the site', async () => {
    const asking = failed(ask());
    const refusal = {type: 'refuse', nonce: hello().nonce, reason: 'not you'};
    host.receive({data: {lite_comms_bridge: refusal}, origin: SITE, source: site});
    expect(await asking).toEqual(['RefusedError', `${SITE} refuses: not you`]);
  });

  it.each([
    [
      'another origin in the same iframe, which has been navigated',
      {origin: 'https://evil.example'}
    ],
    ['an origin that resembles it', {origin: `${SITE}.evil.example`}],
    ['no origin', {origin: 'null'}],
    ['another window of the same origin', {source: {}}],
    ['the host page itself', {source: null}]
  ])('takes no answer of %s', async (_, from) => {
    const asking = failed(ask({timeout_ms: 50}));
    answer(from);
    await say(status('ready'));
    expect(await asking).toEqual([
      'TimeoutError',
      `connect: no answer from ${SITE}; is lite_comms there?: nothing in 50 ms`
    ]);
  });

  it('takes no answer to another connection, such as that of the page before', async () => {
    const asking = failed(ask({timeout_ms: 50}));
    answer({}, 'another nonce');
    expect((await asking)[0]).toBe('TimeoutError');
  });

  it('takes one answer only: a replay brings no other port', async () => {
    const asking = ask();
    answer();
    await settled();
    const first = port;
    answer();
    await settled();
    await say(status('ready'));
    expect(await Promise.race([asking, 'not connected'])).toBe('not connected');
    port.close();
    first.postMessage(status('ready'));
    await settled();
    const kernel = await kept(asking);
    expect(kernel.status).toBe('ready');
  });

  it('says at the time limit what is missing', async () => {
    const asking = failed(ask({timeout_ms: 100}));
    answer();
    await say(status('waiting', "'a.ipynb' is not open there"));
    expect(await asking).toEqual([
      'TimeoutError',
      `connect: ${SITE}: 'a.ipynb' is not open there: nothing in 100 ms`
    ]);
    await settled();
    expect(frames).toEqual([{type: 'bye', reason: 'the host page has closed the connection'}]);
  });

  it('ends with a signal', async () => {
    const controller = new AbortController();
    const asking = failed(ask({signal: controller.signal}));
    controller.abort();
    expect((await asking)[0]).toBe('AbortError');
    const posted = site.posted.length;
    expect((await failed(ask({signal: controller.signal})))[0]).toBe('AbortError');
    expect(site.posted.length).toBe(posted);
  });

  it.each(['about:blank', 'data:text/html,x', 'javascript:0', 'about:srcdoc', ''])(
    'takes no iframe with the src %s',
    async src => {
      if (src === 'about:srcdoc') {
        iframe.srcdoc = '<p>';
      } else {
        iframe.src = src;
      }
      const shown = src === 'about:srcdoc' ? '' : src;
      expect(await failed(ask({timeout_ms: 1}))).toEqual([
        'TypeError',
        `connect: '${shown}' is no page of a site: set iframe.src, or pass origin`
      ]);
    }
  );
});
