/**
 * Keeps what goes wrong with comms while no inspector is open: comms that the kernel or the page refuses,
 * and page code that uses a closed one.
 */
import type {KernelMessage} from '@jupyterlab/services';
import type {Examine, Failures, INote} from '../../outputs/failures';
import {MOST_COMMS, Recent} from '../../outputs/recent';
import {PROBES, reasonOf} from '../../wire/comm_messages';

/** A comm, as it was opened. */
interface IOpened {
  readonly kernelId: string;
  readonly target_name: string;
  /** Whether the kernel has opened it, for a target of the page's registry. */
  readonly isOfRegistry: boolean;
}

type Open = KernelMessage.ICommOpenMsg['content'];

/** The error of page code that uses a closed comm: `comm 'demo' (its id) is closed`. */
const CLOSED = /^comm .*\((.+)\) is closed/s;

export class Refusals {
  /** @param _hasTarget - Whether a connection has a comm target; undefined if that cannot be told. */
  constructor(
    private readonly _failures: Failures,
    private readonly _hasTarget: (connection: object, target: string) => boolean | undefined
  ) {}

  /** Learn from a message that opens or closes a comm; it may come again. */
  readonly examine: Examine = (msg, isSent, id, connections) => {
    const {comm_id, target_name, target_module} = msg.content as Open;
    if (msg.header.msg_type === 'comm_open') {
      const isOfRegistry = !isSent && (target_module ?? null) === null;
      this._comms.set(comm_id, {kernelId: id, target_name, isOfRegistry});
      return;
    }
    const comm = this._comms.get(comm_id);
    if (isSent) {
      // JupyterLab closes a comm for which it finds no target. Only now can be told that it was not there:
      // what the kernel had shown before the comm_open may have registered it.
      const isMissing =
        comm?.isOfRegistry &&
        [...connections].every(each => this._hasTarget(each, comm.target_name) === false);
      if (isMissing) {
        const evalue = `no comm target '${comm.target_name}' is registered on the page`;
        this._add(id, comm_id, 'unknown-target', comm.target_name, {ename: 'LookupError', evalue});
      }
      return;
    }
    const reason = reasonOf(msg);
    if (!reason || PROBES.has(comm?.target_name ?? '')) {
      return;
    }
    const {msg_type} = msg.parent_header as {msg_type?: string};
    const unknown = msg_type === 'comm_open' ? 'unknown-target' : 'unknown-comm';
    const kind = reason.ename === 'LookupError' ? unknown : 'closed';
    this._add(id, comm_id, kind, reason.evalue, reason);
  };

  /** Learn of an error that nobody has caught. One of a comm that is closed belongs to its kernel. */
  uncaught(error: unknown): void {
    const {name, message, stack} = error instanceof Error ? error : new Error();
    const [, comm_id] = (name === 'ClosedError' && CLOSED.exec(message)) || [];
    const comm = comm_id === undefined ? undefined : this._comms.get(comm_id);
    if (comm) {
      const traceback = stack?.split('\n') ?? [];
      const raised = {ename: name, evalue: message, traceback};
      const text = message.replace(` (${comm_id})`, '');
      this._add(comm.kernelId, comm_id!, 'uncaught', text, raised);
    }
  }

  private _add(
    kernelId: string,
    comm_id: string,
    kind: INote['kind'],
    text: string,
    error: Pick<INote['error'], 'ename' | 'evalue'> & Partial<INote['error']>
  ): void {
    this._failures.add(kernelId, {
      kind,
      text,
      time: Date.now(),
      comm_id,
      target_name: this._comms.get(comm_id)?.target_name ?? null,
      error: {traceback: [], ...error}
    });
  }

  private readonly _comms = new Recent<IOpened>(MOST_COMMS);
}
