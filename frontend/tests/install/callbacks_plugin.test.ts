// @vitest-environment jsdom
/** What the plugin hands over to the callbacks: cells, connections and the log console. */
import '../parts/jsdom';
import {Notification} from '@jupyterlab/apputils';
import {LoggerRegistry, type LogLevel} from '@jupyterlab/logconsole';
import {OutputAreaModel} from '@jupyterlab/outputarea';
import {Signal} from '@lumino/signaling';
import {beforeEach, expect, it, vi} from 'vitest';
import {callbacks} from '../../src/install/plugins';

// Of these only the names are used.
vi.mock('@jupyterlab/notebook', () => ({INotebookTracker: {}}));
vi.mock('@jupyterlab/console', () => ({IConsoleTracker: {}}));

const KERNEL = 'kernel';

const connect = (clientId: string) => ({
  clientId,
  id: KERNEL,
  anyMessage: new Signal<unknown, unknown>({}),
  iopubMessage: new Signal<unknown, unknown>({}),
  statusChanged: new Signal<unknown, unknown>({}),
  disposed: new Signal<unknown, unknown>({}),
  registerCommTarget: () => undefined
});

function document(connection: ReturnType<typeof connect>, path: string, cells: object[]) {
  const rendermime = {};
  const sessionContext = {
    session: {kernel: connection},
    kernelChanged: new Signal({}),
    path
  };
  return {
    disposed: new Signal({}),
    sessionContext,
    context: sessionContext,
    content: {rendermime, widgets: cells},
    console: {rendermime, cells}
  };
}

const tracker = (panel: object) => ({
  forEach: (f: (panel: object) => void) => f(panel),
  widgetAdded: new Signal({})
});

let loggers: LoggerRegistry;
let kernels: {connectTo: (options: {clientId: string}) => ReturnType<typeof connect>};
let isLogged: boolean;
let notebook: ReturnType<typeof document>;
let console: ReturnType<typeof document>;
let outputs: OutputAreaModel;

beforeEach(() => {
  loggers = new LoggerRegistry({defaultRendermime: {} as never, maxLength: 1000});
  kernels = {connectTo: ({clientId}) => connect(clientId)};
  isLogged = true;
  outputs = new OutputAreaModel({trusted: true});
  const node = globalThis.document.createElement('div');
  // A text cell, and one of code that has not been drawn.
  const cells = [
    {node, model: {id: 'text'}},
    {node, model: {id: 'code', outputs}}
  ];
  notebook = document(connect('notebook'), 'a.ipynb', cells);
  console = document(connect('console'), 'a console', []);
  const app = {
    serviceManager: {kernels},
    isPluginActivated: (id: string) =>
      isLogged && id === '@jupyterlab/notebook-extension:log-output'
  };
  void callbacks.activate(
    app as never,
    tracker(notebook) as never,
    tracker(console) as never,
    loggers as never
  );
});

/** A callback raises on a connection. */
function raise({clientId, anyMessage, iopubMessage}: ReturnType<typeof connect>): void {
  const content = {comm_id: 'c', data: {}};
  const header = {msg_id: `of ${clientId}`, msg_type: 'comm_msg', session: clientId};
  anyMessage.emit({msg: {header, content, metadata: {}}, direction: 'send'});
  const error = {ename: 'E', evalue: 'v', traceback: []};
  const msg = {header: {msg_type: 'error'}, parent_header: header, content: error};
  anyMessage.emit({msg, direction: 'recv'});
  iopubMessage.emit(msg);
}

/** A comm is opened by the cell of code. */
function open({anyMessage, clientId}: ReturnType<typeof connect>): void {
  const parent_header = {msg_id: 'run', msg_type: 'execute_request', session: clientId};
  const metadata = {cellId: 'code'};
  anyMessage.emit({msg: {header: parent_header, content: {}, metadata}, direction: 'send'});
  const content = {comm_id: 'c', target_name: 't', data: {}};
  const msg = {header: {msg_type: 'comm_open'}, parent_header, content};
  anyMessage.emit({msg, direction: 'recv'});
}

const lengthOf = (path: string) => loggers.getLogger(path).length;

it('the cells have outputs before they are drawn', () => {
  const {kernel} = notebook.sessionContext.session;
  open(kernel);
  raise(kernel);
  expect(outputs.toJSON()).toEqual([
    {output_type: 'error', ename: 'E', evalue: 'v', traceback: []}
  ]);
});

it('each connection that is made to a kernel is heard', () => {
  const {kernel} = notebook.sessionContext.session;
  open(kernel);
  raise(kernels.connectTo({clientId: 'extra'}));
  expect(outputs.length).toBe(1);
});

it('the log is that of the path which the document has now', () => {
  Object.assign(notebook.context, {path: 'renamed.ipynb'});
  raise(notebook.sessionContext.session.kernel);
  expect(['a.ipynb', 'renamed.ipynb'].map(lengthOf)).toEqual([0, 1]);
});

it('what has no cell in a console is told in a notice: the log console cannot show its log', () => {
  vi.useFakeTimers();
  raise(console.sessionContext.session.kernel);
  vi.runAllTimers();
  vi.useRealTimers();
  const {notifications} = Notification.manager;
  expect(notifications.map(({message}) => message)).toEqual([
    'A comm callback without a cell: E: v'
  ]);
  expect(lengthOf('a console')).toBe(0);
});

it('what JupyterLab logs of a notebook by itself is not logged a second time', () => {
  const log = (level: LogLevel) => {
    const logger = loggers.getLogger('a.ipynb');
    logger.level = level;
    logger.clear();
    raise(notebook.sessionContext.session.kernel);
    return logger.length;
  };
  expect((['debug', 'info', 'warning', 'error'] as const).map(log)).toEqual([0, 0, 1, 1]);
  isLogged = false;
  expect(log('info')).toBe(1);
});
