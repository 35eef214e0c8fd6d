"""How values are written and read. That they equal a server's is for test_same_values.py."""

from __future__ import annotations

import copy
import math
from collections import deque
from pathlib import PurePosixPath
from typing import Any

import pytest

from lite_comms import EncodeError
from lite_comms._wire.codec import NULL, encode, from_page, to_page
from lite_comms._wire.strict import MAX_DEPTH
from tests.values.case import Case
from tests.values.parts import NAN
from tests.values.table import CASES

# What these values raise themselves is passed on.
RAISING = {
    "Fraction that is no finite double",
    "iterable that raises",
    "key whose str fails",
}


# From the kernel to the page --------------------------------------------------


def test_text_stays_text_without_escapes() -> None:
    assert encode({"a": [None, True, 1, 1.5, "é漢😀"]}) == '{"a": [null, true, 1, 1.5, "é漢😀"]}'


def test_integers_keep_all_their_digits() -> None:
    assert encode([2**60, -(2**64)]) == "[1152921504606846976, -18446744073709551616]"


def test_nan_leads_the_whole_message_to_the_second_try() -> None:
    first = encode([{2.0: 1}, {1.5}, range(2)])
    second = encode([{2.0: 1}, {1.5}, NAN])

    assert (first, second) == ('[{"2.0": 1}, [1.5], [0, 1]]', '[{"2.0": 1}, [1.5], "nan"]')


@pytest.mark.parametrize(("beside", "written"), [(1, "1"), (float("nan"), '"nan"')])
def test_null_as_data_is_null_in_both_tries(beside: float, written: str) -> None:
    assert encode({"data": NULL, "beside": beside}) == f'{{"data": null, "beside": {written}}}'


def test_what_only_the_first_try_takes_is_refused_beside_nan() -> None:
    with pytest.raises(EncodeError, match=r"^\[0\]: range is not JSON serializable: range\(0, 2\)"):
        encode([range(2), NAN])


def test_an_iterator_is_used_up_by_the_first_try() -> None:
    assert encode([iter([1, 2]), NAN]) == '[[], "nan"]'


def test_encoding_leaves_the_value_as_it_was() -> None:
    value = {"a": [1, {2: (3, 4)}], "b": {5}, "c": NAN}
    before = copy.deepcopy(value)

    encode(value)

    assert repr(value) == repr(before)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "data"),
        ({"a": object()}, "a"),
        ([1, object()], "[1]"),
        ({"rows": [0, 1, 2, {"when": object()}]}, "rows[3].when"),
        ({"not a name": object()}, "['not a name']"),
        ({"a": {"b-c": [object()]}}, "a['b-c'][0]"),
        ({7: object()}, "[7]"),
        ({None: object()}, "[None]"),
        ({(1, 2): [object()]}, "[(1, 2)][0]"),
        ((1, (2, object())), "[1][1]"),
        ({"a": {"b": "\ud800"}}, "a.b"),
        ({"a": {"\ud800": 1}}, r"a['\ud800']"),
        ({"a": [10**5000]}, "a[0]"),
        ({"a": [NAN, {1: 2, "1": 3}]}, "a[1]['1']"),
    ],
)
def test_an_error_names_the_path(value: Any, path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(value)

    assert caught.value.path == path


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.part != "buffers" and case.available()],
    ids=lambda case: case.name,
)
def test_whatever_is_refused_is_an_error_that_names_a_path(case: Case) -> None:
    raised: Exception | None = None
    try:
        encode(case.make())
    except Exception as error:
        raised = error

    if case.name in RAISING:
        assert type(raised) in (OverflowError, RuntimeError)
    else:
        assert raised is None or (isinstance(raised, EncodeError) and raised.path)


