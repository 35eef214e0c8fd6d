"""After the undo everything is as it was, but for what others have replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comm as comm_package
import pytest

import lite_comms
from lite_comms import Comm, CommManager, MemoryTransport

from .conftest import everything


def test_the_undo_is_exact(module: Callable[..., Any], kernel: Any) -> None:
    module("early", make=comm_package.create_comm, manager=comm_package.get_comm_manager)
    before = everything()

    lite_comms.install(MemoryTransport())
    assert everything() != before

    lite_comms.uninstall()
    assert everything() == before


def test_a_kernels_own_names_come_back_not_those_of_the_comm_package(
    module: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = comm_package.get_comm_manager()

    def create_comm(*args: Any, **kwargs: Any) -> Any:
        """Stand for the kernel's."""

    def get_comm_manager() -> Any:
        return manager

    monkeypatch.setattr(comm_package, "create_comm", create_comm)
    monkeypatch.setattr(comm_package, "get_comm_manager", get_comm_manager)
    lite_comms.install(MemoryTransport())
    late = module("late", make=comm_package.create_comm, manager=comm_package.get_comm_manager)
    lite_comms.uninstall()

    assert (comm_package.create_comm, late.make) == (create_comm, create_comm)
    assert (comm_package.get_comm_manager, late.manager) == (get_comm_manager, get_comm_manager)


def test_modules_that_imported_the_names_meanwhile_get_the_old_ones(
    module: Callable[..., Any],
) -> None:
    create_comm, get_comm_manager = comm_package.create_comm, comm_package.get_comm_manager

    lite_comms.install(MemoryTransport())
    late = module("late", make=comm_package.create_comm, manager=comm_package.get_comm_manager)
    lite_comms.uninstall()

    assert (late.make, late.manager) == (create_comm, get_comm_manager)


def test_what_was_imported_from_lite_comms_stays(module: Callable[..., Any]) -> None:
    lite_comms.install(MemoryTransport())
    late = module("late", Comm=Comm, CommManager=CommManager)
    lite_comms.uninstall()

    assert (late.Comm, late.CommManager) == (Comm, CommManager)


def test_what_someone_replaced_after_us_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(*args: Any, **kwargs: Any) -> Any:
        """Stand for another package's."""

    monkeypatch.setattr(comm_package, "create_comm", comm_package.create_comm)  # to restore it

    lite_comms.install(MemoryTransport())
    comm_package.create_comm = theirs
    lite_comms.uninstall()

    assert comm_package.create_comm is theirs


def test_uninstalling_what_is_not_installed_does_nothing() -> None:
    before = everything()

    lite_comms.uninstall()

    assert everything() == before


def test_it_can_be_installed_after_an_undo() -> None:
    for _ in range(2):
        with MemoryTransport() as page:
            comm_package.create_comm("plot")
            page.deliver()
            assert [msg["msg_type"] for msg in page.received] == ["comm_open"]
