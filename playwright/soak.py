"""Long traffic at random on a kernel of the site; `make soak` calls it."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).parent
sys.path.append(str(ROOT))

from chromium import launch_options  # noqa: E402
from serve import serving  # noqa: E402

TELL_S = 10


def soak(page: Page, url: str, seconds: float, seed: int, restart_every_s: float = 15) -> Any:
    """Run the traffic on a page of a site that exposes its app.

    Parameters
    ----------
    page : Page
        An empty page.
    url : str
        The site.
    seconds : float
        How long.
    seed : int
        What is done is decided by it, as far as the clock lets it.
    restart_every_s : float
        Seconds between restarts of the kernel.

    Returns
    -------
    dict
        What was counted, and the problems that were found.
    """
    page.goto(f"{url}lab/index.html")
    page.wait_for_function("globalThis.jupyterapp?.restored", timeout=120_000)
    page.evaluate("jupyterapp.restored.then(() => jupyterapp.serviceManager.kernelspecs.ready)")
    page.add_script_tag(path=HERE / "soak.js")
    page.evaluate(
        "([seconds, seed, restart]) => { soak(seconds, seed, restart)"
        ".then(done => { window.soaked = done; }, error => { window.soaked = "
        "{...window.soakState, problems: [`${error.stack ?? error}`]}; }); }",
        [seconds, seed, restart_every_s],
    )
    start = told = monotonic()
    while (done := page.evaluate("window.soaked")) is None:
        page.wait_for_timeout(500)
        if sys.stdout.isatty() and monotonic() - told > TELL_S:
            told = monotonic()
            print(
                f"{told - start:.0f} s", json.dumps(page.evaluate("window.soakState")), flush=True
            )
    return done


def main() -> int:
    """Run it for as long as is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--isolated", action="store_true", help="on a cross-origin isolated page")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "_site"
        shutil.copytree(ROOT / "_site", site)
        config = site / "jupyter-lite.json"
        data = json.loads(config.read_text("utf-8"))
        data["jupyter-config-data"]["exposeAppInBrowser"] = True
        config.write_text(json.dumps(data), "utf-8")
        with (
            serving(site, isolated=options.isolated) as url,
            sync_playwright() as playwright,
            playwright.chromium.launch(**launch_options()) as browser,
        ):
            done = soak(browser.new_page(), url, options.minutes * 60, options.seed)
    print(json.dumps(done, indent=2))
    return 1 if done["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
