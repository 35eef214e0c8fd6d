/** The parent of a message or an output: the request that caused it. */
{
  const {check, py} = globalThis.conformance;

  check('a task of a cell', async t => {
    void t.opened('t');
    await t.run(py`
      comm = create_comm('t')
      go = asyncio.Event()
      async def later():
          await go.wait()
          say('one')
          display('two')
          comm.send({'n': 3})
          say('four', file=sys.stderr)
          comm.send({'parent': parent()})
      task = asyncio.create_task(later())
    `);
    await t.run('go.set()');
    await t.hear('comm_msg', ({data}) => data.parent);
  });

  check('a task of a callback', async t => {
    await t.run(py`
      go = asyncio.Event()
      def target(comm, msg):
          async def later():
              await go.wait()
              say('one')
              display('two')
              comm.send({'n': 3})
              say('four', file=sys.stderr)
              comm.send({'parent': parent()})
          @comm.on_msg
          def _(msg):
              global task
              task = asyncio.create_task(later())
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    await comm.send({}).done;
    await t.run('go.set()');
    await t.hear('comm_msg', ({data}) => data.parent);
  });

  check('a callback of the event loop', async t => {
    await t.run(py`
      say('now')
      _ = asyncio.get_running_loop().call_later(0.4, lambda: say('at last'))
    `);
    await t.run('say("a later cell")');
    await t.hearText('at last');
  });

  check('a callback after a later cell', async t => {
    await t.run(py`
      def target(comm, msg):
          @comm.on_msg
          def _(msg):
              say('said')
              display('shown')
              comm.send({'parent': parent()})
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    await t.run('say("a later cell")');
    await comm.send({}).done;
    await t.run('say(parent())');
  });

  check('a callback that fails, and what the next cell says', async t => {
    await t.run(py`
      def target(comm, msg):
          say(msg['content']['data'])
          raise ValueError('no')
      manager.register_target('t', target)
    `);
    await t.open('t', 'data').catch(() => undefined);
    await t.run('say(parent())');
    return t.result().filter(line => /: stdout/.test(line));
  });

  check('an awaited callback', async t => {
    await t.run(py`
      def target(comm, msg):
          @comm.on_msg
          async def _(msg):
              say('one')
              await asyncio.sleep(0.01)
              say('two')
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    await comm.send({}).done;
    await t.settle();
    // How Python says that nobody awaits it, and when, is not asked here.
    return t.result().filter(line => /: stdout/.test(line));
  });
}
