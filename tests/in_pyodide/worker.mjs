// Gives a thread of Node.js what a browser gives a web worker, then becomes the kernel's worker.

import {parentPort, workerData} from 'node:worker_threads';

globalThis.self = globalThis;
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
globalThis.addEventListener = (type, listener) => {
  if (type === 'message') {
    parentPort.on('message', data => listener({data, origin: ''}));
  }
};
// Before version 22 Node.js has none; the worker's libraries mention it as they load.
globalThis.WebSocket ??= class {};

await import(workerData);
parentPort.postMessage('loaded');
