"""Installing: what was open, again, with another transport, in vain, by IPython."""

from __future__ import annotations

from typing import Any

import comm as comm_package
import pytest

import lite_comms
from lite_comms import Comm, CommManager, CommMessage, MemoryTransport, Transport

from .conftest import everything

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
