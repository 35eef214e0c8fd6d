"""The errors and warnings of lite_comms: what they are, and what they say."""

from __future__ import annotations

import pickle
import traceback

import pytest

from lite_comms import (
    BufferFormatError,
    ClosedError,
    CommError,
    CommWarning,
    EncodeError,
    RequestError,
    TransportError,
)


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (CommError, (Exception,)),
        (EncodeError, (CommError, ValueError)),
        (BufferFormatError, (CommError, TypeError)),
        (TransportError, (CommError, RuntimeError)),
        (ClosedError, (CommError, EOFError)),
        (RequestError, (CommError,)),
        (CommWarning, (UserWarning,)),
    ],
)
def test_the_tree_of_errors(error: type[Exception], bases: tuple[type, ...]) -> None:
    assert error.__bases__ == bases


def test_an_encode_error_has_path_and_reason() -> None:
    error = EncodeError("data.rows[3].when", "object is not JSON serializable")

    assert (error.path, error.reason, error.comm) == (
        "data.rows[3].when",
        "object is not JSON serializable",
        None,
    )
    assert str(error) == "data.rows[3].when: object is not JSON serializable"


def test_a_request_error_shows_the_traceback_of_the_other_end() -> None:
    error = pickle.loads(pickle.dumps(RequestError("RangeError", "too much", ["at f", "at g"])))

    assert (error.ename, error.evalue, error.traceback) == (
        "RangeError",
        "too much",
        ["at f", "at g"],
    )
    assert traceback.format_exception_only(error) == [
        "lite_comms._wire.errors.RequestError: RangeError: too much\n",
        "The other end's traceback:\n",
        "at f\n",
        "at g\n",
    ]


def test_a_request_error_can_name_its_request() -> None:
    error = RequestError("RangeError", "too much", [])
    error.what = "request of comm 'plot' (1)"

    copied = pickle.loads(pickle.dumps(error))
    assert str(copied) == "request of comm 'plot' (1): RangeError: too much"


def test_a_request_error_without_a_message_and_a_traceback_is_its_name() -> None:
    error = RequestError("AbortError", "", [])

    assert (str(error), hasattr(error, "__notes__")) == ("AbortError", False)


def test_an_encode_error_can_name_its_comm() -> None:
    error = EncodeError("data.a", "is odd").of("comm 'plot' (1)")

    assert (type(error), error.path, error.reason, error.comm) == (
        EncodeError,
        "data.a",
        "is odd",
        "comm 'plot' (1)",
    )
    assert str(error) == "comm 'plot' (1): data.a: is odd"


@pytest.mark.parametrize(
    "error", [EncodeError("data.a", "is odd"), EncodeError("data.a", "is odd", "comm 'plot' (1)")]
)
def test_an_encode_error_survives_pickling(error: EncodeError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is EncodeError
    assert vars(again) == vars(error)
    assert str(again) == str(error)
