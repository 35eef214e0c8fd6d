// A page with a JupyterLite kernel: the worker that jupyterlite-pyodide-kernel ships, and the
// way that messages take to it and back, serialized as JupyterLite does. A line of standard input
// is JavaScript for the page, as JSON; the line of standard output that answers it has its value,
// or the error, and the messages that have reached the page meanwhile.

import {once} from 'node:events';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';
import {pathToFileURL} from 'node:url';
import {Worker} from 'node:worker_threads';
import {SharedMemory} from '../../frontend/lib/src/live/shared.js';

const PROTOCOL = 'v1.kernel.websocket.jupyter.org';
const SESSION = 'page';

// Node.js would print the line of source as well, and Pyodide is one line of a megabyte.
process.on('uncaughtException', error => {
  console.error(error.stack);
  process.exit(1);
});

const {frontend, worker: bundle, initialize} = JSON.parse(process.argv[2]);
const require = createRequire(frontend);
globalThis.WebSocket ??= class {};
const {KernelMessage} = require('@jupyterlab/services');
const {serialize, deserialize} = require('@jupyterlab/services/lib/kernel/serialize');
const {wrap} = require('comlink');
const {default: nodeEndpoint} = await import(
  pathToFileURL(require.resolve('comlink/dist/esm/node-adapter.mjs'))
);

const worker = new Worker(new URL('worker.mjs', import.meta.url), {
  workerData: pathToFileURL(bundle).href,
  stdout: true
});
worker.stdout.pipe(process.stderr);
await once(worker, 'message');
const kernel = wrap(nodeEndpoint(worker));

// What JupyterLite's socket makes of a message, either way.
const carried = options =>
  deserialize(
    serialize(KernelMessage.createMessage({session: SESSION, ...options}), PROTOCOL),
    PROTOCOL
  );

// The parent header of a comm frame as text: a number stands for the last one that had a text, or for
// the header of a message of the page.
let lastParent;
const headers = new Map();
const parentText = parent => {
  if (typeof parent === 'string') {
    lastParent = parent;
  }
  return parent === 0 || parent === lastParent ? lastParent : headers.get(parent);
};

let received = [];
// What has come over the port since the start, and who waits for an acknowledgement.
const frames = [];
const unanswered = new Map();
let lastId = 0;
let memory;
worker.on('message', ({_kernelMessage: msg, lite_comms: frame, isClosed}) => {
  if (isClosed) {
    page.isClosed = true;
  } else if (frame) {
    if (frame[0] === 'comm') {
      frame[4] = parentText(frame[4]);
    }
    frames.push(frame);
    const answered = frame[0] === 'ack' ? frame.slice(1) : frame[0] === 'error' ? [frame[2]] : [];
    answered.forEach(id => {
      memory?.handled(id);
      unanswered.get(id)?.();
    });
  } else if (msg?.type.startsWith('comm_')) {
    const {type: msgType, content, metadata, buffers, parentHeader} = msg;
    received.push(carried({channel: 'iopub', msgType, content, metadata, buffers, parentHeader}));
  } else if (msg) {
    page.onOutput(msg);
    received.push({
      header: {msg_type: msg.type},
      parent_header: msg.parentHeader,
      content: msg.bundle
    });
  }
});

const keepHeader = (_, id, message) => {
  try {
    headers.set(id, JSON.stringify(JSON.parse(message).header));
  } catch {
    // A bad frame; the kernel says so.
  }
};

// What the JavaScript of a request sees as `page`.
const page = {
  kernel,

  // Sends the kernel a message, and waits until it has been handled.
  tell(msgType, content, metadata, buffers) {
    const msg = carried({channel: 'shell', msgType, content, metadata, buffers});
    const method = msgType.replace(/_./, found => found[1].toUpperCase());
    return kernel[method](msg, msg);
  },

  frames,

  // Called with each output.
  onOutput: () => undefined,

  // Whether the worker has closed itself.
  isClosed: false,

  // Sends a frame over the port.
  post(...frame) {
    if (frame[0] === 'comm') {
      keepHeader(...frame);
    }
    const moved = frame.filter(
      field => field instanceof ArrayBuffer || field instanceof MessagePort
    );
    worker.postMessage({lite_comms: frame}, moved);
  },

  // Sends the kernel a comm message over the port; the promise is kept when it has been handled.
  send(msgType, content, {metadata = {}, buffers = [], mayWait = false, attachments} = {}) {
    const {header} = KernelMessage.createMessage({session: SESSION, channel: 'shell', msgType});
    const id = ++lastId;
    if (attachments) {
      page.post('attach', id, ...attachments);
    }
    page.post('comm', id, JSON.stringify({header, metadata, content}), mayWait, ...buffers);
    return new Promise(resolve => unanswered.set(id, () => resolve(header.msg_id)));
  },

  // Shares memory with the kernel, for so many bytes of frames, and tells it.
  watch(size) {
    memory = new SharedMemory(size);
    page.post('watch', memory.words);
  },

  // Sends the kernel a comm message both ways; the promise is kept when it has been handled.
  share(msgType, content, {buffers = [], ...more} = {}) {
    const {header} = KernelMessage.createMessage({session: SESSION, channel: 'shell', msgType});
    const message = JSON.stringify({header, metadata: {}, content});
    memory.put({id: lastId + 1, message, may_wait: false, buffers});
    return page.send(msgType, content, {buffers, ...more});
  },

  // Presses Stop.
  stop() {
    memory.stop(++page.stops);
    page.post('interrupt', page.stops);
  },
  stops: 0,

  // Waits until Python has had its turn.
  turn: () => page.ask('isComplete', {code: ''}),

  async ask(method, content) {
    const msgType = `${method.replace(/[A-Z]/g, found => `_${found.toLowerCase()}`)}_request`;
    return kernel[method](content, carried({channel: 'shell', msgType, content}));
  }
};

const hex = view => Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex');
const AsyncFunction = (async () => {}).constructor;
const answer = async code => {
  received = [];
  let outcome;
  try {
    outcome = {value: await new AsyncFunction('page', code)(page)};
  } catch (error) {
    outcome = {error: `${error.stack ?? error}`};
  }
  return JSON.stringify({...outcome, received}, (key, value) =>
    ArrayBuffer.isView(value)
      ? `${value.constructor.name} ${hex(value)}`
      : value instanceof ArrayBuffer
        ? `ArrayBuffer ${hex(new Uint8Array(value))}`
        : value
  );
};

await kernel.initialize(initialize);
for await (const line of createInterface({input: process.stdin})) {
  console.log(await answer(JSON.parse(line)));
}
