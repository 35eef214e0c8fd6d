/** What the plugins hand to one another. */
import {Token} from '@lumino/coreutils';
import type {Callbacks} from '../outputs/callbacks';

export const ICallbacks = new Token<Callbacks>(
  'lite-comms:ICallbacks',
  'What comm callbacks have said, and the cells that have opened comms.'
);
