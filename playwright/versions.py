"""Tries lite_comms on several versions of JupyterLite, and prints a table of what works.

For each version two sites are built (version_sites.py): one without lite_comms, to which a notebook
brings it, and one with the extension. Nothing but package registries is asked for that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Error, expect, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT), str(Path(__file__).parent)]

from chromium import launch_options  # noqa: E402
from pages import LOAD, Console, Notebook, Tab, said  # noqa: E402
from serve import serving  # noqa: E402
from version_sites import CACHE, build, install, run  # noqa: E402
from watch import Watch  # noqa: E402

# Of jupyterlite-core and of jupyterlite-pyodide-kernel.
VERSIONS = (
    ("0.6.4", "0.6.1"),
    ("0.7.6", "0.7.2"),
    ("0.8.6", "0.8.6"),
    ("0.8.6", "0.8.7"),
    ("0.9.0a2", "0.9.0a1"),
)

STATUS = "import lite_comms\nlite_comms.status();"
ECHO = """
import time
from comm import get_comm_manager

heard = []

def echo(comm, msg):
    global last
    last = comm

    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"])
        if heard[-1] == "hello":
            comm.send("hello")

get_comm_manager().register_target("echo", echo)
"""
ECHO_PAGE = """
const comm = Jupyter.notebook.kernel.comm_manager.new_comm('echo');
comm.on_msg(msg => msg.content.data === 'ask' ? comm.send('answer') : say(msg.content.data));
comm.send('hello');
"""
LOOP = """
last.send("ask")
end = time.time() + 10
while "answer" not in heard and time.time() < end: pass
print("handled" if "answer" in heard else "not handled")
"""
# What is printed and what is sent arrives in one order.
FOLLOW = """() => {
  globalThis.order = [];
  const {kernel} = jupyterapp.shell.currentWidget.sessionContext.session;
  kernel.iopubMessage.connect((_, {header: {msg_type}, content}) => {
    if (msg_type === 'stream') {
      order.push(...(content.text.match(/\\d+/g) ?? []).map(Number));
    } else if (msg_type === 'comm_msg') {
      order.push(content.data);
    }
  });
}"""
ORDER = """
for i in range(0, 200, 2):
    print(i, flush=True)
    last.send(i + 1)
"""
# As `while True: pass`, but where it cannot be stopped the kernel can be used after it.
ENDLESS = "for _ in range(3 * 10**8): pass\nprint('not stopped')"
STOP = "app => setTimeout(() => jupyterapp.commands.execute(`${app}:interrupt-kernel`), 1500)"
SLIDER = "%pip install -q ipywidgets\nimport ipywidgets\nslider = ipywidgets.IntSlider()\nslider"


def failures(
    cells: Notebook | Console, first_cell: str, *, stock: bool
) -> Iterator[tuple[str, str]]:
    """Use a new kernel; what does not work, and what is seen instead."""
    if stock and (seen := cells.python("1 + 1")) != "2":
        yield "start", seen
    if "active, transport port" in (seen := cells.python(first_cell)):
        cells.python(ECHO)
        expect(said(cells.javascript(ECHO_PAGE)), "echo").to_have_text(['"hello"'])
        if (seen := cells.python(LOOP)) != "handled":
            yield "loop", seen
        cells.page.evaluate(FOLLOW)
        cells.run(ORDER)
        if (order := cells.page.evaluate("order")) != list(range(200)):
            yield "order", f"{order}"
        cells.page.evaluate(STOP, "notebook" if isinstance(cells, Notebook) else "console")
        if "KeyboardInterrupt" not in (seen := cells.python(ENDLESS)):
            yield "Stop", seen
    else:
        yield "port", seen
    cells.run(SLIDER).locator(".jupyter-widgets .noUi-handle").focus()
    cells.page.keyboard.press("ArrowRight")
    if (seen := cells.python("slider.value")) != "1":
        yield "slider", seen


def try_app(browser: Browser, url: str, app: str, *, stock: bool) -> tuple[dict[str, str], int]:
    """Try an app of a site; what fails there, and how many warnings our extension brings."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    warnings: list[str] = []
    context.on(
        "console",
        lambda told: (
            warnings.append(told.text)
            if told.type == "warning" and "/lite-comms/" in told.location["url"]
            else None
        ),
    )
    tab = Tab(context.new_page(), Watch(context, url, []), url)
    failed: dict[str, str] = {}
    try:
        cells = tab.app(app)
        failed.update(failures(cells, f"{LOAD}\n{STATUS}" if stock else STATUS, stock=stock))
        if failed:
            failed["status"] = cells.python(STATUS)
    except (AssertionError, Error) as error:
        failed["end"] = f"{error}"
    if failed:
        failed["console"] = "\n".join(tab.watch.problems())
    context.close()
    return failed, len(warnings)


