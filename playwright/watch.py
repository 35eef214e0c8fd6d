"""Watches a browser for what must not happen: errors that nobody sees, requests to other hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

# A kernel may start meanwhile.
_TIMEOUT_MS = 90_000


class Watch:
    """The errors and the foreign requests of all that runs in a browser context.

    Parameters
    ----------
    context : BrowserContext
        Pages, their workers and the service worker are watched.
    host : str
        The URL of the one host that may be asked; see `allow`.
    known : list of str
        Patterns of console errors that are not ours.
    """

    def __init__(self, context: BrowserContext, host: str, known: list[str]) -> None:
        self._context = context
        self._hosts = {urlsplit(host).netloc}
        self._known = known
        self._problems: list[str] = []
        context.on("weberror", self._on_error)
        context.on("console", self._on_console)
        context.on("request", self._on_request)

    def allow(self, host: str) -> None:
        """Let another host be asked as well."""
        self._hosts.add(urlsplit(host).netloc)

    def forgive(self, pattern: str) -> None:
        """Let an error of JupyterLite itself pass, which appears only where this browser is."""
        self._known = [*self._known, pattern]

    def problems(self) -> list[str]:
        """Return what has happened since the last call."""
        for page in self._context.pages:
            page.evaluate("0")  # what the browser has reported until now is heard
        problems, self._problems = self._problems, []
        return problems

    @contextmanager
    def error(self, pattern: str) -> Iterator[None]:
        """Wait until a console error has appeared that the test provokes in this block."""
        with self._context.expect_event(
            "console",
            lambda message: re.search(pattern, _told(message), re.DOTALL),
            timeout=_TIMEOUT_MS,
        ):
            yield
        self._problems = [
            problem for problem in self._problems if not re.search(pattern, problem, re.DOTALL)
        ]

    def _on_error(self, error: WebError) -> None:
        told = f"page error: {error.error.stack or error.error}"
        if not self._is_known(told):
            self._problems.append(told)

    def _on_console(self, message: ConsoleMessage) -> None:
        told = _told(message)
        if message.type == "error" and not self._is_known(told):
            self._problems.append(told)

    def _is_known(self, told: str) -> bool:
        return any(re.search(pattern, told, re.DOTALL) for pattern in self._known)

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("blob", "data") and url.netloc not in self._hosts:
            self._problems.append(f"request to another host: {request.url}")


def _told(message: ConsoleMessage) -> str:
    """Return a console message with its place, which for a failed request is what failed."""
    return f"console {message.type}: {message.text} {message.location['url']}"
