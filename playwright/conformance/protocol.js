/** Opening, sending and closing; the requests about comms and the kernel. */
{
  const {check, json, py} = globalThis.conformance;

  check('the page opens, sends and closes', async t => {
    await t.run(py`
      def target(comm, msg):
          def report(msg):
              content = {k: v for k, v in msg['content'].items()}
              say(msg['header']['msg_type'], content, msg['metadata'], len(msg['buffers']))
          report(msg)
          comm.on_msg(report)
          comm.on_close(report)
      manager.register_target('t', target)
    `);
    const comm = await t.open('t', {a: 1}, {b: 2}, [new Uint8Array([1])]);
    await comm.send({c: 3}, {d: 4}, [new Uint8Array(), new Uint8Array([5])]).done;
    await comm.close({e: 5}, {f: 6}, [new Uint8Array([7])]).done;
    await t.run('say(len(manager.comms))');
  });

  check('what a message of the page is in Python', async t => {
    await t.run(py`
      def target(comm, msg):
          def report(msg):
              for part in (msg, msg['header']):
                  say({k: type(v).__name__ for k, v in sorted(part.items())})
              say(msg['msg_type'], msg['parent_header'], msg['header']['date'].tzinfo is not None)
          report(msg)
          comm.on_msg(report)
      manager.register_target('t', target)
    `);
    await (await t.open('t')).send({}).done;
  });

  check('the kernel opens, sends and closes', async t => {
    const opened = t.opened('t');
    await t.run(py`
      comm = create_comm('t', data={'a': 1}, metadata={'b': 2}, buffers=[b'\x01'])
      comm.send({'c': 3}, metadata={'d': 4}, buffers=[b'', b'\x05'])
    `);
    const {comm} = await opened;
    t.say(comm.targetName, comm.isDisposed);
    comm.onClose = ({content}) => t.say('onClose', content.data);
    await t.run(`comm.close({'e': 5}, metadata={'f': 6}, buffers=[b'\\x07']); comm.close()`);
    t.say(comm.isDisposed);
  });

  check('what a message of the kernel is on the page', async t => {
    const opened = t.opened('t');
    const cell = t.begin(`comm = create_comm('t', target_module=None)`);
    const {comm, msg} = await opened;
    await cell.done;
    t.say(Object.keys(msg.header).sort(), Object.keys(msg.content).sort(), msg.channel);
    const asked = {...cell.msg.header};
    const different = Object.keys(asked).filter(
      key => key !== 'date' && asked[key] !== msg.parent_header[key]
    );
    t.say('parent_header differs in', different, Object.keys(msg.parent_header).sort());
    t.say(Number.isNaN(Date.parse(msg.header.date)), comm.commId === msg.content.comm_id);
    t.say(msg.header.session === cell.msg.header.session);
    t.say(comm.send({}).msg.header.msg_type);
  });

  check('the module of a target', async t => {
    const other = t.client({handleComms: false});
    await other.run(`comm = create_comm('t', target_module='a-module')`);
    await other.settle();
    return other.lines().map(line => t.names.in(line));
  });

  check('a target that the kernel lacks', async t => {
    const comm = t.comm('nobody');
    comm.onClose = ({content}) => t.say('onClose', content.data);
    await comm.open({}).done;
    t.say(comm.isDisposed);
    try {
      comm.send({});
    } catch (error) {
      t.say(error.message);
    }
    await t.run('say(len(manager.comms))');
  });

  check('a target that the page lacks', async t => {
    await t.run(py`
      comm = create_comm('nobody')
      _ = comm.on_close(lambda msg: say('closed', msg['content'], msg['metadata']))
    `);
    await t.hear('stream');
    await t.run('say(len(manager.comms))');
  });

  check('comms that the kernel does not know', async t => {
    await t.comm('t').send({}).done;
    await t.comm('t').close({}).done;
  });

  check('comms that the page does not know', async t => {
    const opened = t.opened('t');
    await t.run(`comm = create_comm('t')`);
    (await opened).comm.dispose();
    await t.run('comm.send({}); comm.close()');
    await t.run('say(len(manager.comms))');
  });

  check('a message after the close of the kernel', async t => {
    void t.opened('t');
    await t.run(py`
      comm = create_comm('t')
      comm.close()
      comm.send({'after': 1})
    `);
  });

  check('a message that crosses the close of the kernel', async t => {
    await t.run(py`
      def target(comm, msg):
          comm.on_msg(lambda msg: comm.close({'heard': msg['content']['data']}))
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    await Promise.all([comm.send({n: 1}).done, comm.send({n: 2}).done]);
  });

  check('what comes before there is a callback', async t => {
    await t.run(py`
      kept = []
      def hear(msg):
          say('hears', msg['content'].get('data'))
      manager.register_target('t', lambda comm, msg: kept.append(comm))
    `);
    const comm = await t.open('t');
    await comm.send({n: 1}).done;
    await t.run('kept[0].on_msg(hear); None');
    await comm.send({n: 2}).done;
    await comm.close().done;
    await t.run('kept[0].on_close(hear); None');
    await t.run('');
  });

  check('a target is registered and taken away', async t => {
    await t.run(py`
      manager.register_target('t', echo)
      say(manager.unregister_target('t', echo) is echo, 't' in manager.targets)
      try: manager.unregister_target('t', echo)
      except KeyError as error: say(repr(error))
      manager.register_target('by name', 'asyncio.iscoroutine')
      say(manager.targets['by name'] is asyncio.iscoroutine)
      manager.register_target('t', print)
      manager.register_target('t', echo)
      shell.kernel.comm_manager is manager
    `);
    const comm = await t.open('t');
    await comm.send({n: 1}).done;
  });

  check('both sides open', async t => {
    const opened = t.opened('t');
    await t.run(py`
      def target(comm, msg):
          global theirs
          theirs = comm
          comm.on_msg(lambda msg: comm.send({'to theirs': msg['content']['data']}))
      manager.register_target('t', target)
      ours = create_comm('t')
      _ = ours.on_msg(lambda msg: ours.send({'to ours': msg['content']['data']}))
    `);
    const [mine, {comm: theirs}] = [await t.open('t'), await opened];
    await Promise.all([mine.send({n: 1}).done, theirs.send({n: 2}).done]);
    await t.run(`ours.send('ours'); theirs.send('theirs'); say(ours.primary, theirs.primary)`);
  });

  check('comm_info_request', async t => {
    void t.opened('a');
    await t.run(py`
      manager.register_target('b', echo)
      first, second = create_comm('a'), create_comm('a')
    `);
    await t.open('b');
    const info = async content => {
      const reply = await t.kernel.requestCommInfo(content);
      t.say(json(content), reply.content);
    };
    for (const target_name of [undefined, 'a', 'b', 'c']) {
      await info(target_name ? {target_name} : {});
    }
    await t.run('first.close()');
    await info({});
  });

  check('kernel_info_request', async t => {
    const {content} = await t.kernel.requestKernelInfo();
    const {name, mimetype, file_extension, nbconvert_exporter, pygments_lexer, codemirror_mode} =
      content.language_info;
    t.say(Object.keys(content).sort());
    t.say(content.status, content.protocol_version.split('.')[0]);
    t.say({name, mimetype, file_extension, nbconvert_exporter, pygments_lexer, codemirror_mode});
    t.say({supported_features: content.supported_features ?? []});
  });

  check('the classes', async t => {
    void t.opened('t');
    await t.run(py`
      import comm as package, ipykernel.comm
      with warnings.catch_warnings(action='ignore'):
          made = create_comm('t'), ipykernel.comm.Comm('t'), ipykernel.comm.Comm(target_name='t')
      for one in made:
          say(isinstance(one, package.base_comm.BaseComm), isinstance(one, ipykernel.comm.Comm))
          say(one.kernel is shell.kernel, one.target_name, one.primary, len(one.comm_id), one.topic)
          one.close()
      say(isinstance(manager, package.base_comm.CommManager), get_comm_manager() is manager)
      say(isinstance(ipykernel.comm.CommManager, type))
      comm = create_comm('t')
      comm.on_msg(say)
    `);
  });
}
