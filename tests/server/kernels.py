"""A real ipykernel, and the messages of its iopub channel as a page receives them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from jupyter_client.manager import start_new_kernel

from conftest import ROOT

TIMEOUT_S = 60


class Received(NamedTuple):
    """One iopub message; metadata and content are the JSON texts that came."""

    msg_type: str
    parent_id: str
    metadata: str
    content: str
    buffers: list[bytes]

    @property
    def data(self) -> Any:
        """The data of a comm message, as Python reads it."""
        return json.loads(self.content)["data"]


class ServerKernel:
    """An ipykernel in a process of its own; it can import lite_comms and the tests.

    Parameters
    ----------
    home : Path
        IPython's folder, so that the user's profile plays no part.
    env : str
        Further environment variables.
    """

    def __init__(self, home: Path, **env: str) -> None:
        self._manager, self.client = start_new_kernel(
            startup_timeout=TIMEOUT_S,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "IPYTHONDIR": str(home),
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                **env,
            },
        )

    def __enter__(self) -> ServerKernel:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.context.destroy()

    def run(self, code: str) -> list[Received]:
        """Run a cell; its iopub messages. An exception in it fails the test."""
        received = self.tell("execute_request", {"code": code, "silent": False})
        errors = [json.loads(msg.content) for msg in received if msg.msg_type == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        return received

    def tell(
        self,
        msg_type: str,
        content: dict[str, Any] | bytes,
        metadata: dict[str, Any] | None = None,
        buffers: list[Any] | None = None,
    ) -> list[Received]:
        """Send a message on the shell channel; the iopub messages until the kernel is idle again.

        Content in bytes is JSON that is sent as it is.
        """
        session = self.client.session
        msg = session.msg(msg_type, content, metadata=metadata)
        sent = session.send(self.client.shell_channel.socket, msg, buffers=buffers)
        received = []
        while True:
            got = self._next()
            if got.parent_id != sent["header"]["msg_id"]:
                continue  # the end of something earlier, such as the kernel's start
            if got.msg_type != "status":
                received.append(got)
            elif json.loads(got.content)["execution_state"] == "idle":
                return received

    def ask(self, msg_type: str, content: dict[str, Any]) -> dict[str, Any]:
        """Send a request on the shell channel; the content of its reply."""
        channel = self.client.shell_channel
        msg = self.client.session.msg(msg_type, content)
        channel.send(msg)
        while True:
            reply = channel.get_msg(timeout=TIMEOUT_S)
            if reply["parent_header"].get("msg_id") == msg["header"]["msg_id"]:
                answer: dict[str, Any] = reply["content"]
                return answer

    def _next(self) -> Received:
        socket = self.client.iopub_channel.socket
        assert socket.poll(TIMEOUT_S * 1000), "the kernel is silent"
        _, frames = self.client.session.feed_identities(socket.recv_multipart())
        header, parent, metadata, content = (
            frame.decode("utf-8", "replace") for frame in frames[1:5]
        )
        return Received(
            json.loads(header)["msg_type"],
            json.loads(parent).get("msg_id", ""),
            metadata,
            content,
            frames[5:],
        )
