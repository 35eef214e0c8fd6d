/**
 * Traffic at random on a kernel: messages both ways on comms that come and go, cells that run, wait
 * and fail, callbacks that are slow and fail, Stop, restarts. What is counted on both sides has to
 * agree. `window.soak(seconds, seed)` runs it; `window.soakState` tells how far it is.
 */
globalThis.soak = async (seconds, seed, restartEvery = 15) => {
  const SETUP = `
import asyncio, itertools, json, time
from comm import get_comm_manager

heard = {}
told = {}
ends = []

def soak(comm, msg):
    mine = heard[comm.comm_id] = []
    numbers = told[comm.comm_id] = itertools.count(1)
    comm.on_close(lambda msg: ends.append(comm.comm_id))

    @comm.on_msg
    def _(msg):
        data = msg["content"]["data"]
        mine.append(data["n"])
        comm.send({"number": next(numbers)}, buffers=msg["buffers"])
        end = time.perf_counter() + data["slow"]
        while time.perf_counter() < end:
            pass
        if data["fails"]:
            raise LookupError("on purpose")

get_comm_manager().register_target("soak", soak)

def tell(times):
    for comm in list(get_comm_manager().comms.values()):
        for _ in range(times):
            comm.send({"number": next(told[comm.comm_id])})
`;
  const CELLS = [
    'end = time.time() + 0.7\nwhile time.time() < end: pass',
    'time.sleep(0.5)',
    'await asyncio.sleep(0.5)',
    'tell(100)',
    '1 / 0',
    'await asyncio.sleep(0.1); raise LookupError("on purpose")',
    'asyncio.get_running_loop().call_later(0.3, tell, 5)',
    'print("x" * 10_000)'
  ];
  // Of what a cell has put off something may still come.
  const REPORT =
    'await asyncio.sleep(0.5)\nprint(json.dumps({"heard": heard, "told": {i: next(n) - 1 for i, n in told.items()},' +
    ' "open": list(get_comm_manager().comms), "ends": ends}))';

  // A generator of numbers in [0, 1) that can be repeated: mulberry32.
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const upTo = n => Math.floor(random() * n);
  const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
  const inTime = (promise, ms, what) =>
    Promise.race([
      promise,
      pause(ms).then(() => {
        const left = [...under_way.values()].slice(0, 9).join('; ');
        throw new Error(`${what}: nothing in ${ms} ms; under way: ${left}`);
      })
    ]);

  const total = {lives: 0, sent: 0, handled: 0, cancelled: 0, told: 0, cells: 0, stops: 0, cut: 0};
  globalThis.soakState = total;
  const problems = [];
  const check = (fine, text) => {
    if (!fine && problems.length < 20) {
      problems.push(text);
    }
  };

  const {kernels} = jupyterapp.serviceManager;
  const kernel = await kernels.startNew({name: 'python'});
  let comms = new Map();
  let closed = [];
  let under_way = new Map();
  let stops = 0;
  let running = false;

  const settle = (promise, what) => {
    const settled = promise.then(
      () => (total.handled += 1),
      () => (total.cancelled += 1)
    );
    under_way.set(settled, what);
    settled.finally(() => under_way.delete(settled));
  };
  const begin = async () => {
    total.lives += 1;
    comms = new Map();
    closed = [];
    stops = 0;
    const reply = await inTime(kernel.requestExecute({code: SETUP}).done, 60_000, 'the set-up');
    check(reply.content.status === 'ok', 'the set-up failed');
  };
  const execute = code => {
    total.cells += 1;
    running = true;
    const future = kernel.requestExecute({code, stop_on_error: false});
    const end = () => (running = false);
    const ended = future.done.then(end, end);
    under_way.set(ended, code);
    ended.finally(() => under_way.delete(ended));
  };
  const open = () => {
    const comm = kernel.createComm('soak');
    const known = {comm, sent: 0, got: []};
    comm.onMsg = ({content}) => {
      known.got.push(content.data.number);
      total.told += 1;
    };
    comms.set(comm.commId, known);
    comm.open({});
  };
  const send = () => {
    const known = [...comms.values()][upTo(comms.size)];
    for (let i = upTo(30); known && i >= 0; i--) {
      const data = {n: ++known.sent, slow: random() < 0.02 ? 0.03 : 0, fails: random() < 0.01};
      const buffers = random() < 0.1 ? [new Uint8Array(upTo(10_000)).buffer] : [];
      total.sent += 1;
      settle(
        known.comm.send(data, undefined, buffers).done,
        `message ${known.sent} of ${known.comm.commId}`
      );
    }
  };
  const close = () => {
    const known = [...comms.values()][upTo(comms.size)];
    if (known && comms.size > 1) {
      comms.delete(known.comm.commId);
      closed.push(known);
      known.comm.close();
    }
  };

  /** All that is under way comes to its end; then both sides have counted the same. */
  const compare = async () => {
    await inTime(Promise.all([...under_way.keys()]), 60_000, 'what is under way');
    let text = '';
    const future = kernel.requestExecute({code: REPORT});
    future.onIOPub = ({header, content}) => {
      text += header.msg_type === 'stream' ? content.text : '';
    };
    await inTime(future.done, 60_000, 'the report');
    await pause(200);
    const report = JSON.parse(text);
    // A Stop may end a callback before it has counted, or between a number and its message.
    let missing = 0;
    for (const known of [...comms.values(), ...closed]) {
      const id = known.comm.commId;
      const isOpen = comms.has(id);
      const heard = report.heard[id] ?? [];
      const isRising = list => list.every((n, i) => i === 0 || n > list[i - 1]);
      check(isRising(heard), `the kernel heard out of order on ${id}: ${heard}`);
      check(isRising(known.got), `the page heard out of order on ${id}: ${known.got}`);
      missing += known.sent - heard.length;
      if (isOpen) {
        // What the kernel tells after the page has closed its end is nobody's.
        missing += report.told[id] - known.got.length;
      }
      check(report.open.includes(id) === isOpen, `${id} is open on one side only`);
      check(report.ends.includes(id) !== isOpen, `on_close of ${id}`);
    }
    check(missing >= 0 && missing <= 2 * stops, `${missing} messages are missing, ${stops} stops`);
    total.cut += missing;
  };

  await begin();
  const end = performance.now() + seconds * 1000;
  let restart = performance.now() + restartEvery * 1000;
  while (performance.now() < end && problems.length === 0) {
    const what = random();
    if (comms.size < 5 || what < 0.02) {
      open();
    } else if (what < 0.75) {
      send();
    } else if (what < 0.78) {
      close();
    } else if (what < 0.95) {
      // Of those behind one that fails, JupyterLite says nothing.
      if (!running) {
        execute(CELLS[upTo(CELLS.length)]);
      }
    } else {
      stops += 1;
      total.stops += 1;
      void kernel.interrupt();
    }
    await pause(upTo(60));
    if (performance.now() > restart) {
      restart = performance.now() + restartEvery * 1000;
      if (random() < 0.5) {
        await compare();
      }
      const before = [...under_way.keys()];
      await inTime(kernel.restart(), 60_000, 'the restart');
      await inTime(Promise.all(before), 10_000, 'what was under way at the restart');
      await begin();
    }
  }
  await compare();
  check(total.sent === total.handled + total.cancelled, 'a message was not settled');
  await kernel.shutdown();
  return {...total, problems};
};
