"""Runs cells and callbacks, each under the message that caused it, and shows their exceptions.

What IPython shows of an exception is published at once, as a server kernel does it.
JupyterLite keeps it until the end of the cell, and counts the cell as failed.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import CancelledError
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, copy_context
from functools import cache, partial
from types import ModuleType
from typing import Any

from lite_comms._kernel.code import PACKAGE, runs_user_code
from lite_comms._kernel.replace import Replacements
from lite_comms._kernel.session import IOPUB, Output, Session
from lite_comms._kernel.tracebacks import error_content, structured_traceback

from .aside import Aside
from .attributes import Attribute
from .parents import Parents
from .publishers import Publisher, Publishers

_WIDGETS = "ipywidgets.widgets.widget_output"

_Run = Callable[[str], Awaitable[dict[str, Any]]]
_Publish = Callable[[Output], bool]

# What the user's code runs in, and is not shown when it is stopped.
_NOT_THE_USERS = (PACKAGE, "/pyodide_kernel/")


class _Shown:
    """What IPython has shown of exceptions."""

    def __init__(self) -> None:
        # The latest, one of which is the cell's own; each holds all that its frames do.
        self.contents: deque[tuple[object, dict[str, Any]]] = deque(maxlen=9)
        self.is_published = True


class Outputs:
    """Runs cells and callbacks in JupyterLite's kernel, so that each output has its parent.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.

    Attributes
    ----------
    parents : Parents
        The messages that have caused what runs.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._kernel = shell.kernel
        self._publish: _Publish | None = None
        self.parents = Parents(shell)
        self._parent = self.parents.of_context
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
        self._aside = Aside(shell, self.parents.msg_id)
        session = Session(lambda output: self._publish is not None and self._publish(output))
        self._session = session
        self._widgets: ModuleType | None = None  # that of ipywidgets, once its outputs are known
        self._replaced = Replacements()
        self._hooked: list[Publisher] = []
        self._publishers = Publishers(
            self.parents, session, self._set_hooks_aside, self._replaced.set
        )

    def start(self, read: Callable[[dict[str, Any]], dict[str, Any]], publish: _Publish) -> None:
        """Start to set the parent of outputs, and to publish what IPython shows of exceptions.

        Parameters
        ----------
        read : callable
            Converts a message to the types that a server kernel delivers.
        publish : callable
            Sends a message to the page that is no comm's; returns whether it could.
        """
        was_on = self._publish is not None
        self.parents.read, self._publish = read, publish
        if was_on:
            return
        if self.parents.adopt() and asyncio.current_task() is not None:
            # This is in the middle of a cell, which JupyterLite has started.
            self._parent.set(self.parents.request)
            self._shown_of_cell = _Shown()
            self._shown.set(self._shown_of_cell)
        kernel, shell, formatter = self._kernel, self._shell, self._shell.InteractiveTB
        as_ipython = formatter.structured_traceback
        for owner, name, value in (
            *self.parents.replacements(),
            *self._publishers.replacements(),
            (kernel, "session", self._session),
            (kernel, "iopub_socket", IOPUB),
            (kernel, "iopub_thread", IOPUB),
            (kernel, "run", partial(self.run, kernel.run)),
            (shell, "run_cell", partial(self.run_cell, shell.run_cell)),
            (shell, "run_cell_async", partial(self.run_cell_async, shell.run_cell_async)),
            (formatter, "structured_traceback", partial(structured_traceback, as_ipython)),
            (shell, "_showtraceback", self.showtraceback),
        ):
            self._replaced.set(owner, name, value)
        self.widgets_may_be_there()

    def end(self, publish: _Publish) -> None:
        """Restore everything, unless another transport has called `start` since."""
        if self._publish == publish:
            self._publish = None
            self._widgets = None
            self._replaced.undo()
            self._publishers.forget()
            self._hooked.clear()
            self._aside.forget_added()
            self.parents.give_back()

    def under(self, msg: dict[str, Any], f: Callable[..., Any], *args: Any) -> Any:
        """Call a function with a message as the parent of its outputs, also those of its tasks."""
        return copy_context().run(self._under, msg, f, args)

    def _under(self, msg: dict[str, Any], f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        self._parent.set(msg)
        self._shown.set(None)
        return f(*args)

    # Cells

    # Each of the three is told what it stands for: someone who has wrapped one may hold it still
    # when it is replaced anew.

    def run(self, run: _Run, code: str) -> Awaitable[dict[str, Any]]:
        """Run a cell; what the kernel's JavaScript calls."""
        if self._publish is None:
            return run(code)
        request = self.parents.request
        self.on_request(request)
        return self._run(request, run, code)

    @runs_user_code
    async def _run(self, parent: dict[str, Any], run: _Run, code: str) -> dict[str, Any]:
        if parent:
            self._parent.set(parent)
        shown = _Shown()
        self._shown.set(shown)
        self._shown_of_cell = shown
        self._safely(self.widgets_may_be_there)
        self._safely(self._aside.cell_starts)
        results: list[Any] = []
        self._due.set(results)
        try:
            reply: dict[str, Any] = await self.runner(run, code)
        finally:
            self._shown_of_cell = None
            self._safely(self._aside.cell_ends)
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

    def _safely(self, f: Callable[[], object]) -> None:
        """Do what can fail by what user code has replaced; or JupyterLite never ends the cell."""
        try:
            f()
        except Exception:
            self._shell.showtraceback()

    def _take_due(self) -> list[Any] | None:
        """Return the list that takes the cell's result; None if the code to run is not the cell."""
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
        is_published = self._publish is not None and self._publish(Output("error", content))
        shown = self._shown.get()
        if shown is not None and shown is self._shown_of_cell:
            self._shell._last_traceback = content
            shown.contents.append((evalue, content))
            shown.is_published &= is_published
        elif not is_published:
            print("\n".join(content["traceback"]), file=sys.stderr)

    # In the middle of a cell

    def aside(self, f: Callable[..., object], *args: Any) -> None:
        """Call a function in the middle of a cell, with the cell's replacements set aside."""
        self._aside.call(f, *args)

    def call_in_this_context(self) -> None:
        """Have `aside` call functions in copies of the context that calls this."""
        self._aside.context = copy_context()

    def _set_hooks_aside(self, publisher: Publisher) -> None:
        """Keep callbacks from publishing through a hook that the cell has for a block."""
        if not any(publisher is known for known in self._hooked):
            self._hooked.append(publisher)
            self._aside.add(Attribute(publisher, "hooks"))

    def widgets_may_be_there(self) -> None:
        """Look whether ipywidgets has been imported, and let its outputs know who uses them."""
        module = sys.modules.get(_WIDGETS)
        if module is self._widgets or self._publish is None:
            return
        output: Any = getattr(module, "Output", None)
        if hasattr(output, "__enter__") and hasattr(output, "__exit__"):  # or it is a stand-in
            self._widgets = module
            for name, method in self._aside.captures.methods(output).items():
                self._replaced.set(output, name, method)


@cache
def outputs_of(shell: Any) -> Outputs:
    """Return the kernel's one object of this kind."""
    return Outputs(shell)
