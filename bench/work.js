/**
 * The page's half of the benchmark, the same for each side. It is in the page before JupyterLab, to
 * see the kernel's Worker.
 */
globalThis.bench = (() => {
  const PIECE = new Uint8Array(10_000_000).map((_, i) => i % 250);
  const ROWS = Array.from({length: 2000}, (_, i) => ({
    id: i,
    name: `row ${i}`,
    values: [i, i * 0.5, null, true]
  }));
  const BATCH = 10;
  const TIMEOUT_MS = 120_000;

  let worker;
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      worker = this;
    }
  };

  const turn = (ms = 4) => new Promise(resolve => setTimeout(resolve, ms));

  // On an isolated page stock JupyterLite takes what this gives for a promise. It is a string when
  // the worker has been quicker, and then a cell or a comm message never ends: mended for both sites.
  if (globalThis.crossOriginIsolated && Atomics.waitAsync) {
    const {waitAsync} = Atomics;
    Atomics.waitAsync = (...args) => {
      const waiting = waitAsync(...args);
      return {async: true, value: Promise.resolve(waiting.value)};
    };
  }

  const until = async found => {
    for (;;) {
      const value = await found();
      if (value) {
        return value;
      }
      await turn();
    }
  };

  const check = (right, what) => {
    if (!right) {
      throw new Error(`a wrong answer: ${what}`);
    }
  };

  const inTime = (what, promise) => {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what()}: no answer`)), TIMEOUT_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  };

  const timed = async work => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };

  /** The page that is measured: its notebook, and the kernel. */
  const panel = () => globalThis.jupyterapp.shell.currentWidget;
  const kernel = () => panel().sessionContext.session.kernel;

  /** Run code in the kernel; what it has printed. */
  const execute = async code => {
    let printed = '';
    const future = kernel().requestExecute({code});
    future.onIOPub = ({header, content}) => {
      if (header.msg_type === 'stream') {
        printed += content.text;
      }
    };
    const {content} = await future.done;
    if (content.status !== 'ok') {
      throw new Error(`${content.ename}: ${content.evalue}`);
    }
    return printed;
  };

  /** Ways to a work in the kernel: JupyterLab's own comms, and the bare Worker. */
  const WAYS = {
    comms: name => {
      const comm = kernel().createComm(name);
      comm.open({});
      return {
        send: (data, buffers) => comm.send(data, {}, buffers),
        listen: heard => {
          comm.onMsg = ({content, buffers}) => heard(content.data, buffers);
        }
      };
    },
    floor: name => {
      let heard;
      worker.addEventListener('message', ({data}) => {
        if (data?.floor?.[0] === name) {
          const [, text, ...buffers] = data.floor;
          heard(JSON.parse(text), buffers);
        }
      });
      return {
        send: (data, buffers = []) => {
          // The page keeps its own.
          const copies = buffers.map(buffer => buffer.slice().buffer);
          worker.postMessage({floor: [name, JSON.stringify(data), ...copies]}, copies);
        },
        listen: f => {
          heard = f;
        }
      };
    }
  };

  const links = {};
  const link = (way, name) => (links[`${way} ${name}`] ??= WAYS[way](name));

  const answer = (link, data, buffers) =>
    new Promise(resolve => {
      link.listen((data, buffers) => resolve({data, buffers}));
      link.send(data, buffers);
    });

  const answers = (link, n, data) =>
    new Promise(resolve => {
      const got = [];
      link.listen((data, buffers) => got.push({data, buffers}) === n && resolve(got));
      link.send(data);
    });

  /** So many to the kernel; it answers to the last. */
  const many = (link, n, buffers) =>
    new Promise(resolve => {
      link.listen(resolve);
      for (let i = 0; i < n; i++) {
        link.send({i, last: i === n - 1}, buffers);
      }
    });

  /** One small echo, of several: the clock of a page that is not isolated ticks at 0.1 ms. */
  const small = async way => {
    const echo = link(way, 'echo');
    const ms = await timed(async () => {
      for (let i = 0; i < BATCH; i++) {
        check((await answer(echo, {x: i})).data.x === i, 'echo');
      }
    });
    return ms / BATCH;
  };

  const crowd = [];

  const WORKS = {
    small,
    async nested(way) {
      let got;
      const ms = await timed(async () => (got = await answer(link(way, 'echo'), {rows: ROWS})));
      check(got.data.rows.length === 2000 && got.data.rows[1999].values[1] === 999.5, 'rows');
      return ms;
    },
    async big(way) {
      let got;
      const ms = await timed(async () => (got = await answer(link(way, 'echo'), {}, [PIECE])));
      check(got.buffers[0].byteLength === PIECE.length, '10 MB');
      return ms;
    },
    async down(way, n) {
      let got;
      const flood = {n, pieces: false};
      const ms = await timed(async () => (got = await answers(link(way, 'flood'), n, flood)));
      check(got.every(({data}, i) => data.i === i), 'the order');
      return ms;
    },
    async up(way, n) {
      let got;
      const ms = await timed(async () => (got = await many(link(way, 'count'), n)));
      check(got.i === n - 1, 'the last');
      return ms;
    },
    async bulkDown(way, n = 10) {
      let got;
      const flood = {n, pieces: true};
      const ms = await timed(async () => (got = await answers(link(way, 'flood'), n, flood)));
      check(got.every(({buffers: [piece]}) => piece.byteLength === PIECE.length), '100 MB');
      return ms;
    },
    async bulkUp(way, n = 10) {
      let got;
      const ms = await timed(async () => (got = await many(link(way, 'count'), n, [PIECE])));
      check(got.i === n - 1 && got.nbytes === PIECE.length, '100 MB');
      return ms;
    },
    /** Messages at irregular moments while a cell computes; the milliseconds until each is answered. */
    async delay(way, n, shortest, longest, inLibrary) {
      const comm = link(way, 'delay');
      const ask = async () => {
        await until(async () => (await answer(comm, {last: false})).data.computing);
        const sent = [];
        const got = [];
        comm.listen(({i, computing}) => got.push({ms: performance.now() - sent[i], computing}));
        for (let i = 0; i < n; i++) {
          await turn(shortest + Math.random() * (longest - shortest));
          sent.push(performance.now());
          comm.send({i, last: i === n - 1});
        }
        await until(() => got.length === n);
        check(got.every(({computing}) => computing), 'it came after the cell');
        return got.map(({ms}) => ms);
      };
      const [delays] = await Promise.all([ask(), execute(`compute(${inLibrary ? 'True' : ''})`)]);
      return delays;
    },
    /** Have so many comms open. */
    async crowd(way, n) {
      while (crowd.length < n) {
        crowd.push(WAYS[way]('quiet'));
      }
      await answer(link(way, 'echo'), {});
    },
    /** A slider that is moved 200 times at the pace of a timer. */
    async slider(way) {
      const ids = (await answer(link(way, 'slider'), {})).data;
      const type = 'application/vnd.jupyter.widget-view+json';
      // The renderer is the way to a notebook's widgets that its extension leaves open.
      const manager = await panel().content.rendermime.createRenderer(type, {})._manager.promise;
      const model = async id => {
        await until(() => manager.has_model(id));
        return manager.get_model(id);
      };
      const slider = await model(ids.slider);
      const label = await model(ids.label);
      const answered = new Promise(resolve =>
        label.on('change:value', () => {
          const [value, handled, at] = JSON.parse(label.get('value'));
          if (value === 200) {
            resolve({handled, at, seen: performance.timeOrigin + performance.now()});
          }
        })
      );
      for (let i = 1; i <= 200; i++) {
        await turn();
        slider.set('value', i);
        slider.save_changes();
      }
      const last = performance.timeOrigin + performance.now();
      const {handled, at, seen} = await answered;
      // Python's clock has whole milliseconds.
      return {handled, kernel: Math.max(0, at - last), page: seen - last};
    },
    /** What the kernel holds, and all of the page where the browser tells. */
    async memory(way) {
      const {data} = await answer(link(way, 'memory'), {});
      const agent = globalThis.crossOriginIsolated
        ? (await performance.measureUserAgentSpecificMemory()).bytes
        : null;
      return {...data, agent};
    },
    /** Many small echoes, as many as the memory is looked at after. */
    async soak(way, n) {
      for (let i = 0; i < n; i += BATCH) {
        await small(way);
      }
    }
  };

  return {
    /** Run the first cell of the notebook as soon as that can be asked for; milliseconds to its output. */
    boot: () => {
      let stage = 'the application';
      const start = async () => {
        const app = await until(() => globalThis.jupyterapp);
        stage = 'the notebook';
        const {sessionContext, context, content} = await until(
          () => app.shell.currentWidget?.sessionContext && app.shell.currentWidget
        );
        await context.ready;
        stage = 'its session';
        await sessionContext.ready;
        stage = 'its cell';
        await until(() => content.activeCell?.model.sharedModel.source);
        stage = 'the output';
        void app.commands.execute('notebook:run-cell');
        await until(() => content.widgets[0].model.outputs.length);
        return performance.now();
      };
      return inTime(() => `boot: ${stage}`, start());
    },
    execute: code => inTime(() => 'execute', execute(code)),
    /** Open the inspector of the notebook, or close it. */
    inspect: async isOpen => {
      const {commands, shell} = globalThis.jupyterapp;
      const found = () => [...shell.widgets('down')].find(({id}) => /^lite-comms-inspector/.test(id));
      if (isOpen) {
        await commands.execute('lite-comms:open-inspector');
      } else {
        found()?.dispose();
      }
      check(!found() === !isOpen, 'the inspector');
    },
    /** Do a work several times, one way; the results in their order. */
    run: (name, way, times, ...args) =>
      inTime(
        () => `${name} over ${way}`,
        (async () => {
          check(document.visibilityState === 'visible', 'timers are slow in a hidden page');
          const results = [];
          for (let i = 0; i < times; i++) {
            results.push(await WORKS[name](way, ...args));
          }
          return results;
        })()
      )
  };
})();
