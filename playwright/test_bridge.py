"""A page of another origin shows a notebook of the site and talks to it; others cannot."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright, expect

from pages import START_TIMEOUT_MS, Notebook, Tab
from serve import serving, serving_with_host
from watch import Watch

ROOT = Path(__file__).parent.parent
FILES = Path(__file__).parent / "files"
EXAMPLES = ROOT / "examples/host"

NewTab = Callable[[str], Tab]

# In a private window, as a test's is, JupyterLite gets neither a service worker nor a store in an
# iframe of another site.
DENIED = "page error: undefined"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples' pages, and those of these tests."""
    folder = tmp_path_factory.mktemp("host")
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    for name in ("host.html", "intruder.html"):
        shutil.copy(FILES / name, folder)
    return folder


@pytest.fixture(scope="module")
def urls(bench: Path, pages: Path) -> Iterator[tuple[str, str]]:
    """The URLs of the site and of the host pages, at two origins."""
    with serving_with_host(bench, pages) as urls:
        yield urls


def open_tab(new: NewTab, site: str, host: str) -> Tab:
    tab = new(host)
    tab.watch.allow(site)
    tab.watch.forgive(DENIED)
    return tab


@pytest.fixture
def tab(new_tab: NewTab, urls: tuple[str, str]) -> Tab:
    """A tab for the pages of the examples."""
    return open_tab(new_tab, *urls)


class Host:
    """A host page with an iframe, in the terms of its script."""

    def __init__(self, tab: Tab, site: str) -> None:
        self.tab = tab
        self.page = tab.page
        self.site = site
        self.page.goto(f"{tab.url}host.html")
        self.page.wait_for_function("globalThis.connect !== undefined")

    def show(self, path: str) -> None:
        """Show a page of the site in the iframe."""
        self.page.evaluate("src => { iframe.src = src; }", f"{self.site}{path}")

    def connect(self, **options: Any) -> str:
        """Connect; returns the error, or an empty text."""
        error: str = self.page.evaluate(
            """async options => {
              globalThis.heard = [];
              try {
                globalThis.kernel = await connect(iframe, options);
                kernel.onStatus((status, reason) => heard.push(['status', status, reason]));
                return '';
              } catch (error) {
                return `${error.name}: ${error.message}`;
              }
            }""",
            options,
        )
        return error

    def run(self, script: str) -> Any:
        """Run a function of the page, with its `kernel`."""
        return self.page.evaluate(script)

    def hears(self, *expected: Any) -> None:
        """Wait until the page has heard something; it is forgotten then."""
        self.page.wait_for_function(
            "count => heard.length >= count", arg=len(expected), timeout=START_TIMEOUT_MS
        )
        assert self.page.evaluate("heard.splice(0)") == list(expected)

    @property
    def notebook(self) -> Notebook:
        """The notebook in the iframe."""
        root = self.page.frame_locator("iframe").locator(".jp-NotebookPanel")
        return Notebook(self.tab, root)

    def restart_kernel(self) -> None:
        """Restart the notebook's kernel with the keyboard."""
        frame = self.page.frame_locator("iframe")
        frame.locator(".jp-InputPrompt").last.click()
        self.page.keyboard.press("0")
        self.page.keyboard.press("0")
        frame.locator(".jp-Dialog .jp-mod-accept").click()


@pytest.fixture(scope="module")
def host(new_shared_tab: NewTab, urls: tuple[str, str]) -> Host:
    """A host page that is connected to an empty notebook."""
    host = Host(open_tab(new_shared_tab, *urls), urls[0])
    host.show("notebooks/index.html?path=empty.ipynb")
    assert host.connect(path="empty.ipynb") == ""
    return host


OPEN = """name => {
  globalThis.comm?.close();
  const comm = globalThis.comm = kernel.open(name, {n: 1}, {buffers: [new Uint8Array([1, 2])]});
  comm.onMsg(({content, buffers}) => {
    heard.push(['message', content.data, buffers.map(view => view.byteLength)]);
  });
  comm.onClose(({metadata}) => heard.push(['closed', metadata.lite_comms ?? null]));
}"""

