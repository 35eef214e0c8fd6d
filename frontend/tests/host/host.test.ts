/** The module of a host page: whom it connects to, and what it makes of what comes over the port. */
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {connect, type IConnectOptions, type Kernel} from '../../src/host/index';
import {commFrame} from '../../src/wire/bridge';
import {type FakeWindow, settled, twoWindows} from '../parts/worlds';

const HOST = 'https://docs.example.org';
const SITE = 'https://site.example.org';

let host: FakeWindow;
let site: FakeWindow;
let iframe: {
  src: string;
  srcdoc?: string;
  contentWindow: unknown;
  contentDocument: {URL: string} | null;
};
/** The site's end of the port. */
let port: MessagePort;
let frames: any[];
let shown: unknown[][];
let kernel: Kernel | undefined;

beforeEach(() => {
  [host, site] = twoWindows(HOST, SITE);
  iframe = {src: `${SITE}/notebooks/?path=a.ipynb`, contentWindow: site, contentDocument: null};
  vi.stubGlobal('window', host);
  vi.stubGlobal('document', {baseURI: `${HOST}/page.html`});
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => void shown.push(args));
  frames = [];
});

afterEach(() => {
  kernel?.close();
  kernel = undefined;
  vi.unstubAllGlobals();
});

const ask = (options?: IConnectOptions) => connect(iframe as never, options);

/** The handshake that the site has received last. */
const hello = () => (site.posted.at(-1)![0] as any).lite_comms_bridge;

/** Have the site answer. */
function answer(from: object = {}, nonce = hello().nonce): void {
  const channel = new MessageChannel();
  port = channel.port1;
  const heard = frames;
  port.onmessage = ({data}) => heard.push(data);
  const data = {lite_comms_bridge: {type: 'accept', nonce}};
  host.receive({data, origin: SITE, source: site, ports: [channel.port2], ...from});
}

async function say(...said: object[]): Promise<void> {
  said.forEach(frame => port.postMessage(frame));
  await settled();
}

const status = (status: string, reason = '') => ({type: 'status', status, reason});
const targets = (...names: string[]) => ({type: 'targets', names});
const message = (
  type: 'comm_msg' | 'comm_close',
  data: unknown,
  metadata = {},
  comm_id = 'host-1'
) => commFrame({type, comm_id}, data, metadata, []);

async function connected(): Promise<Kernel> {
  const asking = ask();
  answer();
  await say(targets('sum'), status('ready'));
  kernel = await asking;
  return kernel;
}

function abortedSoon(): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 1);
  return controller.signal;
}

const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => 'it has not failed',
    ({name, message}) => [name, message]
  );

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
    kernel = await asking;
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
    kernel = await asking;
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
      kernel = await asking;
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
    port = first;
    await say(status('ready'));
    kernel = await asking;
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
      ['ClosedError', 'the connection to the kernel is closed: the page has been left']
    ]);
    expect(() => kernel.open('sum')).toThrow('the connection to the kernel is closed');
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

