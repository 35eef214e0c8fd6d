"""The version, as the package's metadata has it."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("lite-comms")
