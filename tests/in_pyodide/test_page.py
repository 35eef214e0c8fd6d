"""How a kernel brings the page its half, and waits for it; the page's script is a stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .conftest import JSPI, NewKernel
from .kernel import Kernel
from .page import CONNECTS_LATE, LOAD, PAGE, RUNS, WORKS, carry, scripts

pytestmark = pytest.mark.pyodide


@pytest.fixture(scope="module", params=JSPI)
def any_kernel(new_kernel: NewKernel, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with new_kernel(jspi=request.param) as kernel:
        kernel.page(PAGE)
        yield kernel


@pytest.fixture
def kernel(any_kernel: Kernel) -> Kernel:
    """A kernel whose page is without lite_comms, and has not heard of it."""
    any_kernel.run("import lite_comms\n%unload_ext lite_comms\nlite_comms.uninstall()")
    any_kernel.page("page.post('bye'); await page.turn(); page.scripts.length = 0")
    any_kernel.run(
        "lite_comms.install(page=False)\n"
        "transport = get_ipython().kernel.comm_manager.transport\n"
        "transport._channel = transport._channel._replace(page='')\n"
        "lite_comms.uninstall()"
    )
    any_kernel.page("page.post('bye'); await page.turn(); page.frames.length = 0")
    return any_kernel


@pytest.fixture
def jspi_kernel(kernel: Kernel, request: pytest.FixtureRequest) -> Kernel:
    if "no JSPI" in request.node.name:
        pytest.skip("a cell without an await cannot wait here")
    return kernel


def test_the_next_line_has_the_port(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, WORKS)
    printed = jspi_kernel.run(LOAD)
    assert "active, transport port" in printed
    assert "page     lite_comms 9.9, brought by a notebook" in printed
    assert "live     messages are handled at each await and every" in printed


def test_the_next_cell_has_the_port(kernel: Kernel) -> None:
    carry(kernel, f"{WORKS} globalThis.runs = 1;")
    kernel.run(LOAD)
    kernel.page(f"{RUNS} delete globalThis.runs; await page.turn()")
    assert "active, transport port" in kernel.run("_ = status()")


def test_a_page_that_asks_before_it_can_be_heard_asks_again(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, WORKS)
    jspi_kernel.run(f"from pyodide.code import run_js\nconnect_at_once = run_js({CONNECTS_LATE!r})")
    assert "active, transport port" in jspi_kernel.run(LOAD)
    jspi_kernel.run("_ = connect_at_once()")


def test_a_page_that_has_the_script_may_be_slow_to_start_it(jspi_kernel: Kernel) -> None:
    later = "await new Promise(resolve => setTimeout(resolve, 1000));"
    carry(jspi_kernel, f"(async () => {{ {later} {WORKS} }})()")
    jspi_kernel.run("from lite_comms._transports.port import meeting\nmeeting._BRING_S /= 10")
    assert "active, transport port" in jspi_kernel.run(LOAD)
    jspi_kernel.run("meeting._BRING_S *= 10")


def test_what_stays_in_the_notebook_is_short_and_does_nothing_later(kernel: Kernel) -> None:
    carry(kernel, "globalThis.runs = (globalThis.runs ?? 0) + 1;" + WORKS)
    kernel.run(LOAD)
    (script,) = scripts(kernel)
    assert len(script) < 550
    assert kernel.page(f"{RUNS} return globalThis.runs") == 1

    kernel.page(
        f"(0, eval)({json.dumps(script)});"
        "await page.turn(); await new Promise(resolve => setTimeout(resolve, 100))"
    )
    assert kernel.page("const {runs} = globalThis; delete globalThis.runs; return runs") == 1


@pytest.mark.parametrize(
    "then", ["timers[0]()", "made[0].onmessage({data: {script: 'throw 1'}})"], ids=["none", "error"]
)
def test_the_channel_of_the_page_is_closed_without_an_answer_and_after_an_error(
    kernel: Kernel, then: str
) -> None:
    carry(kernel, WORKS)
    kernel.run(LOAD)
    (script,) = scripts(kernel)
    said = kernel.page(
        """
        const {BroadcastChannel, setTimeout} = globalThis;
        const [timers, said, made] = [[], [], []];
        globalThis.setTimeout = f => timers.push(f);
        globalThis.BroadcastChannel = class {
          constructor() { made.push(this); }
          postMessage(message) { said.push(message); }
          close() { said.push('closed'); }
        };
        """
        f"try {{ (0, eval)({json.dumps(script)}); {then}; }}"
        "finally { Object.assign(globalThis, {BroadcastChannel, setTimeout}); }"
        "return said"
    )
    assert (said[0], said[-1]) == ({"isAsking": True}, "closed")


def test_what_the_page_would_call_is_freed_when_the_port_opens(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, WORKS.replace("answers.postMessage({problem: ''});", ""))
    jspi_kernel.run("""
