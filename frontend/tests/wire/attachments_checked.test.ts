/** Who takes attachments, and what can be attached. */
import type {Kernel as LabKernel} from '@jupyterlab/services';
import {describe, expect, it, vi} from 'vitest';
import {type Attachment, attachmentsOf, checkAttached} from '../../src/wire/attachments';
import {connect, lite, Worker} from '../parts/lite';
import {attached, hello, NO_PORT, OTHER} from './attaching';

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
