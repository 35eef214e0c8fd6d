from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import comm as comm_package
import pytest
from IPython.core.formatters import DisplayFormatter

import lite_comms
from lite_comms import Comm, MemoryTransport, Status
from lite_comms._install import install
from lite_comms._install import status as status_module
from lite_comms._install.status import status_of

NOT_INSTALLED = (
    "call lite_comms.install(), or %load_ext lite_comms; until then the kernel's own comms are used"
)


def test_status_says_that_nothing_is_installed() -> None:
    assert lite_comms.status() == Status(
        installed=False,
        kernel="none",
        transport=None,
        why=NOT_INSTALLED,
        live="",
        comms=0,
        targets=(),
        version=lite_comms.__version__,
    )


def test_status_says_what_is_active(memory: MemoryTransport) -> None:
    Comm("plot")
    comm_package.get_comm_manager().register_target("a", lambda comm, msg: None)
    comm_package.get_comm_manager().register_target("b", lambda comm, msg: None)

    assert lite_comms.status() == Status(
        installed=True,
        kernel="none",
        transport="memory",
        why="messages go to a page in the same process",
        live="messages are handled when deliver is called",
        comms=1,
        targets=("a", "b"),
        version=lite_comms.__version__,
    )


def test_status_prints_what_it_returns(
    memory: MemoryTransport, capsys: pytest.CaptureFixture[str]
) -> None:
    status = lite_comms.status()

    assert capsys.readouterr().out == f"{status}\n"


@pytest.mark.parametrize("call", ["status", "current_status"])
def test_the_last_line_of_a_cell_shows_the_status_once(
    memory: MemoryTransport,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    shell = SimpleNamespace(execution_count=1)
    monkeypatch.setattr(status_module, "find_shell", lambda: shell)
    shown = DisplayFormatter()
    status = getattr(install, call)()
    assert shown.format(status) == ({}, {})
    assert capsys.readouterr().out == f"{status}\n"

    shell.execution_count = 2
    shown.format(status)
    assert capsys.readouterr().out == f"{status}\n"


def test_an_active_status_reads_as_text() -> None:
    status = Status(True, "server", "server", "because", "at once", 2, ("a", "b"), "1.2.3")

    assert str(status) == (
        "lite_comms 1.2.3: active, transport server\n"
        "  why      because\n"
        "  live     at once\n"
        "  kernel   server\n"
        "  comms    2 open\n"
        "  targets  a, b"
    )


def test_a_status_that_is_not_active_reads_as_text() -> None:
    assert str(status_of(None, "jupyterlite")) == (
        f"lite_comms {lite_comms.__version__}: not installed\n"
        f"  why      {NOT_INSTALLED}\n"
        "  kernel   jupyterlite\n"
        "  comms    0 open\n"
        "  targets  none"
    )


def test_a_status_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        lite_comms.status().installed = True  # type: ignore[misc]


def test_a_status_names_the_doors_that_are_bypassed() -> None:
    status = Status(
        True, "none", "memory", "because", "", 0, (), "1.2.3", ("comm.create_comm", "b")
    )

    assert str(status).splitlines()[-1] == (
        "  bypassed comm.create_comm, b: install() takes it back"
    )


def test_the_page_is_told_the_status_by_a_comm_that_is_not_counted(
    memory: MemoryTransport,
) -> None:
    told: list[dict[str, Any]] = []
    with lite_comms.trace() as trace:
        memory.new_comm("lite_comms.status").on_close(told.append)
        memory.deliver()

    assert [msg["content"]["data"] for msg in told] == [str(lite_comms.status())]
    assert [message.msg_type for message in trace] == ["comm_open", "comm_close"]
    assert lite_comms.status().comms == 0
