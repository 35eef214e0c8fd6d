// The worker's end of the port. It picks out our frames before Python is entered, so that the messages
// of comlink and coincident on the same channel cost nothing, has Python handle them in their order,
// and acknowledges what has been handled.
(receive, receiveAll, pyodide) => {
  // The parent header is that of the frame before; and how many frames enter Python at once.
  const SAME = 0;
  const MOST = 100;
  const MOST_CHARACTERS = 65_536;
  // How long a burst takes in Python, before its last message.
  const BURST_MS = 4;
  // How deep a message may be nested, as the page's `wire/depth.ts` has it: where the stack of WebAssembly
  // ends, Python dies. Content and metadata may have 500 levels.
  const MAX_DEPTH = 501;
  const isTooDeep = text => {
    // A text with few brackets, which are found quickly, is not read.
    let brackets = 0;
    for (const c of '{[') {
      for (let i = -1; brackets <= MAX_DEPTH && (i = text.indexOf(c, i + 1)) >= 0; ) {
        brackets++;
      }
    }
    let depth = 0;
    for (let i = brackets > MAX_DEPTH ? 0 : text.length; i < text.length; i++) {
      const c = text[i];
      if (c === '"') {
        let slashes;
        do {
          i = text.indexOf('"', i + 1);
          for (slashes = 0; text[i - 1 - slashes] === '\\'; ) {
            slashes++;
          }
        } while (slashes % 2 === 1);
        if (i < 0) {
          return false;
        }
      } else if (c === '{' || c === '[') {
        if (++depth > MAX_DEPTH) {
          return true;
        }
      } else if (c === '}' || c === ']') {
        depth--;
      }
    }
    return false;
  };
  // Stands in a frame for the text of such a message.
  class TooDeep {
    constructor(text) {
      let what = 'a comm message';
      try {
        const {header, content} = JSON.parse(text);
        what = `a ${header.msg_type} of comm ${content.comm_id}`;
      } catch {
        // It is no JSON either.
      }
      this.reason = `${what} cannot be handled: it is nested more than ${MAX_DEPTH - 1} levels deep`;
    }
  }
  const post = (...frame) => {
    // Python has made them for this frame, so they can be transferred.
    const buffers = frame.filter(ArrayBuffer.isView).map(view => view.buffer);
    self.postMessage({lite_comms: frame}, buffers);
  };
  // A comm message without buffers. What most of them share does not cross from Python again.
  const send = (content, parent = SAME, type = 'comm_msg', metadata = '{}') => {
    self.postMessage({lite_comms: ['comm', type, content, metadata, parent]});
  };
  // The first message of a burst is handled at once. Those that have arrived by then are handled in the
  // next turn of the event loop: Python is entered once for many, and acknowledges them in one frame.
  let handled = [];
  const turn = new MessageChannel();
  let isTurning = false;
  const turnSoon = () => {
    if (!isTurning) {
      isTurning = true;
      turn.port2.postMessage(null);
    }
  };
  const flush = () => {
    if (handled.length > 0) {
      post('ack', ...handled);
      handled = [];
    }
  };
  turn.port1.onmessage = () => {
    isTurning = false;
    readMail();
    pump(true);
    flush();
  };
  let isClosed = false;
  const ack = id => {
    handled.push(id);
    if (isClosed) {
      flush();
    } else {
      turnSoon();
    }
  };
  const take = frame => {
    const id = frame[0] === 'comm' ? frame[1] : 0;
    let isHandled;
    try {
      if (frame[2] instanceof TooDeep) {
        post('error', frame[2].reason, id);
      } else {
        isHandled = typeof frame === 'function' ? void frame() : receive(...frame);
      }
    } catch (error) {
      // The frame could not be passed to Python.
      post('error', `${error}`, id);
    }
    if (isHandled) {
      ack(id);
    }
    if (id === first) {
      first = null;
      // If the first one is refused and no other has come since, the ids are still unknown.
      newest = isHandled === undefined && newest === id ? null : newest;
    }
  };
  // The comm messages at the head of the queue, those without buffers: Python can take them at once.
  // What it cannot handle in its time it reads again, so the next burst is smaller.
  let most = MOST;
  const burst = () => {
    let end = 0;
    let characters = 0;
    while (end < Math.min(waiting.length, most) && isPlain(waiting[end])) {
      characters += waiting[end][2].length;
      if (characters > MOST_CHARACTERS) {
        break;
      }
      end += 1;
    }
    return waiting.slice(0, end);
  };
  const isPlain = frame =>
    frame[0] === 'comm' &&
    frame.length === 4 &&
    typeof frame[2] === 'string' &&
    typeof frame[3] === 'boolean';
  // The ids of a burst that are acknowledged later, or never.
  const left = new Set();
  // Returns whether Python could read them; if not, the next one is taken alone, and said to be bad.
  const takeAll = frames => {
    const texts = frames.map(([, id, message, mayWait]) => `[${id},${mayWait},${message}]`);
    let count = 0;
    try {
      count = receiveAll(`[${texts.join()}]`, frames.length);
    } catch {
      // Too much for Python's memory; one of them may not be.
    }
    if (count < 0) {
      count = -count;
      const id = frames[count - 1][1];
      left.add(id);
      post('error', 'Python could not handle the message, nor say why', id);
    }
    most = count < frames.length ? Math.max(2, 2 * count) : Math.min(MOST, 2 * most);
    for (const [, id] of waiting.splice(0, count)) {
      if (!left.delete(id)) {
        ack(id);
      }
    }
    return count > 0;
  };
  // Memory that is shared with the page. What the page posts is there as well, and can be read while the
  // event loop does not turn. PROTOCOL.md has the layout.
  const [WRITTEN, READ, HEAD] = [1, 2, 16];
  let shared = null;
  let bytes = null;
  // The id of the last comm message, and that of the first one until Python has taken it.
  let newest = null;
  let first = null;
  const hasMail = () =>
    shared !== null && Atomics.load(shared, WRITTEN) !== Atomics.load(shared, READ);
  const copy = (from, length) => {
    const to = new Uint8Array(length);
    const size = bytes.length;
    const start = from % size;
    const part = bytes.subarray(start, start + length);
    to.set(part);
    to.set(bytes.subarray(0, length - part.length), part.length);
    return to;
  };
  const enqueue = frame => {
    first = newest === null ? frame[1] : first;
    newest = frame[1];
    if (typeof frame[2] === 'string' && isTooDeep(frame[2])) {
      frame[2] = new TooDeep(frame[2]);
    }
    waiting.push(frame);
  };
  const readMail = () => {
    try {
      readRecords();
    } catch (error) {
      // What is in that memory is also posted, so nothing is lost without it.
      shared = null;
      refuse(`the shared memory cannot be read: ${error}`);
    }
  };
  const readRecords = () => {
    while (hasMail()) {
      const at = Atomics.load(shared, READ) >>> 0;
      const there = (Atomics.load(shared, WRITTEN) - at) >>> 0;
      const [length, id, size] = new Int32Array(copy(at, 12).buffer);
      if (size < 0 || length < 12 + size || length > there) {
        throw new RangeError(`a record has ${length} bytes, its text ${size}`);
      }
      if (newest !== null && id > newest + 1) {
        // One before it is still to arrive by a post, or was too large for this memory.
        return;
      }
      if (newest === null || id > newest) {
        const text = new TextDecoder().decode(copy(at + 12, size));
        const {fields, lengths} = JSON.parse(text);
        let from = at + 12 + size;
        const buffers = lengths.map(length => {
          from += length;
          return copy(from - length, length).buffer;
        });
        enqueue(['comm', ...fields, ...buffers]);
      }
      Atomics.store(shared, READ, (at + length) | 0);
    }
  };
  // Frames that arrive while Python handles another one, or holds them back.
  const waiting = [];
  let holds = 0;
  let busy = false;
  // Handles what waits; with `once`, one burst of it, so that the event loop turns in between.
  const pump = (once = false) => {
    if (busy) {
      return;
    }
    busy = true;
    let alone = 0;
    while (waiting.length > 0 && holds === 0) {
      const begun = performance.now();
      const frames = first === null && alone === 0 ? burst() : [];
      if (frames.length < 2 || !takeAll(frames)) {
        alone = Math.max(alone, frames.length, 1) - 1;
        take(waiting.shift());
      }
      if (performance.now() - begun > BURST_MS) {
        // The page shows how long the last of them took.
        flush();
      }
      if (once && waiting.length > 0) {
        turnSoon();
        break;
      }
    }
    busy = false;
  };
  const refuse = (reason, id = 0) => post('error', reason, id);
  const listener = ({data}) => {
    const frame = data?.lite_comms;
    if (frame === undefined) {
      // A request of JupyterLite, perhaps: what was sent before it comes first.
      pump();
      return;
    }
    const frames = Array.isArray(frame?.[0]) ? frame : [frame];
    frames.forEach(arrive);
    if (!isTurning || frames.some(each => each?.[0] !== 'comm')) {
      readMail();
      pump(true);
    }
  };
  // A hello does not wait its turn, except behind a bye: only the byes before it show which of our
  // hellos it answers.
  const greets = frame => frame[0] === 'bye' || frame[0] === 'hello';
  const arrive = frame => {
    if (!Array.isArray(frame)) {
      refuse('a frame must be a list');
    } else if (frame[0] === 'interrupt' || (frame[0] === 'hello' && !waiting.some(greets))) {
      take(frame);
    } else if (frame[0] !== 'comm') {
      waiting.push(frame);
    } else if (!Number.isSafeInteger(frame[1]) || frame[1] < 1) {
      refuse(`the id of a comm message must count from 1, and is ${frame[1]}`);
    } else if (newest !== null && frame[1] > newest + 1) {
      refuse(`the comm message ${frame[1]} does not come after ${newest}`, frame[1]);
    } else if (newest === null || frame[1] > newest) {
      enqueue(frame);
    }
  };
  // If lite_comms was imported anew, the port of the earlier copy is closed, so that no message is
  // handled twice.
  const name = Symbol.for('lite_comms.port');
  self[name]?.close();
  // Before JupyterLite's own listener.
  self.addEventListener('message', listener, true);
  // Resolves to whether the page has answered: when it does, or after `ms`. The promise is in an object,
  // because Pyodide makes a task of a bare one.
  let waiters = [];
  const answer = ms => ({
    promise: new Promise(resolve => {
      waiters.push(resolve);
      setTimeout(resolve, ms, false);
    })
  });
  const answered = () => {
    waiters.forEach(resolve => resolve(true));
    waiters = [];
  };
  // When Python has died, JavaScript can still say so. Until the page ends the worker, timers of asyncio
  // and messages would enter what is left of Python.
  let isOpen = false;
  const {on_fatal} = pyodide;
  const onFatal = error => {
    post('died', `${error}`);
    try {
      on_fatal?.(error);
    } finally {
      if (isOpen) {
        self.close();
      }
    }
  };
  pyodide.on_fatal = onFatal;
  const port = {
    post,
    send,
    ack,
    // Python acknowledges a message of a burst later, or has refused it.
    leave(id) {
      left.add(id);
    },
    answer,
    answered,
    // The page speaks this protocol: it knows what to do when the worker ends, and with `locks` also that
    // it has ended without a word: the browser frees what the worker has locked.
    open(locks) {
      isOpen = true;
      if (locks) {
        const name = `lite_comms.${crypto.randomUUID()}`;
        const forever = () => {
          post('lock', name);
          return new Promise(() => undefined);
        };
        // A page in a sandbox without an origin has none.
        navigator.locks?.request(name, forever).catch(() => undefined);
      }
    },
    // Calls a function as if it were a frame that comes now.
    soon(task) {
      waiting.push(task);
      turnSoon();
    },
    hold() {
      holds += 1;
    },
    release() {
      holds = Math.max(0, holds - 1);
      // Not here: the caller may be in the middle of something.
      turnSoon();
    },
    // How many frames are left for the next turns of the event loop.
    get behind() {
      return isTurning && holds === 0 ? waiting.length : 0;
    },
    get isHeld() {
      return holds > 0;
    },
    hasMail,
    hasInbox: () => shared !== null && bytes.length > 0,
    // `last` is the id of the last message that the page has posted before it shared the memory.
    watch(place, last = null) {
      // Python goes by names, which any object can have.
      if (!(place instanceof Int32Array && place.buffer instanceof SharedArrayBuffer)) {
        throw new TypeError('shared memory must be an Int32Array over a SharedArrayBuffer');
      }
      const size = place.length * 4 - HEAD;
      // Positions count from the start of the memory, and run on beyond the end of the ring.
      if (place.byteLength !== place.buffer.byteLength || (size & (size - 1)) !== 0) {
        throw new RangeError(`shared memory must be ${HEAD} bytes and 0 or a power of two more`);
      }
      bytes = new Uint8Array(place.buffer, HEAD);
      newest ??= last;
      shared = place;
    },
    // Handles what the shared memory holds, in the middle of Python code.
    look() {
      readMail();
      pump();
      flush();
    },
    close() {
      if (pyodide.on_fatal === onFatal) {
        pyodide.on_fatal = on_fatal;
      }
      self.removeEventListener('message', listener, true);
      shared = null;
      flush();
      // Messages with async callbacks are acknowledged when these end.
      isClosed = true;
      turn.port1.close();
    }
  };
  self[name] = port;
  return port;
}
