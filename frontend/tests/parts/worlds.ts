/** Stand for the windows of a host page and of the page in its iframe, which only post messages. */

type Options = string | {targetOrigin: string; transfer?: Transferable[]};

export interface IPosted {
  readonly data: unknown;
  readonly origin: string;
  readonly source: unknown;
  readonly ports?: readonly MessagePort[];
}

/** A window. What is posted to it comes from its `other`, as the browser says it. */
export class FakeWindow extends EventTarget {
  other: FakeWindow | null = null;
  parent: FakeWindow = this;
  /** What was posted to it, with the origin that it was meant for. */
  readonly posted: [unknown, string][] = [];

  constructor(readonly origin: string) {
    super();
  }

  postMessage(data: unknown, options: Options, ports: Transferable[] = []): void {
    const {targetOrigin, transfer = ports} =
      typeof options === 'string' ? {targetOrigin: options} : options;
    this.posted.push([data, targetOrigin]);
    if (targetOrigin === this.origin) {
      const {origin} = this.other!;
      this.receive({data, origin, source: this.other, ports: transfer as MessagePort[]});
    }
  }

  /** Receive a message as the browser hands it over; an attacker chooses no origin and no source. */
  receive({data, ports = [], ...from}: IPosted): void {
    const event = Object.assign(new Event('message'), from, {data: structuredClone(data), ports});
    queueMicrotask(() => this.dispatchEvent(event));
  }
}

/** The window of a host page, and that of the page in its iframe. */
export function twoWindows(hostOrigin: string, siteOrigin: string): [FakeWindow, FakeWindow] {
  const host = new FakeWindow(hostOrigin);
  const site = new FakeWindow(siteOrigin);
  host.other = site;
  site.other = host;
  site.parent = host;
  return [host, site];
}

/** Wait until messages that are under way on ports have come. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await new Promise(resolve => setTimeout(resolve));
  }
}
