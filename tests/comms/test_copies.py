"""A comm is one end of a channel: it is not to be copied."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable

import pytest

from lite_comms import Comm, MemoryTransport


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_comm_cannot_be_copied_and_stays_open(
    memory: MemoryTransport, copied: Callable[[object], object]
) -> None:
    comm = Comm("plot", comm_id="1")
    with pytest.raises(TypeError, match=r"^comm 'plot' \(1\) cannot be copied or pickled$"):
        copied(comm)
    gc.collect()
    memory.deliver()

    assert [msg["msg_type"] for msg in memory.received] == ["comm_open"]
