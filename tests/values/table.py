"""The table of values that a server kernel and lite_comms are compared by.

Importable in CPython and in Pyodide; NumPy and pandas are imported by the cases
that need them. Each case is sent through a real ipykernel, through the codec,
and through a real Pyodide; each way ends in a record, and the records are equal.
"""

# ruff: noqa: DTZ001 (naive datetimes are among the values)

from __future__ import annotations

import array
from datetime import datetime
from pathlib import PurePosixPath

from .case import Case, cases
from .parts import NAN, numpy, pandas
from .plain import CONTAINERS, KEYS, OBJECTS, PLAIN, TIMES

NUMPY = cases(
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

PANDAS = cases(
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
