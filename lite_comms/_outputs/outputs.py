"""Each output under the message that caused it.

One of the modules that talk to the worker. The kernel's JavaScript reads the
header of the parent from ``kernel._parent_header`` each time that something is
printed or displayed. Here this is a context variable, so that it is another one

====================================  ==========================================
in                                    that of
====================================  ==========================================
a cell                                its execute_request
a comm callback                       the comm message
a task that one of these has started  the same, for as long as it runs
what JavaScript calls, a thread       the latest execute_request
====================================  ==========================================

What IPython shows of an exception is published at once, as a server kernel does:
JupyterLite keeps it until the end of the cell, and takes the cell for failed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio import CancelledError
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar, copy_context
from datetime import datetime
from functools import cache, partial
from types import ModuleType
from typing import Any

import js

from lite_comms._kernel.code import PACKAGE, runs_user_code
from lite_comms._kernel.replace import Replacements
from lite_comms._wire.errors import sendable, user_message

from .aside import Aside

_ATTRIBUTE = "_parent_header"
_WIDGETS = "ipywidgets.widgets.widget_output"

_Run = Callable[[str], Awaitable[dict[str, Any]]]
_Read = Callable[[dict[str, Any]], dict[str, Any]]
_Publish = Callable[[dict[str, Any]], bool]

# What the user's code runs in, and is not shown when it is stopped.
_NOT_THE_USERS = (PACKAGE, "/pyodide_kernel/")


class _Shown:
    """What IPython has shown of exceptions."""

    def __init__(self) -> None:
        # The latest, one of which is the cell's own; each holds all that its frames do.
        self.contents: deque[tuple[object, dict[str, Any]]] = deque(maxlen=9)
        self.is_published = True


class Outputs:
    """Knows the parent of what is said, and tells JupyterLite's kernel.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._kernel = shell.kernel
        self._publish: _Publish | None = None
        self._parent: ContextVar[dict[str, Any]] = ContextVar("lite_comms.parent")
        # The latest request, and the latest of them that was an execution.
        self._raw: Any = None
        self._request: dict[str, Any] = {}
        self._execution: dict[str, Any] = {}
        # A copy of a header, the same as JSON, and as the kernel's JavaScript takes it.
        self._written: tuple[dict[str, Any] | None, str, Any] = (None, "{}", None)
        # Of the cell that is to be run in this context: takes its result.
        self._due: ContextVar[list[Any] | None] = ContextVar("lite_comms.due", default=None)
        # Runs a cell by the function that it gets for it.
        self.runner: Callable[[_Run, str], Awaitable[Any]] = lambda run, code: run(code)
        # Called when a cell begins: JupyterLite first looks for the packages that it imports.
        self.on_begin: Callable[[], object] = lambda: None
        # Called with a request to run a cell, as soon as that has come.
        self.on_request: Callable[[dict[str, Any]], object] = lambda request: None
        # What is shown of exceptions in this context; and in that of the cell that runs.
        self._shown: ContextVar[_Shown | None] = ContextVar("lite_comms.shown", default=None)
        self._shown_of_cell: _Shown | None = None
        self.is_async = True  # whether the cell that runs has an `await`; not known of the first
        self._aside = Aside(shell, lambda: str(self.parent.get("header", {}).get("msg_id", "")))
        self._widgets: ModuleType | None = None  # that of ipywidgets, once its outputs are known
        self._replaced = Replacements()

    def start(self, read: _Read, publish: _Publish) -> None:
        """Take the parent header, and what IPython shows of exceptions.

        Parameters
        ----------
        read : callable
            Gives a message the types that a server kernel gives it.
        publish : callable
            Sends the content of an error message to the page; returns whether it could.
        """
        was_on = self._publish is not None
        self._read, self._publish = read, publish
        if was_on:
            return
        known = vars(self._kernel).get(_ATTRIBUTE)
        if known is not None:
            self._set(known)
        if known is not None and asyncio.current_task() is not None:
            # This is in the middle of a cell, which runs as JupyterLite does it.
            self._parent.set(self._request)
            self._shown_of_cell = _Shown()
            self._shown.set(self._shown_of_cell)
        kernel, shell = self._kernel, self._shell
        header = property(lambda kernel: self._header, lambda kernel, value: self._set(value))
        for owner, name, value in (
            (type(kernel), _ATTRIBUTE, header),
            (kernel, "get_parent", self.get_parent),
            (kernel, "set_parent", self.set_parent),
            (shell, "get_parent", self.get_shell_parent),
            (shell, "set_parent", self.set_shell_parent),
            (kernel, "run", partial(self.run, kernel.run)),
            (shell, "run_cell", partial(self.run_cell, shell.run_cell)),
            (shell, "run_cell_async", partial(self.run_cell_async, shell.run_cell_async)),
            (shell, "_showtraceback", self.showtraceback),
        ):
            self._replaced.set(owner, name, value)
        self.widgets_may_be_there()

    def end(self, publish: _Publish) -> None:
        """Give everything back, if nobody else has started it since."""
        if self._publish == publish:
            self._publish = None
            self._widgets = None
            self._replaced.undo()
            if self._raw is not None:
                vars(self._kernel)[_ATTRIBUTE] = self._raw

    @property
    def parent(self) -> dict[str, Any]:
        """The message that has caused what runs; empty before the first request."""
        return self._parent.get(self._execution)

    @property
    def header_text(self) -> str:
        """The header of the parent as JSON."""
        self._write()
        return self._written[1]

    def _write(self) -> None:
        header = self.parent.get("header", {})
        if header != self._written[0]:  # by value: user code may change it in place
            text = _as_json(header)
            # The kernel's JavaScript would copy a dict at each output.
            wire = js.JSON.parse(f'{{"header": {text}}}').as_py_json()
            self._written = dict(header), text, wire

    @property
    def _header(self) -> Any:
        """What the kernel's JavaScript reads at each output."""
        if not self.parent:
            raise AttributeError("the kernel has had no request yet")
        self._write()
        return self._written[2]

    def get_parent(self, channel: str | None = None) -> dict[str, Any]:
        """Return the message that has caused what runs, as ``ipykernel``'s method does.

        Parameters
        ----------
        channel : str, optional
            ``"control"`` has none here; all others are ``"shell"``.

        Returns
        -------
        dict
            The message: ``header``, ``content``, ``metadata``, ...
        """
        return {} if channel == "control" else self.parent

    def set_parent(self, ident: object, parent: dict[str, Any], channel: str = "shell") -> None:
        """Set the message to which belongs what the current context says from now on.

        That is what it prints, displays, raises and sends by comms. The context is that of the
        cell, callback or task that calls this, and of the tasks that it starts later. What
        JavaScript has called has none of its own: there the message holds for all that is
        called in this way, until the next cell.

        Parameters
        ----------
        ident : object
            Not used; ``ipykernel``'s method has this signature.
        parent : dict
            The message, as `get_parent` returns it.
        channel : str, optional
            With ``"control"`` nothing is done: there is no such channel here.

        Raises
        ------
        TypeError
            If it is no message with a header that can be sent. The parent stays what it was.
        """
        if channel != "control":
            _check_parent(parent)
            self._assign(parent)

    def set_shell_parent(self, parent: dict[str, Any]) -> None:
        """Set the parent as `set_parent` does; the shell's method has this signature."""
        self.set_parent(None, parent)

    def get_shell_parent(self) -> dict[str, Any]:
        """Return the parent as `get_parent` does; the shell's method has this signature."""
        return self.parent

    def _assign(self, parent: dict[str, Any]) -> None:
        if self._parent.get(None) is None and not _in_task():
            self._execution = parent
        else:
            self._parent.set(parent)

    def under(self, msg: dict[str, Any], f: Callable[..., Any], *args: Any) -> Any:
        """Call a function; what it says, and what its tasks say later, is said under a message."""
        return copy_context().run(self._under, msg, f, args)

    def _under(self, msg: dict[str, Any], f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        self._parent.set(msg)
        self._shown.set(None)
        return f(*args)

    def _set(self, value: Any) -> None:
        """Learn the request from the kernel's JavaScript, which sets it before each one."""
        if value.get("content") is None:
            # It is what we have given, put back by the user's code.
            self._assign(self._read(json.loads(js.JSON.stringify(value))))
            return
        self._raw = value
        self._request = self._read(value)
        if self._request["msg_type"] == "execute_request" or not self._execution:
            self._execution = self._request

    # Cells

    # Each of the three is told what it stands for: someone who has wrapped one may hold it still
    # when it is replaced anew.

    def run(self, run: _Run, code: str) -> Awaitable[dict[str, Any]]:
        """Run a cell; what the kernel's JavaScript calls."""
        if self._publish is None:
            return run(code)
        self.on_request(self._request)
        return self._run(self._request, run, code)

    @runs_user_code
    async def _run(self, parent: dict[str, Any], run: _Run, code: str) -> dict[str, Any]:
        if parent:
            self._parent.set(parent)
        shown = _Shown()
        self._shown.set(shown)
        self._shown_of_cell = shown
        self.widgets_may_be_there()
        self._aside.cell_starts()
        results: list[Any] = []
        self._due.set(results)
        try:
            reply: dict[str, Any] = await self.runner(run, code)
        finally:
            self._shown_of_cell = None
            self._aside.cell_ends()
        result = results[-1] if results else None
        if result is None or self._publish is None:  # lite_comms has been uninstalled in this cell
            return reply
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            own = [content for value, content in shown.contents if value is error]
            # IPython prints a group of exceptions, and an unknown magic, as text.
            content = own[-1] if own else error_content(type(error), error, [])
            return {**reply, "status": "error", **content}
        is_stopped = reply.get("ename") in ("KeyboardInterrupt", "CancelledError")
        if reply["status"] == "error" and not is_stopped and shown.is_published:
            # None of them is the cell's: user code has had them shown.
            return {"status": "ok", "payload": reply["payload"]}
        return reply

    def _take_due(self) -> list[Any] | None:
        """Say whether code that is to run is the cell; what that runs itself is not."""
        results = self._due.get()
        self._due.set(None)
        return results

    @runs_user_code
    def run_cell(self, run_cell: Callable[..., Any], *args: Any, **keys: Any) -> Any:
        """Run code as IPython does; it fires the events, too."""
        results = self._take_due()
        if results is not None:
            self.is_async = False
            self.on_begin()
        result = run_cell(*args, **keys)
        if results is not None:
            results.append(result)
        return result

    @runs_user_code
    async def run_cell_async(
        self, run_cell_async: Callable[..., Awaitable[Any]], *args: Any, **keys: Any
    ) -> Any:
        """Run code as IPython does, and fire the events at the end of a cell.

        They are left to who calls this, and JupyterLite does not do it.
        """
        results = self._take_due()
        if results is not None:
            self.is_async = True
            self.on_begin()
        result = None
        try:
            result = await run_cell_async(*args, **keys)
            return result
        finally:
            if results is not None:
                results.append(result)
                self._shell.events.trigger("post_execute")
                if not keys.get("silent"):
                    self._shell.events.trigger("post_run_cell", result)

    # Exceptions

    def showtraceback(
        self, etype: type[BaseException], evalue: BaseException, stb: list[str]
    ) -> None:
        """Publish what IPython shows of an exception; IPython calls it."""
        if issubclass(etype, (KeyboardInterrupt, CancelledError)):
            stb = [part for part in stb if not any(folder in part for folder in _NOT_THE_USERS)]
        content = error_content(etype, evalue, stb)
        is_published = self._publish is not None and self._publish(content)
        shown = self._shown.get()
        if shown is not None and shown is self._shown_of_cell:
            self._shell._last_traceback = content
            shown.contents.append((evalue, content))
            shown.is_published &= is_published
        elif not is_published:
            print("\n".join(content["traceback"]), file=sys.stderr)

    # In the middle of a cell

    def aside(self, f: Callable[..., object], *args: Any) -> None:
        """Call a function in the middle of a cell, outside of what the cell has replaced."""
        self._aside.call(f, *args)

    @property
    def context(self) -> Context:
        """What `aside` calls functions in: a copy of it."""
        return self._aside.context

    @context.setter
    def context(self, context: Context) -> None:
        self._aside.context = context

    def widgets_may_be_there(self) -> None:
        """Look whether ipywidgets has been imported, and let its outputs know who uses them."""
        module = sys.modules.get(_WIDGETS)
        if module is self._widgets or self._publish is None:
            return
        output = getattr(module, "Output", None)
        if output is not None:
            self._widgets = module
            for name, method in self._aside.captures.methods(output).items():
                self._replaced.set(output, name, method)


def error_content(
    etype: type[BaseException], evalue: BaseException, stb: list[str]
) -> dict[str, Any]:
    """Make the content of an error message."""
    return {
        "ename": etype.__name__,
        "evalue": user_message(evalue),
        "traceback": [sendable(part) for part in stb],
    }


def _check_parent(parent: Any) -> None:
    """Raise a TypeError that names what is wrong with a message that is to be the parent."""
    if not isinstance(parent, dict):
        raise TypeError(f"parent must be a message, a dict, not {type(parent).__name__}")
    header = parent.get("header")
    if not isinstance(header, dict):
        raise TypeError(f"parent['header'] must be a dict, not {type(header).__name__}")
    msg_id = header.get("msg_id")
    if not isinstance(msg_id, str):
        raise TypeError(f"parent['header']['msg_id'] must be a str, not {type(msg_id).__name__}")
    try:
        _as_json(header)
    except (TypeError, ValueError) as error:
        raise TypeError(f"parent['header'] cannot be sent: {error}") from None


def _in_task() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:  # JavaScript has called, without a loop
        return False


def _as_json(header: dict[str, Any]) -> str:
    return json.dumps(header, default=_iso)


def _iso(date: object) -> str:
    if not isinstance(date, datetime):
        raise TypeError(f"a {type(date).__name__} is no JSON")
    return date.isoformat().replace("+00:00", "Z")


@cache
def outputs_of(shell: Any) -> Outputs:
    """Return the kernel's one object of this kind."""
    return Outputs(shell)
