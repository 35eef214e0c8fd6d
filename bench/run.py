"""Measures lite_comms beside stock JupyterLite and the floor, in one browser: ``make bench``.

All sites (sites.py) are open in one browser, each with a notebook, and do the
same work (work.js, kernel.py) in turns, round by round (measures.py), so that whatever else
the machine does meets all of them. One is a stock site whose notebook has loaded
lite_comms. The floor is the same work over the bare
Worker, in the kernel of our site and in the same rounds. A wrong or a missing
answer ends the benchmark with an error.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench import report
from bench.measures import Plan, measure, part, say
from bench.sites import LOAD, NOTEBOOK, add_wheel, build_wheel, copy_site, sizes, write_notebook
from chromium import launch_options
from lab_server import lab_server

HERE = Path(__file__).parent
ROOT = HERE.parent
# Or `measureUserAgentSpecificMemory` waits for a garbage collection, up to half a minute.
MEASURE_AT_ONCE = "--enable-blink-features=ForceEagerMeasureMemory"
FULL = Plan(rounds=5, boots=3, loads=2, soak=50_000)
QUICK = Plan(rounds=2, boots=1, loads=1, soak=5_000)
SMOKE = Plan(
    rounds=1, boots=1, loads=1, soak=100, messages=20, crowds=(10, 20, 30), answers=2, repeats=1
)


@contextmanager
def server(python: str) -> Iterator[str]:
    """Start JupyterLab with ipykernel; the URL of the notebook there."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        write_notebook(home, "python3")
        options = (
            f"--ServerApp.root_dir={home}",
            "--ZMQChannelsWebsocketConnection.limit_rate=False",  # meant for a network
        )
        with lab_server(python, home, *options) as url:
            yield f"{url}lab/tree/{NOTEBOOK}"


def main() -> None:
    """Measure, and write down what was measured."""
    parser = argparse.ArgumentParser(description="lite_comms beside stock JupyterLite.")
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "_site")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="plan", action="store_const", const=QUICK)
    size.add_argument("--smoke", dest="plan", action="store_const", const=SMOKE)
    parser.add_argument("--hosts", nargs="+", default=["plain", "isolated"])
    parser.add_argument(
        "--server",
        nargs="?",
        const=sys.executable,
        metavar="PYTHON",
        help="beside JupyterLab and ipykernel, too, as this Python has them",
    )
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs/images/benchmark.svg")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    args = parser.parse_args()
    if not (args.site / "jupyter-lite.json").exists():
        parser.error(f"{args.site} is not a site; run `make site` first")
    plan: Plan = args.plan or FULL
    with part("all of it"), ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        folders = {
            name: copy_site(args.site, home / name, stock=name == "stock")
            for name in ("stock", "ours")
        }
        loaded = copy_site(args.site, home / "loaded", stock=True)
        add_wheel(loaded, build_wheel(ROOT, home))
        write_notebook(loaded / "files", "python", LOAD)
        options = launch_options()
        options["args"].append(MEASURE_AT_ONCE)
        browser = stack.enter_context(sync_playwright()).chromium.launch(**options)
        stack.callback(browser.close)
        server_url = stack.enter_context(server(args.server)) if args.server else None
        results = {
            "made": made(browser, plan),
            "sizes": sizes(args.site),
            "hosts": {},
        }
        for host in args.hosts:
            say(host)
            # A server has no isolated pages.
            is_plain = host == "plain"
            results["hosts"][host] = measure(
                browser,
                # On an isolated page JupyterLite's own kernel hangs now and then.
                {**folders, "loaded": loaded} if is_plain else folders,
                plan,
                isolated=not is_plain,
                server_url=server_url if is_plain else None,
            )
    args.results.write_text(json.dumps(report.rounded(results), indent=1) + "\n", "utf-8")
    table = report.table(results)
    print(table)
    args.plot.parent.mkdir(parents=True, exist_ok=True)
    report.plot(results, args.plot)
    if args.readme:
        report.write_readme(ROOT / "README.md", table)


def made(browser: Browser, plan: Plan) -> dict[str, Any]:
    """By what, when, where."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "browser": f"Chromium {browser.version}",
        "jupyterlite-core": version("jupyterlite-core"),
        "jupyterlite-pyodide-kernel": version("jupyterlite-pyodide-kernel"),
        "plan": asdict(plan),
    }


if __name__ == "__main__":
    main()
