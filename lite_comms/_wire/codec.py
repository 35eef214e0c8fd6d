"""The value rules: what a Python value becomes on the page, and back.

Pure, no I/O. What the page receives equals what ipykernel delivers for
the same value. ipykernel packs a message in two tries, and the rules differ
between them, so both are kept:

1. ``json.dumps`` with a fallback for what JSON does not know: datetimes in
   ISO 8601, bytes in base64, iterables as lists, numbers as int or float.
2. If anything in the message is refused there (nan, a key that is not a plain
   one), the whole message is rebuilt by stricter, older rules: nan becomes
   ``"nan"``, keys become ``str(key)``, only sets, tuples and iterators become
   lists (`strict.py`). What is refused here as well is an error.

Data is nested at most `MAX_DEPTH` levels deep.

From the page come JSON values. A transport that receives JavaScript numbers
instead of JSON text restores the integers by :func:`from_page`.
"""

from __future__ import annotations

import json
import math
import numbers
import time
import types
from base64 import b64encode
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from functools import partial
from itertools import chain
from typing import Any

from .errors import EncodeError
from .strict import CONTAINERS, MAX_DEPTH, TOO_DEEP, cleaned, too_deep


class _Null(date):
    """Encodes as null."""

    def isoformat(self) -> Any:
        return None

    def strftime(self, _: str) -> Any:
        return None


# Data that is null. None as data means ``{}``, here and in ipykernel, and nothing else but dates
# are asked by both how they are written.
NULL = _Null(1, 1, 1)

_HOLDERS = frozenset({dict, list, tuple})
_ATOMS = frozenset({str, int, float, bool, types.NoneType})
# What is no iterable that `_default` makes a list of.
_PLAIN = _ATOMS | _HOLDERS | {bytes, datetime, date}

# Of a level as wide as this what it holds several times is searched once. Circles get here.
_WIDE = 100_000

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (as naive as what it is compared with)

# JavaScript writes a number without an exponent below this magnitude, so a
# server kernel reads an integral one as an int.
_EXPONENT_FROM = 1e21

_MAX_SAFE_INTEGER = 2**53


def encode(value: Any, root: str = "") -> str:
    """Write a value as the JSON text that the page parses.

    Parameters
    ----------
    value : object
        The value.
    root : str
        The name that an error gives to the value itself.

    Returns
    -------
    str
        JSON, free of lone surrogates.

    Raises
    ------
    EncodeError
        If a server kernel would refuse the value as well, or the data is
        circular or too deep; it names the path. The value is unchanged, except
        that iterators in it may be used up.
    """
    depth, level = 0, [value] if isinstance(value, CONTAINERS) else []
    depths: dict[int, int] = {}  # by the id of what may be an iterable: how many levels it is in
    while level:  # here, because a call takes longer than this does for a small message
        depth += 1
        if depth > MAX_DEPTH:
            raise too_deep(value, root)
        below = [dict.values(each) if isinstance(each, dict) else each for each in level]
        level = [each for each in chain.from_iterable(below) if type(each) not in _ATOMS]
        if not _HOLDERS.issuperset(map(type, level)):
            depths.update((id(item), depth) for item in level if type(item) not in _PLAIN)
            level = [each for each in level if isinstance(each, CONTAINERS)]
        if len(level) > _WIDE:
            level = [*{id(item): item for item in level}.values()]
    try:
        text = (_first_try(depths) if depths else _plain_try)(value)
        return text if text.isascii() else _without_escapes(text)
    except RecursionError:
        raise EncodeError(root or "data", TOO_DEEP) from None
    except (TypeError, ValueError):
        clean = cleaned(value, root)
        return _without_escapes(json.dumps(clean, ensure_ascii=False, allow_nan=False))


def to_page(text: str) -> Any:
    """Read JSON text as the page's JavaScript does: numbers are doubles.

    Parameters
    ----------
    text : str
        JSON text.

    Returns
    -------
    object
        The value; integers beyond 2**53 have become the nearest float.
    """
    return json.loads(text, parse_int=_page_int)


def from_page(value: Any, null: object = None) -> Any:
    """Convert a value from the page to the Python types that a server would deliver.

    Parameters
    ----------
    value : object
        JSON-like: dicts, lists, str, bool, numbers, and `null`.
    null : object
        The object that represents JavaScript's null.

    Returns
    -------
    object
        A new value: null is None, an integral number an int (with the digits
        that JavaScript writes), nan and infinities None.
    """
    kind = type(value)
    if kind is str or kind is bool or kind is int:
        return value
    if kind is dict:
        return {key: from_page(item, null) for key, item in value.items()}
    if kind is list:
        return [from_page(item, null) for item in value]
    if value is None or value is null:
        return None
    if kind is float:
        if not math.isfinite(value):
            return None
        if value.is_integer() and abs(value) < _EXPONENT_FROM:
            mantissa, _, exponent = repr(value).partition("e")
            if not exponent:
                return int(value)
            digits, _, fraction = mantissa.partition(".")
            return int(digits + fraction) * 10 ** (int(exponent) - len(fraction))
        return value
    return value


def _page_int(digits: str) -> int | float:
    number = int(digits)
    return number if -_MAX_SAFE_INTEGER <= number <= _MAX_SAFE_INTEGER else float(digits)


def _without_escapes(text: str) -> str:
    r"""Replace lone surrogates as a server's UTF-8 round trip does.

    ``\udc80`` to ``\udcff`` stand for undecodable bytes (``surrogateescape``):
    they go out as these bytes and reach the page as U+FFFD. Others are refused.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text


# The first try ---------------------------------------------------------------


def _default(depths: dict[int, int], value: Any) -> Any:
    if isinstance(value, datetime):
        return _isoformat(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, Iterable):
        return _listed(value, depths.get(id(value), 0))
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


def _listed(value: Any, depth: int) -> Any:
    """Make lists of the iterables in an iterable; how deep they are nested is not known before."""
    if type(value) in _ATOMS or isinstance(value, (str, bytes)):
        return value
    if depth == MAX_DEPTH and isinstance(value, Iterable):
        raise RecursionError
    if isinstance(value, dict):
        return {key: _listed(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_listed(item, depth + 1) for item in value]
    return value


def _first_try(depths: dict[int, int]) -> Callable[[Any], str]:
    default = partial(_default, depths)
    return json.JSONEncoder(default=default, ensure_ascii=False, allow_nan=False).encode


# Made once: half the time of a small message is the encoder's own making.
_plain_try = _first_try({})


def _isoformat(moment: datetime) -> str:
    if not moment.tzinfo and isinstance(moment.year, int):  # pandas.NaT has no year
        moment = moment.replace(tzinfo=timezone(_local_offset(moment)))
    return moment.isoformat().replace("+00:00", "Z")


def _local_offset(moment: datetime) -> timedelta:
    # Today's two offsets of the zone, not those of the moment's year: this is
    # how dateutil's tzlocal, which a server kernel uses, sees local time.
    seconds = time.timezone
    if time.daylight:
        since_epoch = (moment - _EPOCH).total_seconds()
        saved = time.timezone - time.altzone
        twice = not _is_summer(since_epoch) and _is_summer(since_epoch - saved)
        if not moment.fold if twice else _is_summer(since_epoch):
            seconds = time.altzone
    return timedelta(seconds=-seconds)


def _is_summer(since_epoch: float) -> bool:
    return bool(time.localtime(since_epoch + time.timezone).tm_isdst)
