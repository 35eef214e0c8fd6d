"""The transport on an unchanged JupyterLite site: the kernel's own comm path.

One of the modules that talk to the worker; the others run in any Python.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import js
from pyodide.code import run_js
from pyodide.ffi import create_proxy, jsnull

from lite_comms._kernel.code import user_traceback
from lite_comms._kernel.session import Output
from lite_comms._outputs.outputs import outputs_of
from lite_comms._outputs.publishers import CALLBACK
from lite_comms._wire.codec import encode, from_page
from lite_comms._wire.errors import TransportError

from .base import Receiver, Transport

if TYPE_CHECKING:
    from lite_comms._wire.message import CommMessage

# In JavaScript, because a promise that reaches Python costs it a future and a
# task, which live until the cell lets the event loop turn.
_POSTER = """onRejected => (sendComm, ...message) => {
  Promise.resolve(sendComm(...message)).catch(onRejected);
}"""


class StockTransport(Transport):
    """Sends through the ``send_comm`` of JupyterLite's Pyodide kernel.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell. Its ``send_comm`` is set later than a startup file
        runs, so it is looked up at each send.
    """

    name: str = "stock"
    why = "JupyterLite's own comm path: messages from the page wait while a cell runs"

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._post = run_js(_POSTER)(create_proxy(self._rejected))
        self._outputs = outputs_of(shell)

    def connect(self, manager: Receiver) -> None:
        self._outputs.start(self.incoming, self._publish)

    def disconnect(self) -> None:
        self._outputs.end(self._publish)

    def under(self, msg: dict[str, Any], f: Callable[..., Any], *args: Any) -> Any:
        return self._outputs.under(msg, f, *args)

    def send(self, message: CommMessage) -> None:
        content = encode(message.content)
        metadata = encode(message.metadata, "metadata")
        send_comm = getattr(self._shell, "send_comm", None)
        if send_comm is None or not self._outputs.parents.current:
            raise TransportError(
                f"{message.msg_type} of comm {message.content['comm_id']}: the kernel has no "
                "client yet; open comms from a cell, not from a startup file"
            )
        buffers = js.Array.new()
        for view in message.buffers:
            array = js.Uint8Array.new(view.nbytes)
            array.assign(view)  # the one copy out of the heap
            buffers.push(array)
        # Values made by JavaScript's own parser pass the kernel's conversion
        # untouched: null stays null, and a number is what a server delivers.
        self._post(
            send_comm,
            message.msg_type,
            js.JSON.parse(content),
            js.JSON.parse(metadata),
            message.topic.decode("ascii"),
            buffers,
        )

    def incoming(self, msg: dict[str, Any]) -> dict[str, Any]:
        header = _header(msg.get("header"))
        return {
            "header": header,
            "msg_id": header.get("msg_id"),
            "msg_type": header.get("msg_type"),
            "parent_header": _header(msg.get("parent_header")),
            "metadata": from_page(msg.get("metadata") or {}, jsnull),
            "content": from_page(msg.get("content") or {}, jsnull),
            "buffers": [flat(buffer) for buffer in msg.get("buffers") or ()],
        }

    def _show_error(self, text: str, error: BaseException | None) -> None:
        # The stream has no listener before the first cell; the browser's
        # console always has one.
        js.console.error(text if error is None else f"{text}\n{user_traceback(error)}")
        super()._show_error(text, error)

    def _publish(self, output: Output) -> bool:
        """Send what this path has: outputs, but no error."""
        publish = own_path(self._shell, output)
        if publish is None:
            return False
        if output.header is None:
            publish()
        else:
            self._outputs.under({"header": output.header}, publish)
        return True

    def _rejected(self, reason: Any) -> None:
        self.show_error(f"lite_comms: a comm message did not reach the page: {reason}")


def own_path(shell: Any, output: Output) -> Callable[[], object] | None:
    """Return what publishes an output in JupyterLite's own way; None if that cannot."""
    msg_type, content, metadata, _, buffers = output
    publisher = shell.display_pub
    stream = vars(sys.modules["pyodide_kernel"].stdout_stream)
    f, names = {
        "stream": (stream.get(CALLBACK), _STREAM),
        "display_data": (publisher.display_data_callback, _DISPLAY),
        "update_display_data": (publisher.update_display_data_callback, _DISPLAY),
        "clear_output": (publisher.clear_output_callback, ("wait",)),
        "execute_result": (shell.displayhook.publish_execution_result, _RESULT),
    }.get(msg_type, (None, ()))
    if f is None or metadata or buffers:
        return None
    text = encode(content)
    values = js.JSON.parse(text)
    return lambda: f(*(getattr(values, name, None) for name in names))


_STREAM = ("name", "text")
_DISPLAY = ("data", "metadata", "transient")
_RESULT = ("execution_count", "data", "metadata")


def _header(header: Any) -> dict[str, Any]:
    return with_date(from_page(header or {}, jsnull))


def with_date(header: dict[str, Any]) -> dict[str, Any]:
    """Make a header's date a datetime, as jupyter_client does."""
    when = header.get("date")
    if isinstance(when, str):
        try:
            header["date"] = datetime.fromisoformat(when)
        except ValueError:
            return header  # jupyter_client, too, leaves what it cannot read
    return header


def flat(buffer: Any) -> memoryview:
    """View a buffer as bytes; Pyodide has copied it into the heap."""
    view = buffer if isinstance(buffer, memoryview) else buffer.to_memoryview()
    return view.cast("B") if view.nbytes else memoryview(bytearray())
