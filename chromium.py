"""How the browser is started, for the tests, the screenshots and the benchmark."""

from __future__ import annotations

import os
import shutil
from typing import Any

FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # A clock in the place of a camera, and no question whether it may be used.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    # A name leads nowhere, so that a request to another host fails, too.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def launch_options() -> dict[str, Any]:
    """Name the browser of the system, if it has one, else leave it to Playwright."""
    flags = list(FLAGS)
    if os.name == "posix" and os.geteuid() == 0:
        flags.append("--no-sandbox")  # its sandbox does not run as root
    names = ("chromium", "chromium-browser", "google-chrome")
    return {"executable_path": next(filter(None, map(shutil.which, names)), None), "args": flags}
