"""Replaces every entry point to comms, and restores them exactly.

The entry points are

- ``comm.create_comm`` and ``comm.get_comm_manager``, also in modules that imported these
  names, or a kernel's ``Comm``, earlier;
- ``ipykernel.comm.Comm`` and ``CommManager``, on JupyterLite too, where a mock of ipykernel
  takes them from ``pyodide_kernel``;
- ``get_ipython().kernel.comm_manager``, with the handlers that the kernel calls;
- in JupyterLite, the package ``jupyter_ui_poll``.

The new manager shares the dicts of comms and targets with the one that it replaces. So nothing
has to be moved, code that still holds the old manager registers in the same place, and after
the revert all that was opened is still there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import comm

from lite_comms._comms.comm import Comm
from lite_comms._comms.manager import CommManager
from lite_comms._kernel.replace import Replacements
from lite_comms._kernel.surroundings import Surroundings

from . import ui_poll

_MISSING = object()

# Classes that kernels make comms of. What they publish goes through the
# manager, for the sake of instances and subclasses that exist already.
_COMM_CLASSES = (
    ("comm", "DummyComm"),
    ("pyodide_kernel.comm", "Comm"),
    ("ipykernel.comm.comm", "BaseComm"),
)

# Names that user code imports. Their values are replaced in every module that has them. A value
# that two of them have is replaced as the first one says: JupyterLite has its class at
# create_comm too, and code that imported that may subclass it.
_ENTRY_POINTS = (
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

# These modules define the values, and keep them under names of their own.
_DEFINERS = frozenset({"comm", "comm.base_comm", "ipykernel.comm.comm", "ipykernel.comm.manager"})


# What a kernel keeps, and calls.
_HANDLERS = ("comm_open", "comm_msg", "comm_close")


class Patches:
    """The entry points that are replaced for a manager.

    Parameters
    ----------
    manager : CommManager
        The manager that they lead to.
    """

    def __init__(self, manager: CommManager) -> None:
        self._manager = manager
        self._ours = _replacements(manager)
        self._originals: dict[int, tuple[object, object]] = {}
        self._replaced = Replacements()

    def apply(self, here: Surroundings) -> None:
        """Replace the entry points that do not lead to the manager yet."""
        self._replace_names()
        if here.kernel is not None:
            self._replace_in_kernel(here.kernel)
        if here.kind == "jupyterlite":
            self._replaced.add_item(sys.modules, "jupyter_ui_poll", ui_poll)

    def revert(self) -> None:
        """Restore them."""
        self._replaced.undo()
        _give_back(self._originals)

    def bypassed(self, kernel: Any) -> tuple[str, ...]:
        """List the entry points that other code has replaced since."""
        names = [f"{module_name}.{name}" for module_name, name, _ in self._foreign()]
        if getattr(kernel, "comm_manager", self._manager) is not self._manager:
            names.append("get_ipython().kernel.comm_manager")
        return tuple(names)

    def _replace_names(self) -> None:
        ours = self._ours
        # Collected before anything is replaced: two entry points can have one value.
        swaps: dict[int, tuple[object, object]] = {}
        originals: dict[int, tuple[object, object]] = {}
        for _, name, old in self._foreign():
            swaps.setdefault(id(old), (old, ours[name]))
            originals.setdefault(id(ours[name]), (ours[name], old))
        # The dummies of the comm package, from before a kernel put its own there.
        for name in ("create_comm", "get_comm_manager"):
            old = getattr(comm, f"_{name}", _MISSING)
            if old is not _MISSING:
                swaps.setdefault(id(old), (old, ours[name]))
        self._originals.update(originals)
        for module_name, name in _COMM_CLASSES:
            owner = _find(module_name, name)
            if owner is not _MISSING:
                self._replaced.set(owner, "publish_msg", ours["publish_msg"])
        for module_name, name in _SINGLETONS:
            if _find(module_name, name) is not _MISSING:
                self._replaced.set(sys.modules[module_name], name, self._manager)
        for module, name, value in _standing(swaps):
            self._replaced.set(module, name, value)
        self._replaced.set(comm, "create_comm", ours["create_comm"])
        self._replaced.set(comm, "get_comm_manager", ours["get_comm_manager"])

    def _replace_in_kernel(self, kernel: Any) -> None:
        if hasattr(kernel, "comm_manager"):
            self._replaced.set(kernel, "comm_manager", self._manager)
        handlers = getattr(kernel, "shell_handlers", None)
        if handlers is not None:  # ipykernel keeps bound methods of its manager
            for msg_type in _HANDLERS:
                self._replaced.set_item(handlers, msg_type, self._ours[msg_type])
        if hasattr(kernel, "comm_info"):  # JupyterLite's answers {} without a filter
            self._replaced.set(kernel, "comm_info", self._ours["comm_info"])

    def _foreign(self) -> Iterator[tuple[str, str, object]]:
        """Find the entry points that do not lead to lite_comms, with their values."""
        # comm.base_comm.CommManager is a base class.
        known = (*self._ours.values(), comm.base_comm.CommManager, _MISSING)
        for module_name, name in _ENTRY_POINTS:
            value = _find(module_name, name)
            if not any(value is one for one in known):
                yield module_name, name, value


def _replacements(manager: CommManager) -> dict[str, Any]:
    """Make the new values, by name."""

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
    """Revert in modules that have imported a name while it was replaced.

    The public classes are restored at the entry points only: other modules may have imported
    them from lite_comms itself.
    """
    for module_name, module, name, value in _all_names():
        known, old = originals.get(id(value), (_MISSING, None))
        if value is known and (not isinstance(value, type) or (module_name, name) in _ENTRY_POINTS):
            setattr(module, name, old)
