"""Finds what a recording speaks of in the run of a replay, where ids are other ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any


class Matches:
    """Finds comms, or requests, of a recording in this run, and never guesses.

    They are matched in order, within a group: the comms that the kernel opens for a target, or its
    requests on a comm. What an earlier replay has matched is not matched again.

    Parameters
    ----------
    before : dict
        The ids of the recording by those of this run, as replays have matched them. It is kept.
    """

    def __init__(self, before: dict[Any, Any]) -> None:
        self._before = before
        self._earlier = {recorded: run for run, recorded in before.items()}
        self._found: dict[Any, Any] = {}
        # Of the recording: what begins in it, and the number of the page's message that causes it,
        # or -1; and what messages of the page are for.
        self._begun: defaultdict[Any, dict[Any, int]] = defaultdict(dict)
        self._used: defaultdict[Any, set[Any]] = defaultdict(set)

    def begin(self, recorded: Any, group: Any, cause: int) -> None:
        """Note what begins in the recording."""
        self._begun[group][recorded] = cause

    def use(self, recorded: Any, group: Any) -> None:
        """Note what a message of the page is for."""
        self._used[group].add(recorded)

    @property
    def begun(self) -> list[tuple[Any, Any]]:
        """What begins in the recording, with its group."""
        return [(one, group) for group, ones in self._begun.items() for one in ones]

    def take(self, recorded: Any, run: Any) -> None:
        """Note what one of the recording is in this run."""
        self._found[recorded] = run
        self._before[run] = recorded

    def get(self, recorded: Any) -> Any:
        """Return what one of the recording is in this run, or None if it has not been found."""
        return self._found.get(recorded)

    def find(self, wanted: Any, group: Any, there: Iterable[Any], now: float, what: str) -> Any:
        """Return what one of the recording is in this run.

        Parameters
        ----------
        wanted : object
            Its id in the recording.
        group : object
            Its group.
        there : iterable
            The ids of this group in this run so far, in order.
        now : float
            The number of the message that is played.
        what : str
            What the group is, for the error.

        Returns
        -------
        object
            Its id in this run.

        Raises
        ------
        LookupError
            If it is not there, or if there are more than the recording tells of.
        """
        if wanted in self._found:  # such as what answers twice
            return self._found[wanted]
        begun = self._begun[group]
        # What may have begun by now.
        due = [one for one, cause in begun.items() if one not in self._found and cause < now]
        free = [one for one in dict.fromkeys(there) if one not in self._before]
        older = self._used[group] - begun.keys() - self._found.keys() - self._earlier.keys()
        run = None
        if wanted in due and not older and len(free) <= len(due):
            run = next(iter(free[due.index(wanted) :]), None)
        elif wanted in self._earlier and wanted not in begun and len(free) <= len(due):
            run = self._earlier[wanted]
        elif older == {wanted} and not due and len(free) == 1:
            run = free[0]
        if run is None:
            raise LookupError(
                f"of the {what} this run has {len(free)} that it can be for, and the recording "
                f"{len(due)}" + f", besides {len(older)} from before it" * bool(older)
            )
        self.take(wanted, run)
        return run
