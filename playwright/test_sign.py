"""The sign that lite_comms is active, and the status behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from pages import Tab
from serve import serving


def sign_in(tab: Tab, app: str) -> Locator:
    """Open an app with a kernel; returns its sign."""
    cells = tab.app(app)
    assert cells.python("1 + 1") == "2"
    if app == "lab":
        return tab.page.locator("#jp-main-statusbar").get_by_role("button", name="Comms: direct")
    return tab.page.locator(".jp-NotebookPanel-toolbar [title^='lite_comms is active']")


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_the_sign_shows_the_status_and_leaves_no_trace(
    new_tab: Callable[[str], Tab], plain: str, app: str
) -> None:
    tab = new_tab(plain)
    sign = sign_in(tab, app)
    expect(sign).to_be_visible()
    sign.click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog.locator("pre")).to_contain_text("active, transport port")
    expect(dialog.locator("pre")).to_contain_text("kernel   jupyterlite")
    tab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    cell = tab.page.locator(".jp-Notebook .jp-Cell").nth(1)
    cell.locator(".cm-content").click()
    tab.page.keyboard.insert_text("len(In)")
    tab.page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-OutputArea-output")).to_have_text("3")
    expect(cell.locator(".jp-InputPrompt")).to_have_text("[2]:")


def test_the_sign_comes_and_goes_with_the_current_document(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    tab = new_tab(plain)
    sign = sign_in(tab, "lab")
    expect(sign).to_be_visible()
    tab.page.get_by_role("menuitem", name="File", exact=True).click()
    tab.page.get_by_role("menuitem", name="New Launcher").click()
    expect(sign).to_have_count(0)
    tab.lab_tab("empty.ipynb").click()
    expect(sign).to_be_visible()


@pytest.mark.parametrize("disabled", ["lite-comms:sign", "lite-comms:kernel-start"])
def test_without_the_plugin_or_the_kernels_half_there_is_no_sign(
    new_tab: Callable[[str], Tab], site_copy: Callable[..., Path], disabled: str
) -> None:
    with serving(site_copy(disabledExtensions=[disabled])) as url:
        expect(sign_in(new_tab(url), "lab")).to_have_count(0)
