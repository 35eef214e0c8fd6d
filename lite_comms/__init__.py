"""Jupyter comms for in-browser kernels: drop-in, exact, without a server."""

from __future__ import annotations

from ._comm import Comm
from ._errors import (
    BufferFormatError,
    ClosedError,
    CommError,
    CommWarning,
    EncodeError,
    TransportError,
)
from ._install import (
    install,
    load_ipython_extension,
    status,
    uninstall,
    unload_ipython_extension,
)
from ._live import live, quiet, show_callbacks, wait_for
from ._manager import CommManager
from ._memory import MemoryTransport
from ._message import CommMessage
from ._status import Status
from ._transport import Transport
from ._version import __version__

__all__ = [
    "BufferFormatError",
    "ClosedError",
    "Comm",
    "CommError",
    "CommManager",
    "CommMessage",
    "CommWarning",
    "EncodeError",
    "MemoryTransport",
    "Status",
    "Transport",
    "TransportError",
    "__version__",
    "install",
    "live",
    "load_ipython_extension",
    "quiet",
    "show_callbacks",
    "status",
    "uninstall",
    "unload_ipython_extension",
    "wait_for",
]