ECHO = """\
from comm import get_comm_manager
import lite_comms

def echo(comm, msg):
    opened = {"opened": msg["content"]["data"], "metadata": msg["metadata"]}
    comm.send(opened, buffers=msg["buffers"])
    comm.on_msg(lambda msg: comm.send(msg["content"]["data"], buffers=[b"abc"]))

get_comm_manager().register_target("secret", echo)
get_comm_manager().register_target("echo", echo, exposed=True)
"""


def test_the_host_page_waits_for_a_target_and_both_speak(host: Host) -> None:
    host.run("() => { kernel.whenTarget('echo').then(() => heard.push('exposed')); }")
    host.notebook.python(ECHO)
    host.hears("exposed")
    host.page.evaluate(OPEN, "echo")
    host.run("() => comm.send([1, null])")
    origin = host.tab.url.rstrip("/")
    host.hears(
        ["message", {"opened": {"n": 1}, "metadata": {"lite_comms": {"origin": origin}}}, [2]],
        ["message", [1, None], [3]],
    )


def test_the_newest_values_go_and_a_loop_takes_what_comes(host: Host) -> None:
    heard = host.run(
        """async () => {
          const comm = kernel.open('echo');
          [1, 2, 3].forEach(value => comm.sendLatest(value));
          const heard = [];
          for await (const {content} of comm) {
            heard.push(content.data);
            if (content.data === 3) {
              comm.close();
            }
          }
          return heard.slice(1);
        }"""
    )
    assert heard == [3]


def test_what_is_not_exposed_is_refused_and_both_sides_are_told(host: Host) -> None:
    for name in ("secret", "jupyter.widget", "constructor"):
        evalue = f'the notebook does not expose a comm target "{name}"'
        host.page.evaluate(OPEN, name)
        host.hears(["closed", {"ename": "PermissionError", "evalue": evalue}])


def test_the_kernel_refuses_by_itself_what_a_page_lets_through(host: Host) -> None:
    # As a page would that takes a target for exposed.
    denied = "https://evil.example may not open comm target 'secret' (exposed: 'echo')"
    with host.tab.watch.error(re.escape(denied)):
        said = host.notebook.javascript(
            """
            const {comm_manager} = Jupyter.notebook.kernel;
            const metadata = {lite_comms: {origin: 'https://evil.example'}};
            const comm = comm_manager.new_comm('secret', {}, null, metadata);
            comm.on_close(msg => say(msg.metadata.lite_comms.evalue));
            """
        )
        expect(said.locator(".said")).to_have_text(f'"{denied}"')


def test_the_kernel_opens_a_comm_to_the_host_page(host: Host) -> None:
    host.run(
        """() => {
          kernel.registerTarget('chart', (comm, {content}) => {
            heard.push(['opened', comm.targetName, content.data]);
            comm.send({drawn: true});
          });
        }"""
    )
    host.notebook.run("chart = lite_comms.Comm('host:chart', {'points': [1, 2]})")
    host.hears(["opened", "chart", {"points": [1, 2]}])
    assert host.notebook.python("(await chart.areceive())['content']['data']") == "{'drawn': True}"


REQUESTS = """\
def sums(comm, msg):
    global asked
    asked = comm
    comm.on_request(lambda msg: sum(msg["content"]["data"]))

get_comm_manager().register_target("sums", sums, exposed=True)
"""


def test_requests_are_answered_both_ways(host: Host) -> None:
    host.notebook.python(REQUESTS)
    answers = host.run(
        """async () => {
          await kernel.whenTarget('sums');
          const comm = kernel.open('sums');
          comm.onRequest(({content}) => content.data.length);
          const failed = await comm.request('a').catch(error => [error.name, error.ename]);
          return [(await comm.request([1, 2, 3])).content.data, failed];
        }"""
    )
    assert answers == [6, ["RequestError", "TypeError"]]
    assert host.notebook.python("(await asked.arequest('four'))['content']['data']") == "4"


