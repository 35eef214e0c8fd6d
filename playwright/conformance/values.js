/** Values and metadata, in both directions. */
{
  const {check, json, py, sendEach, sent} = globalThis.conformance;

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
}
