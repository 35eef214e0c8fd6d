/**
 * Comm targets from ES modules: a comm_open whose `target_module` is a URL.
 *
 * Beside the way of a message: JupyterLab's kernel connection leaves every `target_module` to
 * requirejs, which its pages do not have. A name that is not a URL is still left to it.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {ClassicComm, type Target} from './classic';

type Open = KernelMessage.ICommOpenMsg;

const watched = new WeakSet<Kernel.IKernelConnection>();

/**
 * Answer comms that name an ES module, on a connection; a second call does nothing.
 *
 * @param restore - Registers again what else answers for a target; while a module's comm is being
 * opened, its target's place in the connection's registry is taken.
 */
export function watchModules(
  connection: Kernel.IKernelConnection,
  restore: () => void,
  load = importTarget
): void {
  if (watched.has(connection)) {
    return;
  }
  watched.add(connection);
  const urls = new Map<Open, string>();
  const open = async (comm: Kernel.IComm, msg: Open): Promise<void> => {
    const url = urls.get(msg);
    urls.delete(msg);
    if (url === undefined) {
      throw new Error(`Object '${msg.content.target_name}' not found in registry`);
    }
    if (![...urls.keys()].some(other => other.content.target_name === comm.targetName)) {
      connection.removeCommTarget(comm.targetName, open);
      restore();
    }
    msg.content.target_module = url;
    const classic = new ClassicComm(comm);
    try {
      const target = await load(url, comm.targetName);
      await target(classic, msg);
    } catch (error) {
      console.error(`lite_comms: ${classic} is closed: its module '${url}' failed`, error);
      classic.refuse(error);
    }
  };
  connection.anyMessage.connect((_, {msg, direction}) => {
    if (direction === 'recv' && msg.header.msg_type === 'comm_open') {
      const {content} = msg as Open;
      const url = content.target_module;
      if (url && isUrl(url)) {
        // The connection handles the message after this signal. Without a target_module it asks
        // its registry for the function.
        delete content.target_module;
        urls.set(msg as Open, url);
        connection.registerCommTarget(content.target_name, open);
      }
    }
  });
}

/** Whether a `target_module` is a URL that the browser can import, and no requirejs name. */
function isUrl(name: string): boolean {
  return /^(\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(name);
}

async function importTarget(url: string, name: string): Promise<Target> {
  const module: Record<string, unknown> = await import(
    /* webpackIgnore: true */ new URL(url, document.baseURI).href
  );
  const target = module[name] ?? module['default'];
  if (typeof target !== 'function') {
    throw new Error(`it exports neither a function '${name}' nor a default one`);
  }
  return target as Target;
}
