/** How many messages and bytes went each way, second by second. */
import type {Direction} from './record';

/** How many seconds are kept. */
export const SECONDS = 60;

export interface ISecond {
  readonly messages: {[direction in Direction]: number};
  readonly bytes: {[direction in Direction]: number};
}

const empty = (): ISecond => ({
  messages: {kernel_to_page: 0, page_to_kernel: 0},
  bytes: {kernel_to_page: 0, page_to_kernel: 0}
});

export class Rates {
  /** Count a message; `time` is in milliseconds and never goes back by much. */
  count(direction: Direction, nbytes: number, time: number): void {
    const second = Math.floor(time / 1000);
    const index = second % SECONDS;
    if (this._times[index] !== second) {
      this._times[index] = second;
      this._seconds[index] = empty();
    }
    const {messages, bytes} = this._seconds[index]!;
    messages[direction]++;
    bytes[direction] += nbytes;
  }

  /** The seconds before the one that `time` is in, the oldest first. */
  until(time: number): readonly ISecond[] {
    const now = Math.floor(time / 1000);
    return Array.from({length: SECONDS - 1}, (_, i) => {
      const second = now - (SECONDS - 1) + i;
      const index = second % SECONDS;
      return this._times[index] === second ? this._seconds[index]! : NONE;
    });
  }

  private readonly _times = new Array<number>(SECONDS).fill(-1);
  private readonly _seconds = new Array<ISecond>(SECONDS);
}

const NONE = empty();
