/**
 * Messages about comms, as the Jupyter messaging specification has them ("Custom Messages"), and why
 * a kernel or a comm has ended: the metadata of a comm_close says it under `lite_comms`.
 */
import type {KernelMessage} from '@jupyterlab/services';

export const COMM_TYPES: ReadonlySet<string> = new Set(['comm_open', 'comm_msg', 'comm_close']);

const OUTPUT_TYPES: ReadonlySet<string> = new Set([
  'stream',
  'display_data',
  'execute_result',
  'error'
]);

/**
 * Whether a message of this type, with this parent header, is an output of a comm callback. What a
 * kernel says before its first request has no parent.
 */
export function isOfCallback(msg_type: string, parent: {msg_type?: string} | undefined): boolean {
  return OUTPUT_TYPES.has(msg_type) && COMM_TYPES.has(parent?.msg_type ?? '');
}

/** Why a kernel, or a comm, has ended; a comm_close has it in its metadata. */
export interface IReason {
  readonly ename: string;
  readonly evalue: string;
}

/** An exception as the other end is told of it. Anything can be thrown, also what has no text. */
export function errorOf(error: unknown): IReason & {readonly traceback: string[]} {
  try {
    const {name = 'Error', message = String(error), stack} = Object(error);
    return {ename: `${name}`, evalue: `${message}`, traceback: stack ? `${stack}`.split('\n') : []};
  } catch {
    return errorOf('no text');
  }
}

/** Why the other end has closed a comm; undefined if it has not said so. */
export function reasonOf({
  metadata
}: Pick<KernelMessage.IMessage, 'metadata'>): IReason | undefined {
  const {ename, evalue} = (metadata?.['lite_comms'] ?? {}) as {ename?: unknown; evalue?: unknown};
  return typeof ename === 'string' ? {ename, evalue: `${evalue}`} : undefined;
}

/**
 * Targets that ipywidgets' page tries in every kernel to find out whether it has widgets. Where it has
 * none, nothing is wrong.
 */
export const PROBES: ReadonlySet<string> = new Set(['jupyter.widget.control']);

export const RESTARTED: IReason = {
  ename: 'KernelRestarted',
  evalue: 'the kernel has been restarted'
};
export const DIED: IReason = {ename: 'KernelDied', evalue: 'the kernel has died'};
export const SHUT_DOWN: IReason = {
  ename: 'KernelShutDown',
  evalue: 'the kernel has been shut down'
};
export const DISCONNECTED: IReason = {
  ename: 'Disconnected',
  evalue: "the page's connection to the kernel has been closed"
};

/** The message that the kernel would have sent, had it known. */
export function commClose(
  comm_id: string,
  session: string,
  why: IReason
): KernelMessage.ICommCloseMsg {
  const date = new Date().toISOString();
  return {
    channel: 'iopub',
    header: {
      msg_id: `${session}_${comm_id}`,
      msg_type: 'comm_close',
      date,
      session,
      username: '',
      version: '5.3'
    },
    parent_header: {},
    metadata: {lite_comms: {...why}},
    content: {comm_id, data: {}},
    buffers: []
  };
}
