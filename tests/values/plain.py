"""The values that Python itself has."""

# ruff: noqa: DTZ001 (naive datetimes are among the values)

from __future__ import annotations

import array
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from uuid import UUID

from .case import cases
from .parts import (
    EAST,
    INF,
    NAN,
    BadIter,
    BadKey,
    BadRepr,
    Cleanable,
    Colour,
    Level,
    Moment,
    NumberedKey,
    Plain,
    Point,
    Ratio,
    Sequence,
    Text,
    Whole,
    WithFloat,
    WithIndex,
    WithInt,
    Word,
    circular_dict,
    circular_list,
    nested,
    shared,
)

# Every row is one expression, so that the table can be read as one.
PLAIN = cases(
    {
        "nothing": lambda: None,
        "none kept": lambda: {"a": None, "b": [None]},
        "booleans": lambda: [True, False],
        "zero": lambda: 0,
        "minus zero": lambda: -0.0,
        "small int": lambda: -17,
        "2**53 - 1": lambda: 2**53 - 1,
        "2**53": lambda: 2**53,
        "2**53 + 1": lambda: 2**53 + 1,
        "2**60": lambda: {"n": 2**60},
        "-(2**63) - 1": lambda: -(2**63) - 1,
        "10**21": lambda: 10**21,
        "an int that is no finite double": lambda: [10**400, -(10**400)],
        "an int of 5000 digits": lambda: 10**5000,
        "integral float": lambda: 2.0,
        "floats": lambda: [0.1, 1e-7, 1e21, 1.7976931348623157e308, 5e-324],
        "nan at the top": lambda: NAN,
        "inf at the top": lambda: INF,
        "nan nested": lambda: {"a": [1, {"b": NAN}], "c": -INF},
        "nan beside what the two tries treat differently": lambda: [NAN, 1.0, (1, 2), b"a", {1: 2}],
        "text": lambda: 'quotes " \\ / newline \n nul \0 é 漢 \U0001f600 \u2028',
        "empty text": lambda: "",
        "lone surrogate, high": lambda: "a\ud800b",
        "lone surrogate, low": lambda: "a\udc00b",
        "surrogate that stands for an undecodable byte": lambda: "a\udcffb\udc80",
        "undecodable bytes that make up a character": lambda: "\udcc3\udca9",
        "two surrogates that are a pair": lambda: "\ud83d\ude00",
        "lone surrogate as a key": lambda: {"\ud800": 1},
        "undecodable byte as a key": lambda: {"\udc81": 1},
        "undecodable byte beside nan": lambda: ["\udc81", NAN],
        "lone surrogate beside nan": lambda: ["\ud800", NAN],
        "empty containers": lambda: [{}, [], (), set(), frozenset(), "", b""],
    }
)

