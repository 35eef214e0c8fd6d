/** What JupyterLab's packages want as they load and jsdom lacks; to be imported before them. */
Object.assign(globalThis, {DragEvent: Event, matchMedia: () => new EventTarget()});
