"""The states of the kernel's end of the port: the table, and events in any order."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lite_comms._transports.port.channel import (
    Bring,
    Channel,
    Connect,
    Disconnect,
    Event,
    Problem,
    step,
)
from lite_comms._wire.frames import VERSION, Bye, Hello

HELLO = Hello(VERSION, "1.2", ("live", "begun"))
ASKS = Hello(VERSION, "1.2", ("asks",))
LATER = Hello(VERSION, "1.2", ("later",))
OTHER = Hello(VERSION + 1, "2.0")
OTHER_BROUGHT = Hello(VERSION + 1, "2.0", ("injected",))
OTHER_ASKS = Hello(VERSION + 1, "2.0", ("asks",))

CLOSED = Channel()
WAITING = Channel("waiting")
OPEN = Channel("open", page="a page")
CLOSING = Channel("closing", byes=1)


@pytest.mark.parametrize(
    ("before", "event", "after", "actions"),
    [
        (CLOSED, Connect(), "waiting", ("say hello",)),
        (CLOSED, Disconnect(), "closed", ()),
        (CLOSED, HELLO, "closed", ()),
        (CLOSED, Bye(), "closed", ()),
        (WAITING, Connect(), "waiting", ()),
        (WAITING, Disconnect(), "closing", ("stop bringing", "say bye")),
        (WAITING, HELLO, "open", ("stop bringing", "open", "answered")),
        (WAITING, ASKS, "waiting", ("say hello",)),
        (WAITING, LATER, "waiting", ("answered",)),
        (WAITING, OTHER, "waiting", ("answered",)),
        (WAITING, OTHER_ASKS, "waiting", ("say hello", "answered")),
        (WAITING, Bring(), "waiting", ()),
        (WAITING, Problem("SyntaxError"), "waiting", ("answered",)),
        (WAITING, Problem(""), "waiting", ()),
        (WAITING, Bye(), "waiting", ()),
        (OPEN, Connect(), "open", ()),
        (OPEN, Disconnect(), "closing", ("stop bringing", "say bye")),
        (OPEN, HELLO, "open", ()),
        (OPEN, Problem("late"), "open", ()),
        (OPEN, Bye(), "open", ()),
        (CLOSING, Connect(), "waiting", ("say hello",)),
        (CLOSING, Disconnect(), "closing", ()),
        (CLOSING, HELLO, "closing", ()),
        (CLOSING, LATER, "closing", ()),
        (CLOSING, ASKS, "closed", ("close",)),
        (CLOSING, OTHER_ASKS, "closed", ("close",)),
        (CLOSING, Bye(), "closed", ("close",)),
    ],
)
def test_the_table(before: Channel, event: Event, after: str, actions: tuple[str, ...]) -> None:
    channel, done = step(before, event)

    assert (channel.state, done) == (after, actions)


def test_a_hello_to_an_earlier_hello_is_ignored_until_the_bye_is_answered() -> None:
    channel, _ = step(CLOSING, Connect())

    assert step(channel, HELLO) == (channel, ())
    channel, _ = step(channel, Bye())
    assert step(channel, HELLO)[0].state == "open"


def test_a_page_that_asks_has_heard_of_no_bye() -> None:
    channel, _ = step(CLOSING, Connect())

    assert step(channel, ASKS)[0].byes == 0


def test_a_page_that_came_after_the_bye_opens_the_port_when_it_is_installed_again() -> None:
    # Two byes, for instance, while the page had no half.
    channel = CLOSING._replace(byes=2)
    for event in (ASKS, Connect(), HELLO):
        channel, _ = step(channel, event)

    assert (channel.state, channel.byes) == ("open", 0)


def test_an_open_channel_knows_what_the_page_can_do() -> None:
    channel, _ = step(WAITING, HELLO)

    assert channel == Channel(
        "open",
        "the page's half of lite_comms has answered: messages go past the kernel's queue",
        "lite_comms 1.2, part of the site",
        page_is_live=True,
        page_waits=True,
    )


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([], "the page's half of lite_comms has not answered"),
        ([Bring()], "the page did not run this cell's output"),
        ([Bring(), Problem("")], "lite_comms is on the page, but does not reach this kernel"),
        ([Bring(), Problem("SyntaxError: x")], "cannot run its half of lite_comms: SyntaxError: x"),
        ([LATER], "until the comm messages that are under way there have been handled"),
        ([OTHER], f"the page has lite_comms 2.0 with protocol {VERSION + 1}"),
        ([OTHER], f"{VERSION}; restart the kernel and run %pip install lite-comms==2.0"),
        ([OTHER_BROUGHT], f"with protocol {VERSION}; reload the page"),
        ([Disconnect()], "lite_comms was uninstalled"),
    ],
)
def test_the_reason_is_told(events: list[Event], why: str) -> None:
    channel = WAITING
    for event in events:
        channel, _ = step(channel, event)

    assert why in channel.why


@pytest.mark.parametrize("seed", range(50))
def test_events_in_any_order_keep_to_the_table(seed: int) -> None:
    chance = random.Random(seed)
    events: list[Any] = [
        *(Connect(), Disconnect(), Bring(), Problem(""), Problem("x"), Bye()),
        *(HELLO, ASKS, LATER, OTHER, OTHER_ASKS),
    ]
    channel = Channel()
    byes = 0
    for _ in range(1000):
        event = chance.choice(events)
        before = channel
        channel, actions = step(before, event)

        opens = channel.state == "open" != before.state
        closes = channel.state == "closed" != before.state
        assert ("open" in actions) == opens
        assert ("close" in actions) == closes
        assert event is HELLO or not opens
        assert not opens or before.byes == 0
        byes += actions.count("say bye")
        byes -= isinstance(event, Bye) and byes > 0
        if event in (ASKS, OTHER_ASKS) and before.state in ("waiting", "closing"):
            byes = 0
        assert channel.byes == byes
        assert channel.state != "closed" or byes == 0
        assert channel.state != "closing" or byes > 0
