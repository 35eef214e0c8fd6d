"""Drawings: a fenced block ``mermaid`` becomes an SVG, in the colours of the page's theme.

Its first line is a title, ``%% title: ...``: the caption, and what a screen reader says.
"""

from __future__ import annotations

import html
import subprocess
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

DRAW = Path(__file__).parent.parent.parent / "frontend/draw.mjs"
TITLE = "%% title: "


class Mermaid(SphinxDirective):
    """Render a text in the language of Mermaid, which GitHub shows as a drawing, too."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the figure.

        Raises
        ------
        docutils.utils.SystemMessage
            If it has no title, or cannot be rendered.
        """
        first, *rest = self.content
        if not first.startswith(TITLE):
            raise self.error(f"a drawing begins with '{TITLE}' and what it shows")
        title = html.escape(first.removeprefix(TITLE))
        done = subprocess.run(
            ["node", DRAW], input="\n".join(rest), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise self.error(f"the drawing {title!r} cannot be made: {done.stderr.strip()}")
        svg = done.stdout.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
        figure = f'<figure class="drawing">{svg}<figcaption>{title}</figcaption></figure>'
        return [nodes.raw("", figure, format="html")]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the directive."""
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True}
