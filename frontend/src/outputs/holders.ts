/** Which widgets hold which others: what a box shows is shown where the box is. */
import {MOST_COMMS} from './recent';

const VIEW = 'application/vnd.jupyter.widget-view+json';
const REFERENCE = 'IPY_MODEL_';

/** How many widgets around one are looked at: something that all share may be held by thousands. */
const MOST_AROUND = 1_000;

/** What one trait of a widget holds. */
interface ILink {
  readonly holder: string;
  readonly widgets: readonly string[];
}

export class Holders {
  /** Learn from the state of a widget, or from a part of it, what its traits hold from now on. */
  learn(holder: string, state: object): void {
    for (const [trait, value] of Object.entries(state)) {
      this._set(holder, trait, widgetsIn(value));
    }
  }

  /** Forget what a widget holds: it is closed. */
  forget(holder: string): void {
    this._links.get(holder)?.forEach((_, trait) => this._set(holder, trait, []));
  }

  /** The widget and all that hold it, each with how far out it is; the widget itself is 0. */
  around(widget: string): ReadonlyMap<string, number> {
    const found = new Map([[widget, 0]]);
    // Goes on with those that are added meanwhile.
    for (const [id, distance] of found) {
      for (const {holder} of this._linksTo.get(id) ?? []) {
        if (!found.has(holder) && found.size < MOST_AROUND) {
          found.set(holder, distance + 1);
        }
      }
    }
    return found;
  }

  private _set(holder: string, trait: string, widgets: readonly string[]): void {
    const before = this._links.get(holder)?.get(trait);
    if (before) {
      drop(this._links, holder, trait);
      before.widgets.forEach(widget => drop(this._linksTo, widget, before));
    }
    if (widgets.length === 0) {
      return;
    }
    const link = {holder, widgets};
    this._links.set(holder, (this._links.get(holder) ?? new Map<string, ILink>()).set(trait, link));
    for (const widget of widgets) {
      this._linksTo.set(widget, (this._linksTo.get(widget) ?? new Set<ILink>()).add(link));
    }
    if (this._links.size > MOST_COMMS) {
      this.forget(this._links.keys().next().value!);
    }
  }

  /** By the widget that holds, and by its trait. */
  private readonly _links = new Map<string, Map<string, ILink>>();
  /** By the widget that is held. */
  private readonly _linksTo = new Map<string, Set<ILink>>();
}

/** Delete an item of one of the collections in a map, and the collection with its last item. */
function drop<T>(
  map: Map<string, {delete(item: T): boolean; readonly size: number}>,
  key: string,
  item: T
): void {
  const items = map.get(key);
  items?.delete(item);
  if (items?.size === 0) {
    map.delete(key);
  }
}

/** The widget that an output shows, if it shows one. */
export function widgetIn(output: unknown): string | undefined {
  const {data} = (output ?? {}) as {data?: {[VIEW]?: {model_id?: unknown}}};
  const widget = data?.[VIEW]?.model_id;
  return typeof widget === 'string' ? widget : undefined;
}

/** The widgets that the value of a trait stands for. */
function widgetsIn(value: unknown): string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (typeof items[0] === 'number') {
    return []; // data, and it may be much
  }
  return items.map(referred).filter(widget => widget !== undefined);
}

function referred(item: unknown): string | undefined {
  if (typeof item === 'string') {
    return item.startsWith(REFERENCE) ? item.slice(REFERENCE.length) : undefined;
  }
  return widgetIn(item); // an output of an Output widget
}
