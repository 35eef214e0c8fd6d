/**
 * The handshake, at the page of the site: who asks is looked at before anything else. Only the window
 * that has this page in an iframe gets a port, and only if the settings name its origin.
 */
import {type Answer, BRIDGE, BRIDGE_VERSION, type IConnect} from '../wire/bridge';

/** What is used of the window of this page. */
export interface IWindow extends Pick<EventTarget, 'addEventListener'> {
  readonly parent: unknown;
}

/** Called with a host page that may connect. */
export type Admit = (port: MessagePort, origin: string, path: string | null) => void;

/** Longer than any that is meant. */
const MOST_CHARACTERS = 1_000;

/** Listen for host pages. */
export function openDoor(own: IWindow, origins: ReadonlySet<string>, admit: Admit): void {
  const answered = new Set<string>();
  const told = new Set<string>();
  own.addEventListener('message', event => {
    const {data, origin, source, ports} = event as MessageEvent;
    const hello = Object(data)[BRIDGE] as IConnect | undefined;
    if (Object(hello).type !== 'connect') {
      return;
    }
    const {nonce, path} = hello as IConnect;
    if (!isShort(nonce) || answered.has(nonce)) {
      return; // it asks until it is answered
    }
    const isParent = source !== null && source === own.parent && (source as unknown) !== own;
    const reason = whyNot(hello as IConnect, origin, isParent, origins);
    const reply = (answer: Answer, transfer: Transferable[] = []) =>
      (source as Window).postMessage({[BRIDGE]: answer}, {targetOrigin: origin, transfer});
    answered.add(nonce);
    if (reason) {
      if (!told.has(`${origin} ${reason}`)) {
        told.add(`${origin} ${reason}`);
        console.warn(`lite_comms: a host page is refused: ${reason}`);
      }
      if (source && origin !== 'null') {
        reply({type: 'refuse', nonce, reason});
      }
      return;
    }
    ports.forEach(port => port.close());
    const {port1, port2} = new MessageChannel();
    admit(port1, origin, path);
    reply({type: 'accept', nonce}, [port2]);
  });
}

/** Why a host page may not connect, or an empty text. */
function whyNot(
  {version, path}: IConnect,
  origin: string,
  isParent: boolean,
  origins: ReadonlySet<string>
): string {
  if (!isParent) {
    return `${origin} is not the page that shows this one in an iframe`;
  }
  if (!origins.has(origin)) {
    return `the site's setting "origins" of "lite-comms:bridge" does not name ${origin}`;
  }
  if (version !== BRIDGE_VERSION) {
    return `the host page speaks version ${typeof version === 'number' ? version : typeof version} of the bridge, this page ${BRIDGE_VERSION}`;
  }
  return path === null || isShort(path)
    ? ''
    : `the path is no text of at most ${MOST_CHARACTERS} characters`;
}

function isShort(text: unknown): text is string {
  return typeof text === 'string' && text.length <= MOST_CHARACTERS;
}
