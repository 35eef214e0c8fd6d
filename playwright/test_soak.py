"""A short piece of the long traffic at random; `make soak` is the long one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from serve import serving
from soak import soak


@pytest.mark.parametrize("isolated", [False, True], ids=["plain", "isolated"])
def test_what_is_sent_is_handled_once_and_in_order(
    browser: Browser, site_copy: Callable[..., Path], isolated: bool
) -> None:
    with serving(site_copy(exposeAppInBrowser=True), isolated=isolated) as url:
        page = browser.new_page()
        try:
            done = soak(page, url, seconds=10, seed=1, restart_every_s=5)
        finally:
            page.close()
    assert done["problems"] == []
    assert done["sent"] == done["handled"] + done["cancelled"]
    assert done["lives"] >= 2
    assert min(done["compared"], done["told"]) > 300
    assert min(done["cells"], done["stops"]) > 0
