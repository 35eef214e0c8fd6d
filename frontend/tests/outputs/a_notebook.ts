/** A notebook on a connection to a kernel, and what that says, for tests that import this. */
import '../parts/jsdom';
import type {Kernel} from '@jupyterlab/services';
import {OutputAreaModel} from '@jupyterlab/outputarea';
import {Signal} from '@lumino/signaling';
import {beforeEach} from 'vitest';
import {
  Callbacks,
  type ILog,
  type IView,
  type Level,
  type Place
} from '../../src/outputs/callbacks';
import type {ICell} from '../../src/outputs/origins';

export type Hook = (msg: object) => boolean | undefined | PromiseLike<boolean | undefined>;
export type Header = {session?: string; msg_id?: string; msg_type?: string};

export const VIEW = 'application/vnd.jupyter.widget-view+json';
export const ERROR = {ename: 'E', evalue: 'v', traceback: []};

/** A connection of the page to a kernel. */
export class Connection {
  constructor(
    readonly clientId: string,
    readonly id = 'kernel'
  ) {}

  /** The page sends a message to a comm; what is said in answer has its header. */
  send(comm_id: string, data: object = {}, msg_type = 'comm_msg', target_name?: string): Header {
    return this.request(msg_type, {comm_id, data, ...(target_name && {target_name})});
  }

  request(msg_type: string, content: object, metadata: object = {}): Header {
    const header = {msg_id: `${this.clientId} ${++this._sent}`, msg_type, session: this.clientId};
    this.anyMessage.emit({msg: {header, content, metadata}, direction: 'send'});
    return header;
  }

  /** @param handle - What JupyterLab calls before iopubMessage, as it does ipywidgets. */
  hear(msg: object, handle = () => {}): void {
    this.anyMessage.emit({msg, direction: 'recv'});
    handle();
    this.iopubMessage.emit(msg);
  }

  dispose(): void {
    this.disposed.emit(undefined);
  }

  registerMessageHook(id: string, hook: Hook): void {
    this.hooks.set(id, hook);
  }

  removeMessageHook(id: string, hook: Hook): void {
    if (this.hooks.get(id) === hook) {
      this.hooks.delete(id);
    }
  }

  registerCommTarget(name: string, target: (comm: unknown, msg: object) => void): void {
    this.targets.set(name, target);
  }

  get real(): Kernel.IKernelConnection {
    return this as unknown as Kernel.IKernelConnection;
  }

  readonly anyMessage = new Signal<unknown, unknown>({});
  readonly iopubMessage = new Signal<unknown, unknown>({});
  readonly statusChanged = new Signal<unknown, unknown>({});
  readonly disposed = new Signal<unknown, unknown>({});
  readonly hooks = new Map<string, Hook>();
  readonly targets = new Map<string, (comm: unknown, msg: object) => void>();
  private _sent = 0;
}

/** The log of a notebook. */
class Log implements ILog {
  readonly entries: string[] = [];
  add: ILog['add'] = (msg, level) => void this.entries.push(logged(msg, level));

  get count(): number {
    return this.entries.length;
  }
}

function logged({header, content}: Parameters<ILog['add']>[0], level: Level): string {
  return `${level}: ${textOf({output_type: header.msg_type, ...content})}`;
}

/** A view of a notebook or a console. */
export class View implements IView {
  constructor(
    connection: Connection,
    readonly name = 'notebook',
    hasLog = true
  ) {
    this.log = hasLog ? new Log() : null;
    this.sessionContext = {
      session: {kernel: connection},
      kernelChanged: new Signal({})
    } as unknown as IView['sessionContext'];
  }

  readonly cells = () => this.all;

  /** A cell runs; returns its outputs. */
  run(id: string): OutputAreaModel {
    let cell = this.all.find(cell => cell.id === id);
    if (!cell) {
      const node = document.createElement('div');
      cell = {id, node, outputs: new OutputAreaModel({trusted: true})};
      this.all.push(cell);
    }
    const outputs = cell.outputs as unknown as OutputAreaModel;
    outputs.clear();
    const {kernel} = this.sessionContext.session! as unknown as {kernel: Connection};
    this.parents.set(id, kernel.request('execute_request', {}, {cellId: id}));
    return outputs;
  }

  readonly log: Log | null;
  readonly told: string[] = [];
  readonly tell: IView['tell'] = (msg, level) => void this.told.push(logged(msg, level));

  get logged(): string[] {
    return this.log!.entries;
  }

  readonly sessionContext: IView['sessionContext'];
  all: ICell[] = [];
  /** The header of the execute_request, by cell. */
  readonly parents = new Map<string, Header>();
}

function textOf(output: object): string {
  const {output_type, text, ename, data} = output as {[key: string]: unknown};
  return `${output_type} ${text ?? ename ?? JSON.stringify(data)}`;
}

export function textsIn(outputs: OutputAreaModel): string[] {
  return outputs.toJSON().map(textOf);
}

export let callbacks: Callbacks;
export let connection: Connection;
export let notebook: View;
/** What a test may replace: the connections that hear the kernel, and where a script runs. */
export const page = {connections: [] as Connection[], scriptNode: null as Node | null};

export function start(place: Place = 'cell'): void {
  page.scriptNode = null;
  callbacks = new Callbacks(place, () => page.scriptNode);
  connection = new Connection('the page');
  page.connections = [connection];
  notebook = new View(connection);
  callbacks.add(notebook);
}

beforeEach(() => start());

/** The kernel says something, which each connection hears as a message of its own. */
export function say(msg_type: string, content: object, parent_header: Header = {}): void {
  page.connections.forEach(each =>
    each.hear({header: {msg_type}, parent_header, content: structuredClone(content)})
  );
}

export function print(text: string, parent: Header, name = 'stdout'): void {
  say('stream', {name, text}, parent);
}

export function display(
  data: object,
  parent: Header,
  display_id?: string,
  type = 'display_data'
): void {
  say(type, {data, metadata: {}, ...(display_id && {transient: {display_id}})}, parent);
}

/** A cell opens a comm. */
export function opened(comm_id: string, cell: string, state: object = {}, target_name = 't'): void {
  say('comm_open', {comm_id, target_name, data: {state}}, notebook.parents.get(cell) ?? {});
}

/** A cell shows a widget. */
export function shows(model_id: string, outputs: OutputAreaModel): void {
  const data = {[VIEW]: {model_id}} as never;
  outputs.add({output_type: 'display_data', data, metadata: {}});
}

/** What is shown besides widgets, of several outputs. */
export function shownIn(...all: OutputAreaModel[]): string[][] {
  return all.map(outputs => textsIn(outputs).filter(text => !text.includes(VIEW)));
}
