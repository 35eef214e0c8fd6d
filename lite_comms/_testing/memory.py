"""A page in the same process, so that comm code is tested without a browser."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lite_comms._comms.comm import Comm
from lite_comms._install.install import current_transport, install, installed_manager, uninstall
from lite_comms._kernel.code import user_traceback
from lite_comms._live.tasks import in_async_callback
from lite_comms._transports.base import Receiver, Transport
from lite_comms._wire.codec import encode, to_page

from .page_comm import Message, PageComm
from .raised import Raised, logged, raise_at_end

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from lite_comms._comms.manager import CommManager
    from lite_comms._wire.message import CommMessage

    # The transport in use, the manager, its comms and its targets.
    _Before = tuple[Transport | None, CommManager, dict[str, BaseComm], Callable[[], None]]


class MemoryTransport(Transport):
    """Stands for the page: its targets, its comms, and what it has received.

    As a context manager it is installed on entry (see `install`); on exit what
    was installed, open and registered before is restored: comms and targets of
    the block are removed, without a message. Messages wait in order until `deliver` is
    called, as they wait on a real site until the cell is done.

    What a callback in the kernel raises is raised by `deliver`, so that the test fails; several
    exceptions are raised as an ExceptionGroup. If the callback is awaited, it is the next `deliver`
    that raises, or the end of the block; an exception of the block itself gets it as a note.
    Exceptions that ipywidgets catches and logs count, too.

    Parameters
    ----------
    raise_errors : bool
        If False, such an exception is kept in `errors` only.

    Attributes
    ----------
    received : list of dict
        Every message that reached the page, with values as the page's
        JavaScript sees them.
    comms : dict[str, PageComm]
        The page's open comms, by comm id.
    errors : list of str
        What would have been shown to the user.
    raise_errors : bool
        As given; a test may change it.

    Examples
    --------
    >>> import lite_comms
    >>> with lite_comms.MemoryTransport() as page:
    ...     page.register_target("greeter", lambda comm, msg: comm.send({"hello": "kernel"}))
    ...     comm = lite_comms.Comm("greeter")
    ...     got = []
    ...     _ = comm.on_msg(lambda msg: got.append(msg["content"]["data"]))
    ...     _ = page.deliver()
    >>> got
    [{'hello': 'kernel'}]
    """

    name: str = "memory"
    why = "messages go to a page in the same process"

    def __init__(self, *, raise_errors: bool = True) -> None:
        self.received: list[Message] = []
        self.comms: dict[str, PageComm] = {}
        self.errors: list[str] = []
        self.raise_errors = raise_errors
        self._raised = Raised()
        self._targets: dict[str, Callable[[PageComm, Message], object]] = {}
        self._default_target: Callable[[PageComm, Message], object] | None = None
        self._queue: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._manager: Receiver | None = None
        # As on a site: callbacks are not called within one another, nor in `quiet`.
        self._in_callback = False
        self._holds = 0
        self._held: deque[Callable[[], object]] = deque()
        # One item for each block that is entered: what is restored after it.
        self._before: list[_Before] = []
        self._replayed: dict[Any, Any] = {}  # see `Matches`

    def __enter__(self) -> MemoryTransport:
        transport = current_transport()
        try:
            install(self)
        except BaseException:  # what callbacks of the transport before have raised
            if current_transport() is self:
                install(transport) if transport else uninstall()
            raise
        manager = installed_manager()
        self._before.append((transport, manager, {**manager.comms}, manager.exposed.keep()))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        left = self._raised.take()
        transport, manager, comms, restore_targets = self._before.pop()
        for known in manager.comms.values():
            if comms.get(known.comm_id) is not known:
                known._closed = True
                if isinstance(known, Comm):
                    known._end()  # ends the waits for messages that will not come
                if known.comm_id in self.comms:
                    self.comms[known.comm_id]._end_requests()
        manager.comms.clear()
        manager.comms.update((i, known) for i, known in comms.items() if not known._closed)
        restore_targets()
        install(transport) if transport else uninstall()
        raise_at_end(left, exc)

    def connect(self, manager: Receiver) -> None:
        """Send what the page says to this manager; a manager calls it itself."""
        self._manager = manager

    def disconnect(self) -> None:
        """Raise what callbacks have raised since the last `deliver`."""
        self._raised.check()

    # The kernel's side: Transport

    def send(self, message: CommMessage) -> None:
        msg: Message = {
            "msg_type": message.msg_type,
            "content": to_page(encode(message.content)),
            "metadata": to_page(encode(message.metadata, "metadata")),
            "buffers": [memoryview(bytes(view)) for view in message.buffers],
        }
        self._queue.append((self._to_page, msg))

    def show_error(self, text: str, error: BaseException | None = None) -> None:
        self.errors.append(text if error is None else f"{text}\n{user_traceback(error)}")
        # Others are no failure of a callback, and raised at once.
        if self.raise_errors and isinstance(error, Exception):
            self._raised.add(text, error)

    def hold(self) -> None:
        self._holds += 1

    def release(self) -> None:
        self._holds -= 1
        self._handle_held()

    def soon(self, f: Callable[[], object]) -> None:
        self._queue.append((self._call_back, f))

    def later(self, seconds: float, f: Callable[[], object]) -> None:
        self.soon(f)

    @property
    def live(self) -> str:
        return "messages are handled when deliver is called"

    def turn(self, seconds: float | None) -> None:
        if self.cannot_turn:
            super().turn(seconds)
        elif self._queue:
            self._deliver_one()
        elif seconds is None:
            raise RuntimeError("no message is under way: this would wait for ever")
        else:
            time.sleep(min(seconds, 0.01))

    @property
    def cannot_turn(self) -> str:
        if self._in_callback or in_async_callback():
            return "this is a comm callback"
        return "this is in quiet()" if self._holds else ""

    # The page's side

    def register_target(self, target_name: str, f: Callable[[PageComm, Message], object]) -> None:
        """Register a function for comms that the kernel opens.

        Parameters
        ----------
        target_name : str
            The target.
        f : callable
            Called with the page's comm and the comm_open message.
        """
        self._targets[target_name] = f

    def new_comm(
        self,
        target_name: str,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        comm_id: str | None = None,
    ) -> PageComm:
        """Open a comm from the page.

        Returns
        -------
        PageComm
            The page's end; the kernel's end is made by the next `deliver`.
        """
        comm = self._make_comm(target_name, comm_id or uuid.uuid4().hex)
        self.comms[comm.comm_id] = comm
        data = {} if data is None else data
        comm.post("comm_open", data, metadata, buffers, target_name=target_name)
        return comm

    def _make_comm(self, target_name: str, comm_id: str) -> PageComm:
        if comm_id in self.comms:
            self.comms[comm_id]._end_requests("its id has been opened again")
        return PageComm(target_name, comm_id, self)

    def post(self, msg: Message) -> None:
        """Send a message of the page to the kernel; a `PageComm` calls it."""
        self._queue.append((self._to_kernel, msg))

    def deliver(self) -> int:
        """Hand over every waiting message, both ways, until none is left.

        Returns
        -------
        int
            How many messages were handed over.

        Raises
        ------
        Exception
            What a callback in the kernel has raised; an ExceptionGroup if several
            have. The messages behind it wait for the next call.
        """
        self._raised.check()
        count = 0
        while self._queue:
            count += self._deliver_one()
        return count

    def _deliver_one(self) -> bool:
        """Do what is next; returns whether it was a message."""
        do, what = self._queue.popleft()
        do(what)
        self._raised.check()
        return isinstance(what, dict)

    def _to_page(self, msg: Message) -> None:
        self.received.append(msg)
        content = msg["content"]
        comm_id = content["comm_id"]
        if msg["msg_type"] == "comm_open":
            comm = self._make_comm(content["target_name"], comm_id)
            target = self._targets.get(comm.target_name, self._default_target)
            if target is None:
                comm.post("comm_close", {})
                return
            self.comms[comm_id] = comm
            target(comm, msg)
        elif msg["msg_type"] == "comm_msg":
            if comm_id in self.comms:
                self.comms[comm_id].heard(msg)
        elif comm_id in self.comms:
            self.comms.pop(comm_id).ended(msg)

    def _to_kernel(self, msg: Message) -> None:
        if self._manager is None:
            raise RuntimeError("this MemoryTransport is not installed, and no manager has it")
        receive = self._manager.receive
        self._call_back(lambda: receive(msg))

    def _call_back(self, f: Callable[[], object]) -> None:
        if self._holds or self._in_callback:
            self._held.append(f)
            return
        self._in_callback = True
        try:
            with logged(self.show_error):
                f()
        finally:
            self._in_callback = False
        self._handle_held()

    def _handle_held(self) -> None:
        while self._held and not self._holds and not self._in_callback:
            self._call_back(self._held.popleft())
