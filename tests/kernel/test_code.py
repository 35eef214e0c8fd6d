"""Whose code it is: warnings point at the user's line, and tracebacks begin there."""

from __future__ import annotations

import traceback
import warnings
from pathlib import Path

import pytest

import lite_comms
from lite_comms import (
    CommWarning,
    MemoryTransport,
)
from lite_comms._kernel.code import user_traceback


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