def test_an_iframe_in_an_output_gets_no_port_though_its_origin_is_named(host: Host) -> None:
    url = f"{host.tab.url}intruder.html"
    output = host.notebook.run(f"from IPython.display import IFrame\nIFrame({url!r}, 600, 80)")
    origin = host.tab.url.rstrip("/")
    expect(output.frame_locator("iframe").locator("p")).to_have_text(
        f"refuse, 0 ports: {origin} is not the page that shows this one in an iframe"
    )


def test_a_restart_is_told_and_closes_the_comms(host: Host) -> None:
    host.page.evaluate(OPEN, "echo")
    host.page.wait_for_function("heard.length > 0")
    host.run("() => heard.splice(0)")
    host.restart_kernel()
    host.page.wait_for_function(
        "heard.some(([what, status]) => what === 'status' && status === 'ready')",
        timeout=START_TIMEOUT_MS,
    )
    heard = host.run("() => heard.splice(0)")
    assert next(status for what, status, *_ in heard if what == "status") == "restarting"
    assert [why for what, why, *_ in heard if what == "closed"] == [
        {"ename": "KernelRestarted", "evalue": "the kernel has been restarted"}
    ]
    # Nothing is exposed by the new kernel.
    host.page.evaluate(OPEN, "echo")
    host.page.wait_for_function("heard.length > 0")
    assert host.run("() => heard.splice(0)")[0][0] == "closed"


def test_a_navigation_ends_the_connection_and_a_new_one_can_be_made(host: Host) -> None:
    host.notebook.python(ECHO)
    host.run("() => kernel.whenTarget('echo')")
    host.page.evaluate(OPEN, "echo")
    host.page.wait_for_function("heard.length > 0")
    host.run("() => heard.splice(0)")
    host.show("repl/index.html?kernel=python")
    why = "the page has been left"
    host.hears(["closed", {"ename": "Disconnected", "evalue": why}], ["status", "closed", why])
    assert host.connect() == ""
    assert host.run("() => kernel.status") == "ready"


def test_a_host_page_that_comes_back_from_the_cache_of_the_browser_is_still_connected(
    playwright: Playwright, browser_type_launch_args: dict[str, Any], urls: tuple[str, str]
) -> None:
    browser = playwright.chromium.launch(
        **browser_type_launch_args, ignore_default_args=["--disable-back-forward-cache"]
    )
    with closing(browser):
        context = browser.new_context()
        watch = Watch(context, urls[1], [DENIED, "favicon", "codemirror-extension:commands"])
        watch.allow(urls[0])
        host = Host(Tab(context.new_page(), watch, urls[1]), urls[0])
        host.show("repl/index.html?kernel=python")
        assert host.connect() == ""
        host.run("() => addEventListener('pageshow', event => heard.push(event.persisted))")
        host.page.goto(f"{urls[1]}site.js")
        host.page.go_back(wait_until="commit")
        host.hears(True)
        assert host.run("() => kernel.status") == "ready"
        host.run(
            "() => kernel.open('nothing')"
            ".onClose(({metadata}) => heard.push(metadata.lite_comms.ename))"
        )
        host.hears("PermissionError")
        assert watch.problems() == []


def test_a_path_that_is_not_open_is_waited_for_and_then_named(host: Host) -> None:
    site = host.site.rstrip("/")
    assert host.connect(path="other.ipynb", timeout_ms=1000) == (
        f"TimeoutError: connect: {site}: 'other.ipynb' is not open there: nothing in 1000 ms"
    )


def test_an_iframe_that_is_removed_ends_the_connection(host: Host) -> None:
    assert host.connect() == ""
    host.run("() => iframe.remove()")
    host.page.wait_for_function("kernel.status === 'closed'")


