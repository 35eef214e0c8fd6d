"""JupyterLab on a Jupyter server of its own, for the tests and the benchmark."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread, Timer

START_S = 60
PLACES = (
    *("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"),
    *("JUPYTERLAB_SETTINGS_DIR", "IPYTHONDIR"),
)
OPTIONS = (
    "--no-browser",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=None",
    "--IdentityProvider.token=",
    "--ServerApp.allow_root=True",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
)


@contextmanager
def lab_server(python: str, home: Path, *options: str) -> Iterator[str]:
    """Start a server, and stop it at the end of the block.

    Parameters
    ----------
    python : str
        The Python that has JupyterLab and ipykernel.
    home : Path
        Where Jupyter and IPython keep their files, so that the user's settings play no part.
    *options : str
        Further options of JupyterLab.

    Yields
    ------
    str
        The server's URL.

    Raises
    ------
    RuntimeError
        If it does not start, with what it has printed.
    """
    with subprocess.Popen(
        [python, "-m", "jupyterlab", *OPTIONS, *options],
        env={**os.environ, **{name: str(home / name) for name in PLACES}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        late = Timer(START_S, process.kill)
        late.start()
        printed, found = "", None
        for line in process.stdout:
            printed += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                break
        late.cancel()
        if not found:
            raise RuntimeError(f"JupyterLab does not start; is it installed there?\n{printed}")
        # A full pipe would stop the server.
        Thread(target=process.stdout.read, daemon=True).start()
        try:
            yield found[0]
        finally:
            process.terminate()
