/**
 * Checks of what a kernel sends and when, as a page sees it; the same for any Jupyter kernel that
 * runs Python. Each check returns lines of text in which ids, dates and session names are replaced,
 * so that the lines of two kernels can be compared.
 *
 * The files of this folder are joined into one script, see test_conformance.py. A file exports names
 * by adding them to `globalThis.conformance`, and this one exports what several files of checks use.
 * `conformance.first` is set before: Python that the kernel runs before all else.
 */
{
  /** All checks, by their names, in the order in which they run. */
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

  /** Python that a kernel runs when it has started: names that the checks use. */
  const setup = `${globalThis.conformance.first}\n${py`
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
  `}`;

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

  Object.assign(globalThis.conformance, {
    CHECKS,
    check,
    turn,
    until,
    py,
    bytes,
    json,
    setup,
    SAY_EACH,
    sendEach,
    sent,
    reply,
    answer,
    UNTIL_OTHERS_WAIT
  });
}
