"""Sites with other settings and files than the demo's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages import Notebook, Tab, said
from serve import serving
from test_apps import FIRST_CELL, UNTOUCHED

OPEN = """
import lite_comms

heard, ended = [], []

def open_in_module(target, url):
    comm = lite_comms.Comm(target, {'a': 1}, target_module=url)
    comm.on_msg(lambda msg: heard.append(msg['content']['data']))
    comm.on_close(lambda msg: ended.append(msg['metadata']['lite_comms']))
    return comm
"""


def test_a_notebook_installs_it_on_a_site_that_leaves_kernels_alone(
    new_tab: Callable[[str], Tab], site_copy: Callable[..., Path]
) -> None:
    with serving(site_copy(disabledExtensions=["lite-comms:kernel-start"])) as url:
        notebook = new_tab(url).notebook()
        assert notebook.python(FIRST_CELL) == UNTOUCHED
        assert notebook.python("'lite_comms' in __import__('sys').modules") == "False"

        assert notebook.python("%pip install -q lite-comms") == ""
        assert notebook.python("%load_ext lite_comms") == ""
        page = notebook.javascript(
            """
            Jupyter.notebook.kernel.comm_manager.register_target('t', (comm, msg) => {
              say(msg.content.data);
            });
            """
        )
        notebook.python("c = __import__('comm').create_comm('t', data={'none': None})")
        expect(said(page)).to_have_text(['{"none":null}'])
        notebook.python("%unload_ext lite_comms")
        assert notebook.python("__import__('lite_comms').status().installed").endswith("False")


@pytest.fixture(scope="module")
def with_modules(new_shared_tab: Callable[[str], Tab], plain: str) -> Notebook:
    notebook = new_shared_tab(plain).notebook()
    notebook.python(OPEN)
    return notebook


def test_a_target_is_the_export_of_its_name_in_a_module(with_modules: Notebook) -> None:
    with_modules.python("heard.clear(); c = open_in_module('clock', './files/clock.js')")
    wait_for(with_modules, "heard")
    assert with_modules.python("heard") == "[{'named': {'a': 1}}]"


def test_a_target_is_the_default_export_where_none_has_its_name(with_modules: Notebook) -> None:
    with_modules.python(
        "heard.clear(); c = open_in_module('another', './files/clock.js'); c.send('a message')"
    )
    wait_for(with_modules, "len(heard) == 2")
    assert with_modules.python("heard") == "[{'default': {'a': 1}}, {'heard': 'a message'}]"


def test_a_module_without_a_function_closes_the_comm_and_says_why(with_modules: Notebook) -> None:
    with (
        with_modules.watch.error("its module './files/nothing.js' failed"),
        with_modules.watch.error("comm 'answer' .* is closed by the other end"),
    ):
        with_modules.python("ended.clear(); c = open_in_module('answer', './files/nothing.js')")
    wait_for(with_modules, "ended")
    assert with_modules.python("ended") == (
        "[{'ename': 'Error',\n"
        "  'evalue': \"it exports neither a function 'answer' nor a default one\"}]"
    )


def test_a_module_that_is_not_there_closes_the_comm_and_says_why(with_modules: Notebook) -> None:
    missing = "./files/missing.js"
    with (
        with_modules.watch.error(f"its module '{missing}' failed"),
        with_modules.watch.error("404 .*missing.js"),
        with_modules.watch.error("comm 't' .* is closed by the other end"),
    ):
        with_modules.python(f"ended.clear(); c = open_in_module('t', '{missing}')")
    wait_for(with_modules, "ended")
    assert "Failed to fetch dynamically imported module" in with_modules.python("ended")


# As an extension of a site does it: no script of an output runs from then on.
REMOVE_SCRIPTS = """async () => {
  const chunks = Object.keys(window).find(name => /^(rspack|webpack)Chunk/.test(name));
  const require = await new Promise(resolve => window[chunks].push([[Symbol()], {}, resolve]));
  const versions = require.S.default['@jupyterlab/rendermime'];
  const {get} = Object.values(versions).find(({loaded}) => loaded);
  const {IRenderMimeRegistry} = (await get())();
  const rendermime = await jupyterapp.resolveRequiredService(IRenderMimeRegistry);
  for (const mimeType of ['text/javascript', 'application/javascript']) {
    rendermime.removeMimeType(mimeType);
  }
}"""


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({}, "the site runs no scripts of outputs, and "),
        ({"modules": False}, ""),
    ],
)
def test_a_module_that_the_site_does_not_allow_is_not_loaded(
    new_tab: Callable[[str], Tab],
    site_copy: Callable[..., Path],
    setting: dict[str, object],
    reason: str,
) -> None:
    settings = {"lite-comms:classic": setting}
    with serving(site_copy(exposeAppInBrowser=True, litePluginSettings=settings)) as url:
        notebook = new_tab(url).notebook()
        notebook.python(OPEN)
        if not setting:
            notebook.page.evaluate(REMOVE_SCRIPTS)
        module = "data:text/javascript,window.ran = true"
        with (
            notebook.watch.error(f"its module '{module}' failed"),
            notebook.watch.error("comm 't' .* is closed by the other end"),
        ):
            notebook.python(f"c = open_in_module('t', '{module}')")
        wait_for(notebook, "ended")
        assert notebook.python("print(ended[0]['evalue'])") == (
            f"{reason}the site's setting 'modules' of lite-comms:classic does not allow modules"
        )
        assert notebook.page.evaluate("window.ran") is None


def test_a_list_of_origins_allows_the_sites_own_modules(
    new_tab: Callable[[str], Tab], site_copy: Callable[..., Path]
) -> None:
    listed = {"lite-comms:classic": {"modules": []}}
    settings = {"exposeAppInBrowser": True, "litePluginSettings": listed}
    with serving(site_copy(**settings)) as url:
        notebook = new_tab(url).notebook()
        notebook.python(OPEN)
        notebook.page.evaluate(REMOVE_SCRIPTS)
        notebook.python("c = open_in_module('clock', './files/clock.js')")
        wait_for(notebook, "heard")
        assert notebook.python("heard") == "[{'named': {'a': 1}}]"


def wait_for(notebook: Notebook, condition: str) -> None:
    """Wait in the kernel, between whose cells the page's messages are handled."""
    for _ in range(100):
        if notebook.python(f"bool({condition})") == "True":
            return
    pytest.fail(f"{condition} has not come true in a hundred cells")
