/**
 * Puts the errors of comm callbacks into the log console as errors.
 *
 * JupyterLab logs there whatever the kernel shows, as information, which is hidden at first; and
 * what belongs to a comm message is shown nowhere else.
 */
import type {ILoggerRegistry} from '@jupyterlab/logconsole';
import type {INotebookTracker, NotebookPanel} from '@jupyterlab/notebook';
import {KernelMessage} from '@jupyterlab/services';
import {COMM_TYPES} from './queue';

export function logErrors(notebooks: INotebookTracker, loggers: ILoggerRegistry): void {
  // A notebook may have several views.
  const known = new WeakSet<object>();
  const add = ({context, content}: NotebookPanel) => {
    if (known.has(context)) {
      return;
    }
    known.add(context);
    context.sessionContext.iopubMessage.connect((_, msg) => {
      const parent = (msg.parent_header as {msg_type?: string}).msg_type;
      if (KernelMessage.isErrorMsg(msg) && parent !== undefined && COMM_TYPES.has(parent)) {
        const logger = loggers.getLogger(context.path);
        logger.rendermime = content.rendermime;
        const data = {...msg.content, output_type: 'error'};
        logger.log({type: 'output', data, level: 'error'});
      }
    });
  };
  notebooks.forEach(add);
  notebooks.widgetAdded.connect((_, panel) => add(panel));
}
