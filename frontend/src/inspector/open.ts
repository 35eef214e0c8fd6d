/** Makes the panel. This file and all that it imports are loaded when the first panel is opened. */
import {MainAreaWidget} from '@jupyterlab/apputils';
import type {IRenderMimeRegistry} from '@jupyterlab/rendermime';
import {inspectorIcon} from '@jupyterlab/ui-components';
import {SplitPanel, type Widget} from '@lumino/widgets';
import './inspector.css';
import {fillBar} from './ui/bar';
import {Details} from './ui/details';
import {Messages} from './ui/messages';
import {Overview} from './ui/overview';
import type {View} from './view';

export {Traffic} from './log/traffic';
export {View} from './view';

/** How the width is shared at first. */
const SHARES = [0.25, 0.48, 0.27];

/** How the height is shared with the notebook where the panel is below it, if it has less than it needs. */
const BELOW = [0.55, 0.45];
const LEAST_PX = 200;

/** Give a panel some height: the notebooks app opens what is below the notebook with next to none. */
export function makeRoom(panel: Widget): void {
  for (let widget = panel; widget.parent; widget = widget.parent) {
    const {parent} = widget;
    if (parent instanceof SplitPanel) {
      const isLow = widget.node.clientHeight < LEAST_PX;
      if (parent.orientation === 'vertical' && isLow && parent.widgets.at(-1) === widget) {
        parent.setRelativeSizes(BELOW);
      }
      return;
    }
  }
}

/** Make the panel that shows a view; the view is disposed with it. */
export function makePanel(
  view: View,
  rendermime: IRenderMimeRegistry,
  id: string,
  name: string
): MainAreaWidget<SplitPanel> {
  const content = new SplitPanel({orientation: 'horizontal', spacing: 4});
  const panel = new MainAreaWidget({content});
  panel.id = id;
  panel.addClass('lite-comms-Inspector');
  const {title} = panel;
  title.label = view.trans.__('Comms: %1', name);
  title.caption = view.trans.__('The comm messages of %1', name);
  title.icon = inspectorIcon;
  title.closable = true;
  fillBar(panel.toolbar, view);
  content.addWidget(new Overview(view));
  content.addWidget(new Messages(view));
  content.addWidget(new Details(view, rendermime));
  content.setRelativeSizes(SHARES);
  panel.disposed.connect(() => view.dispose());
  return panel;
}