from lite_comms._transports.port import page
made = []
make = page.create_once_callable
page.create_once_callable = lambda f: made.append(make(f)) or made[-1]
_ = lite_comms.install()
page.create_once_callable = make
""")
    printed = jspi_kernel.run(
        "try:\n    made[0].destroy()\nexcept Exception as error:\n    print(error)"
    )
    assert "has already been destroyed" in printed


def test_the_reason_is_printed_and_kept(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, "answers.postMessage({problem: 'it is a tea pot'})")
    printed = jspi_kernel.run(LOAD)
    reason = (
        "JupyterLite's own comm path: the page cannot run its half of lite_comms: it is a tea pot"
    )
    assert printed.startswith(f"lite_comms: {reason}\n")
    assert f"active, transport stock\n  why      {reason}\n" in printed

    carry(jspi_kernel, WORKS)
    assert jspi_kernel.run("print(lite_comms.install().transport)") == "port\n"


def test_a_script_that_cannot_be_evaluated_is_a_reason(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, "throw new EvalError('not on this page')")
    printed = jspi_kernel.run("_ = lite_comms.install()")
    assert printed == (
        "lite_comms: JupyterLite's own comm path: the page cannot run its half of lite_comms: "
        "EvalError: not on this page\n"
    )


def test_a_page_that_does_not_reach_the_kernel_is_a_reason(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, "answers.postMessage({problem: ''})")
    printed = jspi_kernel.run("_ = lite_comms.install()")
    assert printed == (
        "lite_comms: JupyterLite's own comm path: lite_comms is on the page, but does not reach "
        "this kernel\n"
    )


def test_a_page_that_opens_the_port_later_says_so_at_once(jspi_kernel: Kernel) -> None:
    carry(
        jspi_kernel,
        "page.hello('injected', 'asks'); page.hello('injected', 'later');"
        "answers.postMessage({problem: ''})",
    )
    printed = jspi_kernel.run(
        "import time\nstart = time.monotonic()\n"
        "_ = lite_comms.install()\nprint(time.monotonic() - start < 0.7)"
    )
    assert printed == (
        "lite_comms: JupyterLite's own comm path, until the comm messages that are under way there "
        "have been handled\nTrue\n"
    )


def test_it_can_be_loaded_in_quiet(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, WORKS)
    jspi_kernel.run("_ = lite_comms.install(page=False)")
    printed = jspi_kernel.run("with lite_comms.quiet():\n    print(lite_comms.install().transport)")
    assert printed == "port\n"


def test_stop_ends_the_cell_in_which_the_port_opens(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, WORKS)
    jspi_kernel.run("_ = lite_comms.install(page=False)")
    code = "import asyncio\n_ = lite_comms.install()\nprint('waits')\nawait asyncio.sleep(20)"
    request = json.dumps({"code": code, "silent": False, "store_history": True})
    reply = jspi_kernel.page(
        f"const cell = page.ask('execute', {request});"
        "await new Promise(resolve => setTimeout(resolve, 500));"
        "page.post('interrupt', 1); return cell"
    )
    assert (reply["status"], reply["ename"]) == ("error", "CancelledError")


def test_the_reason_is_kept_where_a_cell_cannot_wait(kernel: Kernel) -> None:
    carry(kernel, "answers.postMessage({problem: 'it is a tea pot'})")
    kernel.run(LOAD)
    kernel.page("await new Promise(resolve => setTimeout(resolve, 50))")
    assert kernel.run("print(status().why)").splitlines()[-1].endswith("it is a tea pot")


def test_a_page_that_has_answered_before_may_be_slow(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, WORKS)
    jspi_kernel.run(LOAD)
    jspi_kernel.page(
        "page.frames.length = 0;"
        "const pause = ms => new Promise(resolve => setTimeout(resolve, ms));"
        "const answer = async () => {"
        "  while (!page.frames.some(([type]) => type === 'bye')) await pause(5);"
        "  await pause(300);"
        "  page.post('bye');"
        "  page.hello('begun', 'live', 'injected');"
        "};"
        "void answer()"
    )
    again = "lite_comms.uninstall()\n_ = lite_comms.install()\nprint(status().transport)"
    printed = jspi_kernel.run(again)
    assert "has not answered" not in printed
    assert printed.splitlines()[-1] == "port"


def test_an_output_that_is_not_shown_is_not_waited_for_long(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, WORKS)
    jspi_kernel.page("page.shows = page.onOutput; page.onOutput = () => undefined")
    printed = jspi_kernel.run(
        "import time\nstart = time.monotonic()\n"
        "_ = lite_comms.install()\nprint(2.9 < time.monotonic() - start < 9)"
    )
    jspi_kernel.page("page.onOutput = page.shows")
    assert printed == (
        "lite_comms: JupyterLite's own comm path: the page did not run this cell's output, which "
        "installs lite_comms on the page; call lite_comms.install() in a cell to try again\nTrue\n"
    )


def test_a_page_that_has_its_half_gets_no_script(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, WORKS)
    # So that a slow machine is no slow page.
    jspi_kernel.run("from lite_comms._transports.port import meeting\nmeeting._ANSWER_S *= 100")
    request = json.dumps({"code": LOAD, "silent": False, "store_history": True})
    jspi_kernel.page(
        f"const loaded = page.ask('execute', {request});"
        "while (!page.frames.some(([type]) => type === 'hello'))"
        "  await new Promise(resolve => setTimeout(resolve, 1));"
        "page.hello('begun', 'live'); await loaded"
    )
    printed = jspi_kernel.shown("stdout")
    assert "page     lite_comms 9.9, part of the site" in printed
    assert scripts(jspi_kernel) == []
    jspi_kernel.run("meeting._ANSWER_S /= 100")


def test_a_page_of_another_version_is_named_at_once(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, "page.post('hello', 77, '9.9', 'injected', 'asks');")
    version = jspi_kernel.run("print(lite_comms.__version__)").strip()
    printed = jspi_kernel.run(
        "import time\nstart = time.monotonic()\n"
        "_ = lite_comms.install()\nprint(time.monotonic() - start < 2.9)"
    )
    assert printed == (
        "lite_comms: JupyterLite's own comm path: the page has lite_comms 9.9 with protocol 77, "
        f"the kernel {version} with protocol 1; reload the page\nTrue\n"
    )
    # So that the page can say it, too.
    hellos = jspi_kernel.page("return page.frames.filter(([type]) => type === 'hello').length")
    assert hellos == 2


def test_a_port_that_waits_for_messages_on_the_other_path_says_so(jspi_kernel: Kernel) -> None:
    carry(jspi_kernel, "page.hello('injected', 'asks'); answers.postMessage({problem: ''})")
    printed = jspi_kernel.run("_ = lite_comms.install()")
    assert printed == (
        "lite_comms: JupyterLite's own comm path, until the comm messages that are under way there "
        "have been handled\n"
    )
    jspi_kernel.page("page.hello('begun', 'live', 'injected')")
    assert jspi_kernel.run("print(lite_comms.install().transport)") == "port\n"


def test_the_page_is_left_alone_if_wanted(kernel: Kernel) -> None:
    carry(kernel, WORKS)
    assert kernel.run("print(lite_comms.install(page=False).transport)") == "stock\n"
    assert kernel.run("from lite_comms import Comm\nprint(Comm('t').comm_id == '')") == "False\n"
    assert scripts(kernel) == []


def test_nothing_is_brought_after_uninstall(kernel: Kernel) -> None:
    carry(kernel, "globalThis.runs = 1;" + WORKS)
    kernel.page(
        "page.shows = page.onOutput; page.onOutput = ({bundle}) => page.scripts.push(bundle)"
    )
    kernel.run("_ = lite_comms.install()\nlite_comms.uninstall()")
    kernel.page(
        "page.onOutput = page.shows;"
        "for (const {data} of page.scripts.filter(({data}) => data?.['application/javascript'])) {"
        " (0, eval)(data['application/javascript']) }"
        "await page.turn(); await new Promise(resolve => setTimeout(resolve, 50))"
    )
    assert kernel.page("return globalThis.runs ?? 0") == 0


def test_a_wheel_without_the_script_brings_nothing(kernel: Kernel) -> None:
    kernel.run(
        "from pathlib import Path\nfrom lite_comms._transports import port\n"
        "Path(port.__file__).with_name('page.js.bz2').unlink(missing_ok=True)\n"
    )
    kernel.run("_ = lite_comms.install()")
    assert scripts(kernel) == []
