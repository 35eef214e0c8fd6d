/** The plugin of the bridge to host pages. A site has it; a notebook does not bring it to other pages. */
import type {JupyterFrontEnd, JupyterFrontEndPlugin} from '@jupyterlab/application';
import {IConsoleTracker} from '@jupyterlab/console';
import {INotebookTracker} from '@jupyterlab/notebook';
import {Bridges} from '../../bridge/bridges';
import {openDoor} from '../../bridge/door';
import {Kernels} from '../../bridge/kernels';
import {Sessions} from '../../bridge/sessions';
import {readOrigins} from '../../wire/origins';
import {followConnections} from '../reach';
import {settingsOf} from '../settings';

export const bridge: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:bridge',
  description: 'Lets pages of the origins that the site names talk to exposed comm targets.',
  autoStart: true,
  optional: [INotebookTracker, IConsoleTracker],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null
  ) => {
    const {origins, problems} = readOrigins(settingsOf(bridge.id)['origins']);
    problems.forEach(problem => console.error(`lite_comms: setting of ${bridge.id}: ${problem}`));
    const kernels = new Kernels();
    followConnections(app.serviceManager.kernels, connection => kernels.follow(connection));
    const sessions = new Sessions();
    for (const tracker of [notebooks, consoles]) {
      tracker?.forEach(({sessionContext}) => sessions.add(sessionContext));
      tracker?.widgetAdded.connect((_, {sessionContext}) => sessions.add(sessionContext));
    }
    openDoor(window, origins, new Bridges(window, sessions, kernels).admit);
  }
};
