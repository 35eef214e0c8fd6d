"""The messages that have caused what runs: the parents of outputs and comm messages.

One of the modules that talk to the worker. The kernel's JavaScript reads the header of the
parent from ``kernel._parent_header`` each time that something is printed or displayed. Here
the parent is kept in a context variable:

====================================  ==========================================
in                                    the parent is
====================================  ==========================================
a cell                                its execute_request
a comm callback                       the comm message
a task that one of these has started  the same, for as long as it runs
what JavaScript calls, a thread       the latest execute_request
====================================  ==========================================
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any

import js

from lite_comms._wire.codec import encode
from lite_comms._wire.header import header_of

_ATTRIBUTE = "_parent_header"


class Parents:
    """Knows the parent of what runs, and gives it to JupyterLite's kernel.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.

    Attributes
    ----------
    of_context : ContextVar
        The parent in the current context, if it has one of its own.
    request : dict
        The latest request of the page.
    read : callable
        Converts a message to the types that a server kernel delivers; set before `adopt`.
    """

    read: Callable[[dict[str, Any]], dict[str, Any]]

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._kernel = shell.kernel
        self.of_context: ContextVar[dict[str, Any]] = ContextVar("lite_comms.parent")
        self.request: dict[str, Any] = {}
        self._raw: Any = None  # the same, as the kernel's JavaScript has set it
        self._given: dict[str, Any] = {}  # its header, which user code cannot change
        self._execution: dict[str, Any] = {}  # the latest execute_request
        # A copy of a header, and the same as JSON; and that as the kernel's JavaScript takes it.
        self._written: tuple[dict[str, Any] | None, str] = (None, "{}")
        self._shared: tuple[str, Any] = ("", None)

    def adopt(self) -> bool:
        """Take the request that the kernel has; return whether it has one."""
        known = vars(self._kernel).get(_ATTRIBUTE)
        if known is not None:
            self._set(known)
        return known is not None

    def give_back(self) -> None:
        """Give the kernel the latest request, in the place of the property."""
        if self._raw is not None:
            vars(self._kernel)[_ATTRIBUTE] = self._raw

    def replacements(self) -> Iterator[tuple[object, str, object]]:
        """List what has to be replaced: owner, name, value."""

        def get(kernel: object) -> Any:
            return self.current if _is_users(sys._getframe().f_back) else self._header

        def put(kernel: object, value: Any) -> None:
            if sys._getframe().f_back is None:  # the kernel's JavaScript
                self._set(value)
                # Who restores an attribute, as `unittest.mock.patch` does, looks for it here.
                vars(kernel)[_ATTRIBUTE] = self.request
            else:
                self.set_shell_parent(value)

        yield type(self._kernel), _ATTRIBUTE, property(get, put)
        yield self._kernel, "_parent_ident", {"shell": b"", "control": b""}
        yield self._kernel, "get_parent", self.get_parent
        yield self._kernel, "set_parent", self.set_parent
        shell_parent = property(lambda _: self.current, lambda _, it: self.set_shell_parent(it))
        yield type(self._shell), "parent_header", shell_parent
        yield self._shell, "get_parent", self.get_shell_parent
        yield self._shell, "set_parent", self.set_shell_parent
        yield self._shell, "set_thread_parent", self.set_thread_parent
        yield self._shell, "reset_thread_parent", self.of_context.reset

    @property
    def current(self) -> dict[str, Any]:
        """The message that has caused what runs; empty before the first request."""
        return self.of_context.get(self._execution)

    def msg_id(self) -> str:
        """Return the id of `current`, or an empty text."""
        return str(self.current.get("header", {}).get("msg_id", ""))

    @property
    def header_text(self) -> str:
        """The header of the parent as JSON."""
        header = self.of_context.get(self._execution).get("header", {})
        if header != self._written[0]:  # by value: user code may change it in place
            try:
                header["msg_id"]
                self._written = dict(header), encode(header)
            except (TypeError, ValueError, KeyError):  # to what cannot be sent
                return encode(self._given)
        return self._written[1]

    @property
    def _header(self) -> Any:
        """What the kernel's JavaScript reads at each output."""
        if not (self.current or self._given):
            raise AttributeError("the kernel has had no request yet")
        text = self.header_text
        if text != self._shared[0]:
            # The kernel's JavaScript would copy a dict at each output.
            self._shared = text, js.JSON.parse(f'{{"header": {text}}}').as_py_json()
        return self._shared[1]

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
        return {} if channel == "control" else self.current

    def set_parent(self, ident: object, parent: dict[str, Any], channel: str = "shell") -> None:
        """Set the parent of what the current context prints and sends from now on.

        This includes what it displays and raises. The context is that of the
        cell, callback or task that calls this, and of the tasks that it starts later. What
        JavaScript has called has none of its own: there the message holds for all that is
        called in this way, until the next cell.

        Parameters
        ----------
        ident : object
            Not used; ``ipykernel``'s method has this signature.
        parent : dict
            The message, as `get_parent` returns it, or its header alone.
        channel : str, optional
            With ``"control"`` nothing is done: there is no such channel here.

        Raises
        ------
        TypeError
            If it is no message with a header that can be sent. The parent stays what it was.
        """
        if channel != "control":
            self._assign(_message(parent))

    def set_shell_parent(self, parent: dict[str, Any]) -> None:
        """Set the parent as `set_parent` does; the shell's method has this signature."""
        self.set_parent(None, parent)

    def get_shell_parent(self) -> dict[str, Any]:
        """Return the parent as `get_parent` does; the shell's method has this signature."""
        return self.current

    def set_thread_parent(self, parent: dict[str, Any]) -> Any:
        """Set the parent in the current context only; return what ``reset_thread_parent`` takes."""
        return self.of_context.set(_message(parent))

    @property
    def has_context(self) -> bool:
        """Whether what runs has a context of its own: it is no function that JavaScript calls."""
        return self.of_context.get(None) is not None or _in_task()

    def _assign(self, parent: dict[str, Any]) -> None:
        if self.has_context:
            self.of_context.set(parent)
        else:
            self._execution = parent

    def _set(self, value: Any) -> None:
        """Take the request from the kernel's JavaScript, which sets it before it handles it."""
        self._raw = value
        self.request = self.read(value)
        self._given = self.request["header"].copy()
        if self.request["msg_type"] == "execute_request" or not self._execution:
            self._execution = self.request


def _message(parent: Any) -> dict[str, Any]:
    """Return a message that can be the parent; of a header alone one that has it."""
    header = header_of(parent)
    return {"header": header} if header is parent else parent


def _is_users(frame: FrameType | None) -> bool:
    """Return whether a frame reads the attribute by its name, as user code does.

    The kernel's JavaScript does it otherwise: called by Python code that does not know of it, or
    by none.
    """
    if frame is None:
        return False
    code = frame.f_code
    return _ATTRIBUTE in code.co_names or _ATTRIBUTE in code.co_consts


def _in_task() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:  # JavaScript has called, without a loop
        return False
