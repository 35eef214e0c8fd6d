"""The table of values that a server kernel and lite_comms are compared by.

Importable in CPython and in Pyodide; NumPy and pandas are imported by the cases
that need them. Each case is sent through a real ipykernel, through the codec,
and through a real Pyodide; each way ends in a record, and the records are equal.
"""

# ruff: noqa: DTZ001 (naive datetimes are among the values)

from __future__ import annotations

import array
import json
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple
from uuid import UUID

Part = Literal["data", "metadata", "buffers"]
Record = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A named value, where in a message it stands, and the package that it needs."""

    name: str
    make: Callable[[], Any]
    part: Part = "data"
    needs: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Build the arguments of `Comm.send`; the value is fresh each time."""
        return {self.part: self.make()}

    def available(self) -> bool:
        """Tell whether the package that it needs is here."""
        return self.needs is None or find_spec(self.needs) is not None


# Records ---------------------------------------------------------------------

# A page gives JSON.stringify this, for what JSON cannot say of its numbers.
JS_REPLACER = (
    "(key, value) => typeof value !== 'number' ? value : "
    "Object.is(value, -0) ? 'number:-0' : isFinite(value) ? value : 'number:' + value"
)


def seen(data: str, metadata: str, buffers: Iterable[bytes]) -> Record:
    """Record a message that has arrived; `data` and `metadata` are JSON texts."""
    return {
        "data": _canonical(data),
        "metadata": _canonical(metadata),
        "buffers": [bytes(buffer).hex() for buffer in buffers],
    }


def refused(error: BaseException) -> Record:
    """Record an error at the send, by the built-in exception that it is."""
    builtin = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
    return {"error": "ValueError" if issubclass(builtin, ValueError) else builtin.__name__}


def _canonical(text: str) -> str:
    return json.dumps(_doubles(json.loads(text, parse_int=float)), sort_keys=True)


def _doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    if isinstance(value, float):
        if value == 0:
            return "number:-0" if str(value) == "-0.0" else value
        if value in (float("inf"), float("-inf")):
            return "number:Infinity" if value > 0 else "number:-Infinity"
    return value


# Values ----------------------------------------------------------------------


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Plain:
    x: int = 1


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Word(StrEnum):
    YES = "yes"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "str() of Text"


class Whole(int):
    def __repr__(self) -> str:
        return "repr() of Whole"


class Ratio(float):
    def __repr__(self) -> str:
        return "repr() of Ratio"


class Moment(datetime):
    pass


class WithInt:
    def __int__(self) -> int:
        return 3


class WithFloat:
    def __float__(self) -> float:
        return 3.5


class WithIndex:
    def __index__(self) -> int:
        return 3


class Sequence:
    """The old protocol: iterable by its items, with no __iter__."""

    def __getitem__(self, i: int) -> int:
        if i > 1:
            raise IndexError(i)
        return i

    def __len__(self) -> int:
        return 2


class BadRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class BadIter:
    def __iter__(self) -> Any:
        raise RuntimeError("no iteration")


class BadKey:
    def __str__(self) -> str:
        raise RuntimeError("no str")


class NumberedKey:
    def __str__(self) -> str:
        return "numbered"


class Cleanable(list[int]):
    def __iter__(self) -> Any:
        return iter([7, 8])


def nested(depth: int, kind: type, last: Any = "deep") -> Any:
    value = last
    for _ in range(depth):
        value = [value] if kind is list else {"k": value}
    return value


def circular_list() -> list[Any]:
    value: list[Any] = [1]
    value.append(value)
    return value


def circular_dict() -> dict[str, Any]:
    value: dict[str, Any] = {"a": {}}
    value["a"]["back"] = value
    return value


def shared() -> list[Any]:
    part = {"a": [1]}
    return [part, part]


def numpy(name: str) -> Any:
    return getattr(import_module("numpy"), name)


def pandas(name: str) -> Any:
    return getattr(import_module("pandas"), name)


EAST = timezone(timedelta(hours=5, minutes=30))
NAN, INF = float("nan"), float("inf")


def _cases(rows: dict[str, Callable[[], Any]], needs: str | None = None) -> list[Case]:
    return [Case(name, make, "data", needs) for name, make in rows.items()]


