"""The demo site in ``lite/`` of this one, with the notebooks that pages show.

It is the one that ``make site`` has built: jupyterlite-sphinx would build it anew, for which it
asks the package index.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from jupyterlite_sphinx.jupyterlite_sphinx import JUPYTERLITE_DIR, jupyterlite_build
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

HERE = Path(__file__).parent
SITE = HERE.parent.parent / "_site"

# The notebook on the first page. JupyterLab does not save it, so each visit begins with a fresh
# one: saved widgets have no kernel, and would be shown as errors.
FRESH = "slider.ipynb"


def take_over(app: Sphinx) -> None:
    """Have the site copied where jupyterlite-sphinx would build it.

    Raises
    ------
    ExtensionError
        If there is no site, or jupyterlite-sphinx no longer builds it in this way.
    """
    if not (SITE / "jupyter-lite.json").exists():
        raise ExtensionError("_site is missing: make docs builds it first")
    found = [
        listener.id
        for listener in app.events.listeners["build-finished"]
        if listener.handler is jupyterlite_build
    ]
    if not found:
        raise ExtensionError("jupyterlite_build of jupyterlite-sphinx does not wait for the build")
    app.disconnect(found[0])
    app.connect("build-finished", copy)


def copy(app: Sphinx, error: Exception | None) -> None:
    """Copy the site, and add the notebooks and settings of the documentation."""
    if error is not None or app.builder.format != "html":
        return
    lite = Path(app.outdir) / JUPYTERLITE_DIR
    shutil.rmtree(lite, ignore_errors=True)
    shutil.copytree(SITE, lite)
    # Not what jupyterlite-sphinx has collected: it does so only for pages that are read anew.
    folder = Path(app.srcdir) / "try"
    shutil.copytree(folder, lite / "files" / folder.name)

    def list_folder(listing: Any) -> None:
        entry = {**listing, "name": folder.name, "path": folder.name, "content": None}
        a_notebook = next(entry for entry in listing["content"] if entry["type"] == "notebook")
        notebooks = [
            {
                **a_notebook,
                "name": path.name,
                "path": f"{folder.name}/{path.name}",
                "size": path.stat().st_size,
                "writable": path.name != FRESH,
            }
            for path in sorted(folder.glob("*.ipynb"))
        ]
        own = lite / "api/contents" / folder.name / "all.json"
        own.parent.mkdir()
        own.write_text(json.dumps({**entry, "content": notebooks}), "utf-8")
        listing["content"].append(entry)

    def override_settings(config: Any) -> None:
        overrides = json.loads((HERE / "overrides.json").read_text("utf-8"))
        config["jupyter-config-data"].setdefault("settingsOverrides", {}).update(overrides)

    _edit(lite / "api/contents/all.json", list_folder)
    _edit(lite / "jupyter-lite.json", override_settings)


def _edit(path: Path, change: Any) -> None:
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Take over from jupyterlite-sphinx, which has been set up before."""
    app.connect("builder-inited", take_over)
    return {"parallel_read_safe": True}
