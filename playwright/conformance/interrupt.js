/** Interrupting and restarting the kernel. */
{
  const {SAY_EACH, UNTIL_OTHERS_WAIT, answer, check, py, reply, setup, turn} =
    globalThis.conformance;

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
}
