from __future__ import annotations

import pickle
import traceback
import warnings
from pathlib import Path

import pytest

import lite_comms
from lite_comms import (
    BufferFormatError,
    ClosedError,
    CommError,
    CommWarning,
    EncodeError,
    MemoryTransport,
    RequestError,
    TransportError,
)
from lite_comms._kernel.code import user_traceback


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


def test_a_package_whose_name_begins_like_ours_is_the_users(memory: MemoryTransport) -> None:
    neighbour = str(Path(lite_comms.__file__).parent) + "_more/module.py"
    comm = lite_comms.Comm("plot")
    comm.close()

    with pytest.warns(CommWarning) as caught:
        exec(compile("comm.send()", neighbour, "exec"), {"comm": comm})

    assert [warning.filename for warning in caught] == [neighbour]


def test_a_warning_points_at_the_line_of_the_user(memory: MemoryTransport) -> None:
    comm = lite_comms.Comm("plot")
    comm.close()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        comm.send({})
        line = traceback.extract_stack()[-1].lineno

    assert [(w.category, w.filename, w.lineno) for w in caught] == [
        (CommWarning, __file__, (line or 0) - 1)
    ]


def test_a_warning_from_the_depth_of_the_package_points_at_the_line_too(
    memory: MemoryTransport,
) -> None:
    first = lite_comms.Comm("plot", comm_id="same")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        second = lite_comms.Comm("other", comm_id="same")
        line = traceback.extract_stack()[-1].lineno

    assert first.comm_id == second.comm_id
    assert [(w.category, w.filename, w.lineno) for w in caught] == [
        (CommWarning, __file__, (line or 0) - 1)
    ]


def test_a_traceback_for_users_begins_in_their_code(memory: MemoryTransport) -> None:
    def on_msg(msg: object) -> None:
        raise LookupError("in the user's code")

    comm = lite_comms.Comm("plot")
    comm.on_msg(on_msg)
    caught = None
    try:
        comm.handle_msg({})
    except LookupError as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        caught = user_traceback(error)

    assert caught is not None
    assert "_comms/comm.py" not in caught
    assert caught.endswith("LookupError: in the user's code")
    assert "on_msg" in caught


def test_a_traceback_of_the_package_alone_keeps_its_last_frame() -> None:
    try:
        lite_comms.Comm(5)  # type: ignore[arg-type]
    except TypeError as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        text = user_traceback(error)

    assert "_comms/comm.py" in text
