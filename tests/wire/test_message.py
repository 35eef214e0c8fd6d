"""The buffers of a message, flat; and the header that a message names as its parent."""

from __future__ import annotations

import array
from typing import Any

import pytest

from lite_comms import BufferFormatError, CommMessage
from lite_comms._wire.header import header_of
from lite_comms._wire.message import flat_buffers

GRID = bytes(range(6))


def flat(buffer: Any) -> memoryview:
    (view,) = flat_buffers([buffer], "comm")
    return view


@pytest.mark.parametrize(
    ("buffer", "data"),
    [
        (b"abc", b"abc"),
        (b"", b""),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abcd")[1:3], b"bc"),
        (array.array("H", [1, 2]), array.array("H", [1, 2]).tobytes()),
        (array.array("d"), b""),
        (memoryview(GRID).cast("B", (2, 3)), GRID),
        (memoryview(b"abcdef")[::2], b"ace"),
        (memoryview(b"abcdef")[::-1], b"fedcba"),
    ],
    ids=[
        "bytes", "empty bytes", "bytearray", "memoryview", "array.array", "empty array.array",
        "two dimensions", "every second byte", "backwards",
    ],
)  # fmt: skip
def test_a_buffer_becomes_flat_bytes(buffer: Any, data: bytes) -> None:
    view = flat(buffer)

    assert (view.format, view.ndim, view.c_contiguous) == ("B", 1, True)
    assert view.tobytes() == data


def test_numpy_arrays_of_any_order_become_flat_bytes() -> None:
    np = pytest.importorskip("numpy")  # Fortran order is not to be had without
    grid = np.arange(6, dtype="u1").reshape(2, 3)

    arrays = [
        grid,
        np.asfortranarray(grid),
        grid[:, ::2],
        grid.astype("<u2"),
        grid.astype("c16")[:0],
        np.array(5, "u1"),
        np.array([(1, 2)], dtype=[("a", "u1"), ("b", "u1")]),
    ]

    assert [view.tobytes() for view in flat_buffers(arrays, "comm")] == [
        GRID,
        bytes([0, 3, 1, 4, 2, 5]),
        bytes([0, 2, 3, 5]),
        bytes([0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0]),
        b"",
        bytes([5]),
        bytes([1, 2]),
    ]


def test_contiguous_memory_is_not_copied() -> None:
    memory = bytearray(GRID)
    view = flat(memoryview(memory).cast("B", (2, 3)))

    memory[0] = 9

    assert view[0] == 9


def test_no_buffers_are_an_empty_tuple() -> None:
    assert (flat_buffers(None, "comm"), flat_buffers([], "comm")) == ((), ())


def test_buffers_may_come_from_an_iterator() -> None:
    views = flat_buffers((bytes([i]) for i in range(2)), "comm")

    assert [bytes(view) for view in views] == [b"\0", b"\1"]


@pytest.mark.parametrize("buffer", [b"abc", bytearray(b"abc"), memoryview(b"abc"), "abc"])
def test_a_single_buffer_is_refused_with_advice(buffer: Any) -> None:
    with pytest.raises(BufferFormatError) as caught:
        flat_buffers(buffer, "comm 'a' (1)")

    kind = type(buffer).__name__
    assert str(caught.value) == (
        "comm 'a' (1): buffers: a list of bytes-like objects is needed, "
        f"not a single {kind}; write [value]"
    )


def test_an_array_in_the_place_of_a_list_is_refused_with_advice() -> None:
    np = pytest.importorskip("numpy")

    for buffers in (array.array("B", [1]), np.zeros((2, 3)), {"a": b"abc"}):
        kind = type(buffers).__name__
        with pytest.raises(BufferFormatError, match=rf"not a single {kind}; write \[value\]$"):
            flat_buffers(buffers, "comm")


def test_an_array_of_objects_is_refused() -> None:
    np = pytest.importorskip("numpy")
    objects = [np.array([{}, None]), np.zeros(1, [("a", "u1"), ("b", "O")])]

    for item in objects:
        with pytest.raises(
            BufferFormatError,
            match=r"^comm: buffers\[0\]: ndarray of Python objects, not of bytes$",
        ):
            flat_buffers([item], "comm")


def test_a_field_may_have_any_name() -> None:
    np = pytest.importorskip("numpy")

    assert flat(np.ones(1, [("O", "u1")])).tobytes() == bytes([1])


@pytest.mark.parametrize("item", ["abc", 5, None, [1, 2]])
def test_an_item_that_is_no_buffer_is_named_by_its_index(item: Any) -> None:
    with pytest.raises(
        BufferFormatError,
        match=rf"^comm 'a' \(1\): buffers\[1\]: {type(item).__name__} does not support the buffer",
    ):
        flat_buffers([b"good", item], "comm 'a' (1)")


def test_buffers_that_are_not_iterable_are_refused() -> None:
    with pytest.raises(BufferFormatError, match=r"^comm: buffers: .*not a single int"):
        flat_buffers(5, "comm")  # type: ignore[arg-type]


def test_a_message_cannot_be_changed() -> None:
    message = CommMessage("comm_msg", {"comm_id": "1", "data": {}}, {}, (), b"comm-1")

    with pytest.raises(AttributeError):
        message.topic = b"other"  # type: ignore[misc]


@pytest.mark.parametrize("levels", [501, 3_000])
def test_a_header_that_is_nested_too_deeply_cannot_be_that_of_a_parent(levels: int) -> None:
    deep: Any = 1
    for _ in range(levels - 1):
        deep = [deep]

    with pytest.raises(TypeError) as caught:
        header_of({"header": {"msg_id": "x", "a": deep}})

    assert str(caught.value) == (
        "cannot be sent: parent['header']: nested too deeply to be sent: more than 500 levels"
    )
