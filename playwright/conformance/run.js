/** Start a kernel, and run the checks in it. */
{
  const {CHECKS, SHELL, Trial, setup, turn, until} = globalThis.conformance;

  /** How long one check may take. */
  const TIMEOUT_MS = 90_000;

  /** The connection that most checks use. */
  let kernel;

  /** Run one check; return its lines, and whether it has ended in time. */
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

  /** Start a kernel, and run `setup` in it. */
  const start = async () => {
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
  };

  /** Run all checks in their order, up to the first that does not end; return the lines of each. */
  const runAll = async () => {
    const results = {};
    for (const name of CHECKS.keys()) {
      const {lines, ended} = await run(name);
      results[name] = lines;
      if (!ended) {
        break;
      }
    }
    return results;
  };

  Object.assign(globalThis.conformance, {start, runAll});
}
