/** What a comm message has besides its buffers, from a comm of JupyterLab to the kernel's Worker. */
import type {Kernel as LabKernel} from '@jupyterlab/services';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {connect as comms} from '../../src/api/kernel/connect';
import {attach, type Attachment, attachmentsOf, checkAttached} from '../../src/wire/attachments';
import {VERSION} from '../../src/wire/frames';
import {alone} from '../parts/lines';
import {connect, lite, Worker} from '../parts/lite';

const NO_PORT =
  'its attachments need the direct channel of lite_comms, which does not reach this kernel';
const OTHER = "the kernel's half of lite_comms is another version, which takes no attachments";

let shown: unknown[][];

beforeEach(() => {
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => void shown.push(args));
});

afterEach(() => void vi.restoreAllMocks());

/** Comm messages that are sent together leave when the code that sends them awaits. */
const turn = () => new Promise(resolve => setTimeout(resolve));

/** Have the kernel say that it can do this too. */
const hello = (...can: string[]) => lite.worker!.say('hello', VERSION, '0.1.0', ...can);

/** Buffers of a message with these attachments. */
function attached(given: unknown, connection: LabKernel.IKernelConnection | null = null) {
  const buffers: ArrayBuffer[] = [];
  attach(buffers, given, connection, {toString: () => "comm 'files' (c)"});
  return buffers;
}

/** Open a comm and send a message with attachments. */
function send(connection: LabKernel.IKernelConnection, given: unknown) {
  const comm = connection.createComm('files', 'c');
  comm.open();
  return comm.send({n: 1}, {}, attached(given));
}

/** The frames from the first comm message on, without their JSON. */
const posted = () =>
  lite
    .worker!.posted.flatMap(wire => (Array.isArray(wire[0]) ? (wire as unknown[][]) : [wire]))
    .filter(([type]) => type === 'comm' || type === 'attach')
    .map(([type, id, ...rest]) => (type === 'attach' ? [type, id, ...rest] : [type, id]));

