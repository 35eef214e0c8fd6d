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
late_cuts = []

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

def tell_late():
    try:
        tell(5)
    except KeyboardInterrupt:
        late_cuts.append(1)
`;
  const CELLS = [
    'end = time.time() + 0.7\nwhile time.time() < end: pass',
    'time.sleep(0.5)',
    'await asyncio.sleep(0.5)',
    'tell(100)',
    '1 / 0',
    'await asyncio.sleep(0.1); raise LookupError("on purpose")',
    'asyncio.get_running_loop().call_later(0.3, tell_late)',
    'print("x" * 10_000)'
  ];
  // Of what a cell has put off something may still come.
  const REPORT =
    'await asyncio.sleep(0.5)\nprint(json.dumps({"heard": heard, "told": {i: next(n) - 1 for i, n in told.items()},' +
    ' "open": list(get_comm_manager().comms), "ends": ends, "late_cuts": len(late_cuts)}))';

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

  const total = {
    lives: 0,
    sent: 0,
    handled: 0,
    cancelled: 0,
    told: 0,
    compared: 0,
    cells: 0,
    aborted: 0,
    stops: 0,
    cut: 0
  };
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
  let running = 0;
  let restarting = false;
  // The messages, of cells and of comms, whose Python a Stop has ended.
  let ended_by_stop = new Set();
  let cut_tells = 0;
  kernel.iopubMessage.connect((_, {header, content, parent_header}) => {
    if (header.msg_type === 'error' && /KeyboardInterrupt|CancelledError/.test(content.ename)) {
      ended_by_stop.add(parent_header.msg_id);
    }
  });

  const settle = (promise, what) => {
    const settled = promise.then(
      () => (total.handled += 1),
      () => {
        total.cancelled += 1;
        check(restarting, `cancelled, without a restart: ${what}`);
      }
    );
    under_way.set(settled, what);
    settled.finally(() => under_way.delete(settled));
  };
  const begin = async () => {
    total.lives += 1;
    comms = new Map();
    closed = [];
    ended_by_stop = new Set();
    cut_tells = 0;
    const reply = await inTime(kernel.requestExecute({code: SETUP}).done, 150_000, 'the set-up');
    check(reply.content.status === 'ok', 'the set-up failed');
  };
  const execute = code => {
    total.cells += 1;
    running += 1;
    const future = kernel.requestExecute({code, stop_on_error: random() < 0.5});
    const ended = future.done.then(
      reply => {
        total.aborted += reply.content.status === 'aborted';
        cut_tells += code.startsWith('tell') && ended_by_stop.has(future.msg.header.msg_id);
      },
      () => check(restarting, `cancelled, without a restart: ${code}`)
    );
    under_way.set(ended, code);
    ended.finally(() => {
      running -= 1;
      under_way.delete(ended);
    });
  };
  const open = () => {
    const comm = kernel.createComm('soak');
    const known = {comm, sent: 0, ids: [], got: [], closing: null};
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
      const future = known.comm.send(data, undefined, buffers);
      known.ids.push(future.msg.header.msg_id);
      settle(future.done, `message ${known.sent} of ${known.comm.commId}`);
    }
  };
  const close = () => {
    const known = [...comms.values()][upTo(comms.size)];
    if (known && comms.size > 1) {
      comms.delete(known.comm.commId);
      closed.push(known);
      known.closing = known.comm.close().msg.header.msg_id;
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
    let untold = 0;
    const stopped = id => ended_by_stop.has(id);
    for (const known of [...comms.values(), ...closed]) {
      const id = known.comm.commId;
      const isOpen = comms.has(id);
      const heard = report.heard[id] ?? [];
      const isRising = list => list.every((n, i) => i === 0 || n > list[i - 1]);
      check(isRising(heard), `the kernel heard out of order on ${id}: ${heard}`);
      check(isRising(known.got), `the page heard out of order on ${id}: ${known.got}`);
      const wasHeard = new Set(heard);
      known.ids.forEach((msg_id, i) => {
        if (!wasHeard.has(i + 1)) {
          total.cut += 1;
          check(stopped(msg_id), `message ${i + 1} of ${id} was not heard, and not stopped`);
        }
      });
      total.compared += known.ids.length;
      if (isOpen) {
        // What the kernel tells after the page has closed its end is nobody's.
        untold += report.told[id] - known.got.length;
      }
      check(report.open.includes(id) === isOpen, `${id} is open on one side only`);
      const ends = report.ends.filter(end => end === id).length;
      const most = isOpen ? 0 : 1;
      const isFine = ends === most || (ends < most && stopped(known.closing));
      check(isFine, `on_close of ${id}: ${ends} times`);
    }
    // A Stop may come between a number and its message, in each callback and cell once.
    const callbacks = [...comms.values(), ...closed].flatMap(({ids}) => ids).filter(stopped).length;
    const cuts = callbacks + cut_tells + report.late_cuts;
    check(
      untold >= 0 && untold <= cuts,
      `${untold} messages of the kernel are missing, ${cuts} cuts`
    );
    total.cut += untold;
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
      if (running < 3) {
        execute(CELLS[upTo(CELLS.length)]);
      }
    } else {
      total.stops += 1;
      void kernel.interrupt();
    }
    await pause(upTo(60));
    if (performance.now() > restart) {
      restart = performance.now() + restartEvery * 1000;
      await compare();
      // What is under way at the restart need not be handled, but comes to an end.
      for (let i = upTo(10); i > 0; i--) {
        random() < 0.5 ? send() : execute(CELLS[upTo(CELLS.length)]);
      }
      const before = [...under_way.keys()];
      restarting = true;
      await inTime(kernel.restart(), 60_000, 'the restart');
      await inTime(Promise.all(before), 10_000, 'what was under way at the restart');
      restarting = false;
      await begin();
    }
  }
  await compare();
  await kernel.shutdown();
  return {...total, problems};
};
