// The clock behind clock.py. While Python runs, Pyodide reads its interrupt buffer every 50 steps or so;
// here the buffer is behind a getter, so signals can be made by time, without shared memory.
(pyodide, port, signal) => {
  const module = pyodide._module;
  const BUFFER = 'Py_EmscriptenSignalBuffer';
  // Where Pyodide counts the steps until it reads again: 50, set anew before each read. With any other
  // number it is C code that reads, at every number that becomes text: then one of 16 does something.
  const address = module.__Py_emscripten_signal_clock;
  const clock = address >> 2;
  const STEPS = 50;
  const FROM_C = 15;
  let heap = module.HEAP32;
  // A look at the time costs more than a read, so several reads share one while they come fast.
  const SHARED_BY = 16;
  const SLOW_MS = 5;
  const SOON_MS = 1;
  let skipped = 1;
  let reads = 0;
  let readsFromC = 0;
  let last = 0;
  let due = 0;

  // What was there before.
  let before;

  // What Pyodide finds: nothing, or one signal, which it takes out.
  const box = new Int32Array(1);
  const onRead = () => {
    if (box[0] !== 0) {
      return box;
    }
    if ((heap[clock] !== STEPS && (++readsFromC & FROM_C) !== 0) || ++reads < skipped) {
      return undefined;
    }
    reads = 0;
    // It is another one when the memory has grown.
    heap = module.HEAP32;
    const now = performance.now();
    if (now - last > SLOW_MS) {
      skipped = 1;
      if (address) {
        heap[clock] = 1;
      }
    } else {
      skipped = SHARED_BY;
    }
    last = now;
    if (now < due && !(now > due - live.interval + SLOW_MS && hasNews())) {
      return undefined;
    }
    due = now + live.interval;
    box[0] = signal;
    return box;
  };

  // How many times Stop was pressed, as far as known here, and how many of these have been dealt with.
  let asked = 0;
  let done = 0;
  // Where that can be seen while the event loop does not turn: memory that is shared with the page,
  // or URLs that the page revokes, one for each Stop.
  let shared = null;
  const tokens = new Map();
  const hasNews = () =>
    shared !== null && (Atomics.load(shared, 0) > asked || (live.listens && port.hasMail()));

  const isRevoked = url => {
    const request = new XMLHttpRequest();
    request.open('GET', url, false);
    try {
      request.send();
      return false;
    } catch {
      return true;
    }
  };

  // Resolves behind all that the event loop has in its queue: at best without another thread.
  const channel = new MessageChannel();
  const hops = [];
  channel.port1.onmessage = () => hops.shift()();
  const hop = globalThis.scheduler?.postTask
    ? () => scheduler.postTask(() => undefined)
    : () =>
        new Promise(resolve => {
          hops.push(resolve);
          channel.port2.postMessage(null);
        });

  // Memory to wait on where the page shares none.
  let own = null;
  try {
    const options = {initial: 1, maximum: 1, shared: true};
    own = new Int32Array(new WebAssembly.Memory(options).buffer);
  } catch {
    // This browser has none; a sleep takes the CPU then.
  }

  // The code that waits in the middle of Python, the innermost last.
  const asleep = [];
  let stuckSince = null;

  // Lets the event loop turn, for so long or until it is woken; the last one that began ends first.
  const turn = async ms => {
    const me = {};
    me.ended = new Promise(resolve => (me.end = resolve));
    const woken = new Promise(resolve => (me.wake = resolve));
    asleep.push(me);
    if (ms > 0) {
      const timer = setTimeout(me.wake, ms);
      await woken;
      clearTimeout(timer);
    } else {
      await hop();
      // The rest of a burst, whose turns come behind this one.
      for (let left = port.behind; left > 0 && port.behind > 0 && !live.isStopped(); left--) {
        await hop();
      }
    }
    while (asleep.at(-1) !== me) {
      await asleep.at(-1).ended;
      await hop();
    }
    asleep.pop();
    me.end();
    due = performance.now() + live.interval;
  };

  const live = {
    interval: 100,
    listens: true,
    start() {
      due = 0;
      before = module[BUFFER];
      pyodide.setInterruptBuffer(box);
      const set = value =>
        Object.defineProperty(module, BUFFER, {value, writable: true, configurable: true});
      // Whoever sets another buffer has it.
      Object.defineProperty(module, BUFFER, {get: onRead, set, configurable: true});
    },
    end() {
      pyodide.setInterruptBuffer(before);
    },
    watch(...places) {
      const [first, ...urls] = places;
      if (typeof first === 'object') {
        // Throws where the memory cannot be used.
        port.watch(...places);
        shared = first;
      } else if (tokens.size > 0 || !isRevoked(urls[0])) {
        // Otherwise the page forbids such requests, and each would look like a Stop.
        urls.forEach((url, i) => tokens.set(first + i, url));
      }
    },
    // Makes a signal soon: not at once, or it would come within the handler that asks for it.
    hurry() {
      due = Math.min(due, performance.now() + SOON_MS);
      skipped = 1;
    },
    // A Stop that the page has posted.
    interrupt(number) {
      // Each one is posted, in order; shared memory may have shown it before.
      if (number > asked + 1) {
        throw new RangeError(`the interrupt ${number} does not come after ${asked}`);
      }
      asked = Math.max(asked, number);
      live.wake();
    },
    isStopped() {
      if (shared !== null) {
        asked = Math.max(asked, Atomics.load(shared, 0));
      }
      return done < asked;
    },
    stopped() {
      for (; done < asked; done++) {
        tokens.delete(done + 1);
      }
      return done;
    },
    // Called each time that the event loop should turn, but cannot.
    stuck() {
      const now = performance.now();
      if (stuckSince === null) {
        stuckSince = now;
        hop().then(() => (stuckSince = null));
      } else if (now - stuckSince > 250) {
        stuckSince = now;
        const token = tokens.get(done + 1);
        if (token !== undefined && asked === done && isRevoked(token)) {
          asked += 1;
        }
      }
      return live.isStopped();
    },
    // Blocks the worker until there is news; returns whether it could, without burning the CPU.
    nap(ms) {
      const bell = shared === null ? own : shared.subarray(3);
      if (bell === null) {
        return false;
      }
      const rung = Atomics.load(bell, 0);
      if (!hasNews()) {
        Atomics.wait(bell, 0, rung, ms);
      }
      return true;
    },
    get hasInbox() {
      return port.hasInbox();
    },
    wake() {
      asleep.at(-1)?.wake();
    },
    get isWaiting() {
      return asleep.length > 0;
    },
    // The promise is in an object: of a promise that a function returns, Pyodide makes a future.
    turn: ms => ({promise: turn(ms)})
  };
  return live;
}
