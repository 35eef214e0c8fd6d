"""What carries messages between a comm manager and the page.

A transport sends; what the page sends it hands to a `Receiver`. The transports of the
package:

===========  ==================================================================
``port``     the worker's own message channel, where the page has lite_comms
             too (`port/`)
``stock``    JupyterLite's own path, on any unchanged site (`stock.py`)
``server``   ipykernel's own path, on a server kernel (`server.py`)
``memory``   a page in the same process, for tests (`_testing/memory.py`)
``none``     outside a kernel: messages are discarded
===========  ==================================================================
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from lite_comms._kernel.code import user_frames, user_traceback, warn
from lite_comms._kernel.surroundings import find_shell
from lite_comms._kernel.tracebacks import is_deep
from lite_comms._wire.errors import user_message

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from lite_comms._wire.message import CommMessage


class Receiver(Protocol):
    """What messages from the page are handed to: a comm manager."""

    @property
    def comms(self) -> Mapping[str, object]:
        """The open comms, by id."""

    @property
    def targets(self) -> Mapping[str, object]:
        """The registered targets, by name."""

    @property
    def own_targets(self) -> Mapping[str, object]:
        """The targets of lite_comms itself, by name."""

    def receive(self, msg: dict[str, Any]) -> asyncio.Task[None] | None:
        """Handle a message; return what awaits the end of an async callback."""


class Transport:
    """Base of the transports; by itself, the one for no kernel at all."""

    name: str = "none"
    why: str = "there is no kernel here; messages are discarded"
    page: str = ""  # the page's half, once it has answered

    def send(self, message: CommMessage) -> None:
        """Send a message to the page.

        Parameters
        ----------
        message : CommMessage
            The message. It is encoded, and its buffers are copied, before the
            call returns.

        Raises
        ------
        EncodeError
            If a value cannot be sent. Nothing has been sent.
        TransportError
            If the message cannot leave. Nothing has been sent.
        """
        warn(f"{message.msg_type} of comm {message.content['comm_id']} is discarded: {self.why}")

    def incoming(self, msg: dict[str, Any]) -> dict[str, Any]:
        """Convert a message from the page to the types that a server kernel delivers.

        Parameters
        ----------
        msg : dict
            The message as the kernel handed it over.

        Returns
        -------
        dict
            The message with ``header``, ``parent_header``, ``metadata``,
            ``content`` and ``buffers`` (list of memoryview).
        """
        return msg

    def connect(self, manager: Any) -> None:
        """Hand what the page sends to this manager, a `Receiver`; a manager calls it itself."""

    def meet_page(self) -> str:
        """Wait for the page's half; if the page lacks it, bring it.

        Returns
        -------
        str
            Why the page's half does not answer, or an empty text.
        """
        return ""

    def disconnect(self) -> None:
        """Disconnect from the page: lite_comms is uninstalled, or takes another transport."""

    def target_registered(self, target_name: str) -> None:
        """Handle comms of the page that wait for a target which is registered now."""

    def hold(self) -> None:
        """Hold messages back until `release` has been called as many times."""

    def release(self) -> None:
        """End a `hold`. After the last one, handle the messages that were held back."""

    def turn(self, seconds: float | None) -> None:
        """Wait in the middle of synchronous code until messages have been handled.

        Parameters
        ----------
        seconds : float or None
            Not longer than this. It may return earlier, and for no reason.

        Raises
        ------
        RuntimeError
            If no message can be handled here.
        """
        raise RuntimeError(f"messages cannot be waited for here: {self.cannot_turn}")

    def wait_for[T](
        self, predicate: Callable[[], T], timeout_s: float | None = None, what: str = "wait_for"
    ) -> T:
        """Wait until a function returns a true value; see ``lite_comms.wait_for``."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not (answer := not_awaitable(predicate(), what)):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"{what}: nothing in {timeout_s} s")
            self.turn(left)
        return answer

    @property
    def cannot_turn(self) -> str:
        """Why `turn` cannot be called now; empty if it can."""
        return self.why

    @property
    def runs_cell(self) -> bool:
        """Whether a message is handled in the middle of a cell."""
        return False

    @property
    def live(self) -> str:
        """When a message from the page is handled while a cell runs."""
        return "messages wait for the end of the cell"

    def set_live(self, on: bool) -> None:
        """Handle messages within synchronous code, or not."""

    def soon(self, f: Callable[[], object]) -> None:
        """Call a function that calls the user's callbacks, but not in the middle of what runs.

        Parameters
        ----------
        f : callable
            The function.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            f()
        else:
            loop.call_soon(f)

    def later(self, seconds: float, f: Callable[[], object]) -> None:
        """Call a function after some seconds, once what runs then has ended or awaits.

        Parameters
        ----------
        seconds : float
            In how many seconds.
        f : callable
            The function.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread of a server kernel
            timer = threading.Timer(seconds, f)
            timer.daemon = True
            timer.start()
        else:
            loop.call_later(seconds, f)

    def attach(self, comm: BaseComm) -> None:
        """Prepare for a comm that is about to be registered."""

    def detach(self, comm: BaseComm) -> None:
        """Forget a comm that is no longer registered."""

    def under(self, msg: dict[str, Any], f: Callable[..., Any], *args: Any) -> Any:
        """Call a function because of a message: what it prints and sends has this parent.

        Parameters
        ----------
        msg : dict
            The message, as `incoming` has returned it.
        f : callable
            The function.
        *args
            Its arguments.

        Returns
        -------
        object
            What it returns.
        """
        return f(*args)

    def show_error(self, text: str, error: BaseException | None = None) -> None:
        """Show an error to the user, where the output of what runs is shown.

        Parameters
        ----------
        text : str
            What happened.
        error : BaseException, optional
            What was raised. In IPython it is shown as IPython does, with `text` as a note.
        """
        try:
            self._show_error(text, error)
        except BaseException:
            # Stop was pressed again while the traceback was made, or the error cannot be shown:
            # show a short one.
            shell = find_shell()
            if shell is None or error is None:
                raise
            lines = [f"{type(error).__name__}: {user_message(error)}", text]
            shell._showtraceback(type(error), error, lines)

    def _show_error(self, text: str, error: BaseException | None) -> None:
        shell = find_shell()
        if error is None:
            print(text, file=sys.stderr)
        elif shell is None:
            print(f"{text}\n{user_traceback(error)}", file=sys.stderr)
        else:
            try:
                error.add_note(text)
            except Exception:  # it takes no attributes
                lines = [*user_traceback(error).splitlines(), text]
                shell._showtraceback(type(error), error, lines)
                return
            try:
                if _is_text_only(error) or is_deep(error, error.__traceback__):
                    lines = user_traceback(error).splitlines()
                    shell._showtraceback(type(error), error, lines)
                else:
                    shell.showtraceback((type(error), error, user_frames(error)), tb_offset=0)
            finally:
                error.__notes__.remove(text)  # it is the user's, who may raise it again


def not_awaitable[T](answer: T, what: str) -> T:
    """Return a predicate's answer; raise if it is an awaitable, which is always true."""
    if inspect.isawaitable(answer):
        if isinstance(answer, Coroutine):
            answer.close()  # or Python warns that it was never awaited
        raise TypeError(
            f"{what}: the predicate returned an awaitable ({type(answer).__name__}), not an "
            f"answer; await it instead of calling {what}, or pass a plain function"
        )
    return answer


def _is_text_only(error: BaseException) -> bool:
    """Return whether IPython would print it as text."""
    usage_error = sys.modules["IPython.core.error"].UsageError
    return isinstance(error, (BaseExceptionGroup, usage_error))
