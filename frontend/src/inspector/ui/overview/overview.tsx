/** The left part: the path in force, the rates, the comms, and what looks wrong. */
import {Button, ReactWidget, UseSignal} from '@jupyterlab/ui-components';
import {useState} from 'react';
import type {View} from '../view';
import {clock, sentence} from '../words';
import {CommList} from './comms';
import {Plot} from './plot';

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
      <span>{why}</span>
      {said && <pre role="status">{said}</pre>}
    </section>
  );
}

function Problems({view}: {view: View}): JSX.Element {
  const {trans, traffic} = view;
  const {all, count} = traffic.problems;
  return (
    <section className="lite-comms-Problems" aria-label={trans.__('Problems')}>
      <h3>{trans.__('Problems (%1)', count)}</h3>
      <ul>
        {all.map((problem, i) => (
          <li key={count - i} className={`lite-comms-mod-${problem.kind}`}>
            <Button
              minimal
              small
              disabled={!problem.record && !problem.error && !problem.comm_id}
              onClick={() => view.show(problem)}
            >
              <time>{clock(problem.time)}</time> {sentence(problem, trans)}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
