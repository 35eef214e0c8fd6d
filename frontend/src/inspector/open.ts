/** Makes the panel. This file and all that it imports are loaded when the first panel is opened. */
import {MainAreaWidget} from '@jupyterlab/apputils';
import type {IRenderMimeRegistry} from '@jupyterlab/rendermime';
import {inspectorIcon} from '@jupyterlab/ui-components';
import {SplitPanel, type Widget} from '@lumino/widgets';
import './inspector.css';
import {fillBar} from './ui/bar';
import {Details} from './ui/details';
import {Messages} from './ui/messages';
import {Overview} from './ui/overview/overview';
import type {View} from './view';

export {Traffic} from './log/traffic';
export {View} from './view';

/** How the width is shared at first. */
const SHARES = [0.28, 0.48, 0.24];

/** Three parts need at least so much. */
const NARROW_PX = 620;

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

/** The parts of a panel, side by side. */
class Parts extends SplitPanel {
  constructor(
    private readonly _view: View,
    rendermime: IRenderMimeRegistry
  ) {
    super({orientation: 'horizontal', spacing: 4});
    this._overview = new Overview(_view);
    this._messages = new Messages(_view);
    this._details = new Details(_view, rendermime);
    this.addWidget(this._overview);
    this.addWidget(this._messages);
    this.addWidget(this._details);
    _view.chosen.connect(this._fit, this);
  }

  /** The panel focuses this node when it is activated; keys are of use in the list of messages. */
  protected override onActivateRequest(msg: Parameters<Widget['processMessage']>[0]): void {
    super.onActivateRequest(msg);
    if (document.activeElement === this.node) {
      void this._messages.focusList();
    }
  }

  protected override onResize(msg: Widget.ResizeMessage): void {
    super.onResize(msg);
    this._fit();
  }

  /** In a narrow panel a message in full takes the place of the part that the user is not in. */
  private _fit(): void {
    const {selected, error} = this._view;
    const width = this.node.clientWidth;
    const isNarrow = width < NARROW_PX;
    const isChosen = selected !== null || error !== null;
    const isLeft = this._overview.node.contains(document.activeElement);
    this._details.setHidden(isNarrow && !isChosen);
    this._overview.setHidden(isNarrow && isChosen && !isLeft);
    this._messages.setHidden(isNarrow && isChosen && isLeft);
    // The notebooks app makes it next to nothing at first, where shares come to nothing.
    if (!this._isShared && width > NARROW_PX) {
      this._isShared = true;
      this.setRelativeSizes(SHARES);
    }
  }

  private readonly _overview: Overview;
  private readonly _messages: Messages;
  private readonly _details: Details;
  private _isShared = false;
}

/** Make the panel that shows a view; the view is disposed with it. */
export function makePanel(
  view: View,
  rendermime: IRenderMimeRegistry,
  id: string,
  name: string
): MainAreaWidget {
  const content = new Parts(view, rendermime);
  const panel = new MainAreaWidget({content});
  panel.id = id;
  panel.addClass('lite-comms-Inspector');
  const {title} = panel;
  title.label = view.trans.__('Comms: %1', name);
  title.caption = view.trans.__('The comm messages of %1', name);
  title.icon = inspectorIcon;
  title.closable = true;
  fillBar(panel.toolbar, view);
  panel.disposed.connect(() => view.dispose());
  return panel;
}
