/** Tells by a message whether it, or one before it, has reached nobody. */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {PROBES, reasonOf} from '../../wire/comm_messages';
import type {IComm} from './comms';
import {type IMark, type IRecord, mark} from './record';
import {remember} from './timing';

type Connection = Pick<Kernel.IKernelConnection, 'hasComm'>;

export class Judge {
  /**
   * @param _connections - The page's connections to the kernel.
   * @param _hasTarget - Whether one has a comm target; undefined if that cannot be told.
   */
  constructor(
    private readonly _connections: ReadonlySet<Connection>,
    private readonly _hasTarget: (connection: object, target: string) => boolean | undefined
  ) {}

  /**
   * Mark a message that looks wrong.
   *
   * @param known - Its comm as it was before.
   * @returns An earlier message that was marked.
   */
  of(record: IRecord, msg: KernelMessage.IMessage, known: IComm | undefined): IRecord | undefined {
    const {msg_type, direction, comm_id, target_name, target_module} = record;
    if (direction === 'page_to_kernel') {
      return msg_type === 'comm_close' ? this._refused(comm_id) : undefined;
    }
    if (msg_type === 'comm_open') {
      if (target_module === null) {
        remember(this._opens, comm_id, record);
      }
      return undefined;
    }
    const reason = msg_type === 'comm_close' ? reasonOf(msg) : undefined;
    // JupyterLab makes the comm when it handles the comm_open, which may be after this.
    const isOpen = known?.opened && !known.closed;
    if (reason) {
      if (!PROBES.has(target_name ?? '')) {
        const kind = reason.ename === 'LookupError' ? kindOfUnknown(known) : 'closed';
        mark(record, kind, reason.evalue);
      }
    } else if (!isOpen && ![...this._connections].some(each => each.hasComm(comm_id))) {
      mark(record, 'unknown-comm', '');
    }
    return undefined;
  }

  /**
   * The page closes a comm: JupyterLab does so at once where it finds no target. Only now can be told that
   * it was not there: what the kernel had shown before the comm_open may have registered it.
   */
  private _refused(comm_id: string): IRecord | undefined {
    const record = this._opens.get(comm_id);
    this._opens.delete(comm_id);
    const target = record?.target_name ?? '';
    const isMissing = [...this._connections].every(each => this._hasTarget(each, target) === false);
    if (record && isMissing) {
      mark(record, 'unknown-target', target);
      return record;
    }
    return undefined;
  }

  /** By comm: the comm_open of the kernel, while the comm is open. */
  private readonly _opens = new Map<string, IRecord>();
}

/** Of a comm that the kernel does not have: it was refused, or it is gone. */
function kindOfUnknown(known: IComm | undefined): IMark['kind'] {
  const isNew = known?.opened?.by === 'page_to_kernel' && known.kernel_to_page.messages === 0;
  return isNew && known.page_to_kernel.messages === 1 ? 'unknown-target' : 'unknown-comm';
}
