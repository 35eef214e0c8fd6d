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


class Answering:
    """The half of `Requesting` that answers."""

    comm_id: str
    target_name: str
    _request_handler: Handler | None
    # By id. Without a task until the handler has returned an awaitable.
    _calls: dict[str, asyncio.Task[Any] | None]

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
        running = sys.exception()
        self._calls[request_id] = None
        try:
            result = self._hear(msg, self._request_handler)
            if inspect.isawaitable(result):
                asyncio.get_running_loop()  # where there is none, that is the answer
                return self._answer_later(request_id, result, running)
            self._reply(request_id, result)
        except BaseException as error:
            if not self._answer_error(request_id, error, running):
                raise
        return None

    @runs_user_code
    async def _answer_later(
        self, request_id: str, result: Awaitable[object], running: BaseException | None
    ) -> None:
        if request_id in self._calls:  # the handler may have closed the comm already
            self._calls[request_id] = asyncio.current_task()
        try:
            self._reply(request_id, await result)
        except BaseException as error:
            if not self._answer_error(request_id, error, running):
                raise

    def _reply(self, request_id: str, result: object) -> None:
        if request_id not in self._calls:
            return  # nobody waits any longer
        reply = result if isinstance(result, Reply) else Reply(result)
        metadata = marked(reply.metadata, f"the reply of {self!r}", reply=request_id)
        self._post(reply.data, metadata, reply.buffers)
        del self._calls[request_id]

    def _answer_error(
        self, request_id: str, error: BaseException, running: BaseException | None
    ) -> bool:
        """Answer with an error; return whether that is all that has to be done with it."""
        if request_id not in self._calls:
            return False
        del self._calls[request_id]
        forget_context(error, running)
        lines = user_traceback(error).splitlines()
        self._post_error(request_id, type(error).__name__, user_message(error), lines)
        return isinstance(error, Exception)  # others, such as that of Stop, end more than this

    def _post_error(self, request_id: str, ename: str, evalue: str, traceback: list[str]) -> None:
        error = {"ename": ename, "evalue": evalue, "traceback": traceback}
        self._post({}, marked(None, "", reply=request_id, error=error), None)

    def _cancel(self, request_id: str) -> None:
        task = self._calls.pop(request_id, None)
        if task is not None:
            task.cancel()

    def _end_answering(self) -> None:
        """Cancel the handlers, but not the one that has closed the comm itself."""
        calls, self._calls = self._calls, {}
        current = current_task()
        for task in calls.values():
            if task is not None and task is not current:
                task.cancel()


def checked(callback: Handler | None, field: str, comm: object) -> Any:
    """Return a callback that a user registers; raise a TypeError if it cannot be called."""
    if callback is not None and not callable(callback):
        raise TypeError(
            f"{field} of {comm!r} takes a callable or None, not {type(callback).__name__}"
        )
    return callback
