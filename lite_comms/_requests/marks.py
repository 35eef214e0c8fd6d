"""What marks a comm message as a part of a request: ``metadata.lite_comms``."""

from __future__ import annotations

from typing import Any, NamedTuple

from lite_comms._wire.errors import EncodeError, RequestError

_KEY = "lite_comms"


class Request(NamedTuple):
    """The message asks; it is answered under this id."""

    id: str


class Answer(NamedTuple):
    """The message answers the request with this id, with data or with an error."""

    id: str
    error: RequestError | None


class Cancel(NamedTuple):
    """The asking end no longer waits for the answer."""

    id: str


Mark = Request | Answer | Cancel


def read_mark(metadata: Any) -> Mark | None:
    """Read the mark of a message from the other end.

    Parameters
    ----------
    metadata : object
        The message's metadata.

    Returns
    -------
    Request, Answer, Cancel or None
        None for an ordinary message, and for a mark without a valid id.
    """
    mark = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(mark, dict):
        return None
    if isinstance(request_id := mark.get("request"), str):
        return Request(request_id)
    if isinstance(request_id := mark.get("reply"), str):
        return Answer(request_id, _read_error(mark["error"]) if "error" in mark else None)
    if isinstance(request_id := mark.get("cancel"), str):
        return Cancel(request_id)
    return None


def _read_error(error: Any) -> RequestError:
    fields = error if isinstance(error, dict) else {}
    ename, evalue, traceback = map(fields.get, ("ename", "evalue", "traceback"))
    if not isinstance(ename, str):
        wrong = "ename"
    elif not isinstance(evalue, str):
        wrong = "evalue"
    elif not isinstance(traceback, list) or not all(isinstance(line, str) for line in traceback):
        wrong = "traceback"
    else:
        return RequestError(ename, evalue, traceback)
    # The request has failed either way, so who has asked must be told.
    why = f"the answer's metadata.lite_comms.error has no valid {wrong}: {error!r}"
    return RequestError("ProtocolError", why, [])


def marked(metadata: Any, comm: str, **mark: Any) -> dict[str, Any]:
    """Add a mark to the metadata that a user has given.

    Parameters
    ----------
    metadata : dict or None
        The user's metadata.
    comm : str
        The comm, for the error message.
    **mark
        The fields of the mark.

    Raises
    ------
    EncodeError
        If the metadata has a mark already.
    TypeError
        If it is not a dict.
    """
    if metadata is None:
        return {_KEY: mark}
    if not isinstance(metadata, dict):
        raise TypeError(f"{comm}: metadata must be a dict, not {type(metadata).__name__}")
    if _KEY in metadata:
        raise EncodeError(f"metadata.{_KEY}", "the key is reserved for the request itself", comm)
    return {**metadata, _KEY: mark}


def without_mark(msg: dict[str, Any]) -> dict[str, Any]:
    """Return a message as its receiver gets it, who may send its metadata back."""
    rest = {key: value for key, value in msg["metadata"].items() if key != _KEY}
    return {**msg, "metadata": rest}
