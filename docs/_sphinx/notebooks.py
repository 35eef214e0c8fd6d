"""The tutorial as a notebook, made of its page: ``docs/try/tutorial.ipynb``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

HEADING = re.compile(r"^## (\d\. .*)\n", re.MULTILINE)
CELL = re.compile(r"^```(js|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
IMPORT = re.compile(r"^import .* from '", re.MULTILINE)


def make_notebook(app: Sphinx) -> None:
    """Write the snippets of each step as cells under its heading."""
    folder = Path(app.srcdir)
    _, *steps = HEADING.split((folder / "tutorial.md").read_text("utf-8"))
    cells: list[dict[str, Any]] = []
    for title, text in zip(steps[::2], steps[1::2], strict=True):
        cells.append({"cell_type": "markdown", "metadata": {}, "source": f"## {title}"})
        for language, code in CELL.findall(text):
            if not IMPORT.search(code):  # a module of another page
                source = code.rstrip() if language == "python" else f"%%javascript\n{code.rstrip()}"
                cells.append(
                    {
                        "cell_type": "code",
                        "execution_count": None,
                        "metadata": {},
                        "outputs": [],
                        "source": source,
                    }
                )
    notebook = {
        "cells": [{**cell, "id": f"step-{number}"} for number, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python", "language": "python", "name": "python"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "try/tutorial.ipynb").write_text(json.dumps(notebook), "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write it before the pages that show it are read."""
    app.connect("builder-inited", make_notebook)
    return {"parallel_read_safe": True}