def test_a_site_that_does_not_name_the_origin_refuses_it(
    new_tab: NewTab, plain: str, pages: Path
) -> None:
    with serving(pages, files={"site.js": f"export const SITE = '{plain}';"}) as url:
        host = Host(open_tab(new_tab, plain, url), plain)
        origin = url.rstrip("/")
        reason = f"""the site's setting "origins" of "lite-comms:bridge" does not name {origin}"""
        host.show("repl/index.html?kernel=python")
        assert host.connect() == f"RefusedError: {plain.rstrip('/')} refuses: {reason}"


def test_the_example_draws_what_the_notebook_answers(tab: Tab) -> None:
    page = tab.page
    page.goto(tab.url)
    status = page.locator("p[role=status]")
    expect(status).to_have_text(
        "Run the cells of the notebook: the last one lets this page ask.",
        timeout=START_TIMEOUT_MS,
    )
    notebook = Notebook(tab, page.frame_locator("iframe").locator(".jp-NotebookPanel"))
    notebook.run_cell(2)
    notebook.run_cell(4)
    expect(status).to_have_text("The notebook has answered with 60 numbers.")
    line = page.locator("polyline")
    before = line.get_attribute("points")
    page.get_by_role("slider", name="Rate").press("End")
    expect(line).not_to_have_attribute("points", before or "")


def test_the_example_with_a_repl_runs_the_code_of_its_url(tab: Tab) -> None:
    page = tab.page
    page.goto(f"{tab.url}repl.html")
    button = page.get_by_role("button", name="Describe")
    expect(button).to_be_enabled(timeout=START_TIMEOUT_MS)
    button.click()
    expect(page.locator("p[role=status]")).to_have_text("The mean is 3.875, the median 3.5.")


GUIDE = (ROOT / "docs/host.md").read_text("utf-8")


def block(kind: str, text: str) -> str:
    """The block of the guide that contains a text."""
    found = re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    (code,) = (code for code in found if text in code)
    return str(code)


@contextmanager
def serve_guide(bench: Path, folder: Path, page: str) -> Iterator[tuple[str, str]]:
    """Serve the guide's page, with host.js copied beside it."""
    shutil.copy(bench / "extensions/lite-comms/static/host.js", folder)
    (folder / "index.html").write_text(page, "utf-8")
    with serving_with_host(bench, folder) as urls:
        site = page.replace("https://site.example.org/", urls[0])
        assert site != page
        (folder / "index.html").write_text(site, "utf-8")
        yield urls


def ask(tab: Tab) -> None:
    """Ask for the root of 2, as a reader of the guide does."""
    tab.page.get_by_role("button").click()
    expect(tab.page.locator("output")).to_have_text("1.4142135623730951")


def test_the_page_of_the_guide_asks_the_notebook(
    new_tab: NewTab, bench: Path, tmp_path: Path
) -> None:
    page = block("html", "<form>").replace("roots.ipynb", "empty.ipynb")
    with serve_guide(bench, tmp_path, page) as urls:
        tab = open_tab(new_tab, *urls)
        tab.page.goto(tab.url)
        output = tab.page.locator("output")
        expect(output).to_have_text("Run the cell of the notebook.", timeout=START_TIMEOUT_MS)
        notebook = Notebook(tab, tab.page.frame_locator("iframe").locator(".jp-NotebookPanel"))
        notebook.python(block("python", "def roots"))
        expect(output).to_have_text("Ready.")
        ask(tab)


def test_the_page_of_the_guide_asks_a_repl(new_tab: NewTab, bench: Path, tmp_path: Path) -> None:
    page = block("html", "<form>")
    own = re.compile(r"^ +iframe\.src = .*\n +const kernel = .*\n", re.MULTILINE)
    page, count = own.subn(lambda _: block("js", "encodeURIComponent"), page)
    assert count == 1
    with serve_guide(bench, tmp_path, page) as urls:
        tab = open_tab(new_tab, *urls)
        tab.page.goto(tab.url)
        expect(tab.page.locator("output")).to_have_text("Ready.", timeout=START_TIMEOUT_MS)
        ask(tab)