def try_version(
    browser: Browser, core: str, kernel: str, wheel: Path, details: list[str]
) -> Iterator[str]:
    """Try a version; its rows of the table."""
    name = f"{core} + {kernel}"
    home = CACHE / name.replace(" ", "")
    pyodide = install(home, core, kernel)
    sites = [build(home, wheel, extension=extension) for extension in (True, False)]
    for isolated in (False, True):
        row = [name, pyodide, "isolated" if isolated else "plain"]
        most_warnings = 0
        for site in sites:
            works = []
            for app in ("notebook", "repl"):
                with serving(site, isolated=isolated) as url:
                    failed, warnings = try_app(browser, url, app, stock=site.name == "stock")
                most_warnings = max(most_warnings, warnings)
                steps = ", ".join(step for step in failed if step not in ("status", "console"))
                works.append(f"no ({steps})" if steps else "yes")
                where = f"{name}, {row[2]}, {site.name}, {app}"
                print(f"{where}: {works[-1]}", file=sys.stderr, flush=True)
                if failed:
                    seen = "\n".join(f"- {step}: {text}" for step, text in failed.items())
                    details.append(f"{where}\n{seen}")
            row.append(works[0] if works[0] == works[1] else "notebook {}, REPL {}".format(*works))
        row.append(f"{most_warnings} warnings about shared modules" if most_warnings else "")
        yield f"| {' | '.join(row)} |"


def newest(package: str, *, pre: bool) -> str:
    """Ask the index for the newest version of a package."""
    options = ("--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report=-")
    command = (sys.executable, "-m", "pip", "install", *options, *["--pre"] * pre, package)
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    version: str = report["install"][0]["metadata"]["version"]
    return version


def main() -> int:
    """Print the table, and what was seen where something fails."""
    parser = argparse.ArgumentParser(description="Try lite_comms on versions of JupyterLite.")
    parser.add_argument("--only", default="", help="versions of either, as in 0.7.6,0.9.0a1")
    parser.add_argument(
        "--newest", action="store_true", help="the newest release and pre-release instead"
    )
    parser.add_argument("--wheel", type=Path, help="of lite_comms; by default it is built")
    args = parser.parse_args()
    only = set(filter(None, args.only.split(",")))
    versions = VERSIONS
    if args.newest:
        packages = ("jupyterlite-core", "jupyterlite-pyodide-kernel")
        pairs = ([newest(package, pre=pre) for package in packages] for pre in (False, True))
        versions = tuple(dict.fromkeys((core, kernel) for core, kernel in pairs))
    details: list[str] = []
    rows = [
        "| core + kernel | Pyodide | page | in the build | brought by a notebook | remarks |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        wheel = args.wheel
        if wheel is None:
            options = ("--wheel", "--no-isolation", "--outdir", folder)
            run(ROOT, sys.executable, "-m", "build", *options)
            (wheel,) = Path(folder).glob("*.whl")
        browser = playwright.chromium.launch(**launch_options())
        for pair in versions:
            if not only or only & set(pair):
                rows += try_version(browser, *pair, wheel.resolve(), details)
        browser.close()
    print("\n".join(rows))
    for detail in details:
        print(f"\n{detail}")
    return 1 if details else 0


if __name__ == "__main__":
    sys.exit(main())
