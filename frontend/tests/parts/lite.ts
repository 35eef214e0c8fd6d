/**
 * JupyterLab's own connections and JupyterLite's own kernel client, with our socket between them, for
 * tests that import this.
 */
import {KernelManager, type KernelMessage, ServerConnection} from '@jupyterlab/services';
import {BaseKernel, type IKernel, KernelSpecs, LiteKernelClient} from '@jupyterlite/services';
import {WebSocket as MockSocket} from 'mock-socket';
import {afterEach, beforeEach, vi} from 'vitest';
import {connectKernels} from '../../src/install/connect';
import {VERSION} from '../../src/wire/frames';

type Content = {[key: string]: unknown};

/** Stands for the kernel's Worker. */
export class Worker extends EventTarget {
  readonly posted: unknown[][] = [];
  postMessage = ({lite_comms}: {lite_comms: unknown[]}) =>
    // Several frames, or one.
    void this.posted.push(
      ...(Array.isArray(lite_comms[0]) ? (lite_comms as unknown[][]) : [lite_comms])
    );
  say = (...wire: unknown[]) =>
    this.dispatchEvent(new MessageEvent('message', {data: {lite_comms: wire}}));
}

/** A kernel of JupyterLite, whose cells end when the test says so. */
export class Kernel extends BaseKernel {
  readonly comms: KernelMessage.IMessage[] = [];
  constructor(options: IKernel.IOptions, _worker?: Worker) {
    super(options);
    Object.assign(this, {_worker});
  }
  private _start: Promise<void> | null = lite.start;
  /** The channel asks first; JupyterLite's client would leave a rejection to nobody. */
  override get ready() {
    const start = this._start ?? lite.start.catch(() => new Promise<void>(() => undefined));
    this._start = null;
    return start;
  }
  print = (text: string) => this.stream({name: 'stdout', text});
  kernelInfoRequest = async () =>
    ({
      status: 'ok',
      implementation: 'test',
      implementation_version: '1',
      protocol_version: '5.3',
      banner: '',
      help_links: [],
      language_info: {name: 'python', version: '3', mimetype: '', file_extension: ''}
    }) as never;
  end: (status: string) => void = () => undefined;
  readonly executed: string[] = [];
  executeRequest = ({code}: {code: string}) =>
    new Promise<never>(resolve => {
      this.executed.push(code);
      this.end = status => resolve({status, execution_count: 1} as never);
    });
  commOpen = async (msg: KernelMessage.ICommOpenMsg) => void this.comms.push(msg);
  commMsg = async (msg: KernelMessage.ICommMsgMsg) => void this.comms.push(msg);
  commClose = async (msg: KernelMessage.ICommCloseMsg) => void this.comms.push(msg);
  completeRequest = async () => ({}) as never;
  inspectRequest = async () => ({}) as never;
  isCompleteRequest = async () => ({}) as never;
  commInfoRequest = async (content: Content) =>
    ({status: 'ok', comms: {c: {target_name: content['target_name'] ?? 'any'}}}) as never;
  inputReply = () => undefined;
}

/** What each test has anew. */
export interface ILite {
  manager: KernelManager;
  client: LiteKernelClient;
  specs: KernelSpecs;
  /** All that were made. */
  kernels: Kernel[];
  /** Of the kernels that are made from now on. */
  worker: Worker | undefined;
  /** When those that are made from now on are ready. */
  start: Promise<void>;
  undo: () => void;
  /** What the user was told of kernels that take no notice of Stop. */
  deaf: unknown[][];
  /** What the user was told of kernels that have died. */
  died: unknown[][];
  /** The kernels of which the user is told no more. */
  dismissed: string[];
}
export const lite = {} as ILite;

export const OPTIONS = {
  version: '0.1.0',
  isInjected: false,
  expected: true,
  live: true,
  onDeaf: (...args: unknown[]) => {
    lite.deaf.push(args);
    return () => undefined;
  },
  onDied: (...args: unknown[]) => {
    lite.died.push(args);
    return () => void lite.dismissed.push(args[0] as string);
  }
};

// JupyterLite's client looks at it late, after the end of a test.
vi.stubGlobal('WebSocket', MockSocket);

beforeEach(() => {
  vi.stubGlobal('Worker', Worker);
  vi.spyOn(console, 'debug').mockImplementation(() => undefined);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  // It was read from the page's settings when the module was loaded.
  Object.assign(LiteKernelClient, {WS_BASE_URL: 'ws://localhost/'});
  lite.kernels = [];
  lite.deaf = [];
  lite.died = [];
  lite.dismissed = [];
  lite.start = Promise.resolve();
  lite.worker = new Worker();
  lite.specs = new KernelSpecs();
  lite.client = new LiteKernelClient({kernelSpecs: lite.specs});
  lite.manager = new KernelManager({
    kernelAPIClient: lite.client,
    kernelSpecAPIClient: {list: async () => ({default: 'python', kernelspecs: {}})} as never,
    serverSettings: ServerConnection.makeSettings({
      WebSocket: MockSocket as never,
      baseUrl: 'http://localhost/',
      wsUrl: 'ws://localhost/'
    })
  });
  lite.undo = connectKernels(lite.manager, lite.specs, lite.client, OPTIONS);
  lite.specs.register({
    spec: {name: 'python', display_name: 'Python', language: 'python', argv: [], resources: {}},
    create: async options => {
      lite.kernels.push(new Kernel(options, lite.worker));
      return lite.kernels.at(-1)!;
    }
  });
});

afterEach(async () => {
  await lite.manager.ready;
  lite.manager.dispose();
  lite.kernels.forEach(kernel => kernel.dispose());
});

/** A connection to a new kernel, which has said hello unless it is told to be silent. */
export async function connect(silent = false) {
  const connection = await lite.manager.startNew({name: 'python'});
  if (lite.worker && !silent) {
    lite.worker.say('hello', VERSION, '0.1.0');
  }
  await connection.info;
  return connection;
}

/** What a connection hears from now on. */
export const heard = (connection: {anyMessage: {connect: (slot: never) => unknown}}) => {
  const messages: [string, Content][] = [];
  connection.anyMessage.connect(((_: unknown, {msg, direction}: never) => {
    if (direction === 'recv') {
      const {header, content} = msg as KernelMessage.IMessage;
      messages.push([header.msg_type, content as Content]);
    }
  }) as never);
  return messages;
};
