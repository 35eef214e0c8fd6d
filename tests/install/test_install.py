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
from lite_comms import Comm, CommManager, CommMessage, MemoryTransport, Transport
from lite_comms._comms.registry import Registry


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make a module that is imported, with names in it."""

    def make(name: str, **names: Any) -> Any:
        made = types.ModuleType(name)
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    return make


@pytest.fixture
def kernel(module: Callable[..., Any]) -> Any:
    """A kernel like ipykernel's: it keeps handlers of its manager."""
    manager = comm_package.base_comm.CommManager()
    kernel = types.SimpleNamespace(
        comm_manager=manager,
        shell_handlers={
            "execute_request": "the kernel's own",
            "comm_open": manager.comm_open,
            "comm_msg": manager.comm_msg,
            "comm_close": manager.comm_close,
        },
        comm_info=lambda target_name: {},
    )
    module("IPython", get_ipython=lambda: types.SimpleNamespace(kernel=kernel))
    return kernel


def everything() -> dict[tuple[str, str], int]:
    """Take down what stands under each name of each module, and in the comm classes."""
    owners: list[tuple[str, Any]] = [
        (name, module)
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType) and not name.startswith("lite_comms")
    ]
    owners.append(("DummyComm", comm_package.DummyComm))
    return {(owner, name): id(value) for owner, on in owners for name, value in vars(on).items()}


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


# What was open ----------------------------------------------------------------------


def test_open_comms_and_targets_move_over() -> None:
    def target(comm: Any, msg: Any) -> None:
        """Do nothing."""

    old = comm_package.create_comm("old", comm_id="1")
    comm_package.get_comm_manager().register_target("echo", target)

    with MemoryTransport() as page:
        manager = comm_package.get_comm_manager()
        assert manager.comms == {"1": old}
        assert manager.targets == {"echo": target}
        old.send({"a": 1})
        page.deliver()

    assert [msg["content"] for msg in page.received] == [{"comm_id": "1", "data": {"a": 1}}]


def test_what_was_opened_meanwhile_is_there_after_the_undo() -> None:
    lite_comms.install(MemoryTransport())
    comm = Comm("plot", comm_id="1")
    comm_package.get_comm_manager().register_target("echo", print)
    lite_comms.uninstall()

    assert comm_package.get_comm_manager().comms == {"1": comm}
    assert comm_package.get_comm_manager().targets == {"echo": print}


def test_whoever_holds_the_old_manager_registers_in_the_new_one(memory: MemoryTransport) -> None:
    lite_comms.uninstall()
    held = comm_package.get_comm_manager()

    lite_comms.install(memory)
    held.register_target("echo", print)

    assert comm_package.get_comm_manager().targets == {"echo": print}


# Again, and other transports ----------------------------------------------------------


def test_installing_again_changes_nothing(memory: MemoryTransport) -> None:
    before = everything()

    status = lite_comms.install()

    assert everything() == before
    assert (status.installed, status.transport) == (True, "memory")


def test_installing_the_same_transport_again_changes_nothing(memory: MemoryTransport) -> None:
    before = everything()

    lite_comms.install(memory)

    assert everything() == before


def test_another_transport_takes_the_place_of_the_first(memory: MemoryTransport) -> None:
    other = MemoryTransport()

    lite_comms.install(other)
    comm_package.create_comm("plot")

    assert (memory.deliver(), other.deliver()) == (0, 2)


def test_the_messages_of_another_transport_are_heard(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm_package.get_comm_manager().register_target("echo", lambda *call: heard.append(call))
    other = MemoryTransport()

    lite_comms.install(other)
    other.new_comm("echo", {"a": 1})
    other.deliver()

    assert [msg["content"]["data"] for _, msg in heard] == [{"a": 1}]


def test_an_open_comm_speaks_through_the_transport_in_force(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    memory.deliver()
    other = MemoryTransport()

    lite_comms.install(other)
    comm.send({"a": 1})
    memory.deliver()
    other.deliver()

    assert [msg["msg_type"] for msg in memory.received] == ["comm_open"]
    assert [msg["msg_type"] for msg in other.received] == ["comm_msg"]


def test_outside_a_kernel_a_send_warns_that_nobody_hears_it() -> None:
    status = lite_comms.install()

    assert (status.transport, status.kernel) == ("none", "none")
    with pytest.warns(lite_comms.CommWarning) as caught:
        Comm("plot", comm_id="1")
    assert [str(warning.message) for warning in caught] == [
        "comm_open of comm 1 is discarded: there is no kernel here; messages are discarded"
    ]


# The undo -------------------------------------------------------------------------------


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


# Failures -------------------------------------------------------------------------------


class Unwilling(Transport):
    """A transport that cannot be used."""

    def connect(self, manager: CommManager) -> None:
        raise LookupError("no cable")


def test_a_transport_that_cannot_be_used_leaves_nothing_installed() -> None:
    before = everything()

    with pytest.raises(LookupError, match="no cable"):
        lite_comms.install(Unwilling())

    assert everything() == before
    assert lite_comms.status().installed is False


def test_a_failure_on_the_way_rolls_everything_back(
    kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kernel.shell_handlers["comm_close"]
    kernel_before = dict(vars(kernel))
    before = everything()

    with pytest.raises(KeyError, match="comm_close"):
        lite_comms.install(MemoryTransport())

    assert everything() == before
    assert vars(kernel) == kernel_before
    assert lite_comms.status().installed is False


def test_a_failure_with_another_transport_leaves_the_first_in_force(
    memory: MemoryTransport,
) -> None:
    with pytest.raises(LookupError, match="no cable"):
        lite_comms.install(Unwilling())

    Comm("plot")
    memory.deliver()
    assert [msg["msg_type"] for msg in memory.received] == ["comm_open"]


# IPython --------------------------------------------------------------------------------


def test_the_extension_of_ipython_installs_and_uninstalls() -> None:
    before = everything()

    lite_comms.load_ipython_extension(None)
    assert lite_comms.status().installed

    lite_comms.unload_ipython_extension(None)
    assert everything() == before


def test_messages_of_a_subclass_of_a_kernels_comm_go_through_us(memory: MemoryTransport) -> None:
    class Mine(comm_package.DummyComm):
        pass

    Mine(target_name="plot", data={"a": 1}, comm_id="1")
    memory.deliver()

    assert [msg["content"]["data"] for msg in memory.received] == [{"a": 1}]


def test_a_transport_is_an_easy_thing_to_write() -> None:
    sent: list[tuple[str, Any]] = []

    class Recorder(Transport):
        name = "recorder"
        why = "it is written down"

        def send(self, message: CommMessage) -> None:
            sent.append((message.msg_type, message.content["data"]))

    status = lite_comms.install(Recorder())
    Comm("plot", 1).close(2)

    assert (status.transport, status.why) == ("recorder", "it is written down")
    assert sent == [("comm_open", 1), ("comm_close", 2)]


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
