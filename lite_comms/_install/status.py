"""What is active, and why."""

from __future__ import annotations

from dataclasses import dataclass

from lite_comms._comms.manager import CommManager
from lite_comms._kernel.surroundings import find_shell
from lite_comms._wire.version import __version__


@dataclass(frozen=True)
class Status:
    """What is active in this process.

    Attributes
    ----------
    installed : bool
        Whether comms go through lite_comms.
    kernel : str
        The kernel that was found: ``jupyterlite``, ``server`` or ``none``.
    transport : str or None
        How messages travel: ``port``, ``stock``, ``server``, ``memory`` or ``none``;
        None if not installed.
    why : str
        The reason for it.
    live : str
        When a message from the page is handled while a cell runs.
    comms : int
        How many comms are open.
    targets : tuple of str
        The targets that are registered in the kernel.
    version : str
        The version of lite_comms.
    bypassed : tuple of str
        Entry points that other code has replaced since; `install` replaces them
        again.
    page : str
        The page's half of lite_comms and how it came there; empty if it has not
        answered.
    """

    installed: bool
    kernel: str
    transport: str | None
    why: str
    live: str
    comms: int
    targets: tuple[str, ...]
    version: str
    bypassed: tuple[str, ...] = ()
    page: str = ""

    _printed_in = -1  # the number of the cell

    def _ipython_display_(self) -> None:
        """Show it as text, as the last line of a cell, unless that cell has printed it."""
        if self._printed_in != _cell():
            print(self)

    def __str__(self) -> str:
        state = f"active, transport {self.transport}" if self.installed else "not installed"
        targets = ", ".join(self.targets) or "none"
        bypassed = ", ".join(self.bypassed)
        return (
            f"lite_comms {self.version}: {state}\n"
            f"  why      {self.why}\n"
            + (f"  live     {self.live}\n" if self.live else "")
            + (f"  page     {self.page}\n" if self.page else "")
            + f"  kernel   {self.kernel}\n"
            f"  comms    {self.comms} open\n"
            f"  targets  {targets}"
            + (f"\n  bypassed {bypassed}: install() takes it back" if bypassed else "")
        )


def printed(status: Status) -> Status:
    """Print a status and return it."""
    print(status)
    object.__setattr__(status, "_printed_in", _cell())
    return status


def _cell() -> int:
    number: int = getattr(find_shell(), "execution_count", 0)
    return number


def status_of(manager: CommManager | None, kernel: str, bypassed: tuple[str, ...] = ()) -> Status:
    """Describe a manager, or say that there is none."""
    if manager is None:
        return Status(
            False,
            kernel,
            None,
            "call lite_comms.install(), or %load_ext lite_comms; until then the kernel's own "
            "comms are used",
            "",
            0,
            (),
            __version__,
        )
    return Status(
        True,
        kernel,
        manager.transport.name,
        manager.transport.why,
        manager.transport.live,
        len(manager.comms),
        tuple(manager.targets),
        __version__,
        bypassed,
        manager.transport.page,
    )
