"""Puts the manager behind every door that user code knows, and its exact undo.

Every replaced name is replaced here, nowhere else. The doors:

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
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import comm

from ._comm import Comm
from ._kernel import surroundings, transport_for
from ._manager import CommManager
from ._status import Status, status_of
from ._transport import Transport

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


class _Installation:
    """What is in force, and how to undo it."""

    def __init__(self, manager: CommManager) -> None:
        self.manager = manager
        self._undo: list[Callable[[], None]] = []

    def set(self, owner: Any, name: str, value: object) -> None:
        """Replace an attribute; the undo leaves it be if someone replaced it after us."""
        old = vars(owner).get(name, _MISSING)
        inherited = getattr(owner, name, _MISSING) if old is _MISSING else old
        if inherited is value:
            return
        setattr(owner, name, value)

        def undo() -> None:
            if getattr(owner, name, _MISSING) is not value:
                return
            if old is not _MISSING:
                setattr(owner, name, old)
            elif name in vars(owner):
                delattr(owner, name)
            else:  # kept elsewhere than in its dict, as traitlets does
                setattr(owner, name, inherited)

        self._undo.append(undo)

    def set_item(self, mapping: dict[str, Any], key: str, value: object) -> None:
        """Replace an item of a dict."""
        old = mapping[key]
        mapping[key] = value

        def undo() -> None:
            if mapping.get(key) is value:
                mapping[key] = old

        self._undo.append(undo)

    def on_undo(self, undo: Callable[[], None]) -> None:
        """Have something done at the end."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Undo everything, last first."""
        while self._undo:
            self._undo.pop()()


_current: _Installation | None = None


def install(transport: Transport | None = None) -> Status:
    """Put lite_comms behind every door to comms in this process.

    On a JupyterLite site with the lite_comms extension this has happened before
    the first cell. Existing comms and targets stay, under the new manager.

    Parameters
    ----------
    transport : Transport, optional
        How messages travel. By default what the kernel asks for: ``stock`` in
        JupyterLite, ``server`` on an ipykernel.

    Returns
    -------
    Status
        What is in force. Installing again changes nothing, unless another
        transport is given: it takes the place of the present one.
    """
    global _current
    if _current is not None:
        if transport is not None and transport is not _current.manager.transport:
            _current.manager.use(transport)
        return current_status()
    here = surroundings()
    before = comm.get_comm_manager() if here.kernel is None else here.kernel.comm_manager
    manager = CommManager(
        transport_for(here) if transport is None else transport,
        before.comms,
        before.targets,
    )
    new = _Installation(manager)
    try:
        _replace_doors(new)
        if here.kernel is not None:
            _replace_in_kernel(new, here.kernel)
    except BaseException:
        new.undo()
        raise
    _current = new
    return current_status()


def uninstall() -> None:
    """Undo `install` exactly. Does nothing if it is not installed.

    Comms and targets stay registered with the kernel's own manager.
    """
    global _current
    if _current is not None:
        installed, _current = _current, None
        installed.undo()


def current_transport() -> Transport | None:
    """Return the transport in force, or None."""
    return None if _current is None else _current.manager.transport


def current_status() -> Status:
    """Return what is in force, without printing it."""
    return status_of(None if _current is None else _current.manager, surroundings().kind)


def load_ipython_extension(ipython: object) -> None:
    """``%load_ext lite_comms`` is `install`."""
    install()


def unload_ipython_extension(ipython: object) -> None:
    """``%unload_ext lite_comms`` is `uninstall`."""
    uninstall()


def _replace_doors(new: _Installation) -> None:
    manager = new.manager

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

    by_name: dict[str, object] = {
        "create_comm": create_comm,
        "get_comm_manager": get_comm_manager,
        "Comm": Comm,
        "CommManager": CommManager,
    }
    # Collected before anything is replaced: one object can stand at two doors.
    # comm.base_comm.CommManager is a base class, not a door.
    swaps: dict[int, tuple[object, object]] = {}
    originals: dict[int, tuple[object, object]] = {}
    for module_name, name in _DOORS:
        old = _find(module_name, name)
        if old is not _MISSING and old is not comm.base_comm.CommManager:
            swaps.setdefault(id(old), (old, by_name[name]))
            originals.setdefault(id(by_name[name]), (by_name[name], old))
    # The dummies of the comm package, from before a kernel put its own there.
    for name in ("create_comm", "get_comm_manager"):
        old = getattr(comm, f"_{name}", _MISSING)
        if old is not _MISSING:
            swaps.setdefault(id(old), (old, by_name[name]))
    new.on_undo(lambda: _give_back(originals))  # the last thing of the undo
    for module_name, name in _COMM_CLASSES:
        owner = _find(module_name, name)
        if owner is not _MISSING:
            new.set(owner, "publish_msg", publish_msg)
    for module_name, name in _SINGLETONS:
        if _find(module_name, name) is not _MISSING:
            new.set(sys.modules[module_name], name, manager)
    for module, name, value in _standing(swaps):
        new.set(module, name, value)
    new.set(comm, "create_comm", create_comm)
    new.set(comm, "get_comm_manager", get_comm_manager)


def _replace_in_kernel(new: _Installation, kernel: Any) -> None:
    new.set(kernel, "comm_manager", new.manager)
    handlers = getattr(kernel, "shell_handlers", None)
    if handlers is not None:  # ipykernel keeps bound methods of its manager
        for msg_type in ("comm_open", "comm_msg", "comm_close"):
            new.set_item(handlers, msg_type, getattr(new.manager, msg_type))
    if hasattr(kernel, "comm_info"):  # JupyterLite's answers {} without a filter
        new.set(kernel, "comm_info", new.manager.comm_info)


def _find(module_name: str, name: str) -> object:
    module = sys.modules.get(module_name)
    return _MISSING if module is None else vars(module).get(name, _MISSING)


def _standing(
    swaps: dict[int, tuple[object, object]],
) -> Iterator[tuple[ModuleType, str, object]]:
    """Find the names, in all modules, that hold an object to be replaced."""
    for module_name, module in list(sys.modules.items()):
        if (
            not isinstance(module, ModuleType)
            or module_name in _DEFINERS
            or module_name.partition(".")[0] == "lite_comms"
        ):
            continue
        for name, value in list(vars(module).items()):
            old, replacement = swaps.get(id(value), (_MISSING, None))
            if value is old:
                yield module, name, replacement


def _give_back(originals: dict[int, tuple[object, object]]) -> None:
    """Undo for modules that took a name from a door while it was replaced.

    The public classes are given back at the doors only: elsewhere someone may
    have imported them from lite_comms itself.
    """
    doors = {(module_name, name) for module_name, name in _DOORS}
    for module_name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or module_name.partition(".")[0] == "lite_comms":
            continue
        for name, value in list(vars(module).items()):
            known, old = originals.get(id(value), (_MISSING, None))
            if value is known and (not isinstance(value, type) or (module_name, name) in doors):
                setattr(module, name, old)
