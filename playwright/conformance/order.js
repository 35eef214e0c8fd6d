/** The order of messages and outputs, also while the kernel is busy. */
{
  const {SAY_EACH, check, json, py} = globalThis.conformance;

  check('what a cell says', async t => {
    void t.opened('t');
    await t.run(py`
      say('one')
      display('two')
      comm = create_comm('t')
      say('three', file=sys.stderr)
      comm.send({'n': 4})
      say('five')
      handle = display('six', display_id='an-id')
      handle.update('seven')
      'eight'
    `);
    return t.result({status: true});
  });

  check('what a cell clears', async t => {
    await t.run(py`
      from IPython.display import clear_output
      say('one')
      clear_output(wait=True)
      say('two')
      clear_output()
      display({'text/plain': 'three', 'text/html': '<b>'}, raw=True, metadata={'a': 1})
    `);
  });

  check('what a callback says', async t => {
    await t.run(py`
      def target(comm, msg):
          say('opened')
          @comm.on_msg
          def _(msg):
              say('one')
              display('two')
              comm.send({'n': 3})
              say('four', file=sys.stderr)
              comm.close({'n': 5})
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    await comm.send({}).done;
    return t.result({status: true});
  });

  check('text that waits for its end', async t => {
    void t.opened('t');
    // A server's kernel sends text by a timer, too, which must not come in between.
    await t.run(`sys.stdout.flush_interval = 9`);
    await t.run(`print('one', end=''); create_comm('t'); print('two')`);
    await t.run(`sys.stdout.flush_interval = 0.2`);
  });

  check('what a cell says before it displays', async t => {
    await t.run(`print('one'); display('two'); print('three', file=sys.stderr); display('four')`);
  });

  check('200 messages each way', async t => {
    await t.run(`manager.register_target('t', echo)`);
    const comm = await t.open('t');
    const numbers = [...Array(200).keys()];
    await Promise.all(numbers.map(n => comm.send({n}).done));
    const heard = t.heard.filter(({header}) => header.msg_type === 'comm_msg');
    t.say(json(heard.map(({content}) => content.data.n)) === json(numbers));
    const parents = heard.map(({parent_header}) => t.names.of(parent_header.msg_id));
    t.say(parents.every((name, n) => name === `comm_msg ${n + 1}`));
    t.heard.length = 0;
    const numbersOfKernel = [];
    const opened = t.opened('k');
    const cell = t.begin(py`
      comm = create_comm('k')
      for n in range(200): comm.send(n)
    `);
    (await opened).comm.onMsg = ({content}) => numbersOfKernel.push(content.data);
    await cell.done;
    t.say(json(numbersOfKernel) === json(numbers));
    return t.said;
  });

  const sendWithin = async (t, comm, code) => {
    await t.run('');
    const cell = t.begin(
      `said.clear(); say('begins'); end = time.time() + 1.5\n${code}\nsay('ends', said)`
    );
    await t.hearText('begins');
    comm.send(1);
    comm.send(2);
    await cell.done;
    await t.hearText('message 2');
  };

  const COMPUTE = 'while len(said) < 2 and time.time() < end: pass';

  check('messages while a cell computes', async t => {
    await t.run(SAY_EACH);
    const comm = await t.open('t');
    await sendWithin(t, comm, COMPUTE);
  });

  check('messages while a cell awaits', async t => {
    await t.run(SAY_EACH);
    const comm = await t.open('t');
    await sendWithin(t, comm, 'while len(said) < 2: await asyncio.sleep(0.01)');
  });

  check('messages while a cell computes, where comms have shells of their own', async t => {
    t.kernel.commsOverSubshells = 'perCommTarget';
    await t.run(SAY_EACH);
    const comm = t.comm('t');
    await t.kernel.info;
    await (t.kernel.supportsSubshells && comm.subshellStarted);
    await comm.open({}).done;
    await sendWithin(t, comm, COMPUTE);
    t.said.length = 0;
    // Which of two threads prints under which message is not asked here.
    const text = t.heard.map(({content}) => content.text ?? '').join('');
    comm.dispose();
    return text.trim().split('\n');
  });
}
