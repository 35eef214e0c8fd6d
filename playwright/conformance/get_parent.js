/** `get_parent` and `set_parent` of the kernel and the shell. */
{
  const {check, py} = globalThis.conformance;

  check('get_parent', async t => {
    await t.run(py`
      def report(where):
          parent = shell.kernel.get_parent()
          header = parent['header']
          say(where, header['msg_type'], header['msg_id'], sorted(parent.get('content', ())))
          say(type(header['date']).__name__, sorted(parent))
      report('cell')
      def target(comm, msg):
          report('open')
          comm.on_msg(lambda msg: report('message'))
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    await comm.send({n: 1}).done;
    await t.run(`report('cell'); await asyncio.sleep(0); report('after an await')`);
  });

  check('set_parent', async t => {
    await t.run(py`
      first = shell.kernel.get_parent()
      def is_first():
          return shell.kernel.get_parent() == first
    `);
    await t.run(py`
      here = shell.kernel.get_parent()
      shell.kernel.set_parent(None, first)
      say('by the kernel', is_first())
      shell.kernel.set_parent(None, here)
      shell.set_parent(first)
      say('by the shell', is_first())
      shell.set_parent(here)
      shell.kernel.set_parent(None, first, channel='control')
      say('by the control channel', is_first(), shell.kernel.get_parent('control') == first)
    `);
    await t.run(py`
      here = shell.kernel.get_parent()
      try:
          shell.kernel.set_parent(None, {})
      except TypeError:
          refused = True
      else:
          refused = False
      shell.kernel.set_parent(None, here)
      say('without a header', refused)
    `);
  });
}
