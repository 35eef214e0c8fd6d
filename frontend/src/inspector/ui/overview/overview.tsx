/** The left part: the path in force, the rates, the comms, and what looks wrong. */
import {Button, ReactWidget, UseSignal} from '@jupyterlab/ui-components';
import {useState} from 'react';
import type {View} from '../../view';
import {CommList} from './comms';
import {Plot} from './plot';
import {Problems} from './problems';

export class Overview extends ReactWidget {
  constructor(private readonly _view: View) {
    super();
    this.addClass('lite-comms-Overview');
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this._view.ticked}>
        {() => (
          <>
            <Path view={this._view} />
            <Plot view={this._view} />
            <CommList view={this._view} />
            <Problems view={this._view} />
          </>
        )}
      </UseSignal>
    );
  }
}

function Path({view}: {view: View}): JSX.Element {
  const {trans, facts} = view;
  const [said, setSaid] = useState('');
  const {name, why} = facts.path();
  const ask = () => {
    setSaid(trans.__('Asking the kernel…'));
    facts.status().then(setSaid, ({message}: Error) => setSaid(message));
  };
  return (
    <section className="lite-comms-Path" aria-label={trans.__('Path')}>
      <div>
        <b>{name}</b>
        <Button
          minimal
          small
          title={trans.__('What lite_comms.status() says in the kernel')}
          onClick={ask}
        >
          status()
        </Button>
      </div>
      <span title={why}>{why}</span>
      {said && <pre role="status">{said}</pre>}
    </section>
  );
}
