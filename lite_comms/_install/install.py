"""Installs lite_comms in the kernel of this process, says what is active, and uninstalls it."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

import comm

from lite_comms._comms.active import set_active, set_installer
from lite_comms._comms.comm import Comm
from lite_comms._comms.manager import CommManager
from lite_comms._kernel.surroundings import Surroundings, surroundings
from lite_comms._transports.base import Transport

from .patches import Patches
from .status import Status, printed, status_of

# The page opens it to learn what is active; the answer is the data of the comm_close.
_STATUS_TARGET = "lite_comms.status"

# The manager in use, and what is replaced for it.
_installed: tuple[CommManager, Patches] | None = None


def install(transport: Transport | None = None, *, page: bool = True) -> Status:
    """Make every entry point to comms in this process use lite_comms.

    On a JupyterLite site with the lite_comms extension this has happened before
    the first cell. Existing comms and targets stay, under the new manager. On any
    other JupyterLite site, a call in a cell also brings the page its half of
    lite_comms, and waits for it for up to three seconds, or ten more if the page is
    slow; if that fails, the reason is printed and comms take JupyterLite's own path.

    Parameters
    ----------
    transport : Transport, optional
        How messages travel. By default what the kernel asks for: ``port`` in
        JupyterLite, or ``stock`` until the page answers; ``server`` on an
        ipykernel.
    page : bool
        Whether to bring the page its half if it has none.

    Returns
    -------
    Status
        What is active. Installing again replaces the entry points that other code
        has replaced since. If another transport is given, it takes the place of the present one.
    """
    manager = _install(transport, again=True)
    problem = manager.transport.meet_page() if page else ""
    if problem:
        print(f"lite_comms: {problem}")
    return current_status()


def installed_manager() -> CommManager:
    """Return the active manager. If there is none, install lite_comms."""
    return _install()


set_installer(installed_manager)


def transport_for(here: Surroundings) -> Transport:
    """Make the transport for a kernel."""
    if here.kind == "jupyterlite":
        from lite_comms._transports.port.port import port_of

        return port_of(here.shell)
    if here.kind == "server":
        from lite_comms._transports.server import ServerTransport

        return ServerTransport()
    return Transport()


def _install(transport: Transport | None = None, *, again: bool = False) -> CommManager:
    global _installed
    here = surroundings()
    if _installed is not None:
        manager, patches = _installed
        if transport is not None and transport is not manager.transport:
            manager.use(transport)
        if again:
            patches.apply(here)
        return manager
    if here.kernel is None:
        # A server kernel has imported it, and JupyterLite's takes its classes from names that are
        # replaced by then. Elsewhere, as in tests, a later import would bring a Comm of its own.
        with suppress(Exception):
            import_module("ipykernel.comm")
    before = getattr(here.kernel, "comm_manager", None) or comm.get_comm_manager()
    manager = CommManager(
        transport_for(here) if transport is None else transport,
        before.comms,
        before.targets,
    )
    manager.own_targets[_STATUS_TARGET] = _tell_status
    patches = Patches(manager)
    try:
        patches.apply(here)
    except BaseException:
        manager.transport.disconnect()
        patches.revert()
        raise
    _installed = manager, patches
    set_active(manager)
    return manager


def uninstall() -> None:
    """Undo `install` exactly. Does nothing if it is not installed.

    Comms and targets stay registered with the kernel's own manager.
    """
    global _installed
    if _installed is not None:
        manager, patches = _installed
        _installed = None
        set_active(None)
        try:
            # The kernel's own manager would let host pages open them whatever stands there later.
            manager.exposed.clear()
            manager.transport.disconnect()
        finally:
            patches.revert()


def _tell_status(comm: Comm, msg: object) -> None:
    """Answer the page, which shows the status; the comm that asks does not count."""
    installed_manager().unregister_comm(comm)
    comm.close(str(current_status()))


def current_transport() -> Transport | None:
    """Return the transport in use, or None if lite_comms is not installed."""
    return None if _installed is None else _installed[0].transport


def current_status() -> Status:
    """Return what is active, without printing it."""
    here = surroundings()
    if _installed is None:
        return status_of(None, here.kind)
    manager, patches = _installed
    return status_of(manager, here.kind, patches.bypassed(here.kernel))


def status() -> Status:
    """Print what is active and why, and return it.

    Returns
    -------
    Status
        The same, to look at by program.
    """
    return printed(current_status())


def load_ipython_extension(ipython: object) -> None:
    """``%load_ext lite_comms`` is `install`."""
    install()


def unload_ipython_extension(ipython: object) -> None:
    """``%unload_ext lite_comms`` is `uninstall`."""
    uninstall()
