from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import comm as comm_package
import pytest

import lite_comms
from lite_comms import ClosedError, Comm, CommManager, EncodeError, MemoryTransport
from lite_comms._install.install import current_transport
from lite_comms._transports.base import Transport
from tests.common import has_loops


def test_it_is_in_force_inside_its_with_block() -> None:
    before = comm_package.get_comm_manager()

    with MemoryTransport() as page:
        manager = comm_package.get_comm_manager()
        assert isinstance(manager, CommManager)
        assert manager.transport is page

    assert comm_package.get_comm_manager() is before


def test_it_is_taken_out_when_its_with_block_raises() -> None:
    with pytest.raises(LookupError, match="mine"), MemoryTransport():
        raise LookupError("mine")

    assert not isinstance(comm_package.get_comm_manager(), CommManager)


def test_what_was_in_force_before_its_with_block_is_so_again(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    manager = comm_package.get_comm_manager()
    memory.deliver()

    with MemoryTransport():
        pass
    comm.send()

    assert comm_package.get_comm_manager() is manager
    assert memory.deliver() == 1


def test_messages_wait_until_they_are_delivered(memory: MemoryTransport) -> None:
    Comm("plot").send()
    assert memory.received == []

    assert memory.deliver() == 2
    assert [msg["msg_type"] for msg in memory.received] == ["comm_open", "comm_msg"]


def test_attachments_are_handed_over_as_they_are(memory: MemoryTransport) -> None:
    got: list[Any] = []
    memory.new_comm("keep").send({"n": 1}, attachments=["anything", got])
    manager = comm_package.get_comm_manager()
    manager.register_target("keep", lambda comm, msg: comm.on_msg(got.append))
    memory.deliver()

    assert [(msg["content"]["data"], msg["attachments"]) for msg in got] == [
        ({"n": 1}, ["anything", got])
    ]


def test_a_message_without_attachments_has_no_such_key(memory: MemoryTransport) -> None:
    got: list[Any] = []
    manager = comm_package.get_comm_manager()
    manager.register_target("keep", lambda comm, msg: comm.on_msg(got.append))
    memory.new_comm("keep").send({"n": 1}, attachments=[])
    memory.deliver()

    assert ["attachments" in msg for msg in got] == [False]


def test_delivering_goes_on_until_none_is_left(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    memory.deliver()
    comm.on_msg(lambda msg: comm.send(msg["content"]["data"] - 1))
    end = memory.comms[comm.comm_id]
    end.on_msg(lambda msg: end.send(msg["content"]["data"]) if msg["content"]["data"] else None)

    comm.send(3)

    assert memory.deliver() == 7
    assert [msg["content"]["data"] for msg in memory.received[1:]] == [3, 2, 1, 0]


def test_a_target_of_the_page_gets_comm_and_message(memory: MemoryTransport) -> None:
    calls = []
    memory.register_target("greeter", lambda comm, msg: calls.append((comm, msg)))

    Comm("greeter", {"name": "you"}, comm_id="1")
    memory.deliver()

    ((end, msg),) = calls
    assert (end.comm_id, end.target_name) == ("1", "greeter")
    assert memory.comms == {"1": end}
    assert msg is memory.received[0]


def test_a_comm_for_a_target_that_the_page_lacks_is_closed(memory: MemoryTransport) -> None:
    comm = Comm("nobody")
    memory.deliver()

    assert comm._closed
    assert memory.comms == {}


def test_the_page_sees_values_as_javascript_does(memory: MemoryTransport) -> None:
    Comm("plot", {"a": 2**60, "b": float("nan"), "c": (None, b"abc")}, {"d": {1: {2}}})
    memory.deliver()

    assert memory.received[0]["content"]["data"] == {
        "a": float(2**60),
        "b": "nan",
        "c": [None, "YWJj"],
    }
    assert memory.received[0]["metadata"] == {"d": {"1": [2]}}


def test_the_kernel_sees_values_of_the_page_as_from_a_server(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    Comm("plot", comm_id="1").on_msg(lambda msg: heard.append((msg["content"], msg["metadata"])))
    memory.deliver()

    memory.comms["1"].send({"a": 2.0, "b": float("nan"), "c": (1, 2**60)}, {"d": 1.0})
    memory.deliver()

    assert repr(heard) == (
        "[({'comm_id': '1', 'data': {'a': 2, 'b': None, 'c': [1, 1152921504606846976]}}, {'d': 1})]"
    )


def test_a_message_of_the_page_has_the_parts_of_a_message(memory: MemoryTransport) -> None:
    heard: list[dict[str, Any]] = []
    Comm("plot", comm_id="1").on_msg(heard.append)
    memory.deliver()

    memory.comms["1"].send()
    memory.deliver()

    (msg,) = heard
    msg_id = msg["msg_id"]
    assert msg == {
        "header": {"msg_id": msg_id, "msg_type": "comm_msg"},
        "msg_id": msg_id,
        "msg_type": "comm_msg",
        "parent_header": {},
        "metadata": {},
        "content": {"comm_id": "1", "data": {}},
        "buffers": [],
    }


def test_buffers_are_copied_both_ways(memory: MemoryTransport) -> None:
    heard: list[list[memoryview]] = []
    there, back = bytearray(b"there"), bytearray(b"back")
    comm = Comm("plot", comm_id="1", buffers=[there])
    comm.on_msg(lambda msg: heard.append(msg["buffers"]))
    there.clear()
    memory.deliver()

    memory.comms["1"].send(buffers=[back])
    back.clear()
    memory.deliver()

    assert memory.received[0]["buffers"] == [memoryview(b"there")]
    assert heard == [[memoryview(b"back")]]
    assert not heard[0][0].readonly


def test_a_value_that_a_server_refuses_is_refused(memory: MemoryTransport) -> None:
    with pytest.raises(EncodeError, match=r"data\.a: object is not JSON serializable"):
        Comm("plot", {"a": object()})


@pytest.mark.parametrize("name", ["data", "metadata"])
def test_what_the_page_sends_is_as_deep_as_on_a_page(memory: MemoryTransport, name: str) -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for _ in range(levels - 1):
            value = {"a": value}
        return value

    page = memory.new_comm("echo")
    limit = 499 if name == "data" else 500  # data are in the content
    page.send(**{name: nested(limit)})
    for send in page.send, page.close:
        with pytest.raises(EncodeError, match=f"^{name}: nested too deeply to be sent"):
            send(**{name: nested(limit + 1)})
    assert memory.comms == {page.comm_id: page}


def test_closing_from_the_page_is_heard_once(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = Comm("plot", comm_id="1")
    comm.on_close(lambda msg: heard.append(msg["content"]["data"]))
    memory.deliver()

    memory.comms["1"].close({"bye": 1})
    memory.deliver()

    assert heard == [{"bye": 1}]
    assert memory.comms == {}


def test_closing_from_the_kernel_is_heard_on_the_page(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    memory.register_target("plot", lambda comm, msg: comm.on_close(heard.append))
    comm = Comm("plot")
    memory.deliver()

    comm.close({"bye": 1})
    memory.deliver()

    assert heard == [memory.received[1]]
    assert memory.comms == {}


def test_registering_a_callback_of_the_page_returns_it(memory: MemoryTransport) -> None:
    end = memory.new_comm("plot")

    def callback(msg: dict[str, Any]) -> None:
        """Do nothing."""

    assert end.on_msg(callback) is callback
    assert end.on_close(callback) is callback


def test_a_page_without_a_manager_says_so() -> None:
    page = MemoryTransport()
    page.new_comm("echo")

    with pytest.raises(RuntimeError, match="is not installed, and no manager has it"):
        page.deliver()


def test_a_page_can_be_used_with_a_manager_of_its_own() -> None:
    page = MemoryTransport()
    manager = CommManager(page)
    manager.register_target("echo", lambda comm, msg: comm.send(msg["content"]["data"]))

    page.new_comm("echo", 5)
    page.deliver()

    assert page.received[0]["content"]["data"] == 5
    assert lite_comms.status().installed is False


def test_the_queue_goes_on_after_a_page_target_has_raised(memory: MemoryTransport) -> None:
    def target(comm: Any, msg: Any) -> None:
        raise LookupError("mine")

    memory.register_target("bad", target)
    Comm("bad")
    Comm("plot", comm_id="1")

    with pytest.raises(LookupError, match="mine"):
        memory.deliver()

    assert memory.deliver() == 1
    assert "1" in memory.comms


def test_its_with_blocks_can_be_nested() -> None:
    before = comm_package.get_comm_manager()

    with MemoryTransport() as page, page:
        with MemoryTransport() as inner:
            Comm("plot")
        Comm("plot")
        page.deliver()
        inner.deliver()

    assert [len(heard.received) for heard in (page, inner)] == [1, 1]
    assert comm_package.get_comm_manager() is before


def test_comms_and_targets_of_its_with_block_end_with_it(memory: MemoryTransport) -> None:
    outer = Comm("plot", comm_id="outer")
    manager = comm_package.get_comm_manager()
    manager.register_target("kept", print)
    memory.deliver()

    with MemoryTransport():
        inner = Comm("plot", comm_id="inner")
        manager.unregister_target("kept", print)
        manager.register_target("new", print)

    assert (manager.comms, manager.targets) == ({"outer": outer}, {"kept": print})
    assert inner._closed
    assert memory.deliver() == 0


def test_a_comm_that_is_closed_in_a_with_block_stays_closed(memory: MemoryTransport) -> None:
    comm = Comm("plot")

    with MemoryTransport():
        comm.close()

    assert comm_package.get_comm_manager().comms == {}


def test_a_comm_that_is_hidden_by_another_in_a_with_block_is_heard_again(
    memory: MemoryTransport,
) -> None:
    heard: list[Any] = []
    comm = Comm("plot", comm_id="1")
    comm.on_msg(lambda msg: heard.append(msg["content"]["data"]))
    memory.deliver()

    with MemoryTransport(), pytest.warns(lite_comms.CommWarning):
        Comm("plot", comm_id="1")
    memory.comms["1"].send(5)
    memory.deliver()

    assert heard == [5]


@has_loops
def test_who_waits_for_a_message_learns_of_the_end_of_the_block() -> None:
    async def main() -> None:
        with MemoryTransport():
            waiting = asyncio.create_task(Comm("quiet").areceive())
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await waiting

    with pytest.raises(ClosedError):
        asyncio.run(main())


# Errors in callbacks ----------------------------------------------------------------


def raise_later(page: MemoryTransport, *errors: Exception, comm_id: str | None = None) -> None:
    """Let callbacks raise these; by the next call of the page it has still to be told."""

    def fail(msg: dict[str, Any]) -> None:
        raise errors[msg["content"]["data"]]

    comm = Comm("plot", comm_id=comm_id)
    comm.on_msg(fail)
    page.register_target("plot", lambda comm, msg: None)
    page.deliver()
    with lite_comms.quiet():
        for n in range(len(errors)):
            page.comms[comm.comm_id].send(n)
        page.deliver()


def test_an_error_in_a_callback_fails_the_test_that_has_caused_it(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = Comm("plot")
    comm.on_msg(lambda msg: heard.append(1 / msg["content"]["data"]))
    memory.deliver()
    for n in (0, 1):
        memory.comms[comm.comm_id].send(n)

    with pytest.raises(ZeroDivisionError) as caught:
        memory.deliver()

    assert caught.traceback[-1].frame.code.name == "<lambda>"
    assert caught.value.__notes__ == [
        f"lite_comms: the on_msg callback of comm 'plot' ({comm.comm_id}) raised"
    ]
    # The next message waits, and is not lost.
    assert heard == []
    assert memory.deliver() == 1
    assert heard == [1]


@has_loops
def test_an_error_of_what_is_awaited_fails_its_block() -> None:
    async def fail(msg: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        raise ValueError("late")

    async def main() -> None:
        with MemoryTransport() as page:
            page.register_target("plot", lambda comm, msg: comm.send())
            Comm("plot").on_msg(fail)
            page.deliver()
            await asyncio.sleep(0.01)

    with pytest.raises(ValueError, match="late"):
        asyncio.run(main())


def test_an_error_of_the_block_is_not_hidden_by_that_of_a_callback() -> None:
    page = MemoryTransport()

    def block() -> None:
        with page:
            raise_later(page, ValueError("in quiet"))
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as caught:
        block()

    # It is told there, and not to who uses this page next.
    (note,) = caught.value.__notes__
    assert note.startswith("A comm callback raised as well:\nTraceback")
    assert "\nValueError: in quiet\nlite_comms: the on_msg callback of comm 'plot' (" in note
    with page:
        assert page.deliver() == 0


def test_several_errors_are_raised_at_once_and_only_once(memory: MemoryTransport) -> None:
    errors = [ValueError("1"), ValueError("2")]
    raise_later(memory, *errors)

    with pytest.raises(ExceptionGroup, match="2 comm callbacks raised") as caught:
        memory.deliver()

    assert caught.value.exceptions == tuple(errors)
    assert memory.deliver() == 0


@pytest.mark.parametrize("leave", [lite_comms.uninstall, lambda: lite_comms.install(Transport())])
def test_what_takes_the_page_out_raises_what_is_left(leave: Callable[[], object]) -> None:
    page = MemoryTransport()
    lite_comms.install(page)
    raise_later(page, ValueError("late"))

    with pytest.raises(ValueError, match="late"):
        leave()

    transport = current_transport()
    assert transport is not page
    leave()  # it has been told


def test_an_exception_that_is_raised_again_names_the_last_callback_only(
    memory: MemoryTransport,
) -> None:
    error = ValueError("known")
    error.add_note("the user's")
    for comm_id in ("1", "1", "2"):
        raise_later(memory, error, comm_id=comm_id)
        with pytest.raises(ValueError, match="known"):
            memory.deliver()
        assert error.__notes__ == [
            "the user's",
            f"lite_comms: the on_msg callback of comm 'plot' ({comm_id}) raised",
        ]
        memory.comms[comm_id].close()
        memory.deliver()


def test_errors_can_be_kept_only(memory: MemoryTransport) -> None:
    memory.raise_errors = False
    comm = Comm("plot")
    comm.on_msg(lambda msg: 1 / 0)
    memory.deliver()
    memory.comms[comm.comm_id].send()

    assert memory.deliver() == 1
    (shown,) = memory.errors
    assert "ZeroDivisionError" in shown


# Where callbacks speak --------------------------------------------------------------


@pytest.mark.parametrize("where", ["cell", "log"])
def test_the_page_is_told_where_callbacks_speak(
    memory: MemoryTransport, where: Literal["cell", "log"]
) -> None:
    lite_comms.show_callbacks(where)
    memory.deliver()

    opened, closed = memory.received
    assert opened["content"]["target_name"] == "lite_comms.callbacks"
    assert opened["content"]["data"] == {"show": where}
    assert closed["msg_type"] == "comm_close"


def test_there_are_two_places_where_callbacks_can_speak(memory: MemoryTransport) -> None:
    with pytest.raises(ValueError, match="where must be 'cell' or 'log', not 'both'"):
        lite_comms.show_callbacks("both")  # type: ignore[arg-type]
    assert memory.deliver() == 0


def test_what_the_page_before_has_raised_leaves_the_next_one_out() -> None:
    first = MemoryTransport()
    lite_comms.install(first)
    raise_later(first, ValueError("late"))
    try:
        with pytest.raises(ValueError, match="late"), MemoryTransport():
            pytest.fail("the block runs")
        assert current_transport() is first
    finally:
        lite_comms.uninstall()
