/** A host page that is connected to a notebook, for tests that import this. */
import {afterEach, beforeEach, vi} from 'vitest';
import {Bridge} from '../../src/bridge/bridge';
import {Kernels} from '../../src/bridge/kernels';
import {Sessions} from '../../src/bridge/sessions';
import {commFrame} from '../../src/wire/bridge';
import {DISCONNECTED} from '../../src/wire/comm_messages';
import {FakeConnection, FakeSession} from '../parts/fakes';
import {settled} from '../parts/worlds';

export const ORIGIN = 'https://docs.example.org';
export const PATH = 'a folder/a notebook.ipynb';

export let wire: FakeConnection;
export let session: FakeSession;
export let sessions: Sessions;
export let kernels: Kernels;
export let port: MessagePort;
export let bridge: Bridge;
export let frames: any[];
export let warned: string[];

/** A notebook on a new connection to its kernel. */
export function openNotebook(): void {
  wire = new FakeConnection();
  session = new FakeSession(wire);
  kernels.follow(wire.real);
  sessions.add(session);
}

beforeEach(() => {
  sessions = new Sessions();
  kernels = new Kernels();
  warned = [];
  vi.spyOn(console, 'warn').mockImplementation((text: string) => void warned.push(text));
  openNotebook();
});

afterEach(() => port.close());

export async function connect(path: string | null = PATH): Promise<void> {
  const {port1, port2} = new MessageChannel();
  port = port2;
  frames = [];
  port.onmessage = ({data}) => frames.push(data);
  bridge = new Bridge(port1, ORIGIN, path, sessions, kernels);
  await settled();
}

export async function post(frame: unknown, transfer: ArrayBuffer[] = []): Promise<void> {
  port.postMessage(frame, transfer);
  await settled();
}

/** Connect to a kernel that exposes targets; what has been posted until then is forgotten. */
export async function connected(...targets: string[]): Promise<void> {
  await connect();
  await expose(targets);
  frames.length = 0;
}

export async function expose(targets: unknown): Promise<void> {
  const id = await wire.open('lite_comms.exposed', {targets});
  wire.comms.get(id)?.dispose();
  wire.sent.length = 0;
  await settled();
}

export async function open(target_name: string, comm_id = 'a', metadata = {}): Promise<void> {
  await post(commFrame({type: 'comm_open', comm_id, target_name}, {n: 1}, metadata, []));
}

export const closed = (comm_id: string, ename: string, evalue: string) =>
  commFrame({type: 'comm_close', comm_id}, {}, {lite_comms: {ename, evalue}}, []);
export const disconnected = (comm_id: string) =>
  closed(comm_id, DISCONNECTED.ename, DISCONNECTED.evalue);
export const status = (status: string, reason = '') => ({type: 'status', status, reason});
export const targets = (...names: string[]) => ({type: 'targets', names});
