"""What user code decides: when messages are handled, where callbacks are shown, what is exposed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

from .active import Manager, active_manager
from .comm import Comm


def quiet() -> AbstractContextManager[None]:
    """Hold messages back while a block runs; at its end they are handled, in order.

    Nothing else runs in the middle of the block either: no callback, and no task
    unless the block awaits. Blocks may be nested. Stop works in it.

    Returns
    -------
    context manager
        It has no value.

    Examples
    --------
    >>> with quiet():
    ...     both = ["changed", "together"]
    """
    return _Quiet()


class _Quiet(AbstractContextManager[None]):
    # Not by contextlib.contextmanager: a Stop between its frames would leave the messages held.

    def __enter__(self) -> None:
        self._transport = active_manager().transport
        self._transport.hold()

    def __exit__(self, *error: object) -> None:
        self._transport.release()


def live(on: bool = True) -> None:
    """Turn the handling of messages within synchronous code on or off, for this kernel.

    Parameters
    ----------
    on : bool
        False: messages are handled at each ``await`` and between cells only.
        Stop works in either case. On a kernel that is not live anyway, this
        has no effect; `status` tells.
    """
    active_manager().transport.set_live(bool(on))


def show_callbacks(where: Literal["cell", "log"]) -> None:
    """Choose where the page shows what comm callbacks print, display and raise.

    It holds for all that is open for this kernel, until the kernel restarts. The
    default is ``"cell"``, unless the site has another; on a page without
    lite_comms this has no effect.

    Parameters
    ----------
    where : {"cell", "log"}
        ``"cell"``: in the output of the cell that has opened the comm, or that shows
        the widget. ``"log"``: in the log console only, as JupyterLab does by itself.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if where not in ("cell", "log"):
        raise ValueError(f"where must be 'cell' or 'log', not {where!r}")
    with Comm("lite_comms.callbacks", data={"show": where}):
        pass


def wait_for[T](predicate: Callable[[], T], timeout_s: float | None = None) -> T:
    """Wait until a function returns a true value; messages are handled meanwhile.

    Parameters
    ----------
    predicate : callable
        A plain function without parameters, not an ``async def``. It is called
        at once, and again whenever a message may have changed its answer.
    timeout_s : float, optional
        How many seconds to wait at most. Without it, wait until the answer is
        true; Stop interrupts the wait.

    Returns
    -------
    object
        The true value that `predicate` has returned.

    Raises
    ------
    TimeoutError
        If the answer has not become true in time.
    TypeError
        If `predicate` returns an awaitable, as an ``async def`` does. A
        coroutine is closed. Await it yourself instead.
    RuntimeError
        If messages cannot be handled in the middle of this code: in a comm
        callback, in `quiet`, in a browser without JSPI, or on a server kernel.
        Use ``await`` there instead, for example ``await comm.areceive()``.
    """
    return active_manager().transport.wait_for(predicate, timeout_s)


def expose(target_name: str) -> None:
    """Let host pages open a comm target, if the site names their origin in its settings.

    A host page is one that shows this notebook in an iframe. It reaches nothing else
    of the kernel. What is exposed is what is registered now: a later registration of
    the same name, also of the same function, is exposed only if it says so.

    Parameters
    ----------
    target_name : str
        A registered target.

    Raises
    ------
    LookupError
        If there is no such target.
    ValueError
        If there is a lone surrogate in its name.
    """
    exposed = active_manager().exposed
    exposed.add(target_name)
    exposed.tell(again=True)


def check_exposable(target_name: str) -> None:
    """Refuse a name that the page cannot be told.

    Raises
    ------
    ValueError
        If there is a lone surrogate in it.
    """
    try:
        target_name.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"comm target {target_name!r} cannot be exposed: {error}") from None


class Exposed:
    """The targets of a manager that host pages may open."""

    def __init__(self, manager: Manager, targets: dict[str, Any]) -> None:
        self._manager = manager
        self._targets = targets
        self._functions: dict[str, Any] = {}
        self._told: list[str] = []

    def __contains__(self, target_name: object) -> bool:
        # By its function: the next one of this name, whoever registers it, has not been exposed.
        return (
            isinstance(target_name, str)
            and target_name in self._functions
            and self._targets.get(target_name) is self._functions[target_name]
        )

    def add(self, target_name: str) -> None:
        """Expose what is registered under a name; `tell` makes it known."""
        if target_name not in self._targets:
            raise LookupError(f"no comm target {target_name!r} is registered, so none is exposed")
        check_exposable(target_name)
        self._functions[target_name] = self._targets[target_name]

    def discard(self, target_name: str) -> None:
        """Expose a name no longer; `tell` makes it known."""
        self._functions.pop(target_name, None)

    def keep(self) -> Callable[[], None]:
        """Return a function that has the targets of now registered, and exposed, again."""
        targets, functions, told = {**self._targets}, {**self._functions}, self._told

        def restore() -> None:
            self._targets.clear()
            self._targets.update(targets)
            self._functions = functions
            self._told = told  # by another transport, which has another page

        return restore

    def clear(self) -> None:
        """Expose nothing any more, and tell the page."""
        self._functions.clear()
        self.tell()

    def tell(self, *, again: bool = False) -> None:
        """Tell the page which targets are exposed, if that has changed, or `again`."""
        now = self._names()
        if again or now != self._told:
            with Comm("lite_comms.exposed", data={"targets": now}, manager=self._manager):
                pass
            self._told = now

    def denial(self, origin: str, target_name: object) -> PermissionError:
        """Make the error for a host page that opens what is not exposed."""
        names = ", ".join(map(repr, self._names())) or "none"
        return PermissionError(
            f"{origin} may not open comm target {target_name!r} (exposed: {names})"
        )

    def _names(self) -> list[str]:
        return sorted(name for name in self._functions if name in self)