@pytest.mark.parametrize(("value", "path"), [(object(), "metadata"), ([object()], "metadata[0]")])
def test_a_path_begins_with_the_name_of_the_value(value: Any, path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(value, "metadata")

    assert caught.value.path == path


def test_an_error_shows_type_and_value() -> None:
    with pytest.raises(EncodeError) as caught:
        encode({"a": PurePosixPath("x")})

    assert str(caught.value) == ("a: PurePosixPath is not JSON serializable: PurePosixPath('x')")


def test_an_error_shortens_a_long_value() -> None:
    with pytest.raises(EncodeError) as caught:
        encode({"a": PurePosixPath("x" * 1000)})

    shown = "PurePosixPath('" + "x" * 62 + "..."
    assert caught.value.reason == f"PurePosixPath is not JSON serializable: {shown}"
    assert len(shown) == 80


def test_a_value_whose_repr_fails_is_refused_by_its_type() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(EncodeError) as caught:
        encode([Odd()])

    assert str(caught.value).startswith("[0]: Odd is not JSON serializable: <Odd instance at ")


def test_an_error_shows_some_levels_of_a_deep_value() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH + 100):
        value = deque([value])
    with pytest.raises(EncodeError) as caught:
        encode([float("nan"), value])

    shown = "deque([" * 6 + "deque([...])" + "])" * 6
    assert str(caught.value) == f"[1]: deque is not JSON serializable: {shown}"


def test_a_dict_whose_keys_are_its_attributes_is_encoded() -> None:
    class Attributes(dict[str, object]):
        def __init__(self, **items: object) -> None:
            super().__init__(items)
            self.__dict__ = self

    assert encode({"a": Attributes(values=[1])}) == '{"a": {"values": [1]}}'


def test_keys_that_become_the_same_are_named() -> None:
    with pytest.raises(EncodeError) as caught:
        encode({"a": {1: NAN, "1": 2}})

    assert str(caught.value) == "a['1']: another key becomes the same JSON name '1'"


def test_what_the_value_itself_raises_is_passed_on() -> None:
    class Broken:
        def __iter__(self) -> Any:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        encode([Broken()])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\udcffb", '"a\ufffdb"'),  # an undecodable byte
        ("\udcc3\udca9", '"é"'),  # two that make up a character
        ("é漢", '"é漢"'),
    ],
)
def test_undecodable_bytes_go_out_as_bytes(text: str, written: str) -> None:
    assert encode(text) == written


@pytest.mark.parametrize("text", ["\ud800", "a\udc00b", "\ud83d\ude00"])
def test_half_a_pair_is_refused(text: str) -> None:
    with pytest.raises(EncodeError, match=r"^\[0\]: text with a lone surrogate: "):
        encode([text])


# How the page reads it --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740992", 2**53),
        ("9007199254740993", float(2**53)),
        ("1152921504606846976", float(2**60)),
        ("-9007199254740993", -float(2**53)),
        ("1" + "0" * 400, math.inf),
        ("-1" + "0" * 400, -math.inf),
        ("1.0", 1.0),
        ('{"a": [null, true, "1"]}', {"a": [None, True, "1"]}),
    ],
)
def test_the_page_reads_numbers_as_doubles(text: str, value: Any) -> None:
    read = to_page(text)

    assert repr(read) == repr(value)


# From the page to the kernel --------------------------------------------------


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (True, True),
        (5, 5),
        (1.0, 1),
        (-0.0, 0),
        (1.5, 1.5),
        (float(2**60), 1152921504606847000),  # the digits that JavaScript writes
        (-float(2**60), -1152921504606847000),
        (123456789012345680000.0, 123456789012345680000),
        (1e20, 100000000000000000000),
        (999999999999999868928.0, 999999999999999900000),
        (1e21, 1e21),
        (-1e21, -1e21),
        (NAN, None),
        (math.inf, None),
        ("1.0", "1.0"),
        ({"a": [1.0, {"b": None}]}, {"a": [1, {"b": None}]}),
    ],
)
def test_a_value_of_the_page_gets_the_type_of_a_server(given: Any, value: Any) -> None:
    assert repr(from_page(given)) == repr(value)


def test_null_of_the_page_is_none_wherever_it_stands() -> None:
    null = object()

    assert from_page({"a": null, "b": [null, None]}, null) == {"a": None, "b": [None, None]}


def test_containers_of_the_page_are_new() -> None:
    given: dict[str, Any] = {"a": [1], "b": {}}

    value = from_page(given)

    assert value == given
    assert value is not given
    assert value["a"] is not given["a"]
    assert value["b"] is not given["b"]


def test_what_is_no_json_is_left_as_it_is() -> None:
    thing = object()

    assert from_page({"a": thing}) == {"a": thing}
