"""The exceptions of callbacks: how they are found, and kept until a test is told of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from lite_comms._kernel.code import user_traceback

# Where ipywidgets writes the exceptions of its callbacks when there is no IPython.
_traitlets_log = logging.getLogger("traitlets")


class _Note(str):
    """A note on an exception that says which callback raised it; the next one replaces it."""

    __slots__ = ()


class Raised:
    """The exceptions that callbacks have raised and no `deliver` has yet."""

    def __init__(self) -> None:
        self._errors: list[Exception] = []

    def add(self, text: str, error: Exception) -> None:
        """Keep an exception, with a note that says which callback has raised it."""
        with suppress(Exception):  # it may take no attributes
            notes = getattr(error, "__notes__", ())
            error.__notes__ = [*(n for n in notes if type(n) is not _Note), _Note(text)]
        self._errors.append(error)

    def take(self) -> Exception | None:
        """Return what was kept as one exception, and forget it."""
        errors, self._errors = self._errors, []
        if len(errors) > 1:
            return ExceptionGroup(f"{len(errors)} comm callbacks raised", errors)
        return errors[0] if errors else None

    def check(self) -> None:
        """Raise what was kept, if there is anything."""
        error = self.take()
        if error is not None:
            raise error


def raise_at_end(kept: Exception | None, exc: BaseException | None) -> None:
    """Raise what was kept at the end of a block; an exception of the block itself gets a note."""
    if kept is None:
        return
    if exc is None:
        raise kept
    with suppress(Exception):  # it may take no attributes
        exc.add_note(f"A comm callback raised as well:\n{user_traceback(kept)}")


@contextmanager
def logged(show: Callable[[str, BaseException | None], object]) -> Iterator[None]:
    """Show the exceptions that ipywidgets catches and logs in the block."""

    def look(record: logging.LogRecord) -> bool:
        if record.exc_info:
            show(record.getMessage(), record.exc_info[1])
        return True

    _traitlets_log.addFilter(look)
    try:
        yield
    finally:
        _traitlets_log.removeFilter(look)
