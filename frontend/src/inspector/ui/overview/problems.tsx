/** What looks wrong, the latest first: one list, which the arrow keys walk. */
import {type KeyboardEvent, useEffect, useId, useRef, useState} from 'react';
import type {IProblem} from '../../log/problems';
import type {View} from '../../view';
import {clock, summary} from '../../words';

/** Their sentences name the target. */
const NAMED: ReadonlySet<IProblem['kind']> = new Set(['unknown-target', 'uncaught']);

export function Problems({view}: {view: View}): JSX.Element {
  const {trans, traffic} = view;
  const {all} = traffic.problems;
  const [active, setActive] = useState<number | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const at = all.findIndex(({key}) => key === active);
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({block: 'nearest'});
  }, [active]);
  const go = (problem: IProblem) => {
    setActive(problem.key);
    // What has no message changes the filter: not before the user asks for it.
    view.explain(problem);
  };
  const press = (problem: IProblem) => {
    setActive(problem.key);
    view.show(problem);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to: {[key: string]: number} = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? all.length - 1 : at - 1,
      Home: 0,
      End: all.length - 1
    };
    const index = to[event.key];
    const isPress = event.key === 'Enter' || event.key === ' ';
    if (index !== undefined && all.length > 0) {
      event.preventDefault();
      go(all[Math.min(Math.max(index, 0), all.length - 1)]!);
    } else if (isPress && at >= 0) {
      event.preventDefault();
      press(all[at]!);
    } else if (event.key === 'Escape' && at >= 0) {
      event.preventDefault();
      close();
    }
  };
  const close = () => {
    setActive(null);
    view.select(null);
  };
  return (
    <section className="lite-comms-Problems" aria-label={trans.__('Problems')}>
      <h3>{trans.__('Problems (%1)', all.length)}</h3>
      {all.length > 0 && (
        <ul
          ref={list}
          role="listbox"
          aria-label={trans.__('Problems')}
          aria-activedescendant={at < 0 ? undefined : `${id}-${active}`}
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          {all.map((problem, i) => (
            <li
              key={problem.key}
              id={`${id}-${problem.key}`}
              role="option"
              aria-selected={i === at}
              className={`lite-comms-mod-${problem.kind}`}
              onClick={() => (i === at ? close() : press(problem))}
            >
              <Line problem={problem} view={view} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Line({problem, view}: {problem: IProblem; view: View}): JSX.Element {
  const {kind, time, target_name} = problem;
  return (
    <>
      <time>{clock(time)}</time>{' '}
      {target_name !== null && !NAMED.has(kind) && <b>{`'${target_name}': `}</b>}
      {summary(problem, view.trans)}
    </>
  );
}
