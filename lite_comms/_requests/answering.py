"""The handler that answers requests of the other end, and the calls of it that have not ended."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeVar

from lite_comms._kernel.code import forget_context, runs_user_code, user_traceback
from lite_comms._kernel.running import current_task
from lite_comms._wire.errors import user_message

from .marks import marked

Handler = Callable[[dict[str, Any]], object]
H = TypeVar("H", bound="Handler | None")


@dataclass(frozen=True)
class Reply:
    """What an `on_request` handler returns if its answer has more than data.

    Parameters
    ----------
    data : object, optional
        Any JSON value.
    metadata : dict, optional
        The answer's metadata. The key ``lite_comms`` is reserved.
    buffers : list of bytes-like, optional
        As for ``Comm.send``.
    """

    data: Any = None
    _: KW_ONLY
    metadata: dict[str, Any] | None = None
    buffers: Iterable[Any] | None = None


class Call:
    """A call of the handler that has not been answered."""

    def __init__(self, request_id: str) -> None:
        self.id = request_id
        self.task: asyncio.Task[Any] | None = None  # once the handler has returned an awaitable
        self.running = sys.exception()  # what the interrupted code was handling


class Answering:
    """The half of `Requesting` that answers."""

    comm_id: str
    target_name: str
    _request_handler: Handler | None
    _calls: dict[str, Call]  # by the ids of the requests

    def on_request(self, handler: H) -> H:
        """Register the function that answers the other end's requests.

        Parameters
        ----------
        handler : callable or None
            Called with each request, a message as callbacks get it. What it returns is
            the data of the answer, any JSON value; or it returns a ``lite_comms.Reply``.
            It may be an ``async def``: handlers begin in the order of the requests, and
            do not wait for one another. If the other end no longer waits, or the comm
            closes, such a handler is cancelled.

            An exception that it raises is the answer, too. It is not shown here, unless
            the other end no longer waits. None removes the handler: requests are then
            answered with an error that says so.

        Returns
        -------
        callable or None
            `handler`, so that this works as a decorator.
        """
        self._request_handler = checked(handler, "on_request", self)
        return handler

    def _post(self, data: Any, metadata: dict[str, Any], buffers: Iterable[Any] | None) -> None:
        """Send a comm_msg to the other end; data that is None is JSON's null."""
        raise NotImplementedError

    def _hear(self, msg: dict[str, Any], callback: Handler) -> object:
        """Call the user's function."""
        return callback(msg)

    def _answer(self, request_id: str, msg: dict[str, Any]) -> Coroutine[Any, Any, None] | None:
        """Call the handler and answer; if it is async, return what has to be awaited for it."""
        if request_id in self._calls:
            raise ValueError(f"{self!r}: the other end asks twice under the id {request_id!r}")
        if self._request_handler is None:
            why = f"{self.target_name!r} ({self.comm_id}) has no handler; on_request registers one"
            self._post_error(request_id, "NoRequestHandler", f"comm {why}", [])
            return None
        call = self._calls[request_id] = Call(request_id)
        try:
            result = self._hear(msg, self._request_handler)
            if inspect.isawaitable(result):
                asyncio.get_running_loop()  # where there is none, that is the answer
                return self._answer_later(call, result)
            self._reply(call, result)
        except BaseException as error:
            if not self._answer_error(call, error):
                raise
        return None

    @runs_user_code
    async def _answer_later(self, call: Call, result: Awaitable[object]) -> None:
        call.task = asyncio.current_task()
        try:
            self._reply(call, await result)
        except BaseException as error:
            if not self._answer_error(call, error):
                raise

    def _is_awaited(self, call: Call) -> bool:
        """Whether the other end waits for it, and not for a later one with the same id."""
        return self._calls.get(call.id) is call

    def _reply(self, call: Call, result: object) -> None:
        if not self._is_awaited(call):
            return
        reply = result if isinstance(result, Reply) else Reply(result)
        metadata = marked(reply.metadata, f"the reply of {self!r}", reply=call.id)
        self._post(reply.data, metadata, reply.buffers)
        del self._calls[call.id]

    def _answer_error(self, call: Call, error: BaseException) -> bool:
        """Answer with an error; return whether that is all that has to be done with it."""
        if not self._is_awaited(call):
            return False
        del self._calls[call.id]
        forget_context(error, call.running)
        lines = user_traceback(error).splitlines()
        self._post_error(call.id, type(error).__name__, user_message(error), lines)
        return isinstance(error, Exception)  # others, such as that of Stop, end more than this

    def _post_error(self, request_id: str, ename: str, evalue: str, traceback: list[str]) -> None:
        error = {"ename": ename, "evalue": evalue, "traceback": traceback}
        self._post({}, marked(None, "", reply=request_id, error=error), None)

    def _cancel(self, request_id: str) -> None:
        call = self._calls.pop(request_id, None)
        if call is not None and call.task is not None:
            call.task.cancel()

    def _end_answering(self) -> None:
        """Cancel the handlers, but not the one that has closed the comm itself."""
        calls, self._calls = self._calls, {}
        current = current_task()
        for call in calls.values():
            if call.task is not None and call.task is not current:
                call.task.cancel()


def checked(callback: Handler | None, field: str, comm: object) -> Any:
    """Return a callback that a user registers; raise a TypeError if it cannot be called."""
    if callback is not None and not callable(callback):
        raise TypeError(
            f"{field} of {comm!r} takes a callable or None, not {type(callback).__name__}"
        )
    return callback
