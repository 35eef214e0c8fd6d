"""Brings the page's half of lite_comms to a page that lacks it.

One of the modules that talk to the worker. A cell's output holds a few lines of
JavaScript, which the page runs once. They ask on a BroadcastChannel for the
script that the wheel carries, compressed, and evaluate it. The channel's name is
used once, so in a saved notebook the same lines ask nobody.

A browser connects the two ends of the channel on its own time, each in another
thread, and what one end says before the other is connected is lost. So both speak:
the page asks, and it asks again when it hears the worker's offer. Whichever is
connected last is heard.
"""

from __future__ import annotations

import bz2
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyodide.code import run_js
from pyodide.ffi import create_once_callable

_SCRIPT = Path(__file__).with_name("page.js.bz2")

# What stays in the notebook. It does nothing where the kernel that wrote it does not listen. One
# that does may answer only after its cell, with a script that closes the channel.
_OUTPUT = """\
{{
  const answers = new BroadcastChannel({name});
  const timer = setTimeout(() => answers.close(), 600_000);
  const ask = () => answers.postMessage({{isAsking: true}});
  answers.onmessage = ({{data: {{script, isOffering}}}}) => {{
    try {{
      isOffering && ask();
      script && (clearTimeout(timer), new Function('answers', script)(answers));
    }} catch (error) {{
      answers.postMessage({{problem: `${{error}}`}});
      answers.close();
    }}
  }};
  ask();
}}
"""

# Several views of a notebook may show the output; all of them hear the answer to the first one. The
# channel is open for seconds only, from when the worker can listen, which may be after the cell.
_DELIVER = """(name, script, onProblem) => {
  const LISTENS_MS = 15_000;
  const answers = new BroadcastChannel(name);
  let isOpen = true;
  const close = () => {
    if (isOpen) {
      isOpen = false;
      answers.close();
      onProblem.destroy();
    }
  };
  answers.onmessage = ({data}) => {
    if (data.isAsking && !close.isGiven) {
      close.isGiven = true;
      answers.postMessage({script});
    } else if (data.problem !== undefined) {
      isOpen = false;
      answers.close();
      onProblem(data.problem); // and it is destroyed
    }
  };
  answers.postMessage({isOffering: true});
  setTimeout(() => setTimeout(close, LISTENS_MS));
  return close;
}"""


def can_bring() -> bool:
    """Return whether this wheel has the page's half; the one of a site needs none."""
    return _SCRIPT.exists()


def bring(shell: Any, on_problem: Callable[[str], object]) -> Any:
    """Bring the page's half to the page that shows this cell's output.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.
    on_problem : callable
        Called once with the reason why the page cannot run it, or with an empty
        text if it runs. Where the output is not shown, it is never called.

    Returns
    -------
    pyodide.ffi.JsProxy
        Call it to stop listening. When the page has got the script, it has a true `isGiven`.
    """
    name = f"lite_comms:{uuid4()}"
    script = bz2.decompress(_SCRIPT.read_bytes()).decode()
    give_up = run_js(_DELIVER)(name, script, create_once_callable(on_problem))
    output = _OUTPUT.format(name=json.dumps(name))
    shell.display_pub.publish({"application/javascript": output}, {})
    return give_up
