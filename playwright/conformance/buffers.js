/** Binary buffers, in both directions. */
{
  const {bytes, check, json, py, sendEach, sent} = globalThis.conformance;

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
}
