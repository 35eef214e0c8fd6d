// Gives a thread of Node.js what a browser gives a web worker, then becomes the kernel's worker.

import {parentPort, receiveMessageOnPort, Worker, workerData} from 'node:worker_threads';

globalThis.self = globalThis;
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
const listeners = new Map();
globalThis.addEventListener = (type, listener) => {
  if (type === 'message') {
    listeners.set(listener, data => listener({data, origin: ''}));
    parentPort.on('message', listeners.get(listener));
  }
};
globalThis.removeEventListener = (type, listener) => {
  parentPort.off('message', listeners.get(listener));
};
// Behind the messages that have come, as in a browser; between two ports Node.js keeps no order.
globalThis.scheduler = {
  postTask: task => new Promise(resolve => setImmediate(() => resolve(task())))
};
// The thread itself is ended by the test.
globalThis.close = () => parentPort.postMessage({isClosed: true});
// Reads a Blob while this thread waits: another one does it.
const READER = `
require('node:worker_threads').parentPort.on('message', async ({blob, port, done}) => {
  port.postMessage(await blob.arrayBuffer());
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
})`;
let reader;
globalThis.FileReaderSync = class {
  readAsArrayBuffer(blob) {
    reader ??= new Worker(READER, {eval: true});
    const {port1, port2} = new MessageChannel();
    const done = new Int32Array(new SharedArrayBuffer(4));
    reader.postMessage({blob, port: port2, done}, [port2]);
    Atomics.wait(done, 0, 0);
    return receiveMessageOnPort(port1).message;
  }
};
// Before version 22 Node.js has none; the worker's libraries mention it as they load.
globalThis.WebSocket ??= class {};

// A web worker goes on after an exception that nobody has caught; of Pyodide's fatal errors tests know.
process.on('uncaughtException', error => {
  if (!error?.pyodide_fatal_error) {
    throw error;
  }
});

await import(workerData);
parentPort.postMessage('loaded');
