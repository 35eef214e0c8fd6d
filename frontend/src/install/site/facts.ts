/** What the page knows of a kernel, for the inspector: the way of its messages, its cells, what it says. */
import {NotebookPanel} from '@jupyterlab/notebook';
import type {Kernel} from '@jupyterlab/services';
import type {TranslationBundle} from '@jupyterlab/translation';
import type {Widget} from '@lumino/widgets';
import type {IPath, IPlace} from '../../inspector/view';
import {NO_PORT, whyNotAttached} from '../../wire/attachments';

/** The way that comm messages take now, as the page's half knows it. */
export function pathOf(kernel: Kernel.IKernelConnection | null, trans: TranslationBundle): IPath {
  if (!kernel) {
    return {name: trans.__('No kernel'), why: ''};
  }
  const why = whyNotAttached(kernel);
  if (why === undefined) {
    const server = trans.__('comms take the path of JupyterLab: there is no channel on this page');
    return {name: trans.__("JupyterLab's path"), why: server};
  }
  if (why === NO_PORT) {
    const silent = trans.__("the kernel's half of lite_comms has not said hello");
    return {name: trans.__("JupyterLite's path"), why: silent};
  }
  const direct = trans.__("messages go straight between the page and the kernel's worker");
  return {name: trans.__('Direct channel'), why: direct};
}

/**
 * A cell of a notebook, as a place to go to; null if the document has no such cell.
 *
 * @param activate - Shows and focuses the document.
 */
export function cellIn(document: Widget, id: string, activate: () => void): IPlace | null {
  if (!(document instanceof NotebookPanel)) {
    return null;
  }
  const {content} = document;
  const index = content.widgets.findIndex(({model}) => model.id === id);
  if (index < 0) {
    return null;
  }
  const count = content.widgets[index]!.model.sharedModel as {execution_count?: number | null};
  return {
    label: `[${count.execution_count ?? '*'}]`,
    reveal: () => {
      content.activeCellIndex = index;
      content.mode = 'command';
      activate();
      void content.scrollToItem(index, 'smart');
    }
  };
}
