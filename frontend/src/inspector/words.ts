/** Numbers, times and marks in words. */
import type {TranslationBundle} from '@jupyterlab/translation';
import type {IProblem} from './log/problems';
import {MOST_BYTES, MOST_TEXT} from './log/record';
import {SLOW_MS} from './log/timing';

type Said = Pick<IProblem, 'kind' | 'text'>;

/** A number of bytes, in at most six characters. */
export function bytes(count: number): string {
  let value = count;
  for (const unit of ['B', 'kB', 'MB']) {
    if (value < 999.5) {
      return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`;
    }
    value /= 1000;
  }
  return `${value.toFixed(1)} GB`;
}

/** A time span. */
export function span(ms: number | undefined): string {
  if (ms === undefined) {
    return '';
  }
  if (ms < 999.5) {
    return ms < 9.95 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
  }
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The time of day, to the millisecond. */
export function clock(time: number): string {
  const date = new Date(time);
  const pad = (value: number, digits = 2) => String(value).padStart(digits, '0');
  const ms = pad(date.getMilliseconds(), 3);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${ms}`;
}

/** What a mark says, in a sentence. */
export function sentence(said: Said, trans: TranslationBundle): string {
  const {kind, text} = said;
  switch (kind) {
    case 'error':
      return trans.__('The callback failed: %1', text);
    case 'refused':
      return trans.__('A value cannot be sent: %1', text);
    case 'unknown-comm':
      return text
        ? trans.__('The message is for a comm that does not exist: %1', text)
        : trans.__('Nobody on the page has this comm: the message is dropped.');
    case 'unknown-target':
      return text.includes(' ')
        ? trans.__('The comm is refused: %1', text)
        : trans.__("No comm target '%1' is registered on the page.", text);
    case 'closed':
      return trans.__('The comm was closed: %1', text);
    case 'slow':
      return trans.__('The callback took %1 ms. Nothing else is handled meanwhile.', text);
    case 'queue':
      return trans.__('The queue grows: %1 messages are not handled yet.', text);
    case 'uncaught':
      return trans.__('Code of the page has used a closed comm: %1', text);
  }
}

/** What a line of problems says: how often, and the last of them. */
export function summary(problem: IProblem, trans: TranslationBundle): string {
  const {kind, text, count} = problem;
  if (count === 1 || kind === 'queue') {
    return sentence(problem, trans);
  }
  return kind === 'slow'
    ? trans.__('%1 callbacks took over %2 ms, the last one %3 ms.', count, SLOW_MS, text)
    : trans.__('%1 (%2 times)', sentence(problem, trans), count);
}

/** Says that something is left out of a message. */
export function cutWord(trans: TranslationBundle): string {
  return trans.__(
    'Cut: of each message at most %1 characters of data and %2 of buffers are kept, and nothing of those that are no longer listed.',
    MOST_TEXT.toLocaleString(),
    bytes(MOST_BYTES)
  );
}
