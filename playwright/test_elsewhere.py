"""A site that is not built in this repository: the wheel installed, `jupyter lite build`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages import Tab, said
from serve import serving

pytestmark = pytest.mark.build

KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"


@pytest.fixture
def offline(foreign_site: Path, site: Path, tmp_path: Path) -> Path:
    """That site, with the Pyodide and the packages of ours in the place of those from a CDN."""
    folder = tmp_path / "site"
    shutil.copytree(foreign_site, folder)
    for name in ("pyodide", "pyodide-lock"):
        shutil.copytree(site / "static" / name, folder / "static" / name)
    lock = folder / "static/pyodide-lock/pyodide-lock.json"
    locked = json.loads(lock.read_text("utf-8"))
    locked["packages"].pop("lite-comms")  # it has its own
    lock.write_text(json.dumps(locked), "utf-8")
    config = folder / "jupyter-lite.json"
    data = json.loads(config.read_text("utf-8"))
    data["jupyter-config-data"]["litePluginSettings"][KERNEL] |= {
        "pyodideUrl": "./static/pyodide/pyodide.mjs",
        "loadPyodideOptions": {"lockFileURL": "./static/pyodide-lock/pyodide-lock.json"},
    }
    config.write_text(json.dumps(data), "utf-8")
    return folder


def test_a_site_built_elsewhere_has_lite_comms_in_every_kernel(
    new_tab: Callable[[str], Tab], offline: Path
) -> None:
    with serving(offline) as url:
        repl = new_tab(url).repl()
        assert repl.python("__import__('lite_comms').status().transport").endswith("'port'")
        page = repl.javascript(
            """
            Jupyter.notebook.kernel.comm_manager.register_target('t', (comm, msg) => {
              say(msg.content.data);
            });
            """
        )
        repl.python("comm = __import__('comm').create_comm('t', data={'none': None})")
        expect(said(page)).to_have_text(['{"none":null}'])
        # The same wheel, from the site.
        assert repl.python("%pip install -q lite-comms") == ""
