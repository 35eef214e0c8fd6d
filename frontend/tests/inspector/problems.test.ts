/** What the inspector takes for a problem, and what it says of it. */
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {Problems, type ISaid, MOST_PROBLEMS} from '../../src/inspector/log/problems';
import {View} from '../../src/inspector/view';
import {summary} from '../../src/inspector/words';
import {clock, FakeConnection, follow, fresh} from '../parts/inspector';

let connection: FakeConnection;
let traffic: ReturnType<typeof follow>;

beforeEach(() => {
  ({connection, traffic} = fresh());
});

const parentOf = (msg_id: string, msg_type = 'comm_msg') => ({msg_id, msg_type});
const trans = {
  __: (text: string, ...args: unknown[]) =>
    text.replace(/%(\d)/g, (_, n: string) => String(args[Number(n) - 1]))
};
const lines = () => traffic.problems.all.map(problem => summary(problem, trans as never));

/** What comes in one frame has been seen. */
const turn = () => new Promise(resolve => setTimeout(resolve));

/** The page sends a message, and its callback takes a while. */
async function handle(id: string, ms: number, during = () => {}): Promise<void> {
  connection.state('busy', parentOf(id));
  connection.comm('page_to_kernel', 'comm_msg', {id});
  clock.now += ms;
  during();
  connection.state('idle', parentOf(id));
  await turn();
}

describe('a line of problems', () => {
  it('has long texts cut', () => {
    const long = 'x'.repeat(1_000_000);
    connection.comm('page_to_kernel', 'comm_msg', {id: 'a'});
    const said = {ename: 'KeyError', evalue: long, traceback: [long]};
    connection.says('error', said, parentOf('a'));
    const [problem] = traffic.problems.all;
    const {evalue, traceback} = problem!.record!.error!;
    expect([problem!.text.length, evalue.length, traceback[0]!.length]).toEqual([
      10_010, 10_000, 10_000
    ]);
  });

  it('stands for all slow callbacks of a target; it leads to the last', async () => {
    connection.comm('kernel_to_page', 'comm_open', {target_name: 'wave'});
    for (let i = 0; i < 23; i++) {
      await handle(`m${i}`, 400 + i);
    }
    expect(traffic.problems.all).toMatchObject([
      {kind: 'slow', target_name: 'wave', count: 23, record: {msg_id: 'm22'}}
    ]);
    expect(lines()).toEqual(['23 callbacks took over 100 ms, the last one 422 ms.']);
  });

  it('stands for failures of the same text, and comes to the top again', () => {
    const fail = (id: string, evalue: string) => {
      connection.comm('page_to_kernel', 'comm_msg', {id});
      connection.says('error', {ename: 'KeyError', evalue, traceback: []}, parentOf(id));
    };
    fail('a', 'x');
    fail('b', 'y');
    fail('c', 'x');
    expect(lines()).toEqual([
      'The callback failed: KeyError: x (2 times)',
      'The callback failed: KeyError: y'
    ]);
  });

  it('keeps its key, and the oldest ones go', () => {
    const problems = new Problems();
    const said = (text: string): ISaid => ({
      kind: 'error',
      text,
      time: 0,
      comm_id: 'c',
      target_name: 'demo',
      record: null
    });
    problems.add(said('first'));
    const {key} = problems.all[0]!;
    for (let i = 1; i < MOST_PROBLEMS; i++) {
      problems.add(said(`${i}`));
    }
    problems.add(said('first'));
    expect([problems.all[0]!.key, problems.all[0]!.count]).toEqual([key, 2]);
    problems.add(said('new'));
    expect([problems.all.length, problems.all.at(-1)!.text]).toEqual([MOST_PROBLEMS, '2']);
  });
});

describe('a callback that has failed is not slow as well', () => {
  const error = {ename: 'TypeError', evalue: 'no', traceback: []};

  it('in a message', async () => {
    await handle('a', 791, () => connection.says('error', error, parentOf('a')));
    expect(lines()).toEqual(['The callback failed: TypeError: no']);
    expect(traffic.log.find('a')!.callback_ms).toBe(791);
  });

  it('nor is another one that is told to be handled with it', async () => {
    connection.comm('page_to_kernel', 'comm_msg', {id: 'a'});
    connection.state('busy', parentOf('a'));
    await handle('b', 300, () => {
      connection.says('error', error, parentOf('a'));
      connection.state('idle', parentOf('a'));
    });
    expect(lines()).toEqual(['The callback failed: TypeError: no']);
  });

  it('in a request', async () => {
    const metadata = {lite_comms: {request: '1'}};
    connection.state('busy', parentOf('q'));
    connection.comm('page_to_kernel', 'comm_msg', {id: 'q', metadata});
    clock.now += 500;
    connection.comm('kernel_to_page', 'comm_msg', {metadata: {lite_comms: {reply: '1', error}}});
    connection.state('idle', parentOf('q'));
    await turn();
    expect(traffic.problems.all.map(({kind}) => kind)).not.toContain('slow');
  });
});

