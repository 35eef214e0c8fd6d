"""What a user sees and does: notebooks, consoles, the lab around them. In the user's terms."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from watch import Watch

# The first cell waits for the kernel, which starts in the browser.
START_TIMEOUT_MS = 90_000

# The first cell of a notebook on a site without lite_comms, and the URLs of such sites.
LOAD = "%pip install -q lite-comms\n%load_ext lite_comms\nimport lite_comms"
LOADED: set[str] = set()

# Writes a value into the output of a cell, for a user to see.
SAY = """\
const say = value => {
  const line = element.appendChild(document.createElement('div'));
  line.className = 'said';
  line.textContent = JSON.stringify(value);
};
"""

# Run before a page's own scripts, it keeps the page's workers, the newest last.
WORKERS = """
globalThis.workers = [];
globalThis.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    workers.push(this);
  }
};
"""

# A cell that begins with it shows that it runs: from then on it can be interrupted.
RUNS = "print('runs', flush=True)\n"

DONE = re.compile(r"\[\d+\]:")


class _Cells:
    """A notebook or a console."""

    def __init__(self, tab: Tab, root: Locator) -> None:
        self.tab = tab
        self.page = tab.page
        self.watch = tab.watch
        self.root = root

    def run(self, code: str) -> Locator:
        """Type and run a cell, and return its output area when the cell is done."""
        raise NotImplementedError

    def python(self, code: str) -> str:
        """Run Python and return its output as text."""
        return text(self.run(code))

    def javascript(self, code: str) -> Locator:
        """Run JavaScript in a cell, which can write lines into its output with `say`."""
        return self.run(f"%%javascript\n{SAY}{code}")


class Notebook(_Cells):
    """A notebook, in the notebook app or in the lab."""

    @property
    def cells(self) -> Locator:
        """All cells, in their order."""
        return self.root.locator(".jp-Notebook .jp-Cell")

    def run(self, code: str) -> Locator:
        """Type into the last cell, which is empty, and run it; a new one appears below."""
        number = self.start(code)
        self.ended(number)
        return self.cells.nth(number).locator(".jp-OutputArea")

    def run_cell(self, number: int) -> Locator:
        """Run an existing cell and return its output area when the cell is done."""
        self.begin(number)
        self.ended(number)
        return self.cells.nth(number).locator(".jp-OutputArea")

    def begin(self, number: int) -> int:
        """Start an existing cell; its number, without waiting for its end."""
        self.cells.nth(number).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        return number

    def start(self, code: str) -> int:
        """Type into the last cell and start it; its number, without waiting for its end."""
        number = self.cells.count() - 1
        self.cells.nth(number).locator(".cm-content").click()
        self.page.keyboard.insert_text(code)
        return self.begin(number)

    def running(self, code: str) -> int:
        """Start a cell that prints `runs` first, and wait for that; its number."""
        number = self.start(f"{RUNS}{code}")
        expect(self.cells.nth(number).locator(".jp-OutputArea")).to_contain_text("runs")
        return number

    def ended(self, number: int, prompt: str | re.Pattern[str] = DONE) -> str:
        """Wait for the end of a cell that was started, and return its output as text."""
        cell = self.cells.nth(number)
        expect(cell.locator(".jp-InputPrompt")).to_have_text(prompt, timeout=START_TIMEOUT_MS)
        return text(cell.locator(".jp-OutputArea"))

    def stop(self) -> None:
        """Press Stop."""
        self.page.get_by_title("Interrupt the kernel").first.click()

    def restart_kernel(self) -> None:
        """Restart the kernel with the keyboard."""
        self.root.locator(".jp-InputPrompt").last.click()
        self.page.keyboard.press("0")
        self.page.keyboard.press("0")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()

    def change_kernel(self) -> None:
        """Have another, new kernel."""
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.get_by_role("menuitem", name="Change Kernel…").click()
        dialog = self.page.locator(".jp-Dialog")
        dialog.get_by_role("combobox").select_option("Python (Pyodide)")
        dialog.locator(".jp-mod-accept").click()

    def trust(self) -> None:
        """Trust what the notebook shows, whoever has made it."""
        self.page.get_by_role("button", name="Not Trusted").click()
        self.page.locator(".jp-Dialog .jp-mod-accept").click()

    def open_console(self) -> Console:
        """Open a console on the kernel of this notebook."""
        self.root.locator(".jp-InputPrompt").last.click(button="right")
        self.page.get_by_role("menuitem", name="New Console for Notebook").click()
        return Console(self.tab, self.page.locator(".jp-ConsolePanel"))


class Console(_Cells):
    """A code console."""

    def start(self, code: str) -> Locator:
        """Type into the prompt and run it; returns its cell."""
        cells = self.root.locator(".jp-CodeConsole-content .jp-CodeCell")
        number = cells.count()
        self.root.locator(".jp-CodeConsole-promptCell .cm-content").click()
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
        return cells.nth(number)

    def run(self, code: str) -> Locator:
        """Run code and wait for its end; returns its output."""
        return self.ended(self.start(code))

    def running(self, code: str) -> Locator:
        """Start a cell that prints `runs` first, and wait for that; returns the cell."""
        cell = self.start(f"{RUNS}{code}")
        expect(cell.locator(".jp-OutputArea")).to_contain_text("runs")
        return cell

    def ended(self, cell: Locator) -> Locator:
        """Wait for the end of a cell that was started; returns its output."""
        expect(cell.locator(".jp-InputPrompt")).to_have_text(DONE, timeout=START_TIMEOUT_MS)
        return cell.locator(".jp-OutputArea")


def said(output: Locator) -> Locator:
    """Return the lines that JavaScript has written into its cell's output with `say`."""
    return output.locator(".said")


