/** Two clients of the same kernel. */
{
  const {check, json, py} = globalThis.conformance;

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
}
