// @vitest-environment jsdom
import {beforeEach, describe, expect, it, vi} from 'vitest';
import type {KernelMessage} from '@jupyterlab/services';
import {ClassicKernel, type Target} from '../../src/comms/classic';
import {watchModules} from '../../src/comms/modules';
import {modulePolicy} from '../../src/install/settings';
import {FakeConnection} from '../parts/fakes';

let wire: FakeConnection;
let kernel: ClassicKernel;
let loaded: [string, string][];
let modules: Record<string, Target>;

beforeEach(() => {
  wire = new FakeConnection();
  kernel = new ClassicKernel();
  kernel.connect(wire.real);
  loaded = [];
  modules = {};
  const load = async (url: string, name: string): Promise<Target> => {
    loaded.push([url, name]);
    if (!modules[url]) {
      throw new Error('no such module');
    }
    return modules[url];
  };
  watchModules(wire.real, url => (url?.hostname === 'evil.example' ? 'not allowed' : ''), load);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});

it('calls the function that the module exports, with the message as it came', async () => {
  const heard: unknown[] = [];
  modules['./clock.js'] = (comm, msg) => {
    heard.push(msg.content);
    comm.send({now: 1});
  };
  const comm_id = await wire.open('clock', {a: 1}, './clock.js');
  const content = {comm_id, target_name: 'clock', data: {a: 1}, target_module: './clock.js'};
  expect([loaded, heard]).toEqual([[['./clock.js', 'clock']], [content]]);
  expect(wire.wire).toEqual([['comm_msg', {comm_id, data: {now: 1}}, {}]]);
});

it('closes the comm with a reason when the module cannot be loaded', async () => {
  const comm_id = await wire.open('clock', {}, 'https://site.example/clock.js');
  const reason = {lite_comms: {ename: 'Error', evalue: 'no such module'}};
  expect(wire.wire).toEqual([['comm_close', {comm_id, data: {}}, reason]]);
});

it.each(['clock', 'nbextensions/clock/main'])('leaves %s to requirejs', async name => {
  await wire.open('clock', {}, name);
  expect(loaded).toEqual([]);
  expect(wire.wire).toEqual([['comm_close', expect.anything(), {}]]);
});

it.each(['clock', 'x?y', 'text!x', ' ', 'clock.js', ['x?y']])(
  'leaves %j to nobody where the site limits modules',
  async name => {
    const limited = new FakeConnection();
    const load = vi.fn();
    watchModules(
      limited.real,
      modulePolicy([], () => true),
      load
    );
    await limited.open('clock', {}, name as string);
    const evalue = expect.stringContaining('does not allow modules of requirejs');
    expect(limited.wire).toEqual([
      ['comm_close', expect.anything(), {lite_comms: {ename: 'Error', evalue}}]
    ]);
    expect(load).not.toHaveBeenCalled();
  }
);

it('takes a URL with blanks around it as one', async () => {
  await wire.open('clock', {}, ' https://evil.example/x.js');
  await wire.open('clock', {}, ' ./clock.js\n');
  expect(loaded).toEqual([['./clock.js', 'clock']]);
  expect(wire.wire[0]![2]).toEqual({lite_comms: {ename: 'Error', evalue: 'not allowed'}});
});

/** A comm_open as it comes from the kernel; JupyterLab handles it only later. */
function receive(comm_id: string, target_module?: string): KernelMessage.ICommOpenMsg {
  const content = {comm_id, target_name: 't', data: {}, ...(target_module && {target_module})};
  const msg = wire.message('comm_open', content) as KernelMessage.ICommOpenMsg;
  wire.anyMessage.emit({msg, direction: 'recv'});
  return msg;
}

it('answers comms of one target from different modules, also when both wait', async () => {
  const heard: string[] = [];
  modules['./a.js'] = () => heard.push('a');
  modules['./b.js'] = () => heard.push('b');
  for (const msg of [receive('1', './a.js'), receive('2', './b.js')]) {
    await wire.handleOpen(msg);
  }
  expect(heard).toEqual(['a', 'b']);
});

