"""The active manager: the one that comms go through.

What installs lite_comms sets it, so that comms need not know what installs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from lite_comms._transports.base import Transport


class Exposed(Protocol):
    """What is known of the targets that host pages may open; `control.Exposed` has more."""

    def add(self, target_name: str) -> None: ...
    def tell(self, *, again: bool = False) -> None: ...


class Manager(Protocol):
    """What a comm knows of its manager; `CommManager` says what these do."""

    @property
    def comms(self) -> dict[str, BaseComm]: ...
    @property
    def exposed(self) -> Exposed: ...
    @property
    def transport(self) -> Transport: ...
    def register_comm(self, comm: BaseComm) -> str: ...
    def unregister_comm(self, comm: BaseComm) -> None: ...
    def forget(self, comm: BaseComm) -> None: ...
    def publish(
        self,
        comm: BaseComm,
        msg_type: str,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        **keys: Any,
    ) -> None: ...
    def call_late(
        self,
        known: BaseComm,
        field: str,
        callback: Callable[[dict[str, Any]], object],
        msg: dict[str, Any],
    ) -> None: ...


_manager: Manager | None = None
_install: Callable[[], Manager]


def active_manager() -> Manager:
    """Return the active manager. If there is none, install lite_comms."""
    return _install() if _manager is None else _manager


def set_active(manager: Manager | None) -> None:
    """Set the active manager; None if lite_comms is uninstalled."""
    global _manager
    _manager = manager


def set_installer(install: Callable[[], Manager]) -> None:
    """Set the function that installs lite_comms and returns the manager."""
    global _install
    _install = install
