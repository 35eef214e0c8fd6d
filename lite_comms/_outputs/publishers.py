"""The names by which code chooses the cell of its output, as an ipykernel has them.

On a server the two streams, the display publisher and the display hook have each a parent of
their own, hooks, and a session by which any message is sent. JupyterLite's have none of these.
A publisher whose parent or hooks have not been set publishes as it always did.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from lite_comms._kernel.session import IOPUB, Session
from lite_comms._wire.header import header_of

from .parents import Parents

# By it a stream of JupyterLite publishes a text; the kernel's JavaScript sets it for each cell.
CALLBACK = "publish_stream_callback"

_Message = dict[str, Any]
_Hook = Callable[[_Message], _Message | None]


class Hooks:
    """Functions that get each message before it is sent; replaced as a whole, never changed."""

    def __init__(self, *functions: _Hook) -> None:
        self.functions = functions


class Publisher:
    """What a stream, a display publisher or a display hook has of its own.

    Attributes
    ----------
    hooks : Hooks
        What its messages go through.
    """

    def __init__(self, parents: Parents) -> None:
        self.hooks = Hooks()
        self._parents = parents
        # With the parent that there was: it holds until that changes.
        self._of_context: ContextVar[tuple[object, _Message] | None]
        self._of_context = ContextVar("lite_comms.publisher", default=None)
        self._of_all: tuple[object, _Message] | None = None
        self._is_in_hook = False

    @property
    def own_header(self) -> _Message | None:
        """The header that has been set here, as long as it holds."""
        of_all = None if self._parents.has_context else self._of_all
        base, header = self._of_context.get() or of_all or (None, None)
        return header if base is self._parents.current else None

    def set_header(self, header: _Message) -> None:
        """Set the header in the current context, or in all that have none."""
        own = self._own(header)
        if self._parents.has_context:
            self._of_context.set(own)
        else:
            self._of_all = own

    def set_in_context(self, header: _Message) -> Any:
        """Set the header in the current context; return what `reset` takes."""
        return self._of_context.set(self._own(header))

    def _own(self, header: _Message) -> tuple[object, _Message] | None:
        current = self._parents.current
        return None if header == current.get("header") else (current, header)

    def reset(self, token: Any) -> None:
        """Undo `set_in_context`."""
        self._of_context.reset(token)

    @property
    def is_plain(self) -> bool:
        """Whether it publishes as it always did."""
        return (self._is_in_hook or not self.hooks.functions) and self.own_header is None

    def publish(self, session: Session, msg_type: str, content: _Message) -> None:
        """Send a message through the hooks, unless one of them is publishing."""
        header = self.own_header or self._parents.current.get("header", {})
        msg: _Message | None = session.msg(msg_type, content, parent=header)
        if not self._is_in_hook:
            self._is_in_hook = True
            try:
                for hook in self.hooks.functions:
                    msg = hook(msg) if msg is not None else None
            finally:
                self._is_in_hook = False
        if msg is not None:
            session.send(IOPUB, msg)


class Publishers:
    """The streams, the display publisher and the display hook of JupyterLite's kernel.

    Parameters
    ----------
    parents : Parents
        The messages that have caused what runs.
    session : Session
        What they send by.
    on_hooks : callable
        Called with a publisher before it gets a hook.
    replace : callable
        Replaces an attribute: owner, name, value.
    """

    def __init__(
        self,
        parents: Parents,
        session: Session,
        on_hooks: Callable[[Publisher], object],
        replace: Callable[[Any, str, object], object],
    ) -> None:
        self._parents = parents
        self._session = session
        self._on_hooks = on_hooks
        self._replace = replace
        self._known: WeakKeyDictionary[object, Publisher] = WeakKeyDictionary()

    def of(self, owner: object) -> Publisher:
        """Return what one of these objects has of its own."""
        if not self._known:
            # Only now: everything that is printed would take the longer way.
            for replacement in self._methods():
                self._replace(*replacement)
        found = self._known.get(owner)
        if found is None:
            found = self._known[owner] = Publisher(self._parents)
        return found

    def forget(self) -> None:
        """Forget all parents and hooks: everything has been restored."""
        self._known.clear()

    def replacements(self) -> Iterator[tuple[object, str, object]]:
        """List what JupyterLite's classes lack, or do otherwise: owner, name, value."""
        stream, publisher, hook = _classes()
        for owner in (stream, publisher, hook):
            for name, value in self._names().items():
                yield owner, name, value
        yield stream, "pub_thread", IOPUB
        yield publisher, "pub_socket", IOPUB
        yield hook, "pub_socket", IOPUB
        yield hook, "finish_displayhook", self._finish(hook.finish_displayhook)

    def _methods(self) -> Iterator[tuple[object, str, object]]:
        """List what JupyterLite's classes publish by."""
        stream, publisher, _ = _classes()
        # Not `write`, which IPython replaces in the instance while a cell runs.
        yield stream, CALLBACK, self._callback()
        yield publisher, "publish", self._publish(publisher.publish)
        yield publisher, "clear_output", self._clear_output(publisher.clear_output)

    def _names(self) -> dict[str, object]:
        of, parents = self.of, self._parents

        def parent_header(owner: object) -> _Message:
            one = self._known.get(owner)
            header = None if one is None else one.own_header
            return header or parents.current.get("header", {})

        def set_parent(owner: object, parent: _Message) -> None:
            """Set the parent of what this publishes, and of nothing else."""
            of(owner).set_header(header_of(parent))

        def register_hook(owner: object, hook: _Hook) -> None:
            """Have messages go through a function, which returns what to send, or None."""
            one = of(owner)
            self._on_hooks(one)
            one.hooks = Hooks(*one.hooks.functions, hook)

        def unregister_hook(owner: object, hook: _Hook) -> bool:
            """Remove a hook; return whether it was there."""
            one = of(owner)
            left = list(one.hooks.functions)
            if hook not in left:
                return False
            left.remove(hook)
            one.hooks = Hooks(*left)
            return True

        return {
            "parent_header": property(parent_header, set_parent),
            "set_parent": set_parent,
            "set_thread_parent": lambda own, parent: of(own).set_in_context(header_of(parent)),
            "reset_thread_parent": lambda own, token: of(own).reset(token),
            "register_hook": register_hook,
            "unregister_hook": unregister_hook,
            "session": self._session,
        }

    # What JupyterLite's methods do, unless there is a parent or a hook.

    def _plain(self, owner: object) -> bool:
        one = self._known.get(owner)
        return one is None or one.is_plain

    def _send(self, owner: object, msg_type: str, content: _Message) -> None:
        self.of(owner).publish(self._session, msg_type, content)

    def _callback(self) -> property:
        def get(stream: Any) -> Any:
            own = vars(stream).get(CALLBACK)
            if own is None or self._plain(stream):
                return own
            return lambda name, text: self._send(stream, "stream", {"name": name, "text": text})

        def put(stream: Any, value: Any) -> None:
            vars(stream)[CALLBACK] = value

        return property(get, put)

    def _publish(self, publish: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(
            owner: Any, data: Any, metadata: Any = None, *args: Any, **keys: Any
        ) -> Any:
            if self._plain(owner):
                return publish(owner, data, metadata, *args, **keys)
            content = {
                "data": data,
                "metadata": metadata or {},
                "transient": keys.get("transient") or {},
            }
            is_update = keys.get("update", False)
            self._send(owner, "update_display_data" if is_update else "display_data", content)
            return None

        return replacement

    def _clear_output(self, clear_output: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(owner: Any, wait: bool = False) -> Any:
            if self._plain(owner):
                return clear_output(owner, wait)
            self._send(owner, "clear_output", {"wait": wait})
            return None

        return replacement

    def _finish(self, finish_displayhook: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(owner: Any) -> Any:
            if not owner.data:
                # What has shown itself has no result; ipykernel sends none either.
                sys.stdout.flush()
                sys.stderr.flush()
                return None
            if self._plain(owner):
                return finish_displayhook(owner)
            data, metadata, owner.data, owner.metadata = owner.data, owner.metadata, {}, {}
            content = {
                "execution_count": owner.prompt_count,
                "data": data,
                "metadata": metadata or {},
            }
            self._send(owner, "execute_result", content)
            return None

        return replacement


def _classes() -> tuple[Any, Any, Any]:
    display: Any = sys.modules["pyodide_kernel.display"]
    return display.LiteStream, display.LiteDisplayPublisher, display.LiteDisplayHook
