"""What the browser keeps for the page: saved layouts and the fee, and a browser that keeps nothing."""

import json
import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Watched, watched

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"
SAVED = "JSON.parse(localStorage.getItem('ofi.layouts')).layouts"
# As Chromium has it where a user blocks site data.
BLOCKED = """Object.defineProperty(window, 'localStorage', { get() {
  throw new DOMException('Access is denied for this document.', 'SecurityError');
} });"""


def names(count: int) -> list[dict[str, str]]:
    return [{"name": f"Mine {k}", "layout": "book"} for k in range(count)]


def kept(page: Watched, count: int) -> None:
    """A browser that has kept so many layouts."""
    text = json.dumps({"version": 2, "layouts": names(count)})
    page.page.add_init_script(
        f"localStorage.getItem('ofi.layouts') ?? localStorage.setItem('ofi.layouts', {text!r})"
    )


def save(page: Watched, name: str) -> None:
    page.page.get_by_role("textbox", name="Name of this layout").fill(name)
    page.page.get_by_role("button", name="Save", exact=True).click()


def test_no_more_layouts_are_kept_than_the_next_visit_reads(page: Watched, url: str) -> None:
    kept(page, 39)
    page.open(f"{url}/?m={BTC}", BTC)
    page.page.keyboard.press("l")
    said, box = page.page.locator("#layout-said"), page.page.locator("#save-row input[type=text]")
    save(page, "The last one")
    expect(said).to_have_text("Saved as The last one.")
    save(page, "One too many")
    expect(said).to_have_text(re.compile("would make 41 layouts; the page keeps 40"))
    expect(box).to_have_value("One too many")
    save(page, "Mine 7")  # in the place of one
    expect(said).to_have_text("Saved as Mine 7.")
    file = {"version": 2, "layouts": [{"name": "From a file", "layout": "ofi"}]}
    page.page.locator("#save-row input[type=file]").set_input_files(
        {"name": "l.json", "mimeType": "application/json", "buffer": json.dumps(file).encode()}
    )
    expect(said).to_have_text(re.compile("would make 41 layouts"))
    expect(page.page.locator("#saved-list li")).to_have_count(40)
    page.open(f"{url}/?m={BTC}", BTC)
    page.page.keyboard.press("l")
    expect(page.page.locator("#saved-list li")).to_have_count(40)
    assert len(page.page.evaluate(SAVED)) == 40


def test_layouts_without_room_wait_and_another_tab_loses_none(page: Watched, url: str) -> None:
    kept(page, 41)
    page.open(f"{url}/?m={BTC}", BTC)
    page.page.keyboard.press("l")
    listed, said = page.page.locator("#saved-list li"), page.page.locator("#layout-said")
    expect(listed).to_have_count(40)
    expect(said).to_have_text(re.compile("^A layout is kept here that this page"))
    (aside,) = json.loads(page.page.evaluate("localStorage.getItem('ofi.layouts.unreadable')"))
    assert len(json.loads(aside)["layouts"]) == 1
    # Another tab of the browser deletes two: this one shows it, and what it saves keeps that.
    other = page.page.context.new_page()
    other.goto(f"{url}/docs/page")
    other.evaluate(
        """() => {
          const saved = JSON.parse(localStorage.getItem('ofi.layouts'));
          localStorage.setItem('ofi.layouts', JSON.stringify({ ...saved, layouts: saved.layouts.slice(2) }));
        }"""
    )
    expect(listed).to_have_count(39)  # the one that waited has room now
    save(page, "Mine")
    expect(listed).to_have_count(40)
    other.close()


def test_a_layout_may_bear_any_name(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&layout=book", BTC)
    page.page.keyboard.press("l")
    save(page, 'the "wide" one\\')
    page.page.get_by_role("button", name="Flow", exact=True).click()
    use = page.page.locator("#saved-list button").first
    use.focus()
    page.page.keyboard.press("Enter")
    # The list is made anew, and the button keeps the focus.
    page.until("() => new URLSearchParams(location.search).get('layout') === 'book'")
    expect(use).to_be_focused()


def test_a_browser_that_keeps_nothing_shows_the_tab_and_takes_the_fee(
    browser: Browser, whole_url: str
) -> None:
    with watched(browser) as page:
        page.page.add_init_script(BLOCKED)
        page.open(f"{whole_url}/?m={BTC}&tab=evidence&lookback=600", BTC)
        fee = page.page.get_by_role("spinbutton", name="Fee of a taker, bps")
        expect(fee).to_have_value("2")
        expect(page.page.locator("[data-f=ev-verdict]")).to_contain_text("OFI")
        fee.fill("0.5")
        fees = "async () => (await import('./assets/live/evidence_words.js')).feeBps()"
        page.until(f"async () => await ({fees})() === 0.5")
        page.page.locator("#layout").click()
        save(page, "Mine")
        expect(page.page.locator("#layout-said")).to_contain_text("keeps nothing")
        expect(page.page.locator("#saved-list li")).to_have_count(1)
        assert page.complaints == []
