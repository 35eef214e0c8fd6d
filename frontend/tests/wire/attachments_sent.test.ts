/** What a comm message has besides its buffers, from a comm of JupyterLab to the kernel's Worker. */
import {describe, expect, it, vi} from 'vitest';
import {connect as comms} from '../../src/api/kernel/connect';
import {VERSION} from '../../src/wire/frames';
import {alone} from '../parts/lines';
import {connect, lite} from '../parts/lite';
import {attached, hello, NO_PORT, OTHER, posted, send, shown, turn} from './attaching';

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
