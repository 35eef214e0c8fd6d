"""Comms in a real ipykernel: the same notebook runs on a server."""

from __future__ import annotations

import json

import pytest

from .conftest import ECHO, comms, errors, open_from_page, text
from .kernels import ServerKernel

pytestmark = pytest.mark.server

# The steps of the Jupyter Notebook's document "Comms" -----------------------------------


def test_a_comm_is_opened_from_the_kernel(kernel: ServerKernel) -> None:
    received = kernel.run(
        "from ipykernel.comm import Comm\n"
        "my_comm = Comm(target_name='my_comm_target', data={'foo': 1})\n"
        "my_comm.send({'foo': 2})\n"
        "@my_comm.on_msg\n"
        "def _recv(msg):\n"
        "    print(msg['content']['data'])\n"
    )

    messages = comms(received)
    comm_id = messages[0][1]["comm_id"]
    assert messages == [
        (
            "comm_open",
            {
                "data": {"foo": 1},
                "comm_id": comm_id,
                "target_name": "my_comm_target",
                "target_module": None,
            },
        ),
        ("comm_msg", {"data": {"foo": 2}, "comm_id": comm_id}),
    ]

    answered = kernel.tell("comm_msg", {"comm_id": comm_id, "data": {"foo": 0}})
    assert text(answered, "stdout") == "{'foo': 0}\n"


def test_a_comm_is_opened_from_the_page(kernel: ServerKernel) -> None:
    kernel.run(ECHO)

    opened = open_from_page(kernel)
    echoed = kernel.tell("comm_msg", {"comm_id": "1", "data": {"foo": 7}})

    assert comms(opened) == [("comm_msg", {"data": {"foo": 5}, "comm_id": "1"})]
    assert comms(echoed) == [("comm_msg", {"data": {"echo": {"foo": 7}}, "comm_id": "1"})]


def test_metadata_and_buffers_go_both_ways(kernel: ServerKernel) -> None:
    kernel.run(ECHO)
    open_from_page(kernel)

    (echo,) = kernel.tell(
        "comm_msg", {"comm_id": "1", "data": {}}, {"m": [None, 1]}, [b"abc", b"", bytes(100_000)]
    )

    assert json.loads(echo.metadata) == {"m": [None, 1]}
    assert echo.buffers == [b"abc", b"", bytes(100_000)]


def test_buffers_arrive_as_flat_memoryviews(kernel: ServerKernel) -> None:
    kernel.run(
        "import comm\n"
        "def target(opened, msg):\n"
        "    opened.send([[type(b).__name__, b.format, b.readonly] for b in msg['buffers']])\n"
        "comm.get_comm_manager().register_target('look', target)"
    )

    (answer,) = kernel.tell(
        "comm_open",
        {"comm_id": "1", "target_name": "look", "data": {}},
        buffers=[b"abc", bytes(100_000)],
    )

    assert answer.data == [["memoryview", "B", False]] * 2  # as everywhere


def test_an_answer_names_the_message_that_it_answers(kernel: ServerKernel) -> None:
    kernel.run(ECHO)
    open_from_page(kernel)

    first = kernel.tell("comm_msg", {"comm_id": "1", "data": 1})
    second = kernel.tell("comm_msg", {"comm_id": "1", "data": 2})

    # tell() gives the messages whose parent is what it has sent, and no others.
    assert [msg.data for msg in first + second] == [{"echo": 1}, {"echo": 2}]
    assert first[0].parent_id != second[0].parent_id


def test_memory_is_copied_at_the_send(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import lite_comms\n"
        "comm = lite_comms.Comm('plot')\n"
        "small, large = bytearray(b'abc'), bytearray(1_000_000)\n"
        "comm.send(buffers=[small, large])\n"
        "small[:] = b'xyz'\n"
        "large[:] = b'x' * len(large)\n"
        "small.clear(); large.clear()"
    )

    assert received[-1].buffers == [b"abc", bytes(1_000_000)]


# Opening in vain, closing, errors -------------------------------------------------------


