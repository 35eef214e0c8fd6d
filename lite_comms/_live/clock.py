"""The clock that makes Pyodide look for messages and Stop: ``clock.js``.

One of the modules that talk to the worker.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pyodide_js
from pyodide.code import run_js
from pyodide.webloop import WebLoop

from lite_comms._kernel.replace import Replacements

# The least used of the signal numbers that Python knows.
SIGNAL = signal.NSIG - 1

# How often the event loop turns, which takes half a millisecond each time: while messages come,
# for about a second after the last one; when none come; without a comm, for Stop only.
ACTIVE_MS = 15
CALM_MS = 40
WITHOUT_COMMS_MS = 100
CALM_AFTER_TURNS = 70

# Pyodide checks for signals every 50 steps or so; if it has not by then, it does not check at all.
_PROOF_STEPS = 20_000


def make_clock(port: Any) -> Any:
    """Make the clock of ``clock.js``; `port` is that of ``port.js``, or None."""
    source = Path(__file__).with_name("clock.js").read_text("utf-8")
    return run_js(source)(pyodide_js, port, SIGNAL)


def missing() -> str:
    """Try out what lite_comms needs of Pyodide to interrupt synchronous code.

    Returns
    -------
    str
        What is missing, for `status`; empty if nothing is.
    """
    seen: list[object] = []
    replaced = Replacements()
    clock = make_clock(None)
    known = signal.signal(SIGNAL, lambda *_: seen.append(None))
    try:
        clock.start()
        for _ in range(_PROOF_STEPS):
            if seen:
                break
        else:
            return "Pyodide does not look for signals where lite_comms has put them"
        seen.clear()
        replaced.set(WebLoop, "call_later", lambda *args, **_: seen.append(args))
        asyncio.get_running_loop().call_soon(lambda: None)
        if not seen:
            return "Pyodide's event loop does not schedule callbacks by call_later"
    except Exception as error:
        return f"Pyodide's signals cannot be taken over: {error!r}"
    finally:
        replaced.undo()
        clock.end()
        signal.signal(SIGNAL, known or signal.SIG_DFL)
    return ""
