"""The stricter rules for values: what is refused, and where in the data it is.

The second of the two tries in `codec.py`. The limit of depth holds for both: a JSON
encoder in C recurses, and where the stack of WebAssembly ends, Python dies.
"""

from __future__ import annotations

import math
import numbers
import reprlib
import types
from base64 import b64encode
from datetime import date, datetime
from itertools import chain
from typing import Any

from .errors import EncodeError

# How deep the content of a message may be nested. Pyodide dies at 2,000 levels in a Worker of
# Chromium, and less of the stack is left in the middle of user code. docs/values.md, PROTOCOL.md
# and frontend/src/wire/depth.ts have the same number.
MAX_DEPTH = 500
TOO_DEEP = f"nested too deeply to be sent: more than {MAX_DEPTH} levels"

CONTAINERS = (dict, list, tuple, set, frozenset)

_CIRCULAR = "circular reference: the value contains itself"


class _RefusedError(Exception):
    """Carries the keys that lead to a refused value, outermost first."""

    def __init__(self, reason: str, *keys: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.keys = [*keys]


def is_deep(value: Any) -> bool:
    """Return whether a value is nested more than `MAX_DEPTH` levels deep, or contains itself."""
    level = [value] if isinstance(value, CONTAINERS) else []
    for _ in range(MAX_DEPTH):
        if not level:
            break
        below = chain.from_iterable(dict.values(x) if isinstance(x, dict) else x for x in level)
        level = [*{id(x): x for x in below if isinstance(x, CONTAINERS)}.values()]
    return bool(level)


def cleaned(value: Any, root: str) -> Any:
    """Rebuild a value of what JSON knows.

    Parameters
    ----------
    value : object
        The value.
    root : str
        The name that an error gives to the value itself.

    Returns
    -------
    object
        A new value.

    Raises
    ------
    EncodeError
        If something in it is refused; it names the path.
    """
    try:
        return _clean(value, ())
    except _RefusedError as refused:
        raise EncodeError(_path(root, refused.keys), refused.reason) from None
    except RecursionError:
        raise EncodeError(root or "data", TOO_DEEP) from None


def too_deep(value: Any, root: str) -> EncodeError:
    """Return the error for data that is nested too deeply, or contains itself."""
    try:
        cleaned(value, root)
    except EncodeError as error:
        if error.reason == _CIRCULAR:
            return EncodeError(error.path, _CIRCULAR)
    return EncodeError(root or "data", TOO_DEEP)


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
