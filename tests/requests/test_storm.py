"""Hundreds of requests at once, with all that can go wrong."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from lite_comms import ClosedError, Comm, MemoryTransport, PageComm, RequestError
from tests.common import data, has_loops

from .conftest import Message

pytestmark = has_loops


@pytest.mark.parametrize("seed", range(5))
def test_in_a_storm_every_request_ends_exactly_once(seed: int) -> None:
    """Both ends ask, with errors, time-outs, cancellations, closings, and answers in any order."""
    chance = random.Random(seed)
    ends: Counter[str] = Counter()
    answers: Counter[str] = Counter()

    def answer_of(end: Comm | PageComm) -> None:
        @end.on_request
        def _(msg: Message) -> Any:
            kind = chance.randrange(8)
            if kind == 0:
                raise LookupError("of the handler")
            if kind == 1:
                return object()
            return data(msg) if kind == 2 else later(msg, kind)

        async def later(msg: Message, kind: int) -> Any:
            await asyncio.sleep(chance.random() / 200)
            if kind == 3:
                raise LookupError("of the handler, later")
            if kind == 4:
                return data(await end.arequest(data(msg), timeout_s=0.01))
            return data(msg)

    async def ask(end: Comm | PageComm, name: str, timeout_s: float | None) -> None:
        try:
            assert data(await end.arequest([name], timeout_s=timeout_s)) == [name]
        except (RequestError, ClosedError, TimeoutError, asyncio.CancelledError) as error:
            ends[type(error).__name__] += 1
        else:
            ends["answer"] += 1

    async def main(memory: MemoryTransport) -> None:
        pairs = []
        for comm_id in map(str, range(6)):
            comm = Comm("plot", comm_id=comm_id)
            memory.deliver()
            pairs.append((comm, memory.comms[comm_id]))
        for pair in pairs:
            for end in pair:
                answer_of(end)
        tasks = []
        for n in range(600):
            end = chance.choice(chance.choice(pairs))
            is_ended = n in (350, 450) or chance.random() < 0.1
            timeout_s = None if is_ended else chance.choice([None, None, 0.002, 0])
            task = asyncio.create_task(ask(end, f"{n}", timeout_s))
            tasks.append(task)
            if chance.random() < 0.3 or is_ended:
                await asyncio.sleep(0)
            if n in (350, 450):
                pairs.remove(next(pair for pair in pairs if end in pair))
                end.close()
            elif is_ended:
                task.cancel()
            if chance.random() < 0.3:
                memory.deliver()
        while not all(task.done() for task in tasks):
            memory.deliver()
            await asyncio.sleep(0.001)
        for _ in range(50):  # what was asked while a handler answered
            memory.deliver()
            await asyncio.sleep(0.001)
        assert [(end._asked, end._calls) for pair in pairs for end in pair] == [({}, {})] * 8

    class Page(MemoryTransport):
        def post(self, msg: Message) -> None:
            self.count(msg)
            super().post(msg)

        def _to_page(self, msg: Message) -> None:
            self.count(msg)
            super()._to_page(msg)

        def count(self, msg: Message) -> None:
            answers.update([msg["metadata"].get("lite_comms", {}).get("reply", "")])

    with Page() as memory:
        memory.register_target("plot", lambda comm, msg: None)
        asyncio.run(asyncio.wait_for(main(memory), 60))

    assert sum(ends.values()) == 600
    kinds = {"answer", "RequestError", "ClosedError", "TimeoutError", "CancelledError"}
    assert set(ends) == kinds
    del answers[""]  # what is no answer
    assert set(answers.values()) == {1}
    assert memory.errors == []
