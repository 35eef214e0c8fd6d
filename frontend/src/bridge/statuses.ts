/** What the states of a kernel mean for a host page and its comms. */
import type {Kernel} from '@jupyterlab/services';
import type {Status} from '../wire/bridge';
import {DIED, type IReason, RESTARTED, SHUT_DOWN} from '../wire/comm_messages';

/** What the host page hears; another state is a start. */
export const STATUSES: {readonly [status in Kernel.Status]?: Status} = {
  idle: 'ready',
  busy: 'ready',
  restarting: 'restarting',
  autorestarting: 'restarting',
  dead: 'dead',
  terminating: 'dead'
};

/** Why the comms of a kernel in such a state are gone. */
export const ENDS: {readonly [status in Kernel.Status]?: IReason} = {
  restarting: RESTARTED,
  autorestarting: DIED,
  dead: DIED,
  terminating: SHUT_DOWN
};
