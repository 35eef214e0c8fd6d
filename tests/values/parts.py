"""What the table of values is made of: classes, builders, and the names of other packages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum, IntEnum, StrEnum
from importlib import import_module
from typing import Any, NamedTuple


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
