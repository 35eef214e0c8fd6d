/** What the log console gets of the errors of callbacks. */
import {Signal} from '@lumino/signaling';
import {expect, it} from 'vitest';
import {logErrors} from '../src/log';

it('is each error of a callback once, however many views the notebook has', () => {
  const logged: unknown[] = [];
  const logger = {
    log: ({level, data}: {level: string; data: object}) => logged.push([level, data])
  };
  const iopubMessage = new Signal<unknown, unknown>({});
  const context = {path: 'a.ipynb', sessionContext: {iopubMessage}};
  const view = () => ({context, content: {rendermime: {}}});
  const widgetAdded = new Signal<unknown, unknown>({});
  const first = view();
  logErrors(
    {widgetAdded, forEach: (add: (panel: unknown) => void) => add(first)} as never,
    {getLogger: () => logger} as never
  );
  widgetAdded.emit(view());
  const content = {ename: 'E', evalue: 'v', traceback: []};
  for (const msg_type of ['comm_msg', 'execute_request']) {
    iopubMessage.emit({header: {msg_type: 'error'}, parent_header: {msg_type}, content});
  }
  expect(logged).toEqual([['error', {...content, output_type: 'error'}]]);
});
