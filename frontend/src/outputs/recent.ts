/** A Map with a limit, for what is remembered about comms and messages. */

/** How many comms, and how many messages to them, are remembered. */
export const MOST_COMMS = 10_000;
export const MOST_MESSAGES = 10_000;

/** A Map that keeps the keys that were set last and forgets the others. */
export class Recent<V> extends Map<string, V> {
  constructor(private readonly _most: number) {
    super();
  }

  override set(key: string, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this._most) {
      this.delete(this.keys().next().value!);
    }
    return this;
  }
}
