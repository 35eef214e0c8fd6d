import {beforeEach, expect, it, vi} from 'vitest';
import type {KernelMessage} from '@jupyterlab/services';
import {ClassicKernel, type Target} from '../src/classic';
import {watchModules} from '../src/modules';
import {FakeConnection} from './fakes';

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
  watchModules(wire.real, () => kernel.comm_manager.reconnect(), load);
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
});

it('answers comms of one target from different modules, also when both wait', async () => {
  const heard: string[] = [];
  modules['./a.js'] = () => heard.push('a');
  modules['./b.js'] = () => heard.push('b');
  const messages = ['./a.js', './b.js'].map(target_module => {
    const content = {comm_id: target_module, target_name: 't', data: {}, target_module};
    return wire.message('comm_open', content) as KernelMessage.ICommOpenMsg;
  });
  messages.forEach(msg => wire.anyMessage.emit({msg, direction: 'recv'}));
  for (const msg of messages) {
    await wire.handleOpen(msg);
  }
  expect(heard).toEqual(['a', 'b']);
});

it('leaves a registered target of the same name in its place', async () => {
  const heard: string[] = [];
  modules['./t.js'] = () => heard.push('module');
  kernel.comm_manager.register_target('t', () => heard.push('registered'));
  await wire.open('t', {}, './t.js');
  await wire.open('t');
  expect(heard).toEqual(['module', 'registered']);
});

it('leaves no target behind', async () => {
  modules['./t.js'] = () => undefined;
  await wire.open('t', {}, './t.js');
  expect([...wire.targets.keys()]).toEqual([]);
});
