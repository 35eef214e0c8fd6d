"""The transport over the port.

One of the modules that talk to the worker. `channel.py` says in which state it is.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import create_once_callable, create_proxy, to_js

from lite_comms._kernel.running import Running
from lite_comms._kernel.session import Output
from lite_comms._transports.base import Receiver
from lite_comms._transports.stock import StockTransport
from lite_comms._wire.codec import encode
from lite_comms._wire.errors import TransportError
from lite_comms._wire.frames import (
    SAME_PARENT,
    Bye,
    Failed,
    FromKernel,
    Hello,
    Idle,
    Interrupt,
    ToKernel,
    ToPage,
    Watch,
    to_wire,
)

from .cells import Cells
from .channel import Action, Channel, Connect, Disconnect, Event, step
from .incoming import Incoming
from .meeting import Meeting

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from lite_comms._wire.message import CommMessage

# Outputs and messages are not one queue there.
_APART = "; outputs take a channel of their own: their order among messages is not guaranteed"

# How many errors of one kind are shown; of those behind them the 10th, 100th, ...
_SHOWN = 5


class PortTransport(StockTransport):
    """Sends to the page directly; until the page answers, by JupyterLite's own path.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.
    """

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._parents = self._outputs.parents
        self._of_context = self._parents.of_context
        self._channel = Channel()
        self._is_open = False
        self.why = self._channel.why
        self._failed = 0  # how many of our frames the page could not use
        self._running = Running()
        self._incoming = Incoming(self._running, self)
        self._cells = Cells(shell, self._outputs, self._running, self._incoming, self)
        self._meeting = Meeting(shell, lambda: self._channel, self._follow)
        self._said_parent = ""  # the last parent header that the page has been told

    def connect(self, manager: Receiver) -> None:
        super().connect(manager)
        self._cells.connect()
        self._incoming.manager = manager
        if self._channel.state == "closed":
            self._receiver = create_proxy(self._incoming.receive)
            source = Path(__file__).with_name("port.js").read_text("utf-8")
            self._burst_receiver = create_proxy(self._incoming.receive_all)
            self._port = run_js(source)(self._receiver, self._burst_receiver, pyodide_js._api)
            self._incoming.port = self._port
            # Looked up once: it costs as much as to post.
            self._post_wire, self._post_plain = self._port.post, self._port.send
            self._said_parent = ""
        if self._channel.state in ("closed", "closing"):
            self._cells.prove()
        self._follow(Connect())

    def _follow(self, event: Event) -> None:
        """Go to the next state, and do what that asks for."""
        self._channel, actions = step(self._channel, event)
        self._is_open = self._channel.state == "open"
        self.name = "port" if self._is_open else StockTransport.name
        self.why, self.page = self._channel.why, self._channel.page
        if self._is_open and _outputs_are_apart():
            self.why += _APART
        self._cells.follow(self._channel)
        for action in actions:
            self._do(action)

    def _do(self, action: Action) -> None:
        match action:
            case "say hello":
                self._cells.say_hello()
            case "say bye":
                self.post_frame(Bye())
            case "stop bringing":
                self._meeting.end()
            case "open":
                self._port.open(self._channel.page_locks)
                # The page's hello has called this, and no cell.
                self._outputs.call_in_this_context()
                self._cells.go_live()
            case "answered":
                self._port.answered()
            case "close":
                self._port.close()
                self._receiver.destroy()
                self._burst_receiver.destroy()

    def meet_page(self) -> str:
        if self._channel.state != "waiting" or not self._parents.current:
            return ""
        return self._meeting.meet(self._port)

    def disconnect(self) -> None:
        super().disconnect()
        self._follow(Disconnect())

    def send(self, message: CommMessage) -> None:
        if not self._is_open:
            super().send(message)
            return
        msg_type, content, metadata, buffers, _ = message
        text = encode(content)
        data = encode(metadata, "metadata") if metadata else "{}"
        parent = self._parent_to_say()
        try:
            # As to_wire writes it.
            if buffers:
                # to_js is the one copy out of the heap; JavaScript transfers it.
                self._post_wire("comm", msg_type, text, data, parent, *map(to_js, buffers))
            elif metadata or msg_type != "comm_msg":
                self._post_plain(text, parent, msg_type, data)
            else:
                self._post_plain(text, parent)
        except Exception as error:
            self._said_parent = ""
            raise TransportError(
                f"{msg_type} of comm {content['comm_id']} cannot be posted: {error}"
            ) from error

    def _parent_to_say(self) -> str | int:
        """Return the parent header as a `FromKernel` has it: what the page knows is a number."""
        msg, number, header = self._incoming.handled
        # User code may set another parent, or change this one.
        if msg is not None and msg is self._of_context.get(None) and msg.get("header") == header:
            return number
        text = self._parents.header_text
        if text == self._said_parent:
            return SAME_PARENT
        self._said_parent = text
        return text

    def attach(self, comm: BaseComm) -> None:
        if comm.target_name == "jupyter.widget":
            self._outputs.widgets_may_be_there()

    def target_registered(self, target_name: str) -> None:
        if self._incoming.waiting.by_comm:
            # Not here and now: the user's code is in the middle of registering.
            self._port.soon(
                create_once_callable(lambda: self._incoming.waiting.release(target_name))
            )

    def soon(self, f: Callable[[], object]) -> None:
        if self._channel.state == "closed":
            super().soon(f)
            return

        def call() -> None:
            self._running.call_back(f, lambda error: self.show_error("lite_comms", error))

        self._port.soon(create_once_callable(call))

    def hold(self) -> None:
        self._incoming.holds += 1
        self._port.hold()

    def release(self) -> None:
        self._incoming.holds = max(0, self._incoming.holds - 1)
        signals = self._cells.signals
        if signals is None:
            self._port.release()
        else:
            signals.release()

    def turn(self, seconds: float | None) -> None:
        signals = self._cells.signals
        if signals is None or self.cannot_turn:
            super().turn(seconds)
        else:
            signals.wait_for_message(seconds)

    @property
    def cannot_turn(self) -> str:
        signals = self._cells.signals
        return self.why if signals is None else signals.cannot_wait

    @property
    def runs_cell(self) -> bool:
        return self._cells.signals is not None and self._running.has_cell

    @property
    def live(self) -> str:
        return self._cells.live if self._is_open else super().live

    def set_live(self, on: bool) -> None:
        self._cells.set_live(on)

    def post_frame(self, frame: ToPage) -> None:
        """Post a frame to the page."""
        self._post_wire(*to_wire(frame))

    def _publish(self, output: Output) -> bool:
        if not self._is_open:
            return super()._publish(output)
        msg_type, content, metadata, header, views = output
        text, data = encode(content), encode(metadata, "metadata")
        buffers = tuple(map(to_js, views))
        parent: str | int
        if header is None:
            parent = self._parent_to_say()
        else:
            parent = self._said_parent = encode(header)
        try:
            self.post_frame(FromKernel(msg_type, text, data, parent, buffers))
        except BaseException:
            self._said_parent = ""
            raise
        return True

    # From the page

    def take(self, frame: ToKernel) -> None:
        """Handle a frame of the page that is no comm message."""
        match frame:
            case Idle():
                self._incoming.waiting.release(None)
            case Hello() | Bye():
                self._said_parent = ""  # it may be another page
                if self._channel.closes_at(frame):
                    self._incoming.waiting.release(None)  # as long as it can be answered
                self._follow(frame)
            case Interrupt(number):
                self._cells.interrupt(number)
            case Watch(places):
                if self._cells.signals is not None:
                    self._cells.signals.watch(places)
            case Failed(reason):
                self._failed += 1
                # It may never stop.
                if self._failed <= _SHOWN or math.log10(self._failed).is_integer():
                    count = f" ({self._failed} so far)" if self._failed > _SHOWN else ""
                    self.show_error(f"lite_comms: the page cannot use a frame: {reason}{count}")


def _outputs_are_apart() -> bool:
    """Return whether the kernel's outputs have a channel of their own: since pyodide-kernel 0.9."""
    kernel = sys.modules["pyodide_kernel"].__version__.split(".")
    is_isolated = getattr(js, "crossOriginIsolated", False)  # Node.js has none
    return bool(is_isolated) and (int(kernel[0]), int(kernel[1])) >= (0, 9)


@cache
def port_of(shell: Any) -> PortTransport:
    """Return the kernel's one transport of this kind: the page has one port for a kernel."""
    return PortTransport(shell)
