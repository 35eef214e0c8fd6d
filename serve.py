"""Serves a folder on localhost as a static host does: ``python serve.py _site --open``.

For the demo and the tests. A test takes the context manager:
``with serving(folder, isolated=True, prefix="/sub/path/") as url``.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import threading
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map: dict[str, str] = {  # noqa: RUF012 (as the base class declares it)
        **SimpleHTTPRequestHandler.extensions_map,
        # Not left to the machine's own table, which may lack or contradict them.
        ".css": "text/css",
        ".html": "text/html",
        ".js": "text/javascript",
        ".json": "application/json",
        ".mjs": "text/javascript",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        ".whl": "application/zip",
    }

    def __init__(self, *args: Any, headers: dict[str, str], prefix: str, **kwargs: Any) -> None:
        self._extra_headers = headers
        self._prefix = prefix
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        if not path.startswith(self._prefix):
            return os.devnull + "/"  # nothing is there: 404
        return super().translate_path(path.removeprefix(self._prefix[:-1]))

    def end_headers(self) -> None:
        # A site that is built anew has files of the same names.
        self.send_header("Cache-Control", "no-cache")
        for name, value in self._extra_headers.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: object) -> None:
        """Keep the terminal for what matters."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Else Windows and macOS let two servers have one port.
    allow_reuse_address = os.name == "posix"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _bind(
    directory: str | os.PathLike[str],
    port: int,
    *,
    isolated: bool,
    prefix: str,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> tuple[_Server, str]:
    prefix = f"/{prefix.strip('/')}/".replace("//", "/")
    handler = partial(
        _Handler,
        directory=os.fspath(directory),
        headers={**(ISOLATION if isolated else {}), **headers},
        prefix=prefix,
    )
    server = _Server(("127.0.0.1", port), handler)
    return server, f"http://127.0.0.1:{server.server_port}{prefix}"


@contextmanager
def serving(
    directory: str | os.PathLike[str],
    *,
    isolated: bool = False,
    prefix: str = "/",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    """Serve a folder for the length of a block.

    Parameters
    ----------
    directory : path
        What to serve.
    isolated : bool
        With the headers for cross-origin isolation.
    prefix : str
        The path under which the folder appears; everything else is not found.
    headers : mapping
        Further headers of each answer.

    Yields
    ------
    str
        The URL of the folder, with a slash at its end.
    """
    server, url = _bind(directory, 0, isolated=isolated, prefix=prefix, headers=headers)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    """Serve until the user presses Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve a folder on localhost.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int, default=8000, help="another is taken if it is in use")
    parser.add_argument("--prefix", default="/", help="the path under which the folder appears")
    parser.add_argument("--isolated", action="store_true", help="with cross-origin isolation")
    parser.add_argument("--open", action="store_true", help="open a browser if there is a desktop")
    args = parser.parse_args()
    if not args.directory.is_dir():
        parser.error(f"{args.directory} is not a folder")
    options = {"isolated": args.isolated, "prefix": args.prefix}
    try:
        server, url = _bind(args.directory, args.port, **options)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        server, url = _bind(args.directory, 0, **options)
    print(f"Serving {args.directory} at {url} (Ctrl-C ends it)", flush=True)
    desktop = sys.platform != "linux" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if args.open and desktop:
        webbrowser.open(url)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
