/** A map with a limit, for what is remembered about comms and messages. */

/** How many comms, and how many messages to them, are remembered at least. */
export const MOST_COMMS = 10_000;
export const MOST_MESSAGES = 10_000;

/**
 * Remembers the keys that were set last, at least `most` and at most twice as many.
 *
 * In two parts, of which the older is dropped as a whole: to delete the first key of a large Map again
 * and again takes longer each time.
 */
export class Recent<V> {
  constructor(private readonly _most: number) {}

  get(key: string): V | undefined {
    return this._young.get(key) ?? this._old.get(key);
  }

  has(key: string): boolean {
    return this._young.has(key) || this._old.has(key);
  }

  set(key: string, value: V): this {
    this._young.set(key, value);
    if (this._young.size >= this._most) {
      this._old = this._young;
      this._young = new Map();
    }
    return this;
  }

  delete(key: string): void {
    this._young.delete(key);
    this._old.delete(key);
  }

  private _young = new Map<string, V>();
  private _old = new Map<string, V>();
}