def test_an_unknown_target_closes_the_comm(kernel: ServerKernel) -> None:
    received = open_from_page(kernel, "nobody")

    reason = "no comm target 'nobody' is registered in the kernel (registered: none)"
    (close,) = [msg for msg in received if msg.msg_type == "comm_close"]
    assert json.loads(close.content) == {"comm_id": "1", "data": {}}
    assert json.loads(close.metadata) == {"lite_comms": {"ename": "LookupError", "evalue": reason}}
    assert text(received, "stderr") == f"lite_comms: comm 'nobody' (1) is closed: {reason}\n"


def test_a_target_that_raises_closes_the_comm_and_is_shown(kernel: ServerKernel) -> None:
    kernel.run(
        "import comm\n"
        "def target(opened, msg):\n"
        "    raise LookupError('no such plot')\n"
        "comm.get_comm_manager().register_target('bad', target)"
    )

    received = open_from_page(kernel, "bad")

    assert comms(received) == [("comm_close", {"comm_id": "1", "data": {}})]
    (error,) = errors(received)
    assert (error["ename"], error["evalue"]) == ("LookupError", "no such plot")
    assert error["traceback"][-1].endswith(
        "lite_comms: the target function of comm 'bad' (1) raised; it is closed"
    )


def test_a_callback_that_raises_is_shown_and_the_comm_stays_open(kernel: ServerKernel) -> None:
    kernel.run(
        "import comm\n"
        "def on_msg(msg):\n"
        "    raise LookupError('mine')\n"
        "comm.get_comm_manager().register_target('bad', lambda opened, msg: opened.on_msg(on_msg))"
    )
    open_from_page(kernel, "bad")

    received = kernel.tell("comm_msg", {"comm_id": "1", "data": {}})

    assert comms(received) == []
    assert [error["evalue"] for error in errors(received)] == ["mine"]
    assert kernel.ask("comm_info_request", {}) == {
        "comms": {"1": {"target_name": "bad"}},
        "status": "ok",
    }


def test_a_message_for_an_unknown_comm_is_answered_with_comm_close(kernel: ServerKernel) -> None:
    (answer,) = kernel.tell("comm_msg", {"comm_id": "stranger", "data": {}})

    assert comms([answer]) == [("comm_close", {"comm_id": "stranger", "data": {}})]
    assert json.loads(answer.metadata) == {
        "lite_comms": {"ename": "LookupError", "evalue": "the kernel has no comm stranger"}
    }


def test_the_page_closes_a_comm(kernel: ServerKernel) -> None:
    kernel.run(
        "import comm\n"
        "def target(opened, msg):\n"
        "    opened.on_close(lambda msg: print('closed', msg['content']['data']))\n"
        "comm.get_comm_manager().register_target('t', target)"
    )
    open_from_page(kernel, "t")

    received = kernel.tell("comm_close", {"comm_id": "1", "data": {"bye": 1}})

    assert text(received, "stdout") == "closed {'bye': 1}\n"
    assert kernel.ask("comm_info_request", {}) == {"comms": {}, "status": "ok"}


def test_the_kernel_closes_a_comm(kernel: ServerKernel) -> None:
    received = kernel.run("import lite_comms\nwith lite_comms.Comm('plot', comm_id='1'):\n    pass")

    assert [msg_type for msg_type, _ in comms(received)] == ["comm_open", "comm_close"]
    assert kernel.ask("comm_info_request", {}) == {"comms": {}, "status": "ok"}


def test_a_value_that_is_refused_is_an_error_that_names_the_place(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import lite_comms\n"
        "comm = lite_comms.Comm('plot', comm_id='1')\n"
        "try:\n"
        "    comm.send({'rows': [0, {'when': object}]})\n"
        "except lite_comms.EncodeError as error:\n"
        "    print(error)\n"
        "try:\n"
        "    comm.send(metadata={'a': 1j})\n"
        "except lite_comms.EncodeError as error:\n"
        "    print(error)\n"
        "comm.send('the comm still works')"
    )

    assert text(received, "stdout") == (
        "comm 'plot' (1): data.rows[1].when: type is not JSON serializable: <class 'object'>\n"
        "comm 'plot' (1): metadata.a: complex is not JSON serializable: 1j\n"
    )
    assert [content["data"] for _, content in comms(received)] == [{}, "the comm still works"]


