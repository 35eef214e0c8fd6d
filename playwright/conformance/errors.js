/** Cells and callbacks that fail: outputs, replies, and the cells queued behind them. */
{
  const {UNTIL_OTHERS_WAIT, answer, check, json, py, reply, turn} = globalThis.conformance;

  check('a cell that fails', async t => {
    t.say(reply(await t.run(`say('before')\n1 / 0\nsay('after')`)));
    t.say(reply(await t.run(`say('next')`)));
    return t.result({status: true});
  });

  const fails = code => async t => {
    t.say(reply(await t.run(code)));
    t.say(reply(await t.run(`say('next')`)));
  };

  check('a syntax error', fails('1 +'));
  check('a cell that raises KeyboardInterrupt', fails('raise KeyboardInterrupt'));
  check('a cell that raises SystemExit', fails('raise SystemExit(3)'));
  check('a cell that raises CancelledError', fails('raise asyncio.CancelledError'));
  check('an error after an unfinished line', fails(`print('no end', end=''); 1 / 0`));

  check('a result whose display fails', async t => {
    const odd = 'class Odd:\n  __repr__ = lambda self: "odd"\n  def _repr_html_(self): 1 / 0\n';
    t.say(reply(await t.run(`${odd}Odd(); None`)));
    t.say(reply(await t.run('get_ipython().display_formatter.format(Odd()); None')));
    t.say(reply(await t.run('Odd()')));
    t.say(reply(await t.run(`say('next')`)));
  });

  check('cells behind one whose display fails', async t => {
    const cells = [`await asyncio.sleep(${UNTIL_OTHERS_WAIT}); Odd()`, `say('second')`];
    const futures = cells.map(code => t.begin(code, {stop_on_error: true}));
    (await Promise.all(futures.map(answer))).forEach(one => t.say(one));
  });

  check('cells behind one that fails', async t => {
    const failing = `await asyncio.sleep(${UNTIL_OTHERS_WAIT}); 1 / 0`;
    const cells = [failing, `say('second')`, `say('third')`];
    const futures = cells.map(code => t.begin(code, {stop_on_error: true}));
    (await Promise.all(futures.map(answer))).forEach(one => t.say(one));
    t.say(reply(await t.run(`say('fourth')`)));
    return t.result({status: true});
  });

  check('cells behind one that may fail', async t => {
    const cells = ['1 / 0', `say('second')`];
    const futures = cells.map(code => t.begin(code, {stop_on_error: false}));
    (await Promise.all(futures.map(answer))).forEach(one => t.say(one));
  });

  check('an error that is shown while the cell succeeds', async t => {
    t.say(
      reply(
        await t.run(py`
          try: 1 / 0
          except ZeroDivisionError: shell.showtraceback()
          say('after')
        `)
      )
    );
    t.say(reply(await t.run(`say('next')`)));
  });

  check('an error that is shown in a callback', async t => {
    await t.run(py`
      def target(comm, msg):
          @comm.on_msg
          def _(msg):
              try: 1 / 0
              except ZeroDivisionError: shell.showtraceback()
              say('after')
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    await comm.send({}).done;
    t.say(reply(await t.run(`say('next')`)));
  });

  /** The tracebacks are not compared: the frames of the two are not the same. */
  const lastLine = line => line.replace(/(stderr ").*\\n(\w+: )/, '$1... $2');

  const failsIn =
    (target, {isSentMore}) =>
    async t => {
      await t.run(py`
      def target(comm, msg):
          ${target}
      manager.register_target('t', target)
    `);
      const comm = t.comm('t');
      comm.onClose = ({content}) => t.say('onClose', content.data);
      await comm.open({}).done;
      if (isSentMore) {
        await comm.send({}).done;
        await comm.close({}).done;
      }
      t.say(comm.isDisposed);
      await t.run('say(len(manager.comms))');
      return t.result({status: true}).map(lastLine);
    };

  check(
    'an on_msg callback that fails',
    failsIn('comm.on_msg(lambda msg: 1 / 0)', {isSentMore: true})
  );
  check('a target function that fails', failsIn(`say('opened'); 1 / 0`, {isSentMore: false}));
  check(
    'an on_close callback that fails',
    failsIn('comm.on_close(lambda msg: 1 / 0)', {isSentMore: true})
  );

  check('events of IPython', async t => {
    await t.run(py`
      counts = {}
      def counter(name):
          def count(*args): counts[name] = counts.get(name, 0) + 1
          return count
      events = ('pre_execute', 'post_execute', 'pre_run_cell', 'post_run_cell')
      counters = {name: counter(name) for name in events}
      for name, f in counters.items(): shell.events.register(name, f)
      def target(comm, msg):
          @comm.on_msg
          def _(msg):
              if msg['content']['data'] == 'fail': raise ValueError
      manager.register_target('t', target)
    `);
    const counted = async what => {
      await t.run(`create_comm('seen', data=counts).close(); counts = {}`);
      const opens = t.heard.filter(({header}) => header.msg_type === 'comm_open');
      t.say(`${what}:`, json(opens.at(-1).content.data));
    };
    void t.opened('seen');
    await counted('the cell that registers');
    await counted('nothing more');
    await t.run('1 / 0');
    await counted('a cell that fails');
    await t.run('1 +');
    await counted('a syntax error');
    const comm = await t.open('t');
    await counted('comm_open');
    await comm.send({}).done;
    await counted('comm_msg');
    await comm.send('fail').done;
    await counted('comm_msg that fails');
    await comm.close().done;
    await counted('comm_close');
    await t.prepare(py`
      for name, f in counters.items(): shell.events.unregister(name, f)
    `);
    return t.said;
  });

  check('replies', async t => {
    const reply = async (code, options) => {
      const {content, metadata} = await t.begin(code, options).done;
      t.say(Object.keys(content).sort(), Object.keys(metadata).sort());
      return content;
    };
    const expressions = {user_expressions: {sum: '1 + 1', bad: '1 / 0'}};
    const {user_expressions, payload} = await reply('1', expressions);
    t.say(user_expressions?.sum, user_expressions?.bad.ename, payload);
    await reply('1 / 0');
    const count = async options => (await t.run('1', options)).execution_count;
    const first = await count();
    t.say('counted', (await count({silent: true})) - first);
    t.say('counted', (await count()) - first);
    t.say('not kept', (await count({store_history: false})) - first);
    t.say('not kept', (await count()) - first);
    return t.said;
  });

  check('a silent cell', async t => {
    t.say(reply(await t.run(`say('one'); display('two'); 3`, {silent: true})));
  });
}
