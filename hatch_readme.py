"""The long description and the links of the project, as a package index shows them.

In README links are relative, for whoever reads it in the repository, wherever that is. A package
index has no such files beside it. The release workflow names the repository in the environment
(``GITHUB_SERVER_URL``, ``GITHUB_REPOSITORY``); links then lead to the files of the release there.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# The target of a link or picture in Markdown, and of a picture in HTML.
_TARGET = re.compile(r'(\]\(|\b(?:src|srcset)=")(?![a-z]+:|#)([^)"\s]+)')
_PICTURES = (".png", ".svg")


class ReadmeHook(MetadataHookInterface):
    """Called by hatchling for the metadata that pyproject.toml leaves open."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the long description, and the addresses if they are known."""
        root = Path(self.root)
        text = (root / "README.md").read_text("utf-8")
        version = json.loads((root / "frontend/package.json").read_text("utf-8"))["version"]
        repository = _repository()
        if repository:
            text = with_absolute_links(text, repository, f"v{version}")
            metadata["urls"] = {
                "Documentation": _pages(),
                "Changelog": f"{repository}/blob/v{version}/CHANGELOG.md",
                "Repository": repository,
                "Issues": f"{repository}/issues",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def _repository() -> str:
    server, name = (os.environ.get(f"GITHUB_{key}", "") for key in ("SERVER_URL", "REPOSITORY"))
    return f"{server}/{name}" if server and name else ""


def _pages() -> str:
    """Return where the documentation is that the workflow site.yml deploys."""
    owner, _, name = os.environ["GITHUB_REPOSITORY"].partition("/")
    return f"https://{owner.lower()}.github.io/{name}/"


def with_absolute_links(text: str, repository: str, ref: str) -> str:
    """Have the relative links of a Markdown text lead into a repository.

    Parameters
    ----------
    text : str
        The text.
    repository : str
        The address of the repository.
    ref : str
        The tag or branch.

    Returns
    -------
    str
        The text. Pictures are linked as they are, everything else as the pages that show it.
    """

    def absolute(found: re.Match[str]) -> str:
        before, target = found.groups()
        kind = "raw" if target.endswith(_PICTURES) else "blob"
        return f"{before}{repository}/{kind}/{ref}/{target}"

    return _TARGET.sub(absolute, text)
