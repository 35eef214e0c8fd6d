"""The transport over the port.

One of the modules that talk to the worker. `channel.py` says in which state it is.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import can_run_sync, create_once_callable, create_proxy, to_js

from lite_comms._kernel.code import runs_user_code
from lite_comms._kernel.running import Running
from lite_comms._kernel.session import Output
from lite_comms._live.clock import missing
from lite_comms._live.signals import Signals
from lite_comms._live.suspend import HAS_JSPI, suspend
from lite_comms._transports.base import Receiver
from lite_comms._transports.stock import StockTransport
from lite_comms._wire.codec import encode
from lite_comms._wire.errors import TransportError
from lite_comms._wire.frames import (
    SAME_PARENT,
    VERSION,
    Begun,
    Bye,
    Failed,
    FrameError,
    FromKernel,
    Hello,
    Idle,
    Interrupt,
    Interrupted,
    ToKernel,
    ToPage,
    Watch,
    to_wire,
)
from lite_comms._wire.version import __version__

from .channel import Action, Bring, Channel, Connect, Disconnect, Event, Problem, step
from .incoming import Incoming

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from lite_comms._wire.message import CommMessage

# How long the page may take to say that its half is there, to ask for it, and to start it: some
# pages are slow.
_ANSWER_S = 0.05
_BRING_S = 3.0
_START_S = 10.0

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
        self._signals: Signals | None = None
        self._not_live = ""  # why synchronous code cannot be interrupted
        self._is_unproved = False  # whether a later cell may show that it can be
        self._due: dict[str, Any] | None = None  # of a cell that has not begun
        self._wants_live = True
        self._running = Running()
        self._incoming = Incoming(self._running, self)
        self._said_parent = ""  # the last parent header that the page has been told
        self._give_up: Any = None  # ends bringing the page its half

    def connect(self, manager: Receiver) -> None:
        super().connect(manager)
        self._outputs.runner = self._run_cell
        self._outputs.on_request = self._on_request
        self._outputs.on_begin = self._on_begin
        self._incoming.manager = manager
        # A startup file comes before the first request, and its task is not to be stopped.
        self._running.cell = asyncio.current_task() if self._parents.current else None
        if self._running.cell is not None:
            self._running.can_suspend = can_run_sync()
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
            # What cannot be done must not be promised: the page would answer Stop with it.
            self._not_live = missing()
            self._is_unproved = self._not_live != ""
        self._follow(Connect())

    def _follow(self, event: Event) -> None:
        """Go to the next state, and do what that asks for."""
        self._channel, actions = step(self._channel, event)
        self._is_open = self._channel.state == "open"
        self.name = "port" if self._is_open else StockTransport.name
        self.why, self.page = self._channel.why, self._channel.page
        if self._is_open and _outputs_are_apart():
            self.why += _APART
        if not self._is_open and self._signals is not None:
            self._signals.end()
            self._signals = None
        for action in actions:
            self._do(action)

    def _do(self, action: Action) -> None:
        match action:
            case "say hello":
                self._say_hello()
            case "say bye":
                self.post_frame(Bye())
            case "stop bringing":
                self._stop_bringing()
            case "open":
                self._port.open(self._channel.page_locks)
                # The page's hello has called this, and no cell.
                self._outputs.context = copy_context()
                self._go_live()
            case "answered":
                self._port.answered()
            case "close":
                self._port.close()
                self._receiver.destroy()
                self._burst_receiver.destroy()

    def _say_hello(self) -> None:
        can = () if self._not_live else ("interrupt",) if HAS_JSPI else ("interrupt", "inbox")
        self.post_frame(Hello(VERSION, __version__, ("begun", "attachments", *can)))

    def meet_page(self) -> str:
        if self._channel.state != "waiting" or not self._parents.current:
            return ""
        can_wait = can_run_sync()
        if can_wait:
            # One that has answered before does it again, even if it is slow now.
            self._wait_for_page(_BRING_S if self.page else _ANSWER_S)
        if self._channel.state == "waiting" and not self.page and self._bring() and can_wait:
            is_answered = self._wait_for_page(_BRING_S)
            if not is_answered and getattr(self._give_up, "isGiven", False):
                self._wait_for_page(_START_S)
        return self.why if can_wait and self._channel.state == "waiting" else ""

    def _bring(self) -> bool:
        """Bring the page its half, if this wheel has it."""
        with suppress(ImportError):  # the wheel that comes with a site's extension
            from .page import bring, can_bring

            if can_bring():
                self._stop_bringing()
                self._follow(Bring())
                self._give_up = bring(self._shell, self._on_problem)
                return True
        return False

    def _wait_for_page(self, seconds: float) -> bool:
        """Wait for the page; return whether it has answered."""
        return bool(suspend(self._port.answer(seconds * 1000).promise))

    def _on_problem(self, problem: str) -> None:
        self._give_up = None
        self._follow(Problem(problem))

    def _stop_bringing(self) -> None:
        if self._give_up is not None:
            self._give_up()
            self._give_up = None

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
        if self._signals is None:
            self._port.release()
        else:
            self._signals.release()

    def turn(self, seconds: float | None) -> None:
        if self._signals is None or self.cannot_turn:
            super().turn(seconds)
        else:
            self._signals.wait_for_message(seconds)

    @property
    def cannot_turn(self) -> str:
        return self.why if self._signals is None else self._signals.cannot_wait

    @property
    def runs_cell(self) -> bool:
        return self._signals is not None and self._running.has_cell

    @property
    def live(self) -> str:
        if self._signals is not None:
            return self._signals.mode
        if self._is_open:
            return (
                "messages are handled at each await, not in synchronous code, and Stop is "
                f"JupyterLite's own: {self._not_live}"
            )
        return super().live

    def set_live(self, on: bool) -> None:
        self._wants_live = on
        if self._signals is not None:
            self._signals.set_live(on)

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
                if self._signals is not None:
                    self._signals.stopper.interrupt(number)
                else:
                    # Never "done": nothing was stopped.
                    raise FrameError(f"interrupt {number} cannot be handled: {self._not_live}")
            case Watch(places):
                if self._signals is not None:
                    self._signals.watch(places)
            case Failed(reason):
                self._failed += 1
                # It may never stop.
                if self._failed <= _SHOWN or math.log10(self._failed).is_integer():
                    count = f" ({self._failed} so far)" if self._failed > _SHOWN else ""
                    self.show_error(f"lite_comms: the page cannot use a frame: {reason}{count}")

    def _go_live(self) -> None:
        if self._not_live:
            return
        manager = self._incoming.manager
        try:
            signals = Signals(
                self._shell,
                self._outputs,
                self._port,
                self._running,
                lambda: bool(manager.comms),
                lambda number: self.post_frame(Interrupted(number)),
                self._tell_due,
            )
            signals.start()
        except Exception as error:
            self._not_live = f"Pyodide's signals cannot be taken over: {error!r}"
            self.show_error(f"lite_comms: {self._not_live}", error)
            return
        self._signals = signals
        signals.set_live(self._channel.page_is_live and self._wants_live)

    @runs_user_code
    async def _run_cell(self, run: Callable[[str], Awaitable[Any]], code: str) -> Any:
        """Run a cell, live if possible."""
        self._running.cell = asyncio.current_task()
        if self._is_unproved and self._is_open:
            self._prove_again()
        signals = self._signals
        try:
            return await (run(code) if signals is None else signals.stopper.run(run, code))
        finally:
            self._running.cell = None

    def _prove_again(self) -> None:
        """Try out once more whether code can be interrupted; if so, go live and tell the page.

        Pyodide 314.0.4 looks for no signals in code that runs after an await, where lite_comms may
        have been installed.
        """
        self._not_live = missing()
        if not self._not_live:
            self._is_unproved = False
            self._go_live()
            self._say_hello()

    def _on_request(self, request: dict[str, Any]) -> None:
        self._due = request
        if self._signals is not None and self._signals.suspender.is_suspended:
            self._tell_due()

    def _on_begin(self) -> None:
        self._running.can_suspend = can_run_sync()
        self._due = None
        self._tell_begun(self._parents.current)

    def _tell_due(self) -> None:
        """Have the page send what it keeps for a cell that cannot begin now.

        The suspended code may wait for just that, for example by `wait_for` in a task.
        """
        if self._due is not None:
            self._tell_begun(self._due)
            self._due = None

    def _tell_begun(self, request: dict[str, Any]) -> None:
        if self._is_open and self._channel.page_waits and request:
            self.post_frame(Begun(request["header"]["msg_id"]))


def _outputs_are_apart() -> bool:
    """Return whether the kernel's outputs have a channel of their own: since pyodide-kernel 0.9."""
    kernel = sys.modules["pyodide_kernel"].__version__.split(".")
    is_isolated = getattr(js, "crossOriginIsolated", False)  # Node.js has none
    return bool(is_isolated) and (int(kernel[0]), int(kernel[1])) >= (0, 9)


@cache
def port_of(shell: Any) -> PortTransport:
    """Return the kernel's one transport of this kind: the page has one port for a kernel."""
    return PortTransport(shell)
