"""What pages refer to outside of docs/: files of the repository, and nothing on other hosts.

Links to notebooks of the demo open them there; see demo.py. Of a picture that has a dark one beside
it, the page shows the one of its theme, where GitHub shows the light one.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

ROOT = Path(__file__).parent.parent.parent

# Files of the repository's root that are pages here, by including them.
PAGES = {
    "CHANGELOG.md": "docs/changelog.md",
    "CONTRIBUTING.md": "docs/contributing.md",
    "PROTOCOL.md": "docs/protocol.md",
    "README.md": "docs/index.md",
}
# Sections of the README that are pages here.
SECTIONS = {"#speed": "docs/benchmark.md"}
INCLUDED = re.compile(r"^```\{include\} \.\./(\S+)\n```$", re.MULTILINE)
PICTURE = re.compile(r"^!\[([^]]*)\]\((images/\S+)\)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^][]*)\]\(([^():#\s]+)(#[\w-]*)?\)")


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Include files of the root, and have links lead to pages of the site."""
    found = INCLUDED.search(source[0])
    if found:
        app.env.note_dependency(str(ROOT / found[1]))
        source[0] = relinked((ROOT / found[1]).read_text("utf-8"), "")
    else:
        source[0] = PICTURE.sub(in_both_themes, relinked(source[0], "docs"))


def relinked(text: str, folder: str) -> str:
    """Return a page's text: links lead to pages and notebooks, other files are names only.

    Parameters
    ----------
    text : str
        In Markdown.
    folder : str
        The folder of the repository that its links start from.

    Returns
    -------
    str
        The text; its links to pages start from docs/.
    """

    def relink(found: re.Match[str]) -> str:
        label, target, anchor = found[1], found[2], found[3] or ""
        path = posixpath.normpath(posixpath.join(folder, target))
        page = PAGES.get(path, path)
        if path == "README.md" and anchor:
            page, anchor = SECTIONS[anchor], ""
        if page.startswith("docs/"):
            return f"[{label}]({page.removeprefix('docs/')}{anchor})"
        if not (ROOT / path).exists():
            return found[0]  # Sphinx complains
        if path.startswith("content/") and path.endswith(".ipynb"):
            return f"[{label}](demo:{path.removeprefix('content/')})"
        return label if label.startswith("`") or " " in label else f"`{label}`"

    return LINK.sub(relink, text)


def in_both_themes(found: re.Match[str]) -> str:
    """Return a picture as two, one for each theme; as it is if it has no dark one.

    Parameters
    ----------
    found : re.Match
        The picture, in Markdown.

    Returns
    -------
    str
        The pictures, as directives.
    """
    text, light = found.groups()
    path = Path(light)
    dark = path.with_stem(f"{path.stem}-dark").as_posix()
    if not (ROOT / "docs" / dark).exists():
        return found[0]
    shown = ((light, "only-light"), (dark, "only-dark"))
    return "\n\n".join(
        f"```{{image}} {name}\n:class: {theme}\n:alt: {text}\n```" for name, theme in shown
    )


def stay_on_this_host(app: Sphinx, config: Config) -> None:
    """Drop what extensions load from other hosts: a font, for the text of a button."""
    files = app.registry.css_files
    files[:] = [file for file in files if "://" not in file[0]]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect it to Sphinx."""
    app.connect("source-read", read)
    app.connect("config-inited", stay_on_this_host)
    return {"parallel_read_safe": True}
