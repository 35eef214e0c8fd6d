"""A site that is not built in this repository: the wheel installed, `lite_comms.offline_site`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages import Tab, said
from serve import serving

pytestmark = pytest.mark.build


def test_a_site_built_elsewhere_has_lite_comms_in_every_kernel(
    new_tab: Callable[[str], Tab], offline_site: Path
) -> None:
    with serving(offline_site) as url:
        repl = new_tab(url).repl()
        assert repl.python("__import__('lite_comms').status().transport").endswith("'port'")
        page = repl.javascript(
            """
            Jupyter.notebook.kernel.comm_manager.register_target('t', (comm, msg) => {
              say(msg.content.data);
            });
            """
        )
        repl.python("comm = __import__('comm').create_comm('t', data={'none': None})")
        expect(said(page)).to_have_text(['{"none":null}'])
        # The same wheel, from the site.
        assert repl.python("%pip install -q lite-comms") == ""


def test_a_site_built_elsewhere_shows_widgets_and_asks_no_other_host(
    new_tab: Callable[[str], Tab], offline_site: Path
) -> None:
    with serving(offline_site) as url:
        repl = new_tab(url).repl()
        repl.run("%pip install -q ipywidgets")
        shown = repl.run("import ipywidgets\nslider = ipywidgets.IntSlider(3)\nslider")
        expect(shown.locator(".widget-readout")).to_have_text("3")
        repl.run("slider.value = 7")
        expect(shown.locator(".widget-readout")).to_have_text("7")
