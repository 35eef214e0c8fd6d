/**
 * Requests as PROTOCOL.md has them; the page's end is written by hand, so that only the kernel's is tested.
 *
 * These checks are the last, as they install lite_comms in the plain kernel, too.
 */
{
  const {check, py} = globalThis.conformance;

  /** A check of a kernel in which lite_comms is installed: a plain one has no requests. */
  const checkInstalled = (name, f) =>
    check(name, async t => {
      await t.prepare('import lite_comms; lite_comms.install()');
      return f(t);
    });

  const mark = lite_comms => ({lite_comms});
  const ask = (comm, id, data, metadata, buffers) =>
    comm.send(data, {...metadata, ...mark({request: id})}, buffers);

  const oracle = py`
    running = []
    def target(comm, msg):
        comm.on_msg(lambda msg: say('on_msg', msg['content']['data'], msg['metadata']))
        @comm.on_request
        async def _(msg):
            data = msg['content']['data']
            say('asked', data, msg['metadata'], [bytes(b) for b in msg['buffers']])
            if data == 'fail':
                raise ValueError('no such thing')
            if data == 'buffers':
                return lite_comms.Reply({'a': 1}, metadata={'b': 2}, buffers=[b'ab'])
            if data == 'refused':
                return {'x': object()}
            if data == 'slow':
                await asyncio.sleep(0.3)
            if data == 'never':
                running.append(asyncio.current_task())
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    say('cancelled')
                    raise
            return data
    manager.register_target('t', target)
  `;

  /** The answers that a comm gets, tracebacks left out: each kernel's have other frames. */
  const hearAnswers = (t, comm) => {
    const ids = new Set();
    comm.onMsg = ({content, metadata, buffers}) => {
      const {reply, error} = metadata.lite_comms ?? {};
      ids.add(reply);
      const said = error
        ? [error.ename, error.evalue, Array.isArray(error.traceback)]
        : [content.data, Object.keys(metadata).sort(), (buffers ?? []).length];
      t.say('answer', reply, ...said);
    };
    return async (...expected) =>
      globalThis.conformance.until(() => expected.every(id => ids.has(id)));
  };

  checkInstalled('a request of the page', async t => {
    await t.run(oracle);
    const comm = await t.open('t');
    const answered = hearAnswers(t, comm);
    ask(comm, 'one', {x: 1}, {mine: 2}, [new Uint8Array([1, 2])]);
    await answered('one');
    ask(comm, 'two', 'buffers');
    await answered('two');
    return t.result();
  });

  checkInstalled('requests are answered in any order', async t => {
    await t.run(oracle);
    const comm = await t.open('t');
    const answered = hearAnswers(t, comm);
    ask(comm, 'slow one', 'slow');
    ask(comm, 'fast one', 'fast');
    await answered('slow one', 'fast one');
    return told(t);
  });

  checkInstalled('a request that fails', async t => {
    await t.run(oracle);
    const comm = await t.open('t');
    const answered = hearAnswers(t, comm);
    ask(comm, 'raises', 'fail');
    await answered('raises');
    ask(comm, 'has no JSON', 'refused');
    await answered('has no JSON');
    // The kernel goes on.
    ask(comm, 'next', 'next');
    await answered('next');
    return told(t);
  });

  checkInstalled('a request that nobody answers', async t => {
    await t.run(`manager.register_target('t', lambda comm, msg: None)`);
    const comm = await t.open('t');
    const answered = hearAnswers(t, comm);
    ask(comm, 'one', {});
    await answered('one');
    return told(t);
  });

  checkInstalled('a request that is cancelled', async t => {
    await t.run(oracle);
    const comm = await t.open('t');
    const answered = hearAnswers(t, comm);
    ask(comm, 'one', 'never');
    await t.hearText('asked');
    await comm.send({}, mark({cancel: 'one'})).done;
    await t.hearText('cancelled');
    // One that is not known is dropped.
    await comm.send({}, mark({cancel: 'nothing'})).done;
    ask(comm, 'two', 'two');
    await answered('two');
    return told(t);
  });

  checkInstalled('a request whose comm is closed', async t => {
    await t.run(oracle);
    const comm = await t.open('t');
    comm.onMsg = () => t.say('not expected');
    ask(comm, 'one', 'never');
    await t.hearText('asked');
    await comm.close().done;
    await t.hearText('cancelled');
    await t.run('say(len(manager.comms))');
    return told(t);
  });

  checkInstalled('what only looks like a request', async t => {
    await t.run(oracle);
    const comm = await t.open('t');
    comm.onMsg = () => t.say('not expected');
    for (const odd of [null, [], 'request', {}, {request: 1}, {request: null}, {reply: 3}]) {
      await comm.send({odd: true}, mark(odd)).done;
    }
    // An answer to nothing is dropped.
    await comm.send({}, mark({reply: 'nothing'})).done;
    return t.result();
  });

  /** The lines of a check without ids and addresses. */
  const told = t => t.said.map(line => t.names.in(line).replace(/0x[0-9a-f]+/g, '0x...'));
  const toldAndPrinted = t => [...told(t), ...t.lines().filter(line => line.includes('stdout'))];

  /** Runs code in the kernel that asks on a comm, and has the page answer as a function says. */
  const isAsked = async (t, code, answer) => {
    const opened = t.opened('t');
    await t.run(`from lite_comms import Comm\ncomm = Comm('t')`);
    const {comm} = await opened;
    comm.onMsg = ({content, metadata}) => {
      const {request, cancel} = metadata.lite_comms ?? {};
      if (request !== undefined) {
        t.names.add(request, 'request');
        t.say('asked', content.data, typeof request);
        answer(comm, request, content.data);
      } else {
        t.say('cancel', t.names.of(cancel));
      }
    };
    await t.run(code);
    return comm;
  };

  const catching = asked => `
try:
    reply = await ${asked}
    say(reply['content']['data'], reply['metadata'], len(reply['buffers']))
except Exception as error:
    say(type(error).__name__, getattr(error, 'ename', None), getattr(error, 'evalue', None))
`;

  checkInstalled('a request of the kernel', async t => {
    await isAsked(t, catching(`comm.arequest({'q': 1}, timeout_s=30)`), (comm, id, data) =>
      comm.send({a: data.q}, {...mark({reply: id}), mine: 1}, [new Uint8Array([1])])
    );
    await t.run(catching(`comm.arequest({'q': 2}, timeout_s=30)`));
    return toldAndPrinted(t);
  });

  checkInstalled('a request of the kernel that fails', async t => {
    const answers = {
      fails: {ename: 'RangeError', evalue: 'no room', traceback: ['a']},
      odd: {ename: 1, evalue: 'no room', traceback: []},
      none: null
    };
    await isAsked(
      t,
      ['fails', 'odd', 'none']
        .map(how => catching(`comm.arequest('${how}', timeout_s=30)`))
        .join(''),
      (comm, id, how) => comm.send({}, mark({reply: id, error: answers[how]}))
    );
    return toldAndPrinted(t);
  });

  checkInstalled('a request of the kernel that times out, or whose comm is closed', async t => {
    const comm = await isAsked(
      t,
      catching(`comm.arequest('late', timeout_s=0.2)`),
      (comm, id, how) => {
        if (how === 'close') {
          comm.close();
        }
      }
    );
    await t.run(catching(`comm.arequest('close', timeout_s=30)`));
    t.say(comm.isDisposed);
    return toldAndPrinted(t);
  });

  checkInstalled('messages in a loop, and drain', async t => {
    await t.run(py`
      from lite_comms import Comm
      got = []
      async def gather(comm):
          async for msg in comm:
              got.append(msg['content']['data'])
          say('loop', got)
      def target(comm, msg):
          global gathering
          gathering = asyncio.create_task(gather(comm))
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    for (const n of [1, 2, 3]) {
      comm.send(n);
    }
    await comm.close().done;
    await t.run('await asyncio.wait_for(gathering, 30)');
    const opened = t.opened('sink');
    await t.run(`sink = Comm('sink')`);
    (await opened).comm.onMsg = ({content}) => t.say('sink', content.data);
    await t.run('sink.send(1); sink.send(2); await sink.drain(timeout_s=30); say("drained")');
    return toldAndPrinted(t);
  });
}