def text(output: Locator) -> str:
    """Return the text of a cell's outputs, without their prompts."""
    return "\n".join(output.locator(".jp-OutputArea-output").all_inner_texts()).strip()


@dataclass
class Tab:
    """A tab of a browser, on one site.

    Parameters
    ----------
    page : Page
        The tab.
    watch : Watch
        Knows what has gone wrong in it.
    url : str
        The site.
    first_cell : str
        What a notebook has to run before it can use lite_comms.
    """

    page: Page
    watch: Watch
    url: str
    first_cell: str = "import lite_comms"

    def notebook(self, path: str = "empty.ipynb", cells: int = 1) -> Notebook:
        """Open a notebook in the notebook app; `cells` is how many it has."""
        self.page.goto(f"{self.url}notebooks/index.html?path={path}")
        notebook = Notebook(self, self.page.locator(".jp-NotebookPanel"))
        # They appear one after the other.
        expect(notebook.cells).to_have_count(cells, timeout=START_TIMEOUT_MS)
        # JupyterLab may forget a cell that is run just when the session gets its kernel.
        kernel = self.page.locator(".jp-KernelName")
        expect(kernel).not_to_have_text("No Kernel", timeout=START_TIMEOUT_MS)
        return notebook

    def repl(self) -> Console:
        """Open the REPL, with its tool bar."""
        self.page.goto(f"{self.url}repl/index.html?kernel=python&toolbar=1")
        return Console(self, self.page.locator(".jp-ConsolePanel"))

    def console(self) -> Console:
        """Open the consoles app with a Python kernel."""
        self.page.goto(f"{self.url}consoles/index.html?path=a-console")
        self.page.locator(".jp-Dialog .jp-mod-accept").click(timeout=START_TIMEOUT_MS)
        return Console(self, self.page.locator(".jp-ConsolePanel"))

    def server_notebook(self, path: str, cells: int = 1) -> Notebook:
        """Open a notebook in JupyterLab on a Jupyter server."""
        self.page.goto(f"{self.url}lab/tree/{path}?reset")
        notebook = Notebook(self, self.page.locator(".jp-NotebookPanel"))
        expect(notebook.cells).to_have_count(cells, timeout=START_TIMEOUT_MS)
        # A cell that is run while the session has no kernel yet is not queued.
        status = self.page.locator("#jp-main-statusbar")
        expect(status).to_contain_text("(ipykernel) | Idle", timeout=START_TIMEOUT_MS)
        return notebook

    def lab(self, *paths: str) -> list[Notebook]:
        """Open the lab with notebooks of one cell each."""
        query = "&".join(f"path={path}" for path in paths)
        self.page.goto(f"{self.url}lab/index.html?{query}")
        notebooks = []
        for path in paths:
            panel = self.lab_tab(path).get_attribute("data-id", timeout=START_TIMEOUT_MS)
            notebook = Notebook(self, self.page.locator(f"[id='{panel}']"))
            expect(notebook.cells).to_have_count(1)
            notebooks.append(notebook)
        return notebooks

    def lab_tab(self, name: str) -> Locator:
        """Return the lab's tab of this name; a notebook's comes before its console's."""
        tabs = self.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")
        return tabs.filter(has_text=name).first

    def app(self, name: str) -> Notebook | Console:
        """Open an app by its name: `lab`, with one notebook, `notebook`, `repl` or `console`."""
        cells: Notebook | Console
        cells = self.lab("empty.ipynb")[0] if name == "lab" else getattr(self, name)()
        return cells

    def put_to_the_right(self, name: str) -> None:
        """Drag a tab of the lab to the right edge, so that it stands beside the others."""
        self.lab_tab(name).hover()
        self.page.mouse.down()
        self.page.mouse.move(900, 400, steps=10)
        self.page.mouse.move(1120, 400, steps=10)
        self.page.mouse.up()
        expect(self.page.locator(".lm-DockPanel-tabBar")).to_have_count(2)

    def close_in_lab(self, name: str) -> None:
        """Close a tab of the lab without saving."""
        self.lab_tab(name).locator(".lm-TabBar-tabCloseIcon").click()
        self.page.get_by_role("button", name="Discard").click()
