"""Serves a folder on localhost as a static host does: ``python serve.py _site --open``.

For the demo and the tests. A test takes the context manager:
``with serving(folder, isolated=True, prefix="/sub/path/") as url``. With ``--host examples/host``
pages that embed the site are served beside it, at another origin, which the site's settings name.
"""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import sys
import threading
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

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

    def __init__(
        self,
        *args: Any,
        headers: dict[str, str],
        prefix: str,
        files: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        self._extra_headers = headers
        self._prefix = prefix
        self._files = files
        super().__init__(*args, **kwargs)

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        path = self.path.partition("?")[0].removeprefix(self._prefix)
        if path not in self._files:
            return super().send_head()
        content = self._files[path].encode()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)

    def translate_path(self, path: str) -> str:
        if not path.startswith(self._prefix):
            return os.devnull + "/"  # nothing is there: 404
        return super().translate_path(path.removeprefix(self._prefix[:-1]))

    def end_headers(self) -> None:
        # A site that is built anew has files of the same names.
        self.send_header("Cache-Control", "no-cache")
        # As GitHub Pages does: a host page elsewhere may import the module for host pages.
        self.send_header("Access-Control-Allow-Origin", "*")
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
    files: Mapping[str, str] = MappingProxyType({}),
) -> tuple[_Server, str]:
    prefix = f"/{prefix.strip('/')}/".replace("//", "/")
    handler = partial(
        _Handler,
        directory=os.fspath(directory),
        headers={**(ISOLATION if isolated else {}), **headers},
        prefix=prefix,
        files=files,
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
    files: Mapping[str, str] = MappingProxyType({}),
    port: int = 0,
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
    files : mapping
        Texts by their paths, which stand in for files of the folder.
    port : int
        The port; 0 for any. Another one is taken if it is in use.

    Yields
    ------
    str
        The URL of the folder, with a slash at its end.
    """
    bind = partial(_bind, directory, isolated=isolated, prefix=prefix, headers=headers, files=files)
    try:
        server, url = bind(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        server, url = bind(0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving_with_host(
    site: str | os.PathLike[str], pages: str | os.PathLike[str], **options: Any
) -> Iterator[tuple[str, str]]:
    """Serve a site, and at another origin pages that embed it.

    Parameters
    ----------
    site : path
        The site. Its settings name the origin of the pages.
    pages : path
        The pages. They find the URL of the site in the module ``site.js``.
    **options
        How the site is served; see `serving`.

    Yields
    ------
    tuple of str
        The URLs of the site and of the pages.
    """
    files: dict[str, str] = {}
    of_pages: dict[str, str] = {}
    with serving(site, files=files, **options) as url, serving(pages, files=of_pages) as beside:
        # Not only another origin: to the browser also another site.
        host_url = beside.replace("127.0.0.1", "localhost")
        of_pages["site.js"] = f"export const SITE = '{url}';\n"
        config = json.loads(Path(site, "jupyter-lite.json").read_text("utf-8"))
        settings = config["jupyter-config-data"]
        # A private window has no other storage for an iframe of another site.
        settings["enableMemoryStorage"] = True
        for name in ("contents", "settings", "workspaces"):
            settings[f"{name}StorageDrivers"] = ["asyncStorage", "memoryStorageDriver"]
        plugins = settings.setdefault("litePluginSettings", {})
        plugins["lite-comms:bridge"] = {"origins": [host_url.rstrip("/")]}
        files["jupyter-lite.json"] = json.dumps(config)
        yield url, host_url


def main() -> None:
    """Serve until the user presses Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve a folder on localhost.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int, default=8000, help="another is taken if it is in use")
    parser.add_argument("--prefix", default="/", help="the path under which the folder appears")
    parser.add_argument("--isolated", action="store_true", help="with cross-origin isolation")
    parser.add_argument("--open", action="store_true", help="open a browser if there is a desktop")
    parser.add_argument("--host", type=Path, help="a folder of pages that embed the site")
    args = parser.parse_args()
    for folder in filter(None, (args.directory, args.host)):
        if not folder.is_dir():
            parser.error(f"{folder} is not a folder")
    options = {"isolated": args.isolated, "prefix": args.prefix, "port": args.port}
    with ExitStack() as stack:
        if args.host:
            url, host_url = stack.enter_context(
                serving_with_host(args.directory, args.host, **options)
            )
        else:
            url, host_url = stack.enter_context(serving(args.directory, **options)), ""
        print(f"Serving {args.directory} at {url} (Ctrl-C ends it)", flush=True)
        if host_url:
            print(f"Serving {args.host}, pages that embed it, at {host_url}", flush=True)
        desktop = (
            sys.platform != "linux" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
        )
        if args.open and desktop:
            webbrowser.open(url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
