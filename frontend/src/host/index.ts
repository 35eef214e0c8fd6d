/**
 * For a host page: `connect` to the kernel of a notebook that the page shows in an iframe.
 *
 * The site names in its settings the origins that may; see "A host page" in the documentation.
 *
 * @module lite-comms/host
 */
import {type Answer, BRIDGE, BRIDGE_VERSION, type IConnect} from '../wire/bridge';
import {failure, type IWait, Waiting} from './errors';
import {Kernel} from './kernel';

export type {Comm, Handler, ILatestParts} from './comm';
export type {IWait} from './errors';
export type {Kernel, KernelStatus, StatusHandler, Target} from './kernel';
export type {Status} from '../wire/bridge';
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
 * its message says what is missing), `AbortError`, or `TypeError` (the iframe shows no page that has an
 * origin). If the page goes meanwhile, the next one is asked.
 */
export async function connect(
  iframe: HTMLIFrameElement,
  options: IConnectOptions = {}
): Promise<Kernel> {
  const {path = null, timeout_ms = START_MS, signal} = options;
  // Without a src there is none to resolve, and with a srcdoc it is not shown.
  const src = options.origin ?? (iframe.srcdoc ? '' : iframe.src);
  const {origin} = new URL(src || 'about:blank', document.baseURI);
  if (origin === 'null') {
    throw new TypeError(`connect: '${src}' is no page of a site: set iframe.src, or pass origin`);
  }
  const newNonce = () => crypto.getRandomValues(new Uint32Array(4)).join('-');
  let nonce = newNonce();
  let kernel: Kernel | undefined;
  const ask = () => {
    // Before the page is there the iframe has the host's own origin, and the browser would complain.
    if (!kernel && iframe.contentDocument?.URL !== 'about:blank') {
      const hello: IConnect = {type: 'connect', version: BRIDGE_VERSION, nonce, path};
      iframe.contentWindow?.postMessage({[BRIDGE]: hello}, origin);
    }
  };
  const answered = ({source, origin: from, data, ports: [port]}: MessageEvent) => {
    const answer = Object(data)[BRIDGE] as Answer | undefined;
    if (source !== iframe.contentWindow || from !== origin || answer?.nonce !== nonce) {
      return;
    }
    nonce = newNonce(); // that was its one answer
    if (answer.type === 'refuse') {
      waiting.reject(failure('RefusedError', `${origin} refuses: ${answer.reason}`));
    } else if (port) {
      const answering = (kernel = new Kernel(port));
      const stop = answering.onStatus(status => {
        if (status === 'ready') {
          stop();
          waiting.resolve(answering);
        } else if (status === 'closed') {
          // That was the page before, if the iframe has just got another src.
          kernel = undefined;
        }
      });
    }
  };
  window.addEventListener('message', answered);
  const timer = setInterval(ask, ASK_AGAIN_MS);
  const what = () =>
    `connect: ${kernel ? `${origin}: ${kernel.reason || kernel.status}` : `no answer from ${origin}; is lite_comms there?`}`;
  const waiting = new Waiting<Kernel>(what, {timeout_ms, signal}, error => {
    clearInterval(timer);
    window.removeEventListener('message', answered);
    if (error !== undefined) {
      kernel?.close();
    }
  });
  if (!signal?.aborted) {
    ask();
  }
  return waiting.promise;
}
