/**
 * `lite-comms`: Jupyter comms for pages, with requests and streams.
 *
 * @module lite-comms
 */
import {type IComms} from './kernel/connect';

export {Comm, type ILatestOptions} from './comm';
export {ClosedError, RequestError} from './errors';
export {connect, type IComms, type Target} from './kernel/connect';
export type {IFuture, IKernelComm, IKernelConnection, ISignal, Opener} from './kernel/line';
export type {Bytes, IAttachOptions, IMessage, ISendOptions} from './messages';
export type {IOpenOptions} from './open';
export type {IRequestContext, IRequestOptions, Reply, RequestHandler} from './parts/requests';

export type {Attachment} from '../wire/attachments';

/**
 * The comms of a notebook, on a page that has lite_comms: of the one whose output's script runs at this
 * moment, otherwise of the one that the user works in.
 */
export const comms: IComms = {
  open: (...args) => current().open(...args),
  registerTarget: (...args) => current().registerTarget(...args)
};

function current(): IComms {
  const {Jupyter} = globalThis as {Jupyter?: {comms?: IComms | null}};
  if (!Jupyter?.comms) {
    throw new Error(
      Jupyter && 'comms' in Jupyter
        ? 'no notebook or console is open'
        : 'this page has no lite_comms; in a notebook %load_ext lite_comms brings it'
    );
  }
  return Jupyter.comms;
}
