"""What an end of a comm needs to ask and to answer."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from .answering import Answering
from .asking import Asking
from .marks import Answer, Cancel, Mark, Request, without_mark


class Requesting(Asking, Answering):
    """A base class for an end of a comm.

    Parameters
    ----------
    **kwargs
        For the next base class.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._asked = {}
        self._calls = {}
        self._request_handler = None
        super().__init__(**kwargs)

    def _handle_marked(self, mark: Mark, msg: dict[str, Any]) -> Coroutine[Any, Any, None] | None:
        """Handle a message that is part of a request.

        Parameters
        ----------
        mark : Request, Answer or Cancel
            The message's mark.
        msg : dict
            The message.

        Returns
        -------
        coroutine or None
            What has to be awaited for an async handler.
        """
        match mark:
            case Request(request_id):
                return self._answer(request_id, without_mark(msg))
            case Answer():
                self._end_request(mark, without_mark(msg))
            case Cancel(request_id):
                self._cancel(request_id)
        return None

    def _end_requests(self, why: str = "the comm has closed") -> None:
        """End all requests, both ways, because the ends no longer reach each other."""
        self._end_asking(why)
        self._end_answering()
