"""What the reference lists is all that there is, and nothing else."""

from __future__ import annotations

import inspect
import re

import pytest

import lite_comms
from conftest import ROOT

API = (ROOT / "docs/api.md").read_text("utf-8")
CODE = "\n".join(re.findall(r"`[^`\n]+`|^ {4}.*$|(?s:^```.*?^```$)", API, re.MULTILINE))


def attributes(cls: type) -> set[str]:
    """List the public attributes of a class that are written in the package."""
    return {
        name
        for base in cls.__mro__
        if base.__module__.startswith("lite_comms.")
        for name in {**vars(base), **vars(base).get("__annotations__", {})}
        if not name.startswith("_")
    }


def section(name: str) -> str:
    """The part of the page that begins with a text."""
    return API[API.index(name) :].partition("\n## ")[0]


@pytest.mark.parametrize("name", lite_comms.__all__)
def test_a_public_name_is_in_the_reference_with_all_its_attributes(name: str) -> None:
    value = getattr(lite_comms, name)
    names = [name, *(attributes(value) if inspect.isclass(value) else ())]

    assert [n for n in names if not re.search(rf"\b{re.escape(n)}\b", CODE)] == []


def test_each_member_of_a_table_of_the_reference_is_there() -> None:
    tables = {
        "`Comm(target_name": lite_comms.Comm,
        "is a `CommManager`:": lite_comms.CommManager,
        "return a `Status`:": lite_comms.Status,
        "derive from `lite_comms.Transport`": lite_comms.Transport,
        "`MemoryTransport(*": lite_comms.MemoryTransport,
        "A `PageComm` is": lite_comms.PageComm,
        "The fields of a `TracedMessage`": lite_comms.TracedMessage,
    }
    for text, cls in tables.items():
        table = section(text).partition("\n|---|---|\n")[2].partition("\n\n")[0]
        first = [row.split(" | ")[0] for row in table.splitlines()]
        members = re.findall(r"`(?:await )?(\w+)", " ".join(first))
        own = inspect.getsource(cls) + "".join(
            inspect.getsource(b) for b in cls.__mro__ if "comm" in b.__module__
        )
        assert len(members) > 3
        assert [member for member in members if not re.search(rf"\b{member}\b", own)] == []


@pytest.mark.parametrize("page", ["site.md", "settings.md"])
def test_the_tables_of_plugins_have_all_of_them(page: str) -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "frontend/src").rglob("*.ts"))
    table = (ROOT / "docs" / page).read_text("utf-8")
    rows = re.findall(r"^\| `(lite-comms:\S+)` \| [^`\n]*\w", table, re.MULTILINE)

    assert set(rows) == {*re.findall(r"\bid: '(lite-comms:\S+)'", source)}
