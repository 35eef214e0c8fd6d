"""The port, in JupyterLite's own worker, is closed, and opened again: bye."""

from __future__ import annotations

import pytest

from .conftest import HELLO, NewKernel, frames, opened_anew
from .kernel import Kernel
from .port import ECHO, OPEN, status

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(port_kernel: Kernel) -> Kernel:
    return opened_anew(port_kernel)


def test_an_answer_to_an_earlier_hello_does_not_open_the_port(kernel: Kernel) -> None:
    kernel.run("""
import lite_comms
lite_comms.uninstall()
lite_comms.install(page=False)
lite_comms.uninstall()
lite_comms.install(page=False)
""")
    assert [frame[0] for frame in frames(kernel)] == ["bye", "hello", "bye", "hello"]
    opened = "import lite_comms; print(lite_comms.status().transport, end='')"
    for answer, transport in (
        ("'bye'", "stock"),
        ("'hello', 1, 'page'", "stock"),
        ("'bye'", "stock"),
        ("'hello', 1, 'page'", "port"),
    ):
        kernel.page(f"page.post({answer}); await page.turn()")
        assert kernel.run(opened).endswith(transport)


def test_a_page_that_came_after_the_bye_opens_the_port_at_the_next_install(kernel: Kernel) -> None:
    kernel.run("lite_comms.uninstall()")
    kernel.page("page.post('hello', 1, 'page', 'injected', 'asks'); await page.turn()")
    kernel.run("lite_comms.install(page=False)")
    assert [frame[0] for frame in frames(kernel)] == ["bye", "hello"]
    kernel.page(f"{HELLO}; await page.turn()")
    assert status(kernel) == ["port"]


def test_a_bye_that_answers_none_is_passed_over(kernel: Kernel) -> None:
    kernel.page("page.post('bye'); await page.turn()")
    kernel.run("lite_comms.uninstall(); lite_comms.install(page=False)")
    kernel.page(f"page.post('bye'); {HELLO}; await page.turn()")
    assert status(kernel) == ["port"]


def test_bye_is_said_and_what_comes_before_the_pages_is_handled(kernel: Kernel) -> None:
    kernel.run(ECHO)
    kernel.page(f"await page.send('comm_open', {OPEN})")
    frames(kernel)
    kernel.run("lite_comms.uninstall()")
    assert frames(kernel) == [["bye"]]
    kernel.page("await page.send('comm_msg', {comm_id: 'c', data: {n: 1}})")
    (answer,) = kernel.comm_messages()
    assert answer.content == {"comm_id": "c", "data": {"n": 1}}
    kernel.page("page.post('bye'); await page.turn()")
    kernel.page("page.post('idle'); page.post('nonsense')")
    assert [frame[0] for frame in frames(kernel)] == ["ack"]


def test_a_hello_that_has_no_answer_yet_is_taken_back(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        kernel.run("import lite_comms\nlite_comms.uninstall()")
        assert [frame[0] for frame in frames(kernel)] == ["hello", "bye"]
        # The page's hello and what it sends cross with the bye: it is handled.
        kernel.run(ECHO)
        kernel.page(f"{HELLO}; await page.send('comm_open', {OPEN}); page.post('bye')")
        assert [msg.msg_type for msg in kernel.comm_messages()] == ["comm_msg"]
        assert status(kernel) == ["None"]


def test_out_and_in_again_in_one_cell_ends_open(kernel: Kernel) -> None:
    kernel.run("lite_comms.uninstall(); lite_comms.install(); lite_comms.uninstall()")
    kernel.run("lite_comms.install()")
    assert [frame[0] for frame in frames(kernel)] == ["bye", "hello", "bye", "hello"]
    kernel.page(f"page.post('bye'); {HELLO}; page.post('bye'); {HELLO}; await page.turn()")
    assert status(kernel) == ["port"]
    kernel.run(ECHO)
    kernel.page(f"await page.send('comm_open', {OPEN})")
    assert [frame[0] for frame in frames(kernel)] == ["comm", "ack"]


def test_another_transport_takes_its_place_and_gives_it_back(kernel: Kernel) -> None:
    kernel.run("with lite_comms.MemoryTransport(): lite_comms.Comm('t')")
    assert [frame[0] for frame in frames(kernel)] == ["bye", "hello"]
    kernel.page(f"page.post('bye'); {HELLO}; await page.turn()")
    assert status(kernel) == ["port"]
