"""Values that are nested too deeply to be sent, or contain themselves, are refused."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import pytest

from lite_comms import EncodeError
from lite_comms._wire.codec import encode
from lite_comms._wire.strict import MAX_DEPTH
from tests.values.parts import NAN


def test_circular_data_is_refused_where_the_circle_closes() -> None:
    value: dict[str, Any] = {"a": {"b": [0]}}
    value["a"]["b"].append(value["a"])

    with pytest.raises(EncodeError) as caught:
        encode(value)

    assert str(caught.value) == "a.b[1]: circular reference: the value contains itself"


def test_a_part_that_stands_twice_is_no_circle() -> None:
    part = [NAN]

    assert encode([part, part]) == '[["nan"], ["nan"]]'


class Yields:
    """Iterates over what it is given; with nothing, over a list that has itself."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __iter__(self) -> Any:
        yield from self.items or [[self]]


@pytest.mark.parametrize("last", [1, NAN])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda value: [value],
        lambda value: {"a": value},
        lambda value: (value,),
        lambda value: frozenset([value]),
        lambda value: [value, value],
        Yields,
        lambda value: Yields([value]),
    ],
    ids=["list", "dict", "tuple", "set", "twice", "iterable", "iterable of lists"],
)
def test_data_that_is_nested_too_deeply_is_refused(wrap: Any, last: float) -> None:
    value: Any = last
    for _ in range(1_000):  # Pyodide could not free many more
        value = wrap(value)

    with pytest.raises(EncodeError) as caught:
        encode(value)

    assert str(caught.value) == "data: nested too deeply to be sent: more than 500 levels"


@pytest.mark.parametrize("inner", [deque, Yields, frozenset])
def test_iterables_count_from_where_they_stand(inner: Any) -> None:
    def nested(lists: int, iterables: int) -> Any:
        value: Any = 1
        for _ in range(iterables):
            value = inner([value])
        for _ in range(lists):
            value = [0, value]
        return value

    per_inner = 2 if inner is Yields else 1  # it has a list, in which is the next
    assert json.loads(encode(nested(300, 200 // per_inner))) is not None
    for lists, iterables in (301, 200 // per_inner), (499, 499), (MAX_DEPTH, 1):
        with pytest.raises(EncodeError, match=f"more than {MAX_DEPTH} levels"):
            encode(nested(lists, iterables))


def test_an_iterable_that_stands_twice_counts_where_it_is_deeper() -> None:
    value: Any = deque([deque()])
    shallow = value
    for _ in range(MAX_DEPTH - 1):
        value = [value]

    with pytest.raises(EncodeError, match=f"more than {MAX_DEPTH} levels"):
        encode([shallow, value[0]])


def test_a_key_that_is_nested_too_deeply_is_refused() -> None:
    key: Any = ()
    for _ in range(600):  # the hash of many more is too deep for Pyodide
        key = (key,)

    with pytest.raises(EncodeError) as caught:
        encode({"a": {key: 1}})

    assert str(caught.value) == ("a: a key is nested too deeply to be sent: more than 500 levels")


def test_an_iterable_that_never_ends_in_itself_is_refused() -> None:
    with pytest.raises(EncodeError, match="more than 500 levels"):
        encode(Yields())


@pytest.mark.parametrize("last", [1, NAN])
@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}])
def test_the_limit_is_what_it_is_said_to_be(wrap: Any, last: float) -> None:
    value: Any = last
    for _ in range(MAX_DEPTH):
        value = wrap(value)

    assert json.loads(encode(value)) is not None
    with pytest.raises(EncodeError, match=f"more than {MAX_DEPTH} levels"):
        encode(wrap(value))


def test_wide_data_that_has_the_same_parts_is_searched_once() -> None:
    value: Any = [1]
    for _ in range(16):
        value = [value, value]

    assert encode(value).count("1") == 2**16


def test_deep_data_that_contains_itself_says_where() -> None:
    value: list[Any] = [0, 0]
    value[:] = [value, value]

    with pytest.raises(EncodeError) as caught:
        encode(value)

    assert str(caught.value) == "[0]: circular reference: the value contains itself"
