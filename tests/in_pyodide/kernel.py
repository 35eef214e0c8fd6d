"""A JupyterLite kernel with a page, both in Node.js; see `page.mjs`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .distribution import ROOT, Distribution
from .node import Node

HERE = Path(__file__).parent
# Of the distribution, what a site loads with its kernel, and what the tests use there.
_LOADED = [
    *("comm", "ipykernel", "ipython", "jedi", "micropip", "piplite", "pyodide-kernel"),
    *("anywidget", "ipywidgets", "tzdata", "widgetsnbextension"),
]


@dataclass(frozen=True)
class Message:
    """A message as it has reached the page; a buffer is a DataView there."""

    msg_type: str
    content: Any
    metadata: Any = None
    buffers: tuple[bytes, ...] = ()
    parent_id: str | None = None

    @staticmethod
    def read(msg: dict[str, Any]) -> Message:
        """Read what `page.mjs` writes."""
        buffers = [buffer.removeprefix("DataView ") for buffer in msg.get("buffers", ())]
        return Message(
            msg["header"]["msg_type"],
            msg["content"],
            msg.get("metadata"),
            tuple(bytes.fromhex(buffer) for buffer in buffers),
            msg["parent_header"].get("msg_id"),
        )


class Kernel(Node):
    """A kernel and its page.

    Parameters
    ----------
    distribution : Distribution
        What it runs on.
    wheels : iterable of Path
        Further wheels to load with the kernel, as a site's settings ask for.
    log : Path
        Where its standard error goes.
    jspi : bool
        Whether Python can be suspended in it.
    env : str
        Further environment variables.

    Attributes
    ----------
    received : list of Message
        What has reached the page because of the latest request.
    """

    def __init__(
        self,
        distribution: Distribution,
        wheels: Iterable[Path],
        log: Path,
        *,
        jspi: bool = False,
        **env: str,
    ) -> None:
        packages = [*_LOADED, *map(str, wheels)]
        super().__init__(
            HERE / "page.mjs",
            log,
            {
                "frontend": ROOT / "frontend/package.json",
                "worker": distribution.worker,
                "initialize": {
                    "baseUrl": "/",
                    "pyodideUrl": distribution.pyodide,
                    "indexUrl": f"{distribution.pyodide.parent}/",
                    "pipliteWheelUrl": "",
                    "pipliteUrls": [],
                    "disablePyPIFallback": True,
                    "location": "",
                    "mountDrive": False,
                    "loadPyodideOptions": {"lockFileURL": distribution.lock, "packages": packages},
                    "kernelId": "kernel",
                },
            },
            jspi=jspi,
            **env,
        )
        self.received: list[Message] = []

    def __enter__(self) -> Kernel:
        return self

    def page(self, javascript: str) -> Any:
        """Run the body of an async function on the page; its value."""
        answer = self.ask(javascript)
        self.received = [Message.read(msg) for msg in answer["received"]]
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def open_port(self, *can: str, memory: int | None = None) -> None:
        """Open the port as a page with these capabilities; `memory` is how many bytes it shares."""
        hello = ", ".join(map(repr, ("hello", 1, "page", *can)))
        watch = "" if memory is None else f"page.watch({memory});"
        self.page(f"page.post({hello}); {watch} await page.turn()")

    def run(self, cell: str) -> str:
        """Run a cell; what it prints. An exception in it fails the test."""
        request = json.dumps({"code": cell, "silent": False, "store_history": True})
        reply = self.page(f"return page.ask('execute', {request})")
        assert reply["status"] == "ok", "\n".join(map(plain, reply["traceback"]))
        return self.shown("stdout")

    def tell(
        self, msg_type: str, content: str, metadata: str = "undefined", buffers: str = "undefined"
    ) -> None:
        """Send the kernel a comm message, and wait until it has been handled.

        The parts are JavaScript expressions.
        """
        self.page(f"await page.tell('{msg_type}', {content}, {metadata}, {buffers})")

    def shown(self, stream: str) -> str:
        """Join what the latest request has made the kernel show on a stream."""
        texts = [msg.content for msg in self.received if msg.msg_type == "stream"]
        return "".join(text["text"] for text in texts if text["name"] == stream)

    def comm_messages(self) -> list[Message]:
        """Return the comm messages among the received ones."""
        return [msg for msg in self.received if msg.msg_type.startswith("comm_")]

    def errors(self) -> list[tuple[Any, str]]:
        """Take the error messages that have come over the port: content, parent's id."""
        frames = self.page(
            "await page.turn(); const isError = ([type, msgType]) => msgType === 'error';"
            "const errors = page.frames.filter(isError);"
            "page.frames.splice(0, Infinity, ...page.frames.filter(frame => !isError(frame)));"
            "return errors"
        )
        return [(json.loads(frame[2]), json.loads(frame[4])["msg_id"]) for frame in frames]


def plain(text: str) -> str:
    """Take the colours off."""
    return re.sub("\x1b\\[[0-9;]*m", "", text)
