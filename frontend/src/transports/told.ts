/**
 * Errors of cells that the kernel's half has sent already, while the cell was running. JupyterLite sends
 * the last of them again when the cell ends; it must not be shown twice.
 */
import type {KernelMessage} from '@jupyterlab/services';

/** How many are remembered. */
const MOST = 100;

export class ToldErrors {
  add(parent: object, content: object): void {
    if ((parent as KernelMessage.IHeader).msg_type === 'execute_request') {
      this._keys.add(keyOf(parent, content));
      if (this._keys.size > MOST) {
        this._keys.delete(this._keys.values().next().value!);
      }
    }
  }

  /** Whether a message of JupyterLite is an error that has been shown already. */
  has({header, parent_header, content}: KernelMessage.IMessage): boolean {
    if (header.msg_type !== 'error') {
      return false;
    }
    const {traceback} = content as KernelMessage.IErrorMsg['content'];
    // IPython prints an error without a traceback as text.
    return traceback?.length === 0 || this._keys.has(keyOf(parent_header, content));
  }

  clear(): void {
    this._keys.clear();
  }

  private readonly _keys = new Set<string>();
}

function keyOf(parent: object, content: object): string {
  const {ename, evalue, traceback} = content as KernelMessage.IErrorMsg['content'];
  return JSON.stringify([(parent as KernelMessage.IHeader).msg_id, ename, evalue, traceback]);
}
