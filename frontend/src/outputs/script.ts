/** The element of the page that code runs for: where a comm belongs that the code opens. */

let running: Node | null = null;

/** That of this moment: an output, or what an event has hit. */
export function scriptNode(): Node | null {
  const target = window.event?.target;
  return running ?? document.currentScript ?? (target instanceof Node ? target : null);
}

/** Run code for an element that the page itself would not know of: it has no script element, or runs later. */
export function runFor<T>(node: Node | null, run: () => T): T {
  const before = running;
  running = node;
  try {
    return run();
  } finally {
    running = before;
  }
}