describe('attachments', () => {
  it('are frames of their own, before the message that they belong to', async () => {
    const connection = await connect();
    hello('attachments');
    const blob = new Blob(['text']);
    send(connection, [blob]);
    await turn();
    const [, [, , sent]] = posted() as [unknown, [string, number, Blob]];
    expect(posted()).toEqual([
      ['comm', 1],
      ['attach', 2, sent],
      ['comm', 2]
    ]);
    expect(await sent.text()).toBe('text');
  });

  it('are transferred, but for what is cloned', async () => {
    const connection = await connect();
    hello('attachments');
    const post = vi.spyOn(lite.worker!, 'postMessage');
    send(connection, [new Blob(), new ReadableStream(), new File([], 'a')]);
    await turn();
    const [, attach, comm] = post.mock.calls as unknown as [{lite_comms: unknown[]}, unknown[]][];
    expect(attach![1]).toEqual([attach![0].lite_comms[3]]);
    expect(comm![1]).toEqual([]);
  });

  it('are taken at the call, and leave with what they have when the cell has begun', async () => {
    const connection = await connect();
    hello('attachments', 'begun');
    const stream = new ReadableStream();
    const cell = connection.requestExecute({code: 'a'});
    send(connection, [stream]);
    expect([posted(), stream.locked]).toEqual([[], true]);
    await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['a']));
    lite.worker!.say('begun', cell.msg.header.msg_id);
    await turn();
    expect(posted().map(([type, id]) => [type, id])).toEqual([
      ['comm', 1],
      ['attach', 2],
      ['comm', 2]
    ]);
  });

  it('wait for a kernel that starts', async () => {
    let isReady = () => {};
    lite.start = new Promise(resolve => (isReady = resolve));
    const connection = await lite.manager.startNew({name: 'python'});
    const comm = connection.createComm('files', 'c');
    comm.send({}, {}, attached([new Blob()], connection));
    hello('attachments');
    isReady();
    await vi.waitFor(() => expect(posted().map(([type]) => type)).toEqual(['attach', 'comm']));
  });

  it.each([
    ['has no half of lite_comms', []],
    ['has an older one', ['hello', VERSION, '0.1.0']]
  ])('are not sent to a kernel that starts and then %s', async (_, answer) => {
    let isReady = () => {};
    lite.start = new Promise(resolve => (isReady = resolve));
    const connection = await lite.manager.startNew({name: 'python'});
    const comm = connection.createComm('files', 'c');
    const lost = comm.send({}, {}, attached([new Blob()], connection));
    const next = comm.send({n: 2});
    if (answer.length > 0) {
      lite.worker!.say(...answer);
    }
    isReady();
    await lost.done;
    if (answer.length > 0) {
      await vi.waitFor(() => expect(posted()).toEqual([['comm', 1]]));
      lite.worker!.say('ack', 1);
    }
    await next.done;
    expect(lite.kernels[0]!.comms.map(({content}) => content)).toEqual(
      answer.length > 0 ? [] : [{comm_id: 'c', data: {n: 2}}]
    );
    expect(shown).toEqual([[`lite_comms: a message of comm c has not been sent: ${NO_PORT}`]]);
  });

  it('that waited for a cell are not sent after a bye', async () => {
    const connection = await connect();
    hello('attachments', 'begun');
    const cell = connection.requestExecute({code: 'a'});
    const sent = send(connection, [new Blob()]);
    lite.worker!.say('bye');
    await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['a']));
    lite.kernels[0]!.end('ok');
    await Promise.all([cell.done, sent.done]);
    expect(lite.kernels[0]!.comms.map(({header}) => header.msg_type)).toEqual(['comm_open']);
    expect(shown).toEqual([[`lite_comms: a message of comm c has not been sent: ${NO_PORT}`]]);
  });

  it('are not sent by the other path, whoever has not asked before', async () => {
    lite.worker = undefined;
    const connection = await connect();
    const sent = send(connection, [new Blob()]);
    await sent.done;
    const types = () => lite.kernels[0]!.comms.map(({header}) => header.msg_type);
    await vi.waitFor(() => expect(types()).toEqual(['comm_open']));
    expect(shown).toEqual([[`lite_comms: a message of comm c has not been sent: ${NO_PORT}`]]);
  });

  it('do not go into shared memory, and what follows waits for them there', async () => {
    vi.stubGlobal('crossOriginIsolated', true);
    try {
      const connection = await connect(true);
      hello('attachments', 'interrupt', 'inbox');
      await connection.info;
      const [, words] = lite.worker!.posted.find(([type]) => type === 'watch') as [
        string,
        Int32Array
      ];
      const comm = connection.createComm('files', 'c');
      connection.requestExecute({code: 'a'});
      comm.send({}, {}, attached([new Blob()]));
      expect(words[1]).toBe(0);
      comm.send({});
      expect(words[1]).toBeGreaterThan(0);
    } finally {
      vi.stubGlobal('crossOriginIsolated', undefined);
    }
  });
});

