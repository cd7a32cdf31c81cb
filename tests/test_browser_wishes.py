"""What is wished while the server is slow: it is shown at once, and stands in the address in the end."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Watched, watched

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"
DRAWN = "market => window.ofi?.view(market)?.drawn.count > 0"
# Answers to Dash wait while they are held; `asked` counts requests for the view, of which `lose` never reach
# the server: parts that Dash makes are asked for again where they are late.
GATE = """(() => {
  const real = window.fetch, waiting = [], now = performance.now.bind(performance);
  Object.assign(window, { held: HELD, lose: 0, asked: 0, later: 0 });
  performance.now = () => now() + window.later;
  window.fetch = async (...call) => {
    if (!String(call[0]?.url ?? call[0]).includes('_dash-update-component')) return real(...call);
    if (JSON.parse(call[1].body).output.includes('view.data-view')) {
      window.asked++;
      if (window.lose-- > 0) throw new TypeError('Failed to fetch');
    }
    const answer = await real(...call);
    if (window.held) await new Promise((go) => waiting.push(go));
    return answer;
  };
  window.release = () => { window.held = false; for (const go of waiting.splice(0)) go(); };
})()"""


def gated(page: Watched, held: bool = False) -> Watched:
    page.page.add_init_script(GATE.replace("HELD", "true" if held else "false"))
    return page


def at_rest(page: Watched, url: str) -> None:
    """Open the page and wait until Dash has nothing more to ask."""
    gated(page).open(f"{url}/?m={BTC}", BTC)
    page.until(
        "() => document.querySelector('.watch-grid .ag-row') && window.ofi.stats().wishes === 0"
    )
    page.page.evaluate("window.held = true; window.asked = 0")


def test_keys_pressed_while_answers_wait_are_all_in_the_address(page: Watched, url: str) -> None:
    at_rest(page, url)
    for count, key in enumerate("=]2", 1):
        page.page.keyboard.press(key)
        page.until("count => window.asked >= count", count)
    expect(page.page.locator("#tab-evidence")).to_have_attribute("aria-selected", "true")
    page.page.evaluate("window.later = 60000")  # a slow answer does not undo what was wished
    assert page.page.evaluate("window.ofi.stats().wishes") == 3
    page.page.evaluate("window.release()")
    address = page.address()
    for part in ("depth=15", "window=30", "tab=evidence", f"m={BTC}"):
        assert part in address
    expect(page.page.locator("#tab-evidence")).to_have_attribute("aria-selected", "true")
    assert page.complaints == []


def test_what_is_chosen_and_shown_already_is_no_wish(page: Watched, url: str) -> None:
    """Dash tells the server nothing then: who shares the view would wait for it."""
    at_rest(page, url)
    page.page.get_by_role("textbox", name="Window").click()
    page.page.get_by_role("option", name="10 s", exact=True).click()
    assert page.page.evaluate("window.ofi.stats().wishes") == 0
    assert page.complaints == []


def test_a_key_and_a_control_do_not_undo_each_other(page: Watched, url: str) -> None:
    at_rest(page, url)
    page.page.keyboard.press("2")
    page.until("() => window.asked >= 1")
    page.page.get_by_role("textbox", name="Window").click()
    page.page.get_by_role("option", name="30 s").click()
    page.until("() => window.asked >= 2")
    page.page.evaluate("window.release()")
    page.until("() => /tab=evidence/.test(location.search) && /window=30/.test(location.search)")
    assert "tab=evidence" in page.address()


def test_a_key_pressed_before_dash_is_there_keeps_the_market_of_a_bare_address(
    browser: Browser, url: str
) -> None:
    with watched(browser) as page:
        gated(page, held=True).page.goto(f"{url}/")
        page.until(DRAWN, BTC)
        page.page.keyboard.press("2")
        page.until("() => window.asked > 0")
        page.page.evaluate("window.later = 60000; window.release()")
        address = page.address()
        assert "tab=evidence" in address
        assert f"m={BTC}" in address


def test_a_wish_that_was_lost_is_told_again(page: Watched, url: str) -> None:
    at_rest(page, url)
    page.page.evaluate("window.release(); window.lose = 1")
    page.page.keyboard.press("2")
    page.until("() => window.asked >= 1")
    page.page.keyboard.press("=")
    page.until("() => /depth=15/.test(location.search)")
    assert "tab=evidence" in page.address()
    # Dash tells of the request that was lost; nothing else is amiss.
    assert all("the server did not respond" in told for told in page.complaints)
    page.complaints.clear()
