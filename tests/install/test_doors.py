"""The doors to comms are ours: those of packages and kernels, and those that others replace."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm as comm_package
import pytest

import lite_comms
from lite_comms import Comm, CommManager, MemoryTransport
from lite_comms._comms.registry import Registry

# The doors ------------------------------------------------------------------------


def test_create_comm_makes_our_comms(memory: MemoryTransport) -> None:
    comm = comm_package.create_comm("plot", {"a": 1}, comm_id="1")
    memory.deliver()

    assert type(comm) is Comm
    assert [msg["content"]["data"] for msg in memory.received] == [{"a": 1}]


def test_get_comm_manager_gives_one_manager(memory: MemoryTransport) -> None:
    manager = comm_package.get_comm_manager()

    assert type(manager) is CommManager
    assert comm_package.get_comm_manager() is manager


def test_modules_that_imported_the_names_earlier_get_ours(
    module: Callable[..., Any], memory: MemoryTransport
) -> None:
    lite_comms.uninstall()
    early = module(
        "early", make=comm_package.create_comm, manager=comm_package.get_comm_manager, other=5
    )

    lite_comms.install(memory)

    assert type(early.make("plot")) is Comm
    assert early.manager() is comm_package.get_comm_manager()
    assert early.other == 5


@pytest.mark.parametrize("package", ["ipykernel.comm", "pyodide_kernel.comm"])
def test_the_classes_of_kernels_are_ours(package: str, module: Callable[..., Any]) -> None:
    class KernelsComm(comm_package.base_comm.BaseComm):
        pass

    class KernelsManager(comm_package.base_comm.CommManager):
        pass

    door = module(package, Comm=KernelsComm, CommManager=KernelsManager)
    early = module("early", C=KernelsComm, M=KernelsManager)

    lite_comms.install(MemoryTransport())
    assert (door.Comm, door.CommManager, early.C, early.M) == (Comm, CommManager) * 2

    lite_comms.uninstall()
    assert (door.Comm, door.CommManager) == (KernelsComm, KernelsManager)
    assert (KernelsComm, KernelsManager) == (early.C, early.M)


def test_the_base_class_of_managers_is_no_door(memory: MemoryTransport) -> None:
    assert comm_package.base_comm.CommManager is Registry.__base__


def test_the_kernel_has_our_manager_and_its_handlers(kernel: Any) -> None:
    lite_comms.install(MemoryTransport())

    manager = kernel.comm_manager
    assert type(manager) is CommManager
    assert kernel.shell_handlers == {
        "execute_request": "the kernel's own",
        "comm_open": manager.comm_open,
        "comm_msg": manager.comm_msg,
        "comm_close": manager.comm_close,
    }
    assert kernel.comm_info == manager.comm_info
    assert comm_package.get_comm_manager() is manager


def test_a_kernel_gets_its_own_things_back(kernel: Any) -> None:
    before, handlers = dict(vars(kernel)), dict(kernel.shell_handlers)

    lite_comms.install(MemoryTransport())
    lite_comms.uninstall()

    assert vars(kernel) == before
    assert kernel.shell_handlers == handlers


# Doors that others replace, or that open later ------------------------------------------


def test_a_comm_is_ours_when_someone_has_replaced_a_door(
    memory: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = comm_package.base_comm.CommManager()
    monkeypatch.setattr(comm_package, "get_comm_manager", lambda: theirs)

    Comm("plot", {"a": 1})
    memory.deliver()

    assert [msg["content"]["data"] for msg in memory.received] == [{"a": 1}]


def test_status_names_the_doors_that_someone_has_replaced(
    memory: MemoryTransport, kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comm_package, "create_comm", print)

    assert lite_comms.status().bypassed == (
        "comm.create_comm",
        "get_ipython().kernel.comm_manager",
    )


@pytest.fixture
def dummy() -> Iterator[Callable[..., Any]]:
    """What makes comms without lite_comms; it does so again after the test."""
    dummy = comm_package.create_comm
    yield dummy
    lite_comms.uninstall()
    comm_package.create_comm = dummy


@pytest.mark.usefixtures("dummy", "memory")
def test_installing_again_takes_the_doors_back(kernel: Any, module: Callable[..., Any]) -> None:
    def theirs(*args: Any, **kwargs: Any) -> Any:
        """Stand for a kernel's own, that is imported late."""

    before = comm_package.create_comm
    comm_package.create_comm = theirs
    late = module("late", make=theirs)

    status = lite_comms.install()

    assert comm_package.create_comm is late.make is before
    assert kernel.comm_manager is comm_package.get_comm_manager()
    assert status.bypassed == ()


@pytest.mark.usefixtures("dummy")
def test_the_undo_gives_back_what_stood_at_a_door_last(module: Callable[..., Any]) -> None:
    def theirs(*args: Any, **kwargs: Any) -> Any:
        """Stand for a kernel's own, that is imported late."""

    lite_comms.install(MemoryTransport())
    comm_package.create_comm = theirs
    lite_comms.install()
    late = module("late", make=comm_package.create_comm)
    lite_comms.uninstall()

    assert (comm_package.create_comm, late.make) == (theirs, theirs)


def test_a_kernel_without_a_comm_manager_is_left_alone(
    module: Callable[..., Any],
) -> None:
    kernel = types.SimpleNamespace()
    module("IPython", get_ipython=lambda: types.SimpleNamespace(kernel=kernel))

    with MemoryTransport() as page:
        Comm("plot")
        page.deliver()

    assert [msg["msg_type"] for msg in page.received] == ["comm_open"]
    assert vars(kernel) == {}


def test_a_module_that_is_loaded_when_it_is_used_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lazy_one.py").write_text("raise RuntimeError('loaded')", "utf-8")
    spec = importlib.util.spec_from_file_location("lazy_one", tmp_path / "lazy_one.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lazy_one", lazy)
    spec.loader.exec_module(lazy)

    lite_comms.install(MemoryTransport())
    lite_comms.uninstall()

    assert type(lazy) is not types.ModuleType  # which it is once it is loaded


def test_a_proxy_in_the_place_of_a_module_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    monkeypatch.setitem(sys.modules, "proxy", Proxy())

    assert lite_comms.install(MemoryTransport()).installed
