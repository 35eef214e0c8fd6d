"""Puts the manager behind every door that user code knows, and its exact undo.

The doors:

- ``comm.create_comm`` and ``comm.get_comm_manager``, also in modules that
  imported these names, or a kernel's ``Comm``, earlier;
- ``ipykernel.comm.Comm`` and ``CommManager``, on JupyterLite too, where a mock
  of ipykernel takes them from ``pyodide_kernel``;
- ``get_ipython().kernel.comm_manager``, with the handlers that the kernel calls.

The new manager shares the dicts of comms and targets with the one that it
replaces. So nothing has to be moved, whoever still holds the old manager
registers in the same place, and after the undo all that was opened is there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any

import comm

from lite_comms._comms.active import set_active, set_installer
from lite_comms._comms.comm import Comm
from lite_comms._comms.manager import CommManager
from lite_comms._kernel.replace import Replacements
from lite_comms._kernel.surroundings import Surroundings, surroundings
from lite_comms._transports.base import Transport

from . import ui_poll
from .status import Status, status_of

_MISSING = object()

# Classes that kernels make comms of. What they publish goes through the
# manager, for the sake of instances and subclasses that exist already.
_COMM_CLASSES = (
    ("comm", "DummyComm"),
    ("pyodide_kernel.comm", "Comm"),
    ("ipykernel.comm.comm", "BaseComm"),
)

# Names that user code imports: what is in them is replaced wherever it stands.
# What stands behind two of them becomes what the first one asks for: JupyterLite
# has its class at create_comm too, and whoever imported that may subclass it.
_DOORS = (
    ("pyodide_kernel.comm", "Comm"),
    ("ipykernel", "Comm"),
    ("ipykernel.comm", "Comm"),
    ("comm", "create_comm"),
    ("comm", "get_comm_manager"),
    ("pyodide_kernel.comm", "CommManager"),
    ("pyodide_kernel.comm", "get_comm_manager"),
    ("ipykernel", "CommManager"),
    ("ipykernel.comm", "CommManager"),
)

# Where a singleton manager is kept, for early importers of its getter.
_SINGLETONS = (("comm", "_comm_manager"), ("ipykernel.ipkernel", "_comm_manager"))

# These modules define what stands behind the doors, under names of their own.
_DEFINERS = frozenset({"comm", "comm.base_comm", "ipykernel.comm.comm", "ipykernel.comm.manager"})


# What a kernel calls, and keeps.
_HANDLERS = ("comm_open", "comm_msg", "comm_close")


class _Installation:
    """What is in force, and how to undo it."""

    def __init__(self, manager: CommManager) -> None:
        self.manager = manager
        self.replacements = _replacements(manager)
        self.originals: dict[int, tuple[object, object]] = {}
        self.replaced = Replacements()

    def undo(self) -> None:
        """Undo everything."""
        self.replaced.undo()
        _give_back(self.originals)


_current: _Installation | None = None


def install(transport: Transport | None = None, *, page: bool = True) -> Status:
    """Put lite_comms behind every door to comms in this process.

    On a JupyterLite site with the lite_comms extension this has happened before
    the first cell. Existing comms and targets stay, under the new manager. On any
    other JupyterLite site, a call in a cell also brings the page its half of
    lite_comms, and waits for it for about a second; if that fails, the reason is
    printed and comms take JupyterLite's own path.

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
        What is in force. Installing again takes back the doors that someone
        else has replaced since. If another transport is given, it takes the
        place of the present one.
    """
    manager = _in_force(transport, again=True).manager
    problem = manager.transport.meet_page() if page else ""
    if problem:
        print(f"lite_comms: {problem}")
    return current_status()


def installed_manager() -> CommManager:
    """Return the manager in force; if there is none, lite_comms is installed."""
    return _in_force().manager


set_installer(installed_manager)


def transport_for(here: Surroundings) -> Transport:
    """Make the transport for a kernel."""
    if here.kind == "jupyterlite":
        from lite_comms._transports.port import port_of

        return port_of(here.shell)
    if here.kind == "server":
        from lite_comms._transports.server import ServerTransport

        return ServerTransport()
    return Transport()


def _in_force(transport: Transport | None = None, *, again: bool = False) -> _Installation:
    global _current
    here = surroundings()
    if _current is not None:
        if transport is not None and transport is not _current.manager.transport:
            _current.manager.use(transport)
        if again:
            _replace(_current, here)
        return _current
    if here.kernel is None:
        # A server kernel has it, JupyterLite's takes it from doors that are replaced by then.
        # Elsewhere, where code is tested, it would bring a Comm of its own when imported later.
        with suppress(Exception):
            import_module("ipykernel.comm")
    before = getattr(here.kernel, "comm_manager", None) or comm.get_comm_manager()
    manager = CommManager(
        transport_for(here) if transport is None else transport,
        before.comms,
        before.targets,
    )
    new = _Installation(manager)
    try:
        _replace(new, here)
    except BaseException:
        manager.transport.disconnect()
        new.undo()
        raise
    _current = new
    set_active(manager)
    return new


def uninstall() -> None:
    """Undo `install` exactly. Does nothing if it is not installed.

    Comms and targets stay registered with the kernel's own manager.
    """
    global _current
    if _current is not None:
        installed, _current = _current, None
        set_active(None)
        try:
            installed.manager.transport.disconnect()
        finally:
            installed.undo()


def current_transport() -> Transport | None:
    """Return the transport in force, or None."""
    return None if _current is None else _current.manager.transport


def current_status() -> Status:
    """Return what is in force, without printing it."""
    here = surroundings()
    if _current is None:
        return status_of(None, here.kind)
    manager = _current.manager
    bypassed = [f"{module_name}.{name}" for module_name, name, _ in _foreign(_current)]
    if getattr(here.kernel, "comm_manager", manager) is not manager:
        bypassed.append("get_ipython().kernel.comm_manager")
    return status_of(manager, here.kind, tuple(bypassed))


def status() -> Status:
    """Print what is in force and why, and return it.

    Returns
    -------
    Status
        The same, to look at by program.
    """
    now = current_status()
    print(now)
    return now


def load_ipython_extension(ipython: object) -> None:
    """``%load_ext lite_comms`` is `install`."""
    install()


def unload_ipython_extension(ipython: object) -> None:
    """``%unload_ext lite_comms`` is `uninstall`."""
    uninstall()


def _replace(new: _Installation, here: Surroundings) -> None:
    _replace_doors(new)
    if here.kernel is not None:
        _replace_in_kernel(new, here.kernel)
    if here.kind == "jupyterlite":
        new.replaced.add_item(sys.modules, "jupyter_ui_poll", ui_poll)


def _replacements(manager: CommManager) -> dict[str, Any]:
    """Make what stands behind the doors, by the names there."""

    def create_comm(*args: Any, **kwargs: Any) -> Comm:
        """Create a comm (lite_comms)."""
        return Comm(*args, **kwargs)

    def get_comm_manager(*args: Any, **kwargs: Any) -> CommManager:
        """Return the comm manager (lite_comms)."""
        return manager

    def publish_msg(
        self: Any,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        """Send a message through lite_comms."""
        manager.publish(self, msg_type, data, metadata, buffers, **keys)

    return {
        "create_comm": create_comm,
        "get_comm_manager": get_comm_manager,
        "publish_msg": publish_msg,
        "Comm": Comm,
        "CommManager": CommManager,
        **{name: getattr(manager, name) for name in (*_HANDLERS, "comm_info")},
    }


def _replace_doors(new: _Installation) -> None:
    """Replace what stands behind the doors; those that are replaced already stay."""
    ours = new.replacements
    # Collected before anything is replaced: one object can stand at two doors.
    swaps: dict[int, tuple[object, object]] = {}
    originals: dict[int, tuple[object, object]] = {}
    for _, name, old in _foreign(new):
        swaps.setdefault(id(old), (old, ours[name]))
        originals.setdefault(id(ours[name]), (ours[name], old))
    # The dummies of the comm package, from before a kernel put its own there.
    for name in ("create_comm", "get_comm_manager"):
        old = getattr(comm, f"_{name}", _MISSING)
        if old is not _MISSING:
            swaps.setdefault(id(old), (old, ours[name]))
    new.originals.update(originals)
    for module_name, name in _COMM_CLASSES:
        owner = _find(module_name, name)
        if owner is not _MISSING:
            new.replaced.set(owner, "publish_msg", ours["publish_msg"])
    for module_name, name in _SINGLETONS:
        if _find(module_name, name) is not _MISSING:
            new.replaced.set(sys.modules[module_name], name, new.manager)
    for module, name, value in _standing(swaps):
        new.replaced.set(module, name, value)
    new.replaced.set(comm, "create_comm", ours["create_comm"])
    new.replaced.set(comm, "get_comm_manager", ours["get_comm_manager"])


def _replace_in_kernel(new: _Installation, kernel: Any) -> None:
    ours = new.replacements
    if hasattr(kernel, "comm_manager"):
        new.replaced.set(kernel, "comm_manager", new.manager)
    handlers = getattr(kernel, "shell_handlers", None)
    if handlers is not None:  # ipykernel keeps bound methods of its manager
        for msg_type in _HANDLERS:
            new.replaced.set_item(handlers, msg_type, ours[msg_type])
    if hasattr(kernel, "comm_info"):  # JupyterLite's answers {} without a filter
        new.replaced.set(kernel, "comm_info", ours["comm_info"])


def _foreign(installed: _Installation) -> Iterator[tuple[str, str, object]]:
    """Find the doors that do not lead to lite_comms, with what stands there."""
    # comm.base_comm.CommManager is a base class, not a door.
    known = (*installed.replacements.values(), comm.base_comm.CommManager, _MISSING)
    for module_name, name in _DOORS:
        value = _find(module_name, name)
        if not any(value is one for one in known):
            yield module_name, name, value


def _find(module_name: str, name: str) -> object:
    module = sys.modules.get(module_name)
    return _MISSING if module is None else _names(module).get(name, _MISSING)


def _names(module: ModuleType) -> dict[str, Any]:
    """Return a module's dict; one that is to be loaded when it is used is not loaded."""
    names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return names


def _all_names() -> Iterator[tuple[str, ModuleType, str, object]]:
    for module_name, module in list(sys.modules.items()):
        if issubclass(type(module), ModuleType) and module_name.split(".")[0] != "lite_comms":
            for name, value in list(_names(module).items()):
                yield module_name, module, name, value


def _standing(
    swaps: dict[int, tuple[object, object]],
) -> Iterator[tuple[ModuleType, str, object]]:
    """Find the names, in all modules, that hold an object to be replaced."""
    for module_name, module, name, value in _all_names():
        old, replacement = swaps.get(id(value), (_MISSING, None))
        if value is old and module_name not in _DEFINERS:
            yield module, name, replacement


def _give_back(originals: dict[int, tuple[object, object]]) -> None:
    """Undo for modules that took a name from a door while it was replaced.

    The public classes are given back at the doors only: elsewhere someone may
    have imported them from lite_comms itself.
    """
    for module_name, module, name, value in _all_names():
        known, old = originals.get(id(value), (_MISSING, None))
        if value is known and (not isinstance(value, type) or (module_name, name) in _DOORS):
            setattr(module, name, old)
