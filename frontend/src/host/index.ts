/**
 * For a host page: `connect` to the kernel of a notebook that the page shows in an iframe.
 *
 * The site names in its settings the origins that may; see "A host page" in the documentation.
 */
import {type Answer, BRIDGE, BRIDGE_VERSION, type IConnect} from '../wire/bridge';
import {failure, type IWait, Waiting} from './errors';
import {Kernel} from './kernel';

export type {Comm, Handler} from './comm';
export type {Kernel, KernelStatus, StatusHandler, Target} from './kernel';
export type {Bytes, IMessage, IParts, IRequestContext, Reply, RequestHandler} from './requests';

/** How to connect. */
export interface IConnectOptions extends IWait {
  /** The path of the notebook or console in the site. Without it, the only one that is open there. */
  readonly path?: string | undefined;
  /** The origin of the site; by default that of the iframe's `src`. */
  readonly origin?: string | undefined;
}

/** How often the page is asked until it is there. */
const ASK_AGAIN_MS = 200;

/** A kernel starts in the browser: the first time it is fetched, too. */
const START_MS = 120_000;

/**
 * Connect to a kernel.
 *
 * @param iframe - Shows a page of a site: a notebook, the lab, a REPL. It may be loading still.
 * @returns A promise of the kernel, when it is ready. It is rejected with an `Error` whose `name` is
 * `RefusedError` (the page says why), `TimeoutError` (after two minutes, unless `timeout_ms` says otherwise;
 * its message says what is missing), `ClosedError` (the page has gone), `AbortError`, or `TypeError` (the
 * iframe shows no page that has an origin).
 */
export async function connect(
  iframe: HTMLIFrameElement,
  options: IConnectOptions = {}
): Promise<Kernel> {
  const {path = null, timeout_ms = START_MS, signal} = options;
  const origin = new URL(options.origin ?? iframe.src, document.baseURI).origin;
  if (origin === 'null') {
    throw new TypeError(`connect: the iframe's src '${iframe.src}' is not a page of a site`);
  }
  const nonce = crypto.getRandomValues(new Uint32Array(4)).join('-');
  const hello: IConnect = {type: 'connect', version: BRIDGE_VERSION, nonce, path};
  let kernel: Kernel | undefined;
  const ask = () => {
    // Before the page is there the iframe has the host's own origin, and the browser would complain.
    if (iframe.contentDocument?.URL !== 'about:blank') {
      iframe.contentWindow?.postMessage({[BRIDGE]: hello}, origin);
    }
  };
  const answered = ({source, origin: from, data, ports: [port]}: MessageEvent) => {
    const answer = Object(data)[BRIDGE] as Answer | undefined;
    if (source !== iframe.contentWindow || from !== origin || answer?.nonce !== nonce) {
      return;
    }
    stopAsking();
    if (answer.type === 'refuse') {
      waiting.reject(failure('RefusedError', `${origin} refuses: ${answer.reason}`));
    } else if (port) {
      kernel = new Kernel(port);
      kernel.onStatus((status, reason) => {
        if (status === 'ready') {
          waiting.resolve(kernel!);
        } else if (status === 'closed') {
          waiting.reject(failure('ClosedError', `${origin}: ${reason}`));
        }
      });
    }
  };
  window.addEventListener('message', answered);
  const timer = setInterval(ask, ASK_AGAIN_MS);
  const stopAsking = () => {
    clearInterval(timer);
    window.removeEventListener('message', answered);
  };
  const what = () =>
    `connect: ${kernel ? `${origin}: ${kernel.reason || kernel.status}` : `no answer from ${origin}; is lite_comms there?`}`;
  const waiting = new Waiting<Kernel>(what, {timeout_ms, signal}, error => {
    stopAsking();
    if (error !== undefined) {
      kernel?.close();
    }
  });
  if (!signal?.aborted) {
    ask();
  }
  return waiting.promise;
}
