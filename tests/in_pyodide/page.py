"""A page that runs scripts, and scripts that stand for the page's half of lite_comms."""

from __future__ import annotations

from typing import Any

from .distribution import ROOT
from .kernel import Kernel

# The page runs the JavaScript of outputs, as JupyterLab does, and keeps it.
PAGE = """
globalThis.page = page;
page.scripts = [];
page.onOutput = ({bundle}) => {
  const script = bundle?.data?.['application/javascript'];
  if (script) {
    page.scripts.push(script);
    (0, eval)(script);
  }
};
page.hello = (...can) => page.post('hello', 1, '9.9', ...can);
"""

# As the real script: the page takes the kernel over, and says so.
WORKS = """
page.hello('injected', 'asks');
page.hello('begun', 'live', 'injected');
answers.postMessage({problem: ''});
"""

# Waits until the page has got a script that says so.
RUNS = "while (!globalThis.runs) await new Promise(resolve => setTimeout(resolve, 5));"

# The browser connects the worker's end of a channel some time after it was made.
CONNECTS_LATE = """(() => {
  const {BroadcastChannel} = globalThis;
  globalThis.BroadcastChannel = class {
    constructor(name) {
      setTimeout(() => {
        this.channel = new BroadcastChannel(name);
        this.channel.onmessage = event => this.onmessage(event);
        this.kept.splice(0).forEach(message => this.channel.postMessage(message));
      }, 100);
      this.kept = [];
    }
    postMessage(message) {
      this.channel ? this.channel.postMessage(message) : this.kept.push(message);
    }
    close() {
      this.channel.close();
    }
  };
  return () => Object.assign(globalThis, {BroadcastChannel});
})()"""

LOAD = """
%load_ext lite_comms
from lite_comms import status
_ = status()
"""


def carry(kernel: Kernel, script: str) -> None:
    """Have the kernel's package carry this script for the page, as the wheel of PyPI does."""
    module = (ROOT / "lite_comms/_transports/port/page.py").read_text("utf-8")
    kernel.run(
        "from pathlib import Path\nimport bz2, importlib\nfrom lite_comms._transports import port\n"
        "here = Path(port.__file__)\n"
        f"here.with_name('page.py').write_text({module!r})\n"
        f"here.with_name('page.js.bz2').write_bytes(bz2.compress({script.encode()!r}))\n"
        "importlib.invalidate_caches()"
    )


def scripts(kernel: Kernel) -> list[Any]:
    return list(kernel.page("return page.scripts"))