describe('a comm that asks first', () => {
  const refused = (connection: LabKernel.IKernelConnection) => {
    const stream = new ReadableStream();
    expect(() => attached([stream], connection)).toThrow(Error);
    // The user still has it.
    expect(stream.locked).toBe(false);
    try {
      attached([stream], connection);
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing';
  };

  it('is refused where there is no port', async () => {
    lite.worker = undefined;
    expect(refused(await connect())).toBe(NO_PORT);
  });

  it("is refused by a kernel's half of another version", async () => {
    expect(refused(await connect())).toBe(OTHER);
  });

  it('is refused after a bye', async () => {
    const connection = await connect();
    hello('attachments');
    lite.worker!.say('bye');
    expect(refused(connection)).toBe(NO_PORT);
  });

  it('is refused by a kernel that starts without a half of its own', async () => {
    lite.undo();
    expect(refused(await connect())).toBe(NO_PORT);
  });

  it('is refused on a server, whose connections are left as they are', async () => {
    const connection = {id: 'k', serverSettings: {serializer: {}}} as never;
    expect(refused(connection)).toBe(NO_PORT);
    expect(refused({id: 'k'} as never)).toBe(NO_PORT);
  });

  it('is refused when what has waited for a kernel finds one that takes none', async () => {
    const buffers = attached([new Blob()]);
    expect(() => checkAttached(buffers, {id: 'k'})).toThrow(NO_PORT);
    expect(() => checkAttached([], {id: 'k'})).not.toThrow();
  });

  it('needs no port without attachments', () => {
    for (const given of [undefined, null, []]) {
      expect(attachmentsOf({buffers: attached(given, {id: 'k'} as never)})).toEqual([]);
    }
  });
});

describe('what is attached', () => {
  it.each<[unknown, string]>([
    [new Blob(), "attachments of comm 'files' (c): an array is needed, not Blob"],
    [{length: 0}, "attachments of comm 'files' (c): an array is needed, not Object"],
    [
      Object.assign([new Blob()], {length: 3}),
      "attachments[1] of comm 'files' (c) must be one of File, Blob, ImageBitmap, OffscreenCanvas, " +
        'MessagePort, ReadableStream, WritableStream, TransformStream, not Undefined'
    ],
    ...[{}, null, 'text', [1], new ArrayBuffer(1), () => undefined].map(
      (value): [unknown, string] => [
        [new Blob(), value],
        "attachments[1] of comm 'files' (c) must be one of File, Blob, ImageBitmap, OffscreenCanvas, " +
          'MessagePort, ReadableStream, WritableStream, TransformStream, not ' +
          Object.prototype.toString.call(value).slice(8, -1)
      ]
    )
  ])('is checked: %o', (given, error) => {
    expect(() => attached(given)).toThrow(new TypeError(error));
  });

  it.each([
    ['ReadableStream', new ReadableStream(), (stream: ReadableStream) => stream.getReader()],
    ['WritableStream', new WritableStream(), (stream: WritableStream) => stream.getWriter()],
    [
      'TransformStream',
      new TransformStream(),
      ({writable}: TransformStream) => writable.getWriter()
    ]
  ] as [string, Attachment, (stream: unknown) => unknown][])(
    'is no %s that is in use, and nothing else is taken then',
    (kind, stream, use) => {
      const good = new ReadableStream();
      use(stream);
      expect(() => attached([good, stream])).toThrow(
        `attachments[1] of comm 'files' (c) is a ${kind} that is in use (locked)`
      );
      expect(() => attached([good, good])).toThrow();
      expect(good.locked).toBe(false);
    }
  );

  it('is found in the message of JupyterLab by all copies of this code', () => {
    const buffers = attached([new Blob()]);
    const symbol = Symbol.for('lite_comms.attachments');
    expect(attachmentsOf({buffers})).toBe(Reflect.get(buffers, symbol));
    expect(attachmentsOf({})).toEqual([]);
  });
});

describe('a comm of the page', () => {
  it('sends them with a message, and with a request', async () => {
    const connection = await connect();
    hello('attachments');
    const comm = comms(connection).open('files');
    comm.send({}, {attachments: [new Blob()]});
    comm.request({}, {attachments: [new Blob()]}).catch(() => undefined);
    await turn();
    expect(posted().map(([type, id]) => [type, id])).toEqual([
      ['comm', 1],
      ['attach', 2],
      ['comm', 2],
      ['attach', 3],
      ['comm', 3]
    ]);
    expect(() => comm.send({}, {attachments: [1 as never]})).toThrow(
      /^attachments\[0\] of comm 'files' \(.*\) must be one of File, .* not Number$/
    );
  });

  it('sends nothing where they cannot go', async () => {
    const connection = await connect();
    const comm = comms(connection).open('files');
    expect(() => comm.send({}, {attachments: [new Blob()]})).toThrow(
      `${comm} cannot send: ${OTHER}`
    );
    await expect(comm.request({}, {attachments: [new Blob()]})).rejects.toThrow(
      `${comm} cannot send: ${OTHER}`
    );
    comm.send({}, {attachments: []});
    await turn();
    expect(posted()).toEqual([
      ['comm', 1],
      ['comm', 2]
    ]);
  });

  it('has none on a line that carries none', () => {
    const {comm, line} = alone();
    expect(() => comm.send({}, {attachments: [new Blob()]})).toThrow(
      `${comm} cannot send: ${NO_PORT}`
    );
    comm.send({n: 1}, {attachments: []});
    expect(line.wire).toEqual([[{n: 1}, {}]]);
  });

  it('checks the data before it takes them', async () => {
    const connection = await connect();
    hello('attachments');
    const stream = new ReadableStream();
    const comm = comms(connection).open('files');
    expect(() => comm.send({n: 1n}, {attachments: [stream]})).toThrow('BigInt');
    expect(stream.locked).toBe(false);
  });
});

it('a restarted kernel is asked anew', async () => {
  const connection = await connect();
  hello('attachments');
  attached([new Blob()], connection);
  lite.worker = new Worker();
  const restarted = connection.restart();
  await vi.waitFor(() => expect(lite.kernels.length).toBe(2));
  hello();
  await restarted;
  await connection.info;
  expect(() => attached([new Blob()], connection)).toThrow(OTHER);
});