# Every row is one expression, so that the table can be read as one.
PLAIN = _cases(
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

CONTAINERS = _cases(
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

KEYS = _cases(
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

OBJECTS = _cases(
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

TIMES = _cases(
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

NUMPY = _cases(
    {
        "NumPy int64": lambda: numpy("int64")(3),
        "NumPy uint64, large": lambda: numpy("uint64")(2**64 - 1),
        "NumPy float64": lambda: numpy("float64")(1.5),
        "NumPy float32": lambda: numpy("float32")(0.1),
        "NumPy float16": lambda: numpy("float16")(0.1),
        "NumPy longdouble": lambda: numpy("longdouble")(1.5),
        "NumPy float64 nan": lambda: numpy("float64")("nan"),
        "NumPy float32 inf": lambda: numpy("float32")("inf"),
        "NumPy bool": lambda: numpy("bool")(True),
        "NumPy complex": lambda: numpy("complex128")(1j),
        "NumPy str": lambda: numpy("str_")("a"),
        "NumPy bytes": lambda: numpy("bytes_")(b"a"),
        "NumPy numbers beside nan": lambda: [numpy("int64")(3), numpy("float32")(0.1), NAN],
        "NumPy array": lambda: numpy("arange")(3),
        "NumPy array of floats": lambda: numpy("array")([0.1, 0.2], dtype="f4"),
        "NumPy array of two dimensions": lambda: numpy("arange")(4).reshape(2, 2),
        "NumPy array of no dimension": lambda: numpy("array")(5),
        "NumPy array of bools": lambda: numpy("array")([True, False]),
        "NumPy array of objects": lambda: numpy("array")([{"a": 1}, None], dtype=object),
        "NumPy array with a nan": lambda: numpy("array")([1.0, NAN]),
        "NumPy array beside nan": lambda: [numpy("arange")(3), NAN],
        "NumPy empty array": lambda: numpy("zeros")((0, 3)),
        "NumPy structured array": lambda: numpy("zeros")(1, dtype=[("a", "i4"), ("b", "f8")]),
        "NumPy datetime64": lambda: numpy("datetime64")("2020-01-01"),
        "NumPy array of datetime64": lambda: numpy("array")(["2020-01-01"], dtype="M8[s]"),
        "NumPy timedelta64": lambda: numpy("timedelta64")(1, "D"),
        "NumPy integer as a key": lambda: {numpy("int64")(3): 1},
        "NumPy float as a key": lambda: {numpy("float64")(1.5): 1},
    },
    needs="numpy",
)

PANDAS = _cases(
    {
        "pandas Timestamp, naive": lambda: pandas("Timestamp")("2020-07-01 12:30"),
        "pandas Timestamp, aware": lambda: pandas("Timestamp")("2020-01-01", tz="UTC"),
        "pandas Timestamp, nanoseconds": lambda: pandas("Timestamp")(1, tz="UTC"),
        "pandas Timestamp beside nan": lambda: [pandas("Timestamp")("2020-01-01"), NAN],
        "pandas NaT": lambda: pandas("NaT"),
        "pandas NaT beside nan": lambda: [pandas("NaT"), NAN],
        "pandas NA": lambda: pandas("NA"),
        "pandas Timedelta": lambda: pandas("Timedelta")("1D"),
        "pandas Period": lambda: pandas("Period")("2020-01"),
        "pandas Series": lambda: pandas("Series")([1, 2], index=["a", "b"]),
        "pandas Series of floats with a nan": lambda: pandas("Series")([1.0, None]),
        "pandas Series of Timestamps": lambda: pandas("Series")(
            pandas("to_datetime")(["2020-01-01", "2020-07-01"])
        ),
        "pandas Index": lambda: pandas("Index")([1, 2]),
        "pandas DataFrame": lambda: pandas("DataFrame")({"a": [1], "b": [2]}),
        "pandas DataFrame as records": lambda: pandas("DataFrame")({"a": [1], "b": [2.5]}).to_dict(
            "records"
        ),
        "pandas Categorical": lambda: pandas("Categorical")(["a", "b"]),
    },
    needs="pandas",
)

METADATA = [
    Case("metadata: plain", lambda: {"a": [1, None, {"b": "c"}]}, "metadata"),
    Case("metadata: nan", lambda: {"a": NAN, "b": (1, 2)}, "metadata"),
    Case("metadata: int beyond 2**53", lambda: {"a": 2**60}, "metadata"),
    Case("metadata: int keys", lambda: {1: 2}, "metadata"),
    Case("metadata: bytes", lambda: {"a": b"abc"}, "metadata"),
    Case("metadata: naive datetime", lambda: {"a": datetime(2020, 1, 1)}, "metadata"),
    Case("metadata: refused", lambda: {"a": PurePosixPath("x")}, "metadata"),
    Case("metadata: lone surrogate", lambda: {"a": "\ud800"}, "metadata"),
]

BUFFERS = [
    Case("buffers: none", list, "buffers"),
    Case("buffers: bytes", lambda: [b"abc", b"", bytes(range(256))], "buffers"),
    Case("buffers: a tuple of them", lambda: (b"abc", b"d"), "buffers"),
    Case("buffers: bytearray", lambda: [bytearray(b"abc")], "buffers"),
    Case("buffers: memoryview", lambda: [memoryview(b"abc")[1:]], "buffers"),
    Case(
        "buffers: memoryview of two dimensions",
        lambda: [memoryview(bytes(range(6))).cast("B", (2, 3))],
        "buffers",
    ),
    Case("buffers: strided memoryview", lambda: [memoryview(b"abcdef")[::2]], "buffers"),
    Case("buffers: array.array", lambda: [array.array("i", [1, -2])], "buffers"),
    Case("buffers: text", lambda: ["abc"], "buffers"),
    Case("buffers: number", lambda: [b"abc", 5], "buffers"),
    Case(
        "buffers: NumPy, C order",
        lambda: [numpy("arange")(6, dtype="<u2").reshape(2, 3)],
        "buffers",
        "numpy",
    ),
    Case(
        "buffers: NumPy, Fortran order",
        lambda: [numpy("asfortranarray")(numpy("arange")(6, dtype="u1").reshape(2, 3))],
        "buffers",
        "numpy",
    ),
    Case(
        "buffers: NumPy, strided",
        lambda: [numpy("arange")(12, dtype="u1").reshape(3, 4)[:, 1:3]],
        "buffers",
        "numpy",
    ),
    Case("buffers: NumPy, empty", lambda: [numpy("zeros")((0, 3))], "buffers", "numpy"),
    Case("buffers: NumPy, no dimension", lambda: [numpy("array")(5, "u1")], "buffers", "numpy"),
]

CASES: list[Case] = [
    *PLAIN,
    *CONTAINERS,
    *KEYS,
    *OBJECTS,
    *TIMES,
    *NUMPY,
    *PANDAS,
    *METADATA,
    *BUFFERS,
]

# From the page: JavaScript expressions; the kernel's record is the repr.
PAGE_VALUES: dict[str, str] = {
    "null": "null",
    "null nested": "{a: null, b: [null]}",
    "booleans": "[true, false]",
    "integral number": "1.0",
    "minus zero": "-0",
    "fractions": "[0.1, -2.5, 1e-7, 5e-324]",
    "2**53 - 1": "2 ** 53 - 1",
    "2**53 + 1": "2 ** 53 + 1",
    "2**60": "[2 ** 60, -(2 ** 60)]",
    "1e20": "1e20",
    "just below 1e21": "999999999999999900000",
    "1e21": "1e21",
    "the largest number": "Number.MAX_VALUE",
    "123456789012345680000": "123456789012345680000",
    "nan and infinities": "[NaN, Infinity, -Infinity]",
    "text": r"""'quotes " \\ \n \0 é 漢 \u{1f600} \u2028'""",
    "text like a date": "'2020-01-01T00:00:00Z'",
    "empty things": "[{}, [], '']",
    "nested": "{a: [{b: [1, {c: 'd'}]}]}",
    "keys like numbers": "{2: 'b', 1: 'a', '': 0, '漢': 1}",
    "undefined and functions": "{a: undefined, b: () => 1, c: [undefined, () => 1]}",
    "Date": "new Date(0)",
    "depth 200": "Array.from({length: 200}).reduce(inner => [inner], 'deep')",
}

# Where lite_comms is deliberately not like a server kernel, and why.
IN_SUMMER_TIME_ZONES = "naive datetime, year 1"
EXPLAINED: dict[str, str] = {
    "circular list": "ipykernel recurses to the end of the stack; here the error names the place",
    "circular dict": "ipykernel recurses to the end of the stack; here the error names the place",
    "object whose repr fails": "ipykernel raises what the repr raises; here the value is refused",
    "object whose repr fails, beside nan": "as above",
    "NumPy timedelta64": "ipykernel raises a TypeError of int(); here the error names the place",
    IN_SUMMER_TIME_ZONES: "ipykernel's look at the hour before it overflows; here it is sent",
    "buffers: strided memoryview": "ipykernel refuses it; here its bytes are sent in C order",
    "buffers: NumPy, strided": "ipykernel refuses it; here its bytes are sent in C order",
    "buffers: NumPy, no dimension": "ipykernel asks for its length; here its bytes are sent",
}
