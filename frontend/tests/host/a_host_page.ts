/** A host page and its iframe, of which the test is the site, for tests that import this. */
import {afterEach, beforeEach, vi} from 'vitest';
import {connect, type IConnectOptions, type Kernel} from '../../src/host/index';
import {commFrame} from '../../src/wire/bridge';
import {type FakeWindow, settled, twoWindows} from '../parts/worlds';

const HOST = 'https://docs.example.org';
export const SITE = 'https://site.example.org';

export let host: FakeWindow;
export let site: FakeWindow;
export let iframe: {
  src: string;
  srcdoc?: string;
  contentWindow: unknown;
  contentDocument: {URL: string} | null;
};
/** The site's end of the port. */
export let port: MessagePort;
export let frames: any[];
export let shown: unknown[][];
let kernel: Kernel | undefined;

beforeEach(() => {
  [host, site] = twoWindows(HOST, SITE);
  iframe = {src: `${SITE}/notebooks/?path=a.ipynb`, contentWindow: site, contentDocument: null};
  vi.stubGlobal('window', host);
  vi.stubGlobal('document', {baseURI: `${HOST}/page.html`});
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => void shown.push(args));
  frames = [];
});

afterEach(() => {
  kernel?.close();
  kernel = undefined;
  vi.unstubAllGlobals();
});

export const ask = (options?: IConnectOptions) => connect(iframe as never, options);

/** The handshake that the site has received last. */
export const hello = () => (site.posted.at(-1)![0] as any).lite_comms_bridge;

/** Have the site answer. */
export function answer(from: object = {}, nonce = hello().nonce): void {
  const channel = new MessageChannel();
  port = channel.port1;
  const heard = frames;
  port.onmessage = ({data}) => heard.push(data);
  const data = {lite_comms_bridge: {type: 'accept', nonce}};
  host.receive({data, origin: SITE, source: site, ports: [channel.port2], ...from});
}

export async function say(...said: object[]): Promise<void> {
  said.forEach(frame => port.postMessage(frame));
  await settled();
}

export const status = (status: string, reason = '') => ({type: 'status', status, reason});
export const targets = (...names: string[]) => ({type: 'targets', names});
export const message = (
  type: 'comm_msg' | 'comm_close',
  data: unknown,
  metadata = {},
  comm_id = 'host-1'
) => commFrame({type, comm_id}, data, metadata, []);

/** A kernel that is closed after the test. */
export async function kept(asking: Promise<Kernel>): Promise<Kernel> {
  kernel = await asking;
  return kernel;
}

export async function connected(): Promise<Kernel> {
  const asking = ask();
  answer();
  await say(targets('sum'), status('ready'));
  return kept(asking);
}

export function abortedSoon(): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 1);
  return controller.signal;
}

export const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => 'it has not failed',
    ({name, message}) => [name, message]
  );
