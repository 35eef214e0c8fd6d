/**
 * Comm targets from ES modules: a comm_open whose `target_module` is a URL.
 *
 * Beside the way of a message: JupyterLab's kernel connection leaves every `target_module` to
 * requirejs, which its pages do not have. A name that is not a URL is still left to it, unless the site
 * limits modules: requirejs takes many a name as a URL.
 */
import {PageConfig} from '@jupyterlab/coreutils';
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {held} from '../api/parts/waiting';
import type {Target} from './classic';
import {ClassicComm} from './comm';
import {asClassic} from './hear';

type Open = KernelMessage.ICommOpenMsg;

const watched = new WeakSet<Kernel.IKernelConnection>();

/** Why the site does not allow a module, or with null what requirejs loads; empty if it does. */
export type CannotLoad = (url: URL | null) => string;

/** The name in the connection's registry of all targets from modules. */
const NAME = 'lite_comms:module';

/**
 * Answer comms that name an ES module, on a connection; a second call does nothing.
 *
 * @param cannotLoad - Returns why the site does not allow a module; empty if it does.
 */
export function watchModules(
  connection: Kernel.IKernelConnection,
  cannotLoad: CannotLoad = () => '',
  load = importTarget
): void {
  if (watched.has(connection)) {
    return;
  }
  watched.add(connection);
  const asked = new WeakMap<Open, {name: string; module: string}>();
  connection.registerCommTarget(NAME, (comm, msg) => {
    const {name, module} = asked.get(msg) ?? {};
    if (name === undefined || module === undefined) {
      throw new Error(`Object '${NAME}' not found in registry`);
    }
    msg.content.target_name = name;
    msg.content.target_module = module;
    const url = asUrl(module);
    const classic = ClassicComm.of(connection, comm, name);
    const run = async () => {
      try {
        const reason = cannotLoad(url === null ? null : new URL(url, PageConfig.getBaseUrl()));
        if (reason || url === null) {
          throw new Error(reason);
        }
        const target = await load(url, name);
        await target(classic, asClassic(msg));
      } catch (error) {
        console.error(`lite_comms: ${classic} is closed: its module '${module}' failed`, error);
        classic.refuse(error);
      }
    };
    return held(run());
  });
  connection.anyMessage.connect((_, {msg, direction}) => {
    if (direction === 'recv' && msg.header.msg_type === 'comm_open') {
      const {content} = msg as Open;
      const {target_name: name, target_module: module} = content;
      if (module && (asUrl(module) !== null || cannotLoad(null))) {
        // The connection handles the message after this signal. Without a target_module it asks
        // its registry for the function, where the name itself may be someone else's.
        asked.set(msg as Open, {name, module});
        content.target_name = NAME;
        delete content.target_module;
      }
    }
  });
}

/** The URL that a `target_module` is, without blanks around it; null if it is a requirejs name. */
function asUrl(module: string): string | null {
  const url = `${module}`.trim();
  return /^(\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(url) ? url : null;
}

async function importTarget(url: string, name: string): Promise<Target> {
  const module: Record<string, unknown> = await import(
    /* webpackIgnore: true */ new URL(url, PageConfig.getBaseUrl()).href
  );
  const target = module[name] ?? module['default'];
  if (typeof target !== 'function') {
    throw new Error(`it exports neither a function '${name}' nor a default one`);
  }
  return target as Target;
}
