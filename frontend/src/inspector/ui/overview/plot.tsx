/** How many messages a second went each way in the last minute, as a small plot. */
import {type ISecond, SECONDS} from '../../log/rates';
import type {Direction} from '../../log/record';
import type {View} from '../../view';
import {bytes} from '../../words';

const WIDTH = SECONDS - 2;
const HEIGHT = 32;

const DIRECTIONS: readonly Direction[] = ['kernel_to_page', 'page_to_kernel'];

export function Plot({view}: {view: View}): JSX.Element {
  const {trans, traffic} = view;
  const seconds = traffic.rates.until(traffic.now());
  const most = Math.max(1, ...seconds.flatMap(({messages}) => Object.values(messages)));
  const last = seconds.at(-1)!;
  const labels = {
    kernel_to_page: trans.__('to the page'),
    page_to_kernel: trans.__('to the kernel')
  };
  const points = (direction: Direction) =>
    seconds
      .map(({messages}, x) => `${x},${HEIGHT - (messages[direction] / most) * HEIGHT}`)
      .join(' ');
  return (
    <section className="lite-comms-Plot" aria-label={trans.__('Rates')}>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={trans.__('Messages a second in the last minute, at most %1', most)}
      >
        {DIRECTIONS.map(direction => (
          <polyline
            key={direction}
            className={`lite-comms-mod-${direction}`}
            points={points(direction)}
          />
        ))}
      </svg>
      <dl>
        {DIRECTIONS.map(direction => (
          <div key={direction} className={`lite-comms-mod-${direction}`}>
            <dt>{labels[direction]}</dt>
            <dd>{rate(last, direction)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const rate = ({messages, bytes: nbytes}: ISecond, direction: Direction) =>
  `${messages[direction].toLocaleString()}/s · ${bytes(nbytes[direction])}/s`;
