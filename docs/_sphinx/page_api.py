"""The reference of the page's modules, from their TSDoc, as pages in ``docs/page-api/``."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

FRONTEND = Path(__file__).parent.parent.parent / "frontend"


def make_pages(app: Sphinx) -> None:
    """Have TypeDoc write them.

    Raises
    ------
    ExtensionError
        If it has a complaint; a warning is one.
    """
    done = subprocess.run(
        ["node", "node_modules/typedoc/bin/typedoc"],
        cwd=FRONTEND,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ExtensionError(f"TypeDoc:\n{done.stdout}")


def name_anchors(app: Sphinx, docname: str, source: list[str]) -> None:
    """Write TypeDoc's anchors in the rows of tables so that MyST finds them."""
    if docname.startswith("page-api/"):
        source[0] = re.sub(r'<a id="([^"]+)"></a>', r"[]{#\1}", source[0])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the pages before Sphinx looks for pages."""
    app.connect("builder-inited", make_pages)
    app.connect("source-read", name_anchors)
    return {"parallel_read_safe": True}