def test_circular_data_is_an_error(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import lite_comms\n"
        "data = {}\n"
        "data['a'] = [data]\n"
        "try:\n"
        "    lite_comms.Comm('plot', data, comm_id='1')\n"
        "except lite_comms.EncodeError as error:\n"
        "    print(error)"
    )

    assert text(received, "stdout") == (
        "comm 'plot' (1): data.a[0]: circular reference: the value contains itself\n"
    )
    assert comms(received) == []


def test_values_arrive_as_from_the_kernels_own_comm(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import lite_comms\n"
        "lite_comms.Comm('plot', [None, 2**60, float('nan'), {1}, b'abc', {2: 3}])"
    )

    assert [content["data"] for _, content in comms(received)] == [
        [None, 2**60, "nan", [1], "YWJj", {"2": 3}]
    ]


def test_comm_info_lists_comms_with_and_without_a_filter(kernel: ServerKernel) -> None:
    kernel.run(
        "import lite_comms\n"
        "a, b = lite_comms.Comm('a', comm_id='1'), lite_comms.Comm('b', comm_id='2')"
    )

    assert kernel.ask("comm_info_request", {})["comms"] == {
        "1": {"target_name": "a"},
        "2": {"target_name": "b"},
    }
    assert kernel.ask("comm_info_request", {"target_name": "b"})["comms"] == {
        "2": {"target_name": "b"}
    }


def test_sending_on_a_closed_comm_warns_at_the_line_of_the_cell(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import lite_comms\n"
        "comm = lite_comms.Comm('plot', comm_id='1')\n"
        "comm.close()\n"
        "comm.send('unheard')  # this line"
    )

    shown = text(received, "stderr")
    assert "send on the closed <Comm 'plot' 1 closed>: the page drops the message" in shown
    assert "comm.send('unheard')  # this line" in shown
    assert comms(received)[-1] == ("comm_msg", {"comm_id": "1", "data": "unheard"})


def test_a_thread_can_send(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import lite_comms, threading\n"
        "comm = lite_comms.Comm('plot')\n"
        "thread = threading.Thread(target=lambda: comm.send('from a thread'))\n"
        "thread.start()\n"
        "thread.join()"
    )

    assert [content["data"] for _, content in comms(received)] == [{}, "from a thread"]


# ipywidgets -----------------------------------------------------------------------------


def test_ipywidgets_work(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import ipywidgets\n"
        "slider = ipywidgets.IntSlider(value=3)\n"
        "seen = []\n"
        "slider.observe(lambda change: seen.append(change['new']), 'value')\n"
        "print(type(slider.comm).__module__, slider.comm.comm_id)"
    )
    module, comm_id = text(received, "stdout").split()
    assert module == "lite_comms._comms.comm"
    assert ("comm_open", comm_id) in [(kind, c["comm_id"]) for kind, c in comms(received)]

    kernel.tell(
        "comm_msg",
        {
            "comm_id": comm_id,
            "data": {"method": "update", "state": {"value": 7}, "buffer_paths": []},
        },
    )

    assert text(kernel.run("print(slider.value, seen)"), "stdout") == "7 [7]\n"


@pytest.mark.parametrize("manager", ["", "lite_comms.uninstall()\n"], ids=["ours", "ipykernel"])
def test_of_a_message_whose_value_a_trait_refuses_nothing_is_set(
    kernel: ServerKernel, manager: str
) -> None:
    received = kernel.run(
        f"{manager}import ipywidgets, traitlets\n"
        "class Picture(ipywidgets.Widget):\n"
        "    before = traitlets.Int().tag(sync=True)\n"
        "    pixels = traitlets.Bytes().tag(sync=True)\n"
        "    after = traitlets.Int().tag(sync=True)\n"
        "picture = Picture()\n"
        "print(picture.comm.comm_id)"
    )
    state = {"before": 1, "pixels": None, "after": 2}
    data = {"method": "update", "state": state, "buffer_paths": [["pixels"]]}

    answered = kernel.tell(
        "comm_msg",
        {"comm_id": text(received, "stdout").strip(), "data": data},
        buffers=[b"x"],
    )

    (error,) = errors(answered)
    assert error["ename"] == "TraitError"
    values = text(kernel.run("print(picture.before, picture.pixels, picture.after)"), "stdout")
    assert values == "0 b'' 0\n"
