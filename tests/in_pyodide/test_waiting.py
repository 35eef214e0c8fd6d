"""Comms that the page opens, in JupyterLite's own worker, before their target is registered."""

from __future__ import annotations

import json

import pytest

from .conftest import frames, opened_anew
from .kernel import Kernel
from .port import ECHO, OPEN

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(port_kernel: Kernel) -> Kernel:
    return opened_anew(port_kernel)


def test_an_open_waits_with_its_messages_until_the_target_is_registered(kernel: Kernel) -> None:
    handled = kernel.page(
        f"""
        const done = [];
        const open = page.send('comm_open', {OPEN}, {{mayWait: true}}).then(
          () => done.push('open'));
        const message = page.send('comm_msg', {{comm_id: 'c', data: {{n: 1}}}}).then(
          () => done.push('message'));
        await page.turn();
        const before = [...done];
        await page.ask('execute', {{code: {json.dumps(ECHO)}}});
        await Promise.all([open, message]);
        return [before, done];
        """
    )
    assert handled == [[], ["open", "message"]]
    sent = [json.loads(frame[2])["data"] for frame in frames(kernel) if frame[0] == "comm"]
    assert sent == [{"opened": {}}, {"n": 1}]


def test_an_open_for_a_target_of_lite_comms_does_not_wait(kernel: Kernel) -> None:
    kernel.page(
        """
        const content = {comm_id: 'c', target_name: 'lite_comms.status', data: {}};
        await page.send('comm_open', content, {mayWait: true});
        """
    )
    assert [frame[1] for frame in frames(kernel) if frame[0] == "comm"] == ["comm_close"]


def test_comms_that_wait_are_handled_once_when_one_lets_the_others_pass(kernel: Kernel) -> None:
    # The target stands for one that lets the event loop turn, where the page's idle comes in.
    kernel.run("""
from comm import get_comm_manager

opened = []

def late(comm, msg):
    opened.append(comm.comm_id)
    get_comm_manager().transport._incoming.receive("idle")
""")
    kernel.page(
        """
        const handled = ['c', 'd', 'e'].map(comm_id =>
          page.send('comm_open', {comm_id, target_name: 'late', data: {}}, {mayWait: true}));
        await page.ask('execute', {code: "get_comm_manager().targets['late'] = late"});
        page.post('idle');
        await Promise.all(handled);
        """
    )
    assert {frame[0] for frame in frames(kernel)} == {"ack"}
    assert kernel.run("print(sorted(opened))") == "['c', 'd', 'e']\n"


def test_an_open_that_waits_in_vain_is_closed_when_the_kernel_is_idle(kernel: Kernel) -> None:
    kernel.page(
        f"""
        const open = page.send('comm_open', {OPEN}, {{mayWait: true}});
        await page.turn();
        page.post('idle');
        await open;
        """
    )
    assert [frame[1] for frame in frames(kernel) if frame[0] == "comm"] == ["comm_close"]


def test_an_open_that_need_not_wait_is_closed_at_once(kernel: Kernel) -> None:
    kernel.page(f"await page.send('comm_open', {OPEN})")
    assert [frame[1] for frame in frames(kernel) if frame[0] == "comm"] == ["comm_close"]