it('gives the comm the name that the kernel has given it', async () => {
  const heard: string[] = [];
  modules['./t.js'] = comm => heard.push(comm.target_name, `${comm}`);
  await wire.handleOpen(receive('one', './t.js'));
  expect(heard).toEqual(['t', "comm 't' (one)"]);
});

describe('a target of the same name', () => {
  let heard: string[];

  beforeEach(() => {
    heard = [];
    modules['./t.js'] = () => heard.push('module');
  });

  const registered = () => heard.push('registered');

  it('stays in its place', async () => {
    kernel.comm_manager.register_target('t', registered);
    await wire.open('t', {}, './t.js');
    await wire.open('t');
    expect(heard).toEqual(['module', 'registered']);
  });

  it('answers a comm that waits while one from a module comes', async () => {
    kernel.comm_manager.register_target('t', registered);
    for (const msg of [receive('1'), receive('2', './t.js')]) {
      await wire.handleOpen(msg);
    }
    expect(heard).toEqual(['registered', 'module']);
  });

  it('answers after a comm from a module that was never handled, as at a restart', async () => {
    kernel.comm_manager.register_target('t', registered);
    receive('1', './t.js');
    await wire.handleOpen(receive('2'));
    expect(heard).toEqual(['registered']);
  });

  it('can be registered while a comm from a module waits', async () => {
    const waiting = receive('1', './t.js');
    kernel.comm_manager.register_target('t', registered);
    await wire.handleOpen(waiting);
    await wire.open('t');
    expect(heard).toEqual(['module', 'registered']);
  });

  it('stays also when it is that of another extension', async () => {
    wire.registerCommTarget('t', () => heard.push('theirs'));
    await wire.open('t', {}, './t.js');
    await wire.open('t');
    expect(heard).toEqual(['module', 'theirs']);
  });
});

it('takes one name, of its own', async () => {
  modules['./t.js'] = () => undefined;
  await wire.open('t', {}, './t.js');
  expect([...wire.targets.keys()]).toEqual(['lite_comms:module']);
});

it('does not answer to that name itself', async () => {
  const comm_id = await wire.open('lite_comms:module');
  expect(wire.wire).toEqual([['comm_close', {comm_id, data: {}}, {}]]);
});

it('does not load what the site does not allow, and says why', async () => {
  const comm_id = await wire.open('clock', {}, 'https://evil.example/clock.js');
  const reason = {lite_comms: {ename: 'Error', evalue: 'not allowed'}};
  expect(loaded).toEqual([]);
  expect(wire.wire).toEqual([['comm_close', {comm_id, data: {}}, reason]]);
});

describe("the site's setting", () => {
  const OWN = new URL('./clock.js', location.origin);
  const OTHER = new URL('https://other.example:8000/clock.js');
  const DATA = new URL('data:text/javascript,');
  const allowed = (setting: unknown, runsScripts = true) => {
    const cannotLoad = modulePolicy(setting, () => runsScripts);
    return [OWN, OTHER, DATA, null].map(url => cannotLoad(url) === '');
  };

  it.each([
    ['nothing, and scripts of outputs run', undefined, true, [true, true, true, true]],
    ['nothing, and they do not', undefined, false, [false, false, false, false]],
    ['true', true, false, [true, true, true, true]],
    ['false', false, true, [false, false, false, false]],
    ['a list', ['https://other.example:8000'], true, [true, true, false, false]],
    ['an empty list', [], true, [true, false, false, false]],
    [
      'another origin, and a pattern',
      ['https://x.example', '*'],
      true,
      [true, false, false, false]
    ],
    ['something else', 'https://other.example:8000', true, [false, false, false, false]]
  ])('%s', (_, setting, runsScripts, found) => {
    expect(allowed(setting, runsScripts)).toEqual(found);
  });

  it('takes no blob, which any cell can make for the origin of the page', () => {
    const cannotLoad = modulePolicy([], () => true);
    expect(cannotLoad(new URL(`blob:${location.origin}/1`))).toMatch(
      /does not allow modules of blob:$/
    );
  });

  it('names itself in the reason', () => {
    expect(modulePolicy([], () => true)(OTHER)).toBe(
      "the site's setting 'modules' of lite-comms:classic does not allow modules of the origin " +
        'https://other.example:8000'
    );
  });
});
