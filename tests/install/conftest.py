"""What the tests of this room share: a stand-in for a kernel, and what stands under each name."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import comm as comm_package
import pytest


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make a module that is imported, with names in it."""

    def make(name: str, **names: Any) -> Any:
        made = types.ModuleType(name)
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    return make


@pytest.fixture
def kernel(module: Callable[..., Any]) -> Any:
    """A kernel like ipykernel's: it keeps handlers of its manager."""
    manager = comm_package.base_comm.CommManager()
    kernel = types.SimpleNamespace(
        comm_manager=manager,
        shell_handlers={
            "execute_request": "the kernel's own",
            "comm_open": manager.comm_open,
            "comm_msg": manager.comm_msg,
            "comm_close": manager.comm_close,
        },
        comm_info=lambda target_name: {},
    )
    module("IPython", get_ipython=lambda: types.SimpleNamespace(kernel=kernel))
    return kernel


def everything() -> dict[tuple[str, str], int]:
    """Take down what stands under each name of each module, and in the comm classes."""
    owners: list[tuple[str, Any]] = [
        (name, module)
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType) and not name.startswith("lite_comms")
    ]
    owners.append(("DummyComm", comm_package.DummyComm))
    return {(owner, name): id(value) for owner, on in owners for name, value in vars(on).items()}
