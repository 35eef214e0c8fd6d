/** Messages and connections for the tests of the inspector. */
import {Signal} from '@lumino/signaling';
import {vi} from 'vitest';
import type {CommType, Direction} from '../../src/inspector/log/record';
import {Traffic} from '../../src/inspector/log/traffic';

export interface IMade {
  readonly id?: string;
  readonly comm_id?: string;
  readonly data?: unknown;
  readonly metadata?: object;
  readonly buffers?: (ArrayBuffer | ArrayBufferView)[];
  readonly parent?: object;
  readonly target_name?: string;
  readonly target_module?: string;
}

let count = 0;

export function message(msg_type: CommType, made: IMade = {}): object {
  const {comm_id = 'c', data = {}, id = `m${++count}`, target_name, target_module} = made;
  const open = msg_type === 'comm_open' ? {target_name: target_name ?? 'demo', target_module} : {};
  return {
    header: {msg_id: id, msg_type},
    parent_header: made.parent ?? {},
    metadata: made.metadata ?? {},
    content: {comm_id, data, ...open},
    buffers: made.buffers ?? []
  };
}

/** What the inspector uses of a connection, driven by hand. */
export class FakeConnection {
  readonly anyMessage = new Signal<this, {msg: object; direction: 'send' | 'recv'}>(this);
  readonly statusChanged = new Signal<this, string>(this);
  readonly disposed = new Signal<this, void>(this);
  readonly isDisposed = false;
  status = 'idle';
  readonly comms = new Set<string>();
  readonly targets = new Set(['demo']);
  hasComm = (comm_id: string) => this.comms.has(comm_id);

  /** One of the three messages, of the kernel or of the page. */
  comm(direction: Direction, type: CommType, made?: IMade): void {
    this.anyMessage.emit({
      msg: message(type, made),
      direction: direction === 'page_to_kernel' ? 'send' : 'recv'
    });
  }

  /** Another message of the kernel, in answer to one of the page. */
  says(msg_type: string, content: object, parent: object): void {
    const msg = {header: {msg_type, msg_id: `k${++count}`}, parent_header: parent, content};
    this.anyMessage.emit({msg, direction: 'recv'});
  }

  state(execution_state: string, parent: object): void {
    this.says('status', {execution_state}, parent);
  }
}

export function follow(...connections: FakeConnection[]): Traffic {
  const traffic = new Traffic((connection, target) =>
    (connection as FakeConnection).targets.has(target)
  );
  connections.forEach(connection => traffic.follow(connection as never));
  return traffic;
}

/** The clock of the page, which stands still until a test moves it. */
export const clock = {now: 0};

/** A connection and its traffic, on that clock. */
export function fresh(): {connection: FakeConnection; traffic: Traffic} {
  vi.restoreAllMocks();
  clock.now = 1_000;
  vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
  const connection = new FakeConnection();
  return {connection, traffic: follow(connection)};
}