CONTAINERS = cases(
    {
        "list": lambda: [1, [2, [3]]],
        "tuple": lambda: (1, (2, 3)),
        "namedtuple": lambda: Point(1, 2),
        "namedtuple beside nan": lambda: [Point(1, 2), NAN],
        "set": lambda: {1},
        "set of two": lambda: {1, 2},
        "set beside nan": lambda: [{1}, NAN],
        "frozenset": lambda: frozenset({"a"}),
        "frozenset beside nan": lambda: [frozenset({"a"}), NAN],
        "range": lambda: range(3),
        "range beside nan": lambda: [range(3), NAN],
        "generator": lambda: (i for i in range(3)),
        "generator beside nan": lambda: [(i for i in range(3)), NAN],
        "iterator": lambda: iter([1, 2]),
        "iterator beside nan": lambda: [iter([1, 2]), NAN],
        "map and zip": lambda: [map(str, [1, 2]), zip([1], [2], strict=True)],
        "iterator of iterators": lambda: iter([iter([1]), iter([2])]),
        "deque": lambda: deque([1, 2]),
        "deque beside nan": lambda: [deque([1, 2]), NAN],
        "UserList": lambda: UserList([1, 2]),
        "dict views": lambda: [{"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items()],
        "list subclass with its own iteration": lambda: Cleanable([1, 2]),
        "list subclass beside nan": lambda: [Cleanable([1, 2]), NAN],
        "OrderedDict": lambda: OrderedDict(b=1, a=2),
        "defaultdict": lambda: defaultdict(list, a=[1]),
        "Counter": lambda: Counter("aab"),
        "UserDict": lambda: UserDict(a=1),
        "UserDict beside nan": lambda: [UserDict(a=1), NAN],
        "ChainMap": lambda: ChainMap({"a": 1}, {"b": 2}),
        "MappingProxyType": lambda: types.MappingProxyType({"a": 1}),
        "MappingProxyType beside nan": lambda: [types.MappingProxyType({"a": 1}), NAN],
        "the same part twice": shared,
        "the same part twice beside nan": lambda: [shared(), NAN],
        "depth 200, lists": lambda: nested(200, list),
        "depth 200, dicts": lambda: nested(200, dict),
        "depth 200, a nan in it": lambda: nested(200, list, NAN),
        "depth 200, refused": lambda: nested(200, dict, PurePosixPath("x")),
        "circular list": circular_list,
        "circular dict": circular_dict,
        "iterable that raises": BadIter,
        "iterable by its items": Sequence,
    }
)

KEYS = cases(
    {
        "plain keys": lambda: {"": 0, "a": 1, "漢": 2},
        "int keys": lambda: {1: 2, -1: 3, 2**60: 4},
        "float keys": lambda: {1.5: 1, 2.0: 2, 1e21: 3},
        "nan key": lambda: {NAN: 1},
        "inf key": lambda: {INF: 1},
        "bool keys": lambda: {True: 1, False: 2},
        "bool keys beside nan": lambda: {True: 1, False: NAN},
        "None key": lambda: {None: 1},
        "None key beside nan": lambda: {None: NAN},
        "float key beside nan": lambda: {2.0: NAN},
        "tuple key": lambda: {(1, 2): 3},
        "bytes key": lambda: {b"a": 1},
        "date key": lambda: {date(2020, 1, 2): 1},
        "Enum key": lambda: {Colour.RED: 1},
        "IntEnum key": lambda: {Level.HIGH: 1},
        "IntEnum key beside nan": lambda: {Level.HIGH: NAN},
        "StrEnum key": lambda: {Word.YES: 1},
        "key of an own class": lambda: {NumberedKey(): 1},
        "key whose str fails": lambda: {BadKey(): 1},
        "str subclass as a key": lambda: {Text("a"): 1},
        "str subclass as a key, beside nan": lambda: {Text("a"): NAN},
        "keys that become the same": lambda: {1: "a", "1": "b"},
        "keys that become the same, beside nan": lambda: {1: "a", "1": NAN},
        "keys that become the same, deep": lambda: [NAN, {"a": [{None: 1, "None": 2}]}],
    }
)

OBJECTS = cases(
    {
        "bytes": lambda: b"abc",
        "bytes of any value": lambda: bytes(range(256)),
        "bytes beside nan": lambda: [b"abc", NAN],
        "bytearray": lambda: bytearray(b"abc"),
        "bytearray beside nan": lambda: [bytearray(b"abc"), NAN],
        "memoryview": lambda: memoryview(b"abc"),
        "memoryview beside nan": lambda: [memoryview(b"abc"), NAN],
        "array.array": lambda: array.array("d", [1.5, 2.5]),
        "Path": lambda: PurePosixPath("x"),
        "Path, deep": lambda: {"rows": [1, {"when": PurePosixPath("x")}]},
        "Decimal": lambda: Decimal("1.5"),
        "Fraction": lambda: Fraction(1, 4),
        "Fraction that is no finite double": lambda: Fraction(10**400),
        "Fraction beside nan": lambda: [Fraction(1, 4), NAN],
        "integral Fraction": lambda: Fraction(4, 1),
        "complex": lambda: 1 + 2j,
        "UUID": lambda: UUID(int=1),
        "Enum": lambda: Colour.RED,
        "Enum class": lambda: Word,
        "IntEnum": lambda: Level.HIGH,
        "IntEnum beside nan": lambda: [Level.HIGH, NAN],
        "StrEnum": lambda: Word.YES,
        "StrEnum beside nan": lambda: [Word.YES, NAN],
        "str subclass": lambda: Text("a"),
        "str subclass beside nan": lambda: [Text("a"), NAN],
        "int subclass": lambda: Whole(5),
        "int subclass beside nan": lambda: [Whole(5), NAN],
        "float subclass": lambda: Ratio(1.5),
        "float subclass that is nan": lambda: Ratio("nan"),
        "dataclass": Plain,
        "object": object,
        "object with __int__": WithInt,
        "object with __float__": WithFloat,
        "object with __index__": WithIndex,
        "object whose repr fails": BadRepr,
        "object whose repr fails, beside nan": lambda: [BadRepr(), NAN],
        "function": lambda: nested,
        "class": lambda: Plain,
        "Ellipsis": lambda: ...,
        "slice": lambda: slice(1, 2),
    }
)

TIMES = cases(
    {
        "aware datetime, UTC": lambda: datetime(2020, 1, 1, tzinfo=UTC),
        "aware datetime, +05:30": lambda: datetime(2020, 1, 1, 2, 3, 4, 567, EAST),
        "aware datetime, +00:00:01": lambda: datetime(
            2020, 1, 1, tzinfo=timezone(timedelta(seconds=1))
        ),
        "aware datetime beside nan": lambda: [datetime(2020, 1, 1, tzinfo=EAST), NAN],
        "naive datetime, winter": lambda: datetime(2020, 1, 1),
        "naive datetime, summer": lambda: datetime(2020, 7, 1, 12, 30, 0, 5),
        "naive datetime, 1900": lambda: datetime(1900, 6, 1),
        "naive datetime, year 1": lambda: datetime(1, 1, 1),
        "naive datetime, 1969": lambda: datetime(1969, 12, 31, 23, 59, 59, 999999),
        "naive datetime, 2050": lambda: datetime(2050, 7, 1),
        "naive datetime, year 9999": lambda: datetime(9999, 12, 31, 23, 59, 59),
        "naive datetime, nonexistent in Berlin": lambda: datetime(2020, 3, 29, 2, 30),
        "naive datetime, twice in Berlin": lambda: datetime(2020, 10, 25, 2, 30),
        "naive datetime, twice in Berlin, fold": lambda: datetime(2020, 10, 25, 2, 30, fold=1),
        "naive datetime, nonexistent in New York": lambda: datetime(2020, 3, 8, 2, 30),
        "naive datetime, twice in New York": lambda: datetime(2020, 11, 1, 1, 30),
        "naive datetime, twice in New York, fold": lambda: datetime(2020, 11, 1, 1, 30, fold=1),
        "naive datetime beside nan": lambda: [datetime(2020, 7, 1, 12), NAN],
        "datetime subclass": lambda: Moment(2020, 7, 1),
        "date": lambda: date(2020, 2, 29),
        "date beside nan": lambda: [date(2020, 2, 29), NAN],
        "date of year 1 beside nan": lambda: [date(1, 2, 3), NAN],
        "time": lambda: time(1, 2),
        "timedelta": lambda: timedelta(1),
    }
)