describe('a comm', () => {
  it('is opened with data, metadata and buffers', async () => {
    const kernel = await connected();
    const bytes = new Uint8Array([0, 1, 2, 3]);
    const comm = kernel.open('sum', {n: 1}, {metadata: {m: 2}, buffers: [bytes.subarray(1, 3)]});
    await settled();
    const ids = {type: 'comm_open', comm_id: 'host-1', target_name: 'sum'} as const;
    expect(frames).toEqual([commFrame(ids, {n: 1}, {m: 2}, [new Uint8Array([1, 2]).buffer])]);
    expect([comm.targetName, comm.commId, comm.isClosed, bytes.length]).toEqual([
      'sum',
      'host-1',
      false,
      4
    ]);
  });

  it.each([
    ['a BigInt', {n: 1n}, {}],
    ['no buffer', {}, {buffers: ['abc']}],
    ['a buffer that the list leaves out', {}, {buffers: [, new ArrayBuffer(1)]}],
    ['shared memory', {}, {buffers: [new SharedArrayBuffer(8)]}],
    ['metadata that is a list', {}, {metadata: []}]
  ])('is not opened with %s', async (_, data, parts) => {
    const kernel = await connected();
    expect(() => kernel.open('sum', data, parts as never)).toThrow(TypeError);
    await settled();
    expect(frames).toEqual([]);
  });

  it('hears messages, and what a handler throws is shown', async () => {
    const comm = (await connected()).open('sum');
    const heard: unknown[] = [];
    comm.onMsg(msg => {
      heard.push(msg);
      throw new Error('of the handler');
    });
    await say(message('comm_msg', {a: 1}, {m: 1}), message('comm_msg', null));
    expect(heard).toEqual([
      {content: {comm_id: 'host-1', data: {a: 1}}, metadata: {m: 1}, buffers: []},
      {content: {comm_id: 'host-1', data: null}, metadata: {}, buffers: []}
    ]);
    expect(shown.map(([what]) => what)).toEqual(
      Array(2).fill("lite_comms: onMsg of comm 'sum' (host-1) raised")
    );
  });

  it('is told why it is refused', async () => {
    const comm = (await connected()).open('product');
    const why: unknown[] = [];
    comm.onClose(({metadata}) => why.push(metadata['lite_comms']));
    const asked = failed(comm.request());
    await say(message('comm_close', {}, {lite_comms: {ename: 'PermissionError', evalue: 'no'}}));
    expect([why, await asked, comm.isClosed]).toEqual([
      [{ename: 'PermissionError', evalue: 'no'}],
      ['ClosedError', "comm 'product' (host-1) is closed: PermissionError: no"],
      true
    ]);
    expect(() => comm.send()).toThrow("comm 'product' (host-1) is closed: PermissionError: no");
  });

  it('hands over what came before anyone listened', async () => {
    const comm = (await connected()).open('sum');
    await say(message('comm_msg', 1), message('comm_msg', 2), message('comm_close', 3));
    const heard: unknown[] = [];
    comm.onClose(({content}) => heard.push(['closed', content.data]));
    comm.onMsg(({content}) => heard.push(content.data));
    expect(heard).toEqual([['closed', 3], 1, 2]);
  });

  it('is iterated over until it is closed and nothing is left', async () => {
    const comm = (await connected()).open('sum');
    const heard: unknown[] = [];
    const all = async () => {
      for await (const {content} of comm) {
        heard.push(content.data);
      }
    };
    await say(message('comm_msg', 1));
    const done = [all(), all()];
    await say(message('comm_msg', 2), message('comm_msg', 3));
    expect(heard).toEqual([1, 2, 3]);
    await say(message('comm_msg', 4), message('comm_close', {}));
    await Promise.all(done);
    await all();
    expect(heard).toEqual([1, 2, 3, 4]);
  });

  it('is not iterated over beside an onMsg, which loses nothing', async () => {
    const comm = (await connected()).open('sum');
    const next = () => failed(comm[Symbol.asyncIterator]().next());
    const waits = next();
    const heard: unknown[] = [];
    comm.onMsg(({content}) => heard.push(content.data));
    await say(message('comm_msg', 1));
    const why = ['Error', "comm 'sum' (host-1): onMsg takes its messages"];
    expect([await waits, await next()]).toEqual([why, why]);
    expect(heard).toEqual([1]);
  });

  describe('with sendLatest', () => {
    const drawn = async () => {
      await new Promise(resolve => setTimeout(resolve, 30));
      await settled();
      return frames.splice(0);
    };

    async function opened() {
      const comm = (await connected()).open('sum');
      await settled();
      frames.length = 0;
      return comm;
    }

    it('sends the newest of each key as it was', async () => {
      const comm = await opened();
      const data = {n: 1};
      comm.sendLatest(0);
      comm.sendLatest(data);
      comm.sendLatest('a', {key: 'other', metadata: {m: 1}});
      data.n = 2;
      await settled();
      expect(frames).toEqual([]);
      expect(await drawn()).toEqual([
        message('comm_msg', {n: 1}),
        message('comm_msg', 'a', {m: 1})
      ]);
      expect(await drawn()).toEqual([]);
      comm.sendLatest(3);
      expect(await drawn()).toEqual([message('comm_msg', 3)]);
    });

    it('sends it before all else, and before it is closed', async () => {
      const comm = await opened();
      comm.sendLatest(1);
      comm.send(2);
      comm.sendLatest(3);
      comm.close(4);
      expect(await drawn()).toEqual([
        message('comm_msg', 1),
        message('comm_msg', 2),
        message('comm_msg', 3),
        message('comm_close', 4)
      ]);
      expect(() => comm.sendLatest(5)).toThrow('is closed: closed by this page');
    });

    it('sends nothing when the other end has closed it', async () => {
      const comm = await opened();
      comm.sendLatest(1);
      await say(message('comm_close', {}));
      expect(await drawn()).toEqual([]);
    });

    it.each([
      ['a BigInt', 1n, {}],
      ['no buffer', 1, {buffers: ['abc']}]
    ])('refuses %s at once, and keeps what waits', async (_, data, parts) => {
      const comm = await opened();
      comm.sendLatest(1);
      expect(() => comm.sendLatest(data, parts as never)).toThrow(TypeError);
      expect(await drawn()).toEqual([message('comm_msg', 1)]);
    });
  });

  it('keeps the first messages that nobody takes, and says so once; a slow loop loses none', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const kernel = await connected();
    const [idle, busy] = [kernel.open('sum'), kernel.open('sum')];
    const all = (comm_id: string) =>
      Array.from({length: 1_500}, (_, i) => message('comm_msg', i, {}, comm_id));
    await say(...all(idle.commId), message('comm_close', {}, {}, idle.commId));
    expect(warned.mock.calls).toEqual([
      ["lite_comms: comm 'sum' (host-1): nobody takes its messages; 1000 are kept"]
    ]);
    const first = busy[Symbol.asyncIterator]().next();
    await say(...all(busy.commId), message('comm_close', {}, {}, busy.commId));
    const heard = [await first];
    const count = async (comm: AsyncIterable<unknown>) => {
      let count = 0;
      for await (const _ of comm) {
        count++;
      }
      return count;
    };
    expect([heard.length, await count(busy), await count(idle)]).toEqual([1, 1_499, 1_000]);
  });

  it('is closed once', async () => {
    const comm = (await connected()).open('sum');
    comm.close({bye: 1});
    comm.close();
    await settled();
    expect(frames.slice(1)).toEqual([message('comm_close', {bye: 1})]);
  });

  it('is opened by the kernel', async () => {
    const kernel = await connected();
    const opened: unknown[] = [];
    const stop = kernel.registerTarget('chart', (comm, {content}) => {
      opened.push([comm.targetName, content.data]);
      comm.send({ok: 1});
    });
    const ids = {type: 'comm_open', comm_id: 'kernel-1', target_name: 'chart'} as const;
    await say(commFrame(ids, {n: 1}, {}, []));
    stop();
    await settled();
    expect(opened).toEqual([['chart', {n: 1}]]);
    expect(frames).toEqual([
      {type: 'register', target_name: 'chart'},
      message('comm_msg', {ok: 1}, {}, 'kernel-1'),
      {type: 'unregister', target_name: 'chart'}
    ]);
  });

  it.each([
    ['there is no such target', 'nothing', 'LookupError', "the host page has no target 'nothing'"],
    ['its function throws', 'chart', 'RangeError', 'too much']
  ])('of the kernel is closed with the reason where %s', async (_, target_name, ename, evalue) => {
    const kernel = await connected();
    kernel.registerTarget('chart', () => {
      throw new RangeError('too much');
    });
    const ids = {type: 'comm_open', comm_id: 'kernel-1', target_name} as const;
    await say(commFrame(ids, {}, {}, []));
    expect(frames[1]).toEqual(message('comm_close', {}, {lite_comms: {ename, evalue}}, 'kernel-1'));
  });
});

