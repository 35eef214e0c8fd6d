"""The start with a kernel: what the startup file in the kernel's wheel calls."""

from __future__ import annotations

import sys
import traceback

from IPython import get_ipython

from .install import install


def start() -> None:
    """Install lite_comms, and never raise: the kernel has comms of its own.

    An exception is shown with the first cell, because nobody sees what is printed
    while a JupyterLite kernel starts.
    """
    try:
        install(page=False)
    except Exception:
        reason = traceback.format_exc()
        events = get_ipython().events

        def tell(info: object) -> None:
            events.unregister("pre_run_cell", tell)
            print(f"lite_comms is not active: it failed to start:\n{reason}", file=sys.stderr)

        events.register("pre_run_cell", tell)
