"""Jupyter comms for in-browser kernels: drop-in, exact, without a server."""

from __future__ import annotations

from ._comms.comm import Comm
from ._comms.control import expose, live, quiet, show_callbacks, wait_for
from ._comms.manager import CommManager
from ._files.opening import open_blob
from ._install.install import (
    install,
    load_ipython_extension,
    status,
    uninstall,
    unload_ipython_extension,
)
from ._install.status import Status
from ._requests.answering import Reply
from ._testing.lines import TracedMessage
from ._testing.memory import MemoryTransport
from ._testing.page_comm import PageComm
from ._testing.replay import replay
from ._testing.trace import Trace, trace
from ._transports.base import Transport
from ._wire.errors import (
    BufferFormatError,
    ClosedError,
    CommError,
    CommWarning,
    EncodeError,
    RequestError,
    TransportError,
)
from ._wire.message import CommMessage
from ._wire.version import __version__

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
    "PageComm",
    "Reply",
    "RequestError",
    "Status",
    "Trace",
    "TracedMessage",
    "Transport",
    "TransportError",
    "__version__",
    "expose",
    "install",
    "live",
    "load_ipython_extension",
    "open_blob",
    "quiet",
    "replay",
    "show_callbacks",
    "status",
    "trace",
    "uninstall",
    "unload_ipython_extension",
    "wait_for",
]