describe('a request', () => {
  const asked = (more: object) => message('comm_msg', {q: 1}, {lite_comms: more});

  it('is answered, in any order', async () => {
    const comm = (await connected()).open('sum');
    const [one, two] = [comm.request({q: 1}), comm.request({q: 1})];
    await say(
      message('comm_msg', 2, {lite_comms: {reply: '2'}}),
      message('comm_msg', null, {lite_comms: {reply: '1'}, m: 1}),
      message('comm_msg', 3, {lite_comms: {reply: '1'}})
    );
    expect([(await one).content.data, (await one).metadata['m'], (await two).content.data]).toEqual(
      [null, 1, 2]
    );
    expect(frames.slice(1)).toEqual([asked({request: '1'}), asked({request: '2'})]);
  });

  it('ends with the error of the kernel', async () => {
    const comm = (await connected()).open('sum');
    const request = comm.request().catch(error => error);
    const error = {ename: 'ValueError', evalue: 'no', traceback: ['line']};
    await say(message('comm_msg', {}, {lite_comms: {reply: '1', error}}));
    expect(await request).toMatchObject({
      name: 'RequestError',
      message: 'ValueError: no',
      ...error
    });
  });

  it.each([
    ['TimeoutError', () => ({timeout_ms: 1})],
    ['AbortError', () => ({signal: abortedSoon()})]
  ])('ends with %s, and the kernel is told', async (name, options) => {
    const comm = (await connected()).open('sum');
    expect((await failed(comm.request({q: 1}, options())))[0]).toBe(name);
    await settled();
    expect(frames.at(-1)).toEqual(message('comm_msg', {}, {lite_comms: {cancel: '1'}}));
  });

  it.each([null, undefined, Infinity, 2 ** 31])('has no limit with %s', async timeout_ms => {
    const comm = (await connected()).open('sum');
    const asked = comm.request({}, {timeout_ms});
    await settled();
    await say(message('comm_msg', 1, {lite_comms: {reply: '1'}}));
    expect((await asked).content.data).toBe(1);
  });

  it.each([
    3,
    null,
    {ename: 'ValueError', evalue: 'no'},
    {ename: 'ValueError', evalue: 1, traceback: []},
    {ename: 'ValueError', evalue: 'no', traceback: [1]}
  ])('ends with a ProtocolError when the error is not understood: %j', async error => {
    const comm = (await connected()).open('sum');
    const request = comm.request().catch(error => error);
    await say(message('comm_msg', {}, {lite_comms: {reply: '1', error}}));
    expect(await request).toMatchObject({
      name: 'RequestError',
      ename: 'ProtocolError',
      evalue: `metadata.lite_comms.error is not understood: ${JSON.stringify(error)}`
    });
  });

  it('has no attachments, nor has a message', async () => {
    const comm = (await connected()).open('sum');
    const parts = {attachments: [new Blob()]};
    const why = "comm 'sum' (host-1): a host page cannot send attachments";
    expect(await failed(comm.request({}, parts as never))).toEqual(['TypeError', why]);
    expect(() => comm.send({}, parts as never)).toThrow(why);
  });

  it('has no key of its own in the metadata', async () => {
    const comm = (await connected()).open('sum');
    expect(await failed(comm.request({}, {metadata: {lite_comms: 1}}))).toEqual([
      'TypeError',
      "metadata: the key 'lite_comms' is reserved"
    ]);
  });

  const REQUEST = message('comm_msg', {q: 1}, {lite_comms: {request: '7'}});

  it.each([
    [3, 3],
    [undefined, null],
    [
      {data: 1, metadata: 2},
      {data: 1, metadata: 2}
    ]
  ])('of the kernel is answered with what the handler returns: %j', async (returned, data) => {
    const comm = (await connected()).open('sum');
    const asked: unknown[] = [];
    comm.onRequest(async msg => {
      asked.push(msg);
      return returned;
    });
    await say(REQUEST);
    expect(asked).toEqual([
      {content: {comm_id: 'host-1', data: {q: 1}}, metadata: {}, buffers: []}
    ]);
    expect(frames[1]).toEqual(message('comm_msg', data, {lite_comms: {reply: '7'}}));
  });

  it('of the kernel is answered with metadata and buffers', async () => {
    const comm = (await connected()).open('sum');
    comm.onRequest((_, {reply}) =>
      reply([1], {metadata: {m: 1}, buffers: [new Uint8Array([5, 6])]})
    );
    await say(REQUEST);
    const ids = {type: 'comm_msg', comm_id: 'host-1'} as const;
    expect(frames[1]).toEqual(
      commFrame(ids, [1], {m: 1, lite_comms: {reply: '7'}}, [new Uint8Array([5, 6]).buffer])
    );
  });

  it.each([
    [
      'nobody answers',
      undefined,
      'NoRequestHandler',
      "comm 'sum' (host-1) has no handler; onRequest registers one"
    ],
    [
      'the handler throws',
      () => {
        throw new RangeError('too much');
      },
      'RangeError',
      'too much'
    ],
    ['it returns no JSON', () => 1n, 'TypeError', 'Do not know how to serialize a BigInt']
  ])('of the kernel is answered with an error when %s', async (_, f, ename, evalue) => {
    const comm = (await connected()).open('sum');
    if (f) {
      comm.onRequest(f);
    }
    await say(REQUEST);
    const {metadata} = JSON.parse(frames[1].content);
    expect(metadata.lite_comms).toMatchObject({reply: '7', error: {ename, evalue}});
  });

  it('of the kernel is not answered under an id that is being answered, and that is shown', async () => {
    const comm = (await connected()).open('sum');
    const asked: unknown[] = [];
    comm.onRequest(msg => {
      asked.push(msg);
      return new Promise(() => undefined);
    });
    await say(REQUEST, REQUEST);
    expect([asked.length, frames.length]).toEqual([1, 1]);
    expect(shown).toEqual([
      ["lite_comms: comm 'sum' (host-1): the other end asks twice under the id '7'"]
    ]);
  });

  it('of the kernel is cancelled: the handler is told, and sends no reply', async () => {
    const comm = (await connected()).open('sum');
    let told = false;
    comm.onRequest(
      (_, {signal}) =>
        new Promise(resolve => {
          signal.onabort = () => {
            told = true;
            resolve(1);
          };
        })
    );
    await say(REQUEST, message('comm_msg', {}, {lite_comms: {cancel: '7'}}));
    expect([told, frames.length]).toEqual([true, 1]);
  });
});
