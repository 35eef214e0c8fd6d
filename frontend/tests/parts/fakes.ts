/** Stands for JupyterLab's kernel connection: the real comm class, a recorded wire. */
import {CommsOverSubshells, type Kernel, KernelMessage} from '@jupyterlab/services';
import {CommHandler} from '@jupyterlab/services/lib/kernel/comm';
import {Signal} from '@lumino/signaling';

type Target = (comm: Kernel.IComm, msg: KernelMessage.ICommOpenMsg) => unknown;
type Future = {
  msg: KernelMessage.IShellMessage;
  onReply?: (msg: KernelMessage.IShellMessage) => unknown;
  onIOPub?: (msg: KernelMessage.IIOPubMessage) => unknown;
  onStdin?: (msg: KernelMessage.IStdinMessage) => unknown;
};

export class FakeConnection {
  readonly sent: KernelMessage.IShellMessage[] = [];
  readonly futures: Future[] = [];
  readonly asked: unknown[][] = [];
  readonly targets = new Map<string, Target>();
  readonly comms = new Map<string, CommHandler>();
  readonly anyMessage = new Signal<this, Kernel.IAnyMessageArgs>(this);
  readonly statusChanged = new Signal<this, string>(this);
  readonly disposed = new Signal<this, void>(this);
  readonly username = '';
  readonly clientId = 'client';
  readonly subshellId = null;
  status = 'idle';
  connectionStatus = 'connected';
  readonly name = 'python';
  isDisposed = false;
  broken: Error | null = null;

  constructor(
    readonly id = 'kernel',
    readonly handleComms = true
  ) {}

  get model(): Kernel.IModel {
    return {id: this.id, name: this.name};
  }

  get real(): Kernel.IKernelConnection {
    return this as unknown as Kernel.IKernelConnection;
  }

  hasComm(id: string): boolean {
    return this.comms.has(id);
  }

  createComm(target: string, id: string): CommHandler {
    const forget = () => this.comms.delete(id);
    const comm = new CommHandler(target, id, this.real, forget, CommsOverSubshells.Disabled);
    this.comms.set(id, comm);
    return comm;
  }

  registerCommTarget(name: string, target: Target): void {
    this.targets.set(name, target);
  }

  removeCommTarget(name: string, target: Target): void {
    if (this.targets.get(name) === target) {
      this.targets.delete(name);
    }
  }

  sendShellMessage(msg: KernelMessage.IShellMessage): Future {
    if (this.broken) {
      throw this.broken;
    }
    this.sent.push(msg);
    const future = {msg};
    this.futures.push(future);
    return future;
  }

  requestExecute(content: object): Future {
    const msg = this.message('execute_request', content);
    return this.sendShellMessage(msg as KernelMessage.IShellMessage);
  }

  sendInputReply(content: object, parent: object): void {
    this.asked.push(['input_reply', content, parent]);
  }

  async interrupt(): Promise<void> {
    this.asked.push(['interrupt']);
  }

  async restart(): Promise<void> {
    this.asked.push(['restart']);
  }

  dispose(): void {
    this.isDisposed = true;
    this.disposed.emit();
  }

  /** What the page was told to send: type and content, without what is made up. */
  get wire(): [string, unknown, unknown][] {
    return this.sent.map(msg => [msg.header.msg_type, msg.content, msg.metadata]);
  }

  /** Have the kernel open a comm, as JupyterLab's connection handles it. */
  async open(target_name: string, data = {}, target_module?: string): Promise<string> {
    const comm_id = `comm-${this.comms.size}`;
    const content = {comm_id, target_name, data, ...(target_module && {target_module})};
    const msg = this.message('comm_open', content) as KernelMessage.ICommOpenMsg;
    this.anyMessage.emit({msg, direction: 'recv'});
    await this.handleOpen(msg);
    return comm_id;
  }

  async handleOpen(msg: KernelMessage.ICommOpenMsg): Promise<void> {
    const {comm_id, target_name, target_module} = msg.content;
    const comm = this.createComm(target_name, comm_id);
    const target = target_module ? undefined : this.targets.get(target_name);
    try {
      if (!target) {
        throw new Error(`Object '${target_name}' not found in registry`);
      }
      await target(comm, msg);
    } catch {
      comm.close();
    }
  }

  /** Have the kernel send a message on a comm. */
  async say(comm_id: string, data: object, buffers: DataView[] = []): Promise<void> {
    const msg = this.message('comm_msg', {comm_id, data}, buffers);
    await this.comms.get(comm_id)!.onMsg(msg as KernelMessage.ICommMsgMsg);
  }

  /** Have the kernel close a comm. */
  async close(comm_id: string, data = {}): Promise<void> {
    const comm = this.comms.get(comm_id)!;
    await comm.onClose?.(
      this.message('comm_close', {comm_id, data}) as KernelMessage.ICommCloseMsg
    );
    comm.dispose();
  }

  message(msgType: string, content: object, buffers: DataView[] = []): KernelMessage.IMessage {
    return KernelMessage.createMessage({
      msgType,
      content,
      buffers,
      channel: 'iopub',
      session: 'kernel-session'
    } as never);
  }
}

/** Stands for a notebook's or a console's session context. */
export class FakeSession {
  readonly kernelChanged = new Signal<this, unknown>(this);
  readonly statusChanged = new Signal<this, unknown>(this);
  readonly disposed = new Signal<this, unknown>(this);
  session: {kernel: Kernel.IKernelConnection | null} | null;

  constructor(
    kernel: FakeConnection | null,
    public path = 'a folder/a notebook.ipynb'
  ) {
    this.session = {kernel: kernel?.real ?? null};
  }

  change(kernel: FakeConnection | null): void {
    this.session = {kernel: kernel?.real ?? null};
    this.kernelChanged.emit(undefined);
  }

  /** As JupyterLab does it: the signal first, then the session with its connection. */
  dispose(): void {
    const kernel = this.session?.kernel;
    this.session = null;
    this.disposed.emit(undefined);
    kernel?.dispose();
  }
}
