"""lite_comms is active before the first cell, and a kernel starts without it if it must."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

import lite_comms
from conftest import ROOT
from lite_comms._install import start


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def run_startup_file(shell: InteractiveShell) -> None:
    shell.safe_execfile(str(ROOT / "kernel_startup.py"), shell.user_ns, raise_exceptions=True)


def test_startup_file_puts_it_in_force(shell: InteractiveShell) -> None:
    run_startup_file(shell)
    assert lite_comms.status().installed


def test_startup_file_leaves_the_session_as_it_was(shell: InteractiveShell) -> None:
    before = dict(shell.user_ns), shell.execution_count
    run_startup_file(shell)
    assert (dict(shell.user_ns), shell.execution_count) == before


@pytest.fixture
def broken_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def install(**_: object) -> None:
        raise RuntimeError("this kernel is too new")

    monkeypatch.setattr(start, "install", install)


@pytest.mark.usefixtures("broken_install")
def test_failure_is_shown_with_the_first_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    run_startup_file(shell)
    assert capsys.readouterr().err == ""

    shell.run_cell("print('the first cell')")
    out, err = capsys.readouterr()
    assert out == "the first cell\n"
    assert err.startswith("lite_comms is not active: it failed to start:\nTraceback")
    assert err.rstrip().endswith("RuntimeError: this kernel is too new")


@pytest.mark.usefixtures("broken_install")
def test_failure_is_shown_once(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run_startup_file(shell)
    shell.run_cell("1")
    capsys.readouterr()
    shell.run_cell("print('the second cell')")
    assert capsys.readouterr() == ("the second cell\n", "")
