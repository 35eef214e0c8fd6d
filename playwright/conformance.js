/**
 * What a kernel says, and when, as a page hears it: the same checks for any Jupyter kernel that
 * speaks Python. Each gives lines of text, in which ids, dates and the names of sessions are
 * replaced, so that those of two kernels can be compared.
 */
globalThis.conformance = (() => {
  const TIMEOUT_MS = 90_000;
  const CHECKS = new Map();
  const check = (name, f) => CHECKS.set(name, f);

  const turn = (ms = 5) => new Promise(resolve => setTimeout(resolve, ms));

  const until = async found => {
    while (!found()) {
      await turn();
    }
  };

  /** Python, without the indentation that it has here. */
  const py = (...args) => {
    const text = String.raw(...args).replace(/^\n/, '');
    const [indent] = /^ */.exec(text);
    return text.replaceAll(new RegExp(`^${indent}`, 'gm'), '').trimEnd();
  };

  const bytes = ({buffer, byteOffset, byteLength}) => [
    ...new Uint8Array(buffer, byteOffset, byteLength)
  ];

  /** JSON, and the numbers that JSON lacks. */
  const json = value =>
    JSON.stringify(value, (_, item) => {
      const hasJson = typeof item !== 'number' || (Number.isFinite(item) && !Object.is(item, -0));
      return hasJson ? item : `number ${Object.is(item, -0) ? '-0' : item}`;
    });

  const without = (object, ...keys) =>
    Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));

  /** What there is in a kernel for all checks. */
  const SETUP = py`
    import asyncio, sys, time, warnings
    from comm import create_comm, get_comm_manager
    from IPython.display import display

    manager = get_comm_manager()
    shell = get_ipython()

    def say(*words, **options):
        # In one piece, since a server kernel has threads; and it keeps text back for a while.
        text = ' '.join(map(str, words)) + options.pop('end', '\n')
        print(text, **options, end='', flush=True)

    def parent():
        return shell.kernel.get_parent()['header']['msg_id']

    def kind(error):
        return next(base.__name__ for base in (ValueError, TypeError) if isinstance(error, base))

    def echo(comm, msg):
        comm.on_msg(lambda msg: comm.send(msg['content']['data']))
  `;

  /** All that has been said is heard, and nothing is left for the next check. */
  const CLEAR = py`
    sys.stdout.flush(); sys.stderr.flush()
    for known in list(manager.comms.values()): known.close()
    manager.targets.clear()
  `;

  /** Names for the ids of one check, in the order in which they appear. */
  class Names {
    add(id, name) {
      const n = (this._counts.get(name) ?? 0) + 1;
      this._counts.set(name, n);
      this._names.set(id, `${name} ${n}`);
    }

    of(id) {
      return id === undefined ? 'nobody' : (this._names.get(id) ?? 'a stranger');
    }

    has(id) {
      return this._names.has(id);
    }

    /** Write names in the place of ids. */
    in(text) {
      for (const [id, name] of this._names) {
        text = text.replaceAll(id, `<${name}>`);
      }
      return text;
    }

    _names = new Map();
    _counts = new Map();
  }

  const HIDDEN = 'what prepares';

  /** What a message says, in one line. */
  const summary = ({header, metadata, content, buffers}) => {
    const parts = [header.msg_type];
    switch (header.msg_type) {
      case 'status':
        return content.execution_state;
      case 'execute_input':
        break;
      case 'error':
        parts.push(`${content.ename}: ${content.evalue}`);
        break;
      case 'display_data':
      case 'execute_result':
      case 'update_display_data':
        parts.push(content.data['text/plain'], json(content.transient ?? {}));
        break;
      default:
        parts.push(json(content));
        if (Object.keys(metadata).length) {
          parts.push(`metadata ${json(metadata)}`);
        }
        if (buffers?.length) {
          parts.push(`buffers ${json(buffers.map(bytes))}`);
        }
    }
    return parts.join(' ');
  };

  /** A client of the kernel, and what it hears. */
  class Client {
    constructor(kernel, names) {
      this.kernel = kernel;
      this.names = names;
      this.heard = [];
      this._targets = [];
      this._hear = (_, {msg, direction}) => {
        const {msg_id, msg_type} = msg.header;
        if (direction === 'send') {
          const name = msg_type === 'execute_request' ? 'cell' : msg_type;
          names.add(msg_id, msg.metadata.hidden ? HIDDEN : name);
        } else if (msg.channel === 'iopub') {
          if (msg_type === 'comm_open' && !names.has(msg.content.comm_id)) {
            names.add(msg.content.comm_id, 'comm of the kernel');
          }
          this.heard.push(msg);
        }
      };
      kernel.anyMessage.connect(this._hear);
    }

    /** Leave the connection as it was. */
    end() {
      this.kernel.anyMessage.disconnect(this._hear);
      this._targets.forEach(([name, f]) => this.kernel.removeCommTarget(name, f));
    }

    /** Begin to run a cell. */
    begin(code, options) {
      return this.kernel.requestExecute({code, ...options});
    }

    /** Run a cell to its end; the reply. */
    async run(code, options) {
      return (await this.begin(code, options).done).content;
    }

    /** Run code that the lines do not show. */
    async prepare(code) {
      const request = {code, silent: true, store_history: false};
      const {content} = await this.kernel.requestExecute(request, true, {hidden: true}).done;
      if (content.status !== 'ok') {
        throw new Error(`${content.ename}: ${content.evalue}`);
      }
    }

    /** All that the kernel has said until now is heard. */
    async settle() {
      await this.prepare(CLEAR);
    }

    /** Wait until the kernel has said something. */
    async hear(type, found = () => true) {
      const fits = msg => msg.header.msg_type === type && found(msg.content);
      await until(() => this.heard.some(fits));
    }

    /** Wait for a text, in how many messages it may come. */
    async hearText(text) {
      await until(() =>
        this.heard
          .map(({content}) => content.text ?? '')
          .join('')
          .includes(text)
      );
    }

    comm(target) {
      const comm = this.kernel.createComm(target);
      this.names.add(comm.commId, 'comm of the page');
      return comm;
    }

    /** A comm that the page has opened. */
    async open(target, data, metadata, buffers) {
      const comm = this.comm(target);
      await comm.open(data, metadata, buffers).done;
      return comm;
    }

    /** The next comm that the kernel opens for a target. */
    opened(target) {
      return new Promise(resolve => {
        const f = (comm, msg) => resolve({comm, msg});
        this.kernel.registerCommTarget(target, f);
        this._targets.push([target, f]);
      });
    }

    /** What has been heard, but for what prepares. */
    lines({status = false} = {}) {
      const lines = [];
      let stream = {};
      for (const msg of this.heard) {
        const type = msg.header.msg_type;
        const parent = this.names.of(msg.parent_header?.msg_id);
        const isOfOthers = parent === 'a stranger';
        const isLeftOut =
          type === 'status' ? !status || isOfOthers : type === 'execute_input' && isOfOthers;
        // A second thread of a server kernel looks for a comm, too, and tells the same once more.
        const isSaidTwice = parent === 'nobody' && /^No such comm:/.test(msg.content.text ?? '');
        if (isLeftOut || isSaidTwice || parent.startsWith(HIDDEN)) {
          continue;
        }
        if (type === 'stream') {
          const {name, text} = msg.content;
          // How a text is cut into messages is open.
          if (stream.name === name && stream.parent === parent) {
            lines.pop();
          } else {
            stream = {name, parent, text: ''};
          }
          stream.text += text;
          lines.push(`${parent}: ${name} ${json(stream.text)}`);
        } else {
          stream = {};
          lines.push(`${parent}: ${summary(msg)}`);
        }
      }
      return lines;
    }
  }

  /** One check: its clients, and the lines that it gives. */
  class Trial extends Client {
    constructor(kernel) {
      super(kernel, new Names());
      this.clients = [this];
      this.said = [];
    }

    /** Another client. */
    client(options) {
      const client = new Client(connect(options), this.names);
      this.clients.push(client);
      return client;
    }

    say(...values) {
      this.said.push(
        values.map(value => (typeof value === 'string' ? value : `${json(value)}`)).join(' ')
      );
    }

    result(options) {
      // Each kernel has its way to name what a cell was compiled from, and its folders.
      const cell = /<ipython-input-[\w-]+>|[\w/.]*\b\d+\.py\b/g;
      const file = /[^\s"]*\/site-packages\/\S+:\d+: /g;
      return [...this.lines(options), ...this.said].map(line =>
        this.names.in(line).replace(cell, '<a cell>').replace(file, '<a file>: ')
      );
    }
  }

  // The protocol

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

  // Order

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
    await t.run(`print('one', end=''); create_comm('t'); print('two')`);
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

  const SAY_EACH = py`
    said = []
    def target(comm, msg):
        @comm.on_msg
        def _(msg):
            n = msg['content']['data']
            said.append(n)
            say('message', n)
    manager.register_target('t', target)
  `;

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

  // Values

  const SENT = {
    None: 'None',
    nested: `{'a': [{'b': [[], {}, ()]}, None, True, 1.5, 'x']}`,
    'none in a list': '[None]',
    unicode: String.raw`'é \u20ac \U0001f600 \u2028 \x00 "\\'`,
    'half a pair': String.raw`'\ud83d'`,
    'a byte that is no text': String.raw`'\udc80'`,
    'nan and inf': `[float('nan'), float('inf'), -float('inf')]`,
    'nan with a date': `[float('nan'), __import__('datetime').date(2020, 1, 2)]`,
    'whole float': '2.0',
    '-0.0': '-0.0',
    '2**53 + 1': '2**53 + 1',
    '2**64': '2**64',
    '10**400': '10**400',
    'keys that are no text': `{1: 1, 1.5: 2, None: 3, True: 4}`,
    'a tuple as a key': `{(1, 2): 3}`,
    tuple: '(1, (2,))',
    set: '{1}',
    frozenset: 'frozenset([1])',
    range: 'range(3)',
    generator: '(n for n in range(3))',
    bytes: `b'\\x00abc\\xff'`,
    bytearray: `bytearray(b'abc')`,
    memoryview: `memoryview(b'abc')`,
    'aware datetime': `__import__('datetime').datetime(2020, 1, 2, tzinfo=__import__('datetime').UTC)`,
    date: `__import__('datetime').date(2020, 1, 2)`,
    'time and timedelta': `__import__('datetime').timedelta(1)`,
    Decimal: `__import__('decimal').Decimal('1.5')`,
    Fraction: `__import__('fractions').Fraction(1, 2)`,
    complex: '1j',
    Path: `__import__('pathlib').Path('x')`,
    enum: `__import__('enum').IntEnum('E', 'A').A`,
    Counter: `__import__('collections').Counter('aab')`,
    mappingproxy: `__import__('types').MappingProxyType({'a': 1})`,
    object: 'object()',
    exception: 'ValueError(1)',
    'not a dict': `'text'`,
    'JSON text': `'{"a": null}'`
  };

  /** Python that sends each of some expressions, or how it is refused. */
  const sendEach = (expressions, send) => py`
    with warnings.catch_warnings(action='ignore'):
        for name, make in (${Object.entries(expressions)
          .map(([name, expression]) => `(${json(name)}, lambda: ${expression}),`)
          .join('')}):
            try: ${send}
            except Exception as error: comm.send({'refused': kind(error)}, {'name': name})
  `;

  const sent = t =>
    t.heard
      .filter(({header}) => header.msg_type === 'comm_msg')
      .map(msg => ({name: msg.metadata.name, ...msg}));

  check('values of the kernel', async t => {
    void t.opened('t');
    await t.prepare(`comm = create_comm('t')`);
    await t.prepare(sendEach(SENT, `comm.send(make(), {'name': name})`));
    for (const {name, content} of sent(t)) {
      t.say(`${name}:`, json(content.data));
    }
    t.say(sent(t).length === Object.keys(SENT).length);
    return t.said;
  });

  const SENT_BY_PAGE = {
    nested: {a: [{b: [[], {}]}, null, true, 1.5, 'x']},
    unicode: 'é \u20ac \u{1f600} \u2028 \0 "\\',
    'half a pair': '\ud83d',
    numbers: [0, -0, 1, 2.0, 0.5, 1e21, 1e-7, 2 ** 53 + 2, Number.MAX_VALUE],
    'not finite': [NaN, Infinity, -Infinity],
    undefined: {left: undefined, list: [undefined]},
    date: new Date(0),
    map: new Map([[1, 2]]),
    set: new Set([1]),
    array: new Uint8Array([1, 2]),
    toJSON: {toJSON: () => 'by itself'},
    text: 'text',
    null: null,
    ['__proto__']: JSON.parse('{"__proto__": 1, "constructor": 2}'),
    nothing: undefined
  };

  check('values of the page', async t => {
    await t.run(py`
      def target(comm, msg):
          comm.on_msg(lambda msg: comm.send({'repr': ascii(msg['content'].get('data', 'none'))}))
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    for (const [name, value] of Object.entries(SENT_BY_PAGE)) {
      const n = t.heard.length;
      await comm.send(value).done;
      const [msg] = t.heard.slice(n).filter(({header}) => header.msg_type === 'comm_msg');
      t.say(`${name}:`, msg?.content.data.repr ?? 'nothing');
    }
    for (const value of [1n, {a: [1n]}]) {
      try {
        comm.send(value);
      } catch (error) {
        t.say(error.constructor.name);
      }
    }
    return t.said;
  });

  check('metadata', async t => {
    void t.opened('t');
    await t.run(py`
      comm = create_comm('t', metadata={'nested': {'none': None, 'list': [1, (2,)]}})
      with warnings.catch_warnings(action='ignore'): comm.send(1, metadata={'nan': float('nan')})
      comm.send(2, metadata={})
      comm.send(3, metadata=None)
      comm.send(4, {'text': 'é'})
      try: comm.send(5, metadata={'x': object()})
      except Exception as error: say(kind(error))
      def target(comm, msg):
          say(msg['metadata'])
          comm.on_msg(lambda msg: say(msg['metadata']))
      manager.register_target('m', target)
    `);
    const comm = await t.open('m', {}, {nested: {none: null, list: [1, [2]]}});
    await comm.send({}, {nan: NaN, version: '2.1.0'}).done;
    await comm.send({}).done;
  });

  // Buffers

  check('buffers of the kernel', async t => {
    void t.opened('t');
    await t.prepare(`comm = create_comm('t')`);
    const given = {
      none: 'None',
      'no items': '[]',
      sizes: String.raw`[b'', b'\x00', b'abc']`,
      'a hundred': '[bytes(10) for n in range(100)]',
      'many bytes': '[bytes(200_000)]',
      bytearray: `[bytearray(b'ab')]`,
      array: `[__import__('array').array('h', [1, 2])]`,
      'two dimensions': `[memoryview(bytes(range(6))).cast('B', (2, 3))]`,
      'a part': `[memoryview(b'abcdef')[1:3]]`,
      strided: `[memoryview(b'abcdef')[::2]]`,
      reversed: `[memoryview(b'abc')[::-1]]`,
      text: `['abc']`,
      number: '[1]',
      'a tuple of them': `(b'a', b'b')`
    };
    await t.prepare(sendEach(given, `comm.send({'n': 1}, {'name': name}, make())`));
    for (const {name, content, buffers} of sent(t)) {
      const kinds = new Set(buffers.map(({constructor}) => constructor.name));
      const sizes = new Set(buffers.map(({byteLength}) => byteLength));
      const isLarge = Math.max(...sizes) > 9;
      const held = isLarge ? `${buffers.length} of ${[...sizes]} bytes` : json(buffers.map(bytes));
      t.say(`${name}:`, json(content.data), held, ...kinds);
    }
    t.say(sent(t).length === Object.keys(given).length);
    return t.said;
  });

  check('buffers of the page', async t => {
    await t.run(py`
      def target(comm, msg):
          @comm.on_msg
          def _(msg):
              say(name, len(msg['buffers']), *(b.nbytes for b in msg['buffers']))
              for b in msg['buffers']: say(type(b).__name__, b.format, b.readonly, bytes(b)[:9])
      manager.register_target('t', target)
    `);
    const comm = await t.open('t');
    const numbers = new Float64Array([0, 1.5, -2.25, 3]);
    const bytesOfPage = new Uint8Array([9, 8, 7, 6]);
    const given = {
      'typed array': numbers,
      'part of one': numbers.subarray(1, 3),
      'part of bytes': bytesOfPage.subarray(1, 3),
      'DataView on a part': new DataView(bytesOfPage.buffer, 1, 2),
      ArrayBuffer: new Uint16Array([258]).buffer,
      empty: new Uint8Array(),
      'many bytes': new Uint8Array(200_000).fill(7)
    };
    for (const [name, buffer] of Object.entries(given)) {
      await t.prepare(`name = '${name}'`);
      try {
        await comm.send({}, {}, [buffer]).done;
      } catch (error) {
        t.say(`${name}:`, error.constructor.name);
      }
    }
    await t.prepare(`name = 'three'`);
    await comm.send({}, {}, [given.ArrayBuffer, given.empty, numbers]).done;
    await t.prepare(`name = 'none'`);
    await comm.send({}, {}, []).done;
    await t.prepare(`name = 'changed after the send'`);
    const {done} = comm.send({}, {}, [bytesOfPage]);
    bytesOfPage.fill(0);
    await done;
    t.say('the own of the page:', [...numbers], given.ArrayBuffer.byteLength);
    await t.settle();
    return t.result().map(line => line.replace(/^comm_msg \d+: stdout /, ''));
  });

  // Under which message something is said

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

  // Errors

  const reply = ({status, ename, evalue, traceback, execution_count}) => ({
    status,
    ename,
    evalue,
    traceback: Array.isArray(traceback) ? 'lines' : typeof traceback,
    execution_count: typeof execution_count
  });

  /** The reply to a cell, if there is one at all. */
  const answer = ({done}) =>
    Promise.race([done.then(({content}) => reply(content)), turn(10_000).then(() => 'no answer')]);

  /**
   * How long a cell that fails lasts, in seconds, so that those sent after it wait behind it by then.
   *
   * A kernel aborts what waits when the error comes, and runs what a busy server brings later.
   */
  const UNTIL_OTHERS_WAIT = 0.7;

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

  // Who is asked

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

  // Two clients

  check('two clients', async t => {
    const other = t.client();
    await other.kernel.info;
    void t.opened('t');
    void other.opened('t');
    await t.run(py`
      manager.register_target('echo', echo)
      comm = create_comm('t')
      comm.on_msg(lambda msg: say('heard', msg['content']['data']))
      comm.send({'n': 1})
    `);
    const mine = await t.open('echo');
    await mine.send({to: 'me'}).done;
    await other.run('say("of the other")');
    await t.settle();
    await other.settle();
    const ids = ({heard}) => {
      const parents = heard.map(({parent_header}) => t.names.of(parent_header.msg_id));
      const between = heard.slice(parents.indexOf('cell 1'), parents.lastIndexOf('cell 2'));
      return between.map(({header}) => header.msg_id);
    };
    t.say('the same in the same order:', json(ids(t)) === json(ids(other)), ids(t).length > 10);
    t.say(other.kernel.hasComm(mine.commId));
    return t.result();
  });

  // Interrupt and restart

  check('Stop while a cell computes, and messages wait', async t => {
    await t.run(SAY_EACH);
    const comm = await t.open('t');
    const cell = t.begin(`said.clear(); say('begins')\nwhile True: pass`);
    await t.hearText('begins');
    comm.send(1);
    comm.send(2);
    await turn(700);
    await t.kernel.interrupt();
    t.say(reply((await cell.done).content));
    await t.hearText('message 2');
    await t.run('say(said)');
  });

  const stopped = code => async t => {
    const stops = {stop_on_error: true};
    const cell = t.begin(`say('begins')\n${code}`, stops);
    const behind = t.begin(`say('behind')`, stops);
    await t.hearText('begins');
    await turn(UNTIL_OTHERS_WAIT * 1000);
    await t.kernel.interrupt();
    t.say(await answer(cell));
    t.say(await answer(behind));
    await t.run('say("next")');
  };

  check('Stop while a cell computes, and another waits', stopped('while True: pass'));
  check(
    'Stop while a cell awaits, and another waits',
    // A server kernel that waits for one long sleep learns of Stop with the next message only.
    stopped('while True: await asyncio.sleep(0.01)')
  );

  check('Stop while nothing runs', async t => {
    await t.kernel.interrupt();
    await turn(100);
    t.say(reply(await t.run('say(1)')));
  });

  check('restart', async t => {
    const opened = t.opened('t');
    await t.run(`manager.register_target('t', echo); mine = create_comm('t')`);
    const [{comm: theirs}, mine] = [await opened, await t.open('t')];
    mine.onClose = () => t.say('onClose');
    const statuses = [];
    t.kernel.statusChanged.connect((_, status) => statuses.push(status));
    const end = t.begin('await asyncio.sleep(60)').done.then(
      () => 'done',
      error => error.message.replace(/for .*/, 'for ...')
    );
    await turn(100);
    await t.kernel.restart();
    t.say('comms are disposed:', theirs.isDisposed, mine.isDisposed);
    t.say('the cell:', await end);
    await t.kernel.info;
    t.say(statuses.filter(status => /start/.test(status)));
    await t.prepare(setup);
    t.heard.length = 0;
    const {content} = await t.kernel.requestCommInfo({});
    t.say('comms of the kernel:', content.comms);
    t.say(reply(await t.run('mine')));
    await t.run(`manager.register_target('t', echo)`);
    const comm = await t.open('t');
    await comm.send({again: 1}).done;
    const again = await t.run(`create_comm('t'); 1`);
    t.say(again.status, again.execution_count);
  });

  /** The older way, which a page can ask for: comms in the one shell of the kernel. */
  const SHELL = {commsOverSubshells: 'disabled'};

  /** The connection that most checks use. */
  let kernel;
  let setup;

  const connect = ({handleComms = true} = {}) => {
    const {kernels} = globalThis.jupyterapp.serviceManager;
    return kernels.connectTo({model: kernel.model, handleComms, ...SHELL});
  };

  /** Run one check; its lines, and whether it has come to its end. */
  const run = async name => {
    // JupyterLab sets it for all connections when it has read its settings.
    Object.assign(kernel, SHELL);
    const t = new Trial(kernel);
    const all = async () => {
      const lines = await CHECKS.get(name)(t);
      await t.settle();
      return lines ?? t.result();
    };
    let ended = true;
    const late = turn(TIMEOUT_MS).then(() => {
      ended = false;
      const {status, connectionStatus} = t.kernel;
      return [...t.result(), `and then no end; the kernel is ${status}, ${connectionStatus}`];
    });
    const failed = error => [...t.result(), `${error}`];
    const lines = await Promise.race([all().catch(failed), late]);
    t.clients.forEach(client => client.end());
    t.clients.slice(1).forEach(client => client.kernel.dispose());
    return {lines, ended};
  };

  return {
    /** Start a kernel, and run some code before all else. */
    start: async first => {
      setup = `${first}\n${SETUP}`;
      await until(() => globalThis.jupyterapp?.serviceManager.isReady);
      const {kernels, kernelspecs} = globalThis.jupyterapp.serviceManager;
      // JupyterLite learns of its kernels after the start.
      await until(() => kernelspecs.specs?.default);
      kernel = await kernels.startNew({name: kernelspecs.specs.default}, SHELL);
      await kernel.info;
      const cell = kernel.requestExecute({code: setup});
      // As a notebook does it with the output of its cell.
      cell.onIOPub = ({content}) => {
        const script = content.data?.['application/javascript'];
        if (script) {
          new Function(script)();
        }
      };
      const {content} = await cell.done;
      if (content.status !== 'ok') {
        throw new Error(`${content.ename}: ${content.evalue}`);
      }
    },
    /** Run checks in their order; the lines of each, up to the first that does not end. */
    run: async (names = [...CHECKS.keys()]) => {
      const results = {};
      for (const name of names) {
        const {lines, ended} = await run(name);
        results[name] = lines;
        if (!ended) {
          break;
        }
      }
      return results;
    }
  };
})();
