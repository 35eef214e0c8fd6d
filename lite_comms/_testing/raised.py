"""The exceptions of callbacks, kept until a test is told of them."""

from __future__ import annotations

from contextlib import suppress


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
