"""The value rules: what a Python value becomes on the page, and back.

Pure, no I/O. What the page receives equals what ipykernel delivers for
the same value. ipykernel packs a message in two tries, and the rules differ
between them, so both are kept:

1. ``json.dumps`` with a fallback for what JSON does not know: datetimes in
   ISO 8601, bytes in base64, iterables as lists, numbers as int or float.
2. If anything in the message is refused there (nan, a key that is not a plain
   one), the whole message is rebuilt by stricter, older rules: nan becomes
   ``"nan"``, keys become ``str(key)``, only sets, tuples and iterators become
   lists. What is refused here as well is an error.

Data is nested at most `MAX_DEPTH` levels deep: a JSON encoder in C recurses, and
where the stack of WebAssembly ends, Python dies.

From the page come JSON values. A transport that receives JavaScript numbers
instead of JSON text restores the integers by :func:`from_page`.
"""

from __future__ import annotations

import json
import math
import numbers
import reprlib
import time
import types
from base64 import b64encode
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from functools import partial
from itertools import chain
from typing import Any

from .errors import EncodeError


class _Null(date):
    """Encodes as null."""

    def isoformat(self) -> Any:
        return None

    def strftime(self, _: str) -> Any:
        return None


# Data that is null. None as data means ``{}``, here and in ipykernel, and nothing else but dates
# are asked by both how they are written.
NULL = _Null(1, 1, 1)

# How deep the content of a message may be nested. Pyodide dies at 2,000 levels in a Worker of
# Chromium, and less of the stack is left in the middle of user code. docs/values.md, PROTOCOL.md
# and frontend/src/wire/depth.ts have the same number.
MAX_DEPTH = 500
TOO_DEEP = f"nested too deeply to be sent: more than {MAX_DEPTH} levels"

_CONTAINERS = (dict, list, tuple, set, frozenset)
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
    depth, level = 0, [value] if isinstance(value, _CONTAINERS) else []
    depths: dict[int, int] = {}  # by the id of what may be an iterable: how many levels it is in
    while level:  # here, because a call takes longer than this does for a small message
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep(value, root)
        below = [dict.values(each) if isinstance(each, dict) else each for each in level]
        level = [each for each in chain.from_iterable(below) if type(each) not in _ATOMS]
        if not _HOLDERS.issuperset(map(type, level)):
            depths.update((id(item), depth) for item in level if type(item) not in _PLAIN)
            level = [each for each in level if isinstance(each, _CONTAINERS)]
        if len(level) > _WIDE:
            level = [*{id(item): item for item in level}.values()]
    try:
        text = (_first_try(depths) if depths else _plain_try)(value)
        return text if text.isascii() else _without_escapes(text)
    except RecursionError:
        raise EncodeError(root or "data", TOO_DEEP) from None
    except (TypeError, ValueError):
        try:
            clean = _clean(value, ())
        except _RefusedError as refused:
            raise EncodeError(_path(root, refused.keys), refused.reason) from None
        except RecursionError:
            raise EncodeError(root or "data", TOO_DEEP) from None
        return _without_escapes(json.dumps(clean, ensure_ascii=False, allow_nan=False))


def is_deep(value: Any) -> bool:
    """Return whether a value is nested more than `MAX_DEPTH` levels deep, or contains itself."""
    level = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(MAX_DEPTH):
        if not level:
            break
        below = chain.from_iterable(dict.values(x) if isinstance(x, dict) else x for x in level)
        level = [*{id(x): x for x in below if isinstance(x, _CONTAINERS)}.values()]
    return bool(level)


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


# The second try --------------------------------------------------------------


_CIRCULAR = "circular reference: the value contains itself"


class _RefusedError(Exception):
    """Carries the keys that lead to a refused value, outermost first."""

    def __init__(self, reason: str, *keys: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.keys = [*keys]


def _clean(value: Any, parents: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        try:
            number = int(value)
            str(number)
        except (TypeError, ValueError) as error:  # NumPy's timedelta64; Python's limit of digits
            raise _RefusedError(str(error)) from None
        return number
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else repr(value)
    if isinstance(value, str):
        _check_text(value)
        return value
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, (datetime, date)):
        try:
            return value.strftime("%Y-%m-%dT%H:%M:%S.%f")
        except ValueError as error:  # pandas.NaT
            raise _RefusedError(f"{type(value).__name__}: {error}") from None
    if isinstance(value, (tuple, set, types.GeneratorType)) or (
        hasattr(value, "__iter__") and hasattr(value, "__next__")
    ):
        value = list(value)
    if not isinstance(value, (list, dict)):
        raise _RefusedError(f"{type(value).__name__} is not JSON serializable: {_short(value)}")
    if id(value) in parents:
        raise _RefusedError(_CIRCULAR)
    if len(parents) == MAX_DEPTH:
        raise _RefusedError(TOO_DEEP)
    parents = (*parents, id(value))
    # One frame for each level: Python's limit of recursion must not come before MAX_DEPTH.
    items: Any = value.items() if isinstance(value, dict) else enumerate(value)
    out: dict[str, Any] = {}
    for key, item in items:
        if is_deep(key):
            raise _RefusedError(f"a key is {TOO_DEEP}")
        name = str(key)
        if isinstance(value, dict):
            _check_text(name, key)
            if name in out:
                raise _RefusedError(f"another key becomes the same JSON name {name!r}", key)
        try:
            out[name] = _clean(item, parents)
        except _RefusedError as refused:
            refused.keys.insert(0, key)
            raise
    return out if isinstance(value, dict) else [*out.values()]


def _check_text(text: str, *keys: Any) -> None:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _RefusedError(f"text with a lone surrogate: {error}", *keys) from None


def _too_deep(value: Any, root: str) -> EncodeError:
    """Return the error for data that is nested too deeply, or contains itself."""
    try:
        _clean(value, ())
    except _RefusedError as refused:
        if refused.reason == _CIRCULAR:
            return EncodeError(_path(root, refused.keys), _CIRCULAR)
    except RecursionError:
        pass
    return EncodeError(root or "data", TOO_DEEP)


# Of a deep value a few levels, because `repr` kills Pyodide there.
_REPR = reprlib.Repr(maxother=1_000, maxstring=1_000, maxlong=1_000)


def _short(value: Any) -> str:
    text = _REPR.repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _path(root: str, keys: list[Any]) -> str:
    path = root
    for key in keys:
        if isinstance(key, str) and key.isidentifier():
            path += f".{key}" if path else key
        else:
            path += f"[{key!r}]"
    return path or "data"
