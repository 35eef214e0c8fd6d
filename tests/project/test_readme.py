"""README as a package index shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conftest import ROOT
from hatch_readme import ReadmeHook, with_absolute_links

pytestmark = pytest.mark.build  # hatchling is on the build machine

HOME = "https://code.example/us/lite-comms"


def metadata() -> dict[str, Any]:
    found: dict[str, Any] = {}
    ReadmeHook(str(ROOT), {}).update(found)
    return found


def test_links_lead_to_the_release_where_the_repository_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://code.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "us/lite-comms")
    found = metadata()

    text = found["readme"]["text"]
    targets = re.findall(r'\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"', text)
    assert [target for pair in targets for target in pair if target and ":" not in target] == []
    for target in re.findall(rf"{HOME}/(?:raw|blob)/v[\d.]+/([^)\"#\s]+)", text):
        assert (ROOT / target).exists()
    assert set(found["urls"]) == {"Documentation", "Changelog", "Repository", "Issues"}
    assert found["urls"]["Documentation"] == "https://us.github.io/lite-comms/"


def test_readme_stays_as_it_is_where_the_repository_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    text = (ROOT / "README.md").read_text("utf-8")

    assert metadata() == {"readme": {"content-type": "text/markdown", "text": text}}


@pytest.mark.parametrize(
    ("link", "absolute"),
    [
        ("[a](docs/a.md#part)", f"[a]({HOME}/blob/v1/docs/a.md#part)"),
        ("![a](docs/a.png)", f"![a]({HOME}/raw/v1/docs/a.png)"),
        ('<img alt="a" src="docs/a.svg">', f'<img alt="a" src="{HOME}/raw/v1/docs/a.svg">'),
        ('<source srcset="a.png">', f'<source srcset="{HOME}/raw/v1/a.png">'),
        ("[a](https://example.org/a.png)", "[a](https://example.org/a.png)"),
        ("[a](#part)", "[a](#part)"),
        ("f(docs/a.md)", "f(docs/a.md)"),
    ],
)
def test_a_relative_link_becomes_absolute(link: str, absolute: str) -> None:
    assert with_absolute_links(link, HOME, "v1") == absolute