describe('a target that the page lacks', () => {
  const open = (target_name: string, target_module?: string) =>
    connection.comm('kernel_to_page', 'comm_open', {
      target_name,
      ...(target_module && {target_module})
    });
  const close = () => connection.comm('page_to_kernel', 'comm_close');
  const kinds = () => traffic.log.get(0)?.marks?.map(({kind}) => kind) ?? [];

  it('is a problem once JupyterLab closes the comm', () => {
    open('other');
    expect(kinds()).toEqual([]);
    close();
    expect(kinds()).toEqual(['unknown-target']);
    expect(lines()).toEqual(["No comm target 'other' is registered on the page."]);
  });

  it('is none if it is registered in between, as by a script of the same cell', () => {
    open('late');
    connection.targets.add('late');
    close();
    expect(kinds()).toEqual([]);
  });

  it('is none if a module has it', () => {
    open('other', 'm');
    close();
    expect(kinds()).toEqual([]);
  });
});

it('that a kernel has no widgets is no problem: ipywidgets asks each', () => {
  const comm_id = 'probe';
  const metadata = {lite_comms: {ename: 'LookupError', evalue: 'no comm target'}};
  connection.comm('page_to_kernel', 'comm_open', {comm_id, target_name: 'jupyter.widget.control'});
  connection.comm('kernel_to_page', 'comm_close', {comm_id, metadata});
  expect(lines()).toEqual([]);
});

it('what was not seen names the target that the traceback names', () => {
  const traceback = ['KeyError: 1', "lite_comms: the on_msg callback of comm 'wave' (abc) raised"];
  const content = {ename: 'KeyError', evalue: '1', traceback};
  const header = {date: '2026-11-28T12:00:00Z'};
  traffic.learn({header, parent_header: parentOf('gone'), content} as never);
  expect(traffic.problems.all).toMatchObject([{kind: 'error', target_name: 'wave', record: null}]);
});

describe('the queue', () => {
  let sent = 0;
  let handled = 0;

  beforeEach(() => {
    sent = handled = 0;
    connection.comm('kernel_to_page', 'comm_open', {target_name: 'wave'});
  });

  /** A second in which the page sends and the kernel handles so many. */
  function second(sends: number, handles: number): void {
    for (let i = 0; i < sends; i++) {
      connection.comm('page_to_kernel', 'comm_msg', {id: `s${sent++}`});
    }
    for (let i = 0; i < handles; i++) {
      connection.state('idle', parentOf(`s${handled++}`));
    }
    traffic.look();
  }

  it('is told if messages wait for over a second', () => {
    second(19, 2);
    expect(lines()).toEqual([]);
    second(0, 2);
    expect(lines()).toEqual(['The queue grows: 15 messages are not handled yet.']);
    expect(traffic.problems.all[0]).toMatchObject({
      kind: 'queue',
      comm_id: 'c',
      target_name: 'wave'
    });
    expect(traffic.comms.get('c')!.isGrowing).toBe(true);
  });

  it('is told with the most that have waited, in one line', () => {
    second(20, 2);
    second(20, 2);
    second(20, 2);
    second(0, 2);
    expect(lines()).toEqual(['The queue grows: 54 messages are not handled yet.']);
    second(0, 50);
    expect(traffic.comms.get('c')!.isGrowing).toBe(false);
  });

  it('is told if it grows steadily, though no message waits long', () => {
    second(100, 80);
    second(200, 160);
    expect(lines()).toEqual(['The queue grows: 60 messages are not handled yet.']);
  });

  it('is none of a burst that is handled, and none of a few', () => {
    second(200, 100);
    second(0, 95);
    second(1, 0);
    expect(lines()).toEqual([]);
  });

  it('leads to the messages of its comm, when the user asks for it', () => {
    vi.stubGlobal('cancelAnimationFrame', () => undefined);
    second(30, 0);
    second(30, 0);
    const view = new View(traffic, {} as never, {} as never);
    const [problem] = traffic.problems.all;
    expect(view.explain(problem!)).toBe(false);
    expect(view.filter.comm_id).toBeNull();
    view.show(problem!);
    expect(view.filter.comm_id).toBe('c');
    view.dispose();
    vi.unstubAllGlobals();
  });
});

it('an error of page code without a message is explained by itself', () => {
  vi.stubGlobal('cancelAnimationFrame', () => undefined);
  const error = {ename: 'ClosedError', evalue: "comm 'a' (b) is closed", traceback: []};
  const text = "comm 'a' is closed";
  const note = {kind: 'uncaught', text, time: 0, comm_id: 'b', target_name: 'a', error} as const;
  traffic.learn(note);
  traffic.learn(note);
  expect(lines()).toEqual([
    "Code of the page has used a closed comm: comm 'a' is closed (2 times)"
  ]);
  const view = new View(traffic, {} as never, {} as never);
  expect(view.explain(traffic.problems.all[0]!)).toBe(true);
  expect(view.error).toEqual(error);
  view.dispose();
  vi.unstubAllGlobals();
});
