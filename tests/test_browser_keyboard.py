"""Without a pointer: every control is reached, by Tab or by arrows within one that is, and has a name."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser import HELD, Watched
from tests.browser_ways import changed

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"
TABS = ("flow", "evidence", "trades", "quality")
MOST = 400  # presses of a round
# Notes what is in focus from now on, and whether focus has come round to the first of them.
NOTE = """() => {
  const over = new AbortController();
  const noted = (window.noted = { first: null, round: false, all: new Set(), over });
  addEventListener('focusin', ({ target }) => {
    noted.round ||= noted.first === target;
    noted.first ??= target;
    noted.all.add(target);
  }, { capture: true, signal: over.signal });
}"""
# Controls that can be seen and used but were not in focus. Those of a group that is one stop of Tab are found
# by arrows, which is tried by itself.
MISSED = """() => {
  const wanted = 'button, a[href], input, select, textarea, summary, [tabindex="0"],'
    + '[role=button], [role=tab], [role=separator], [role=grid],' // and charts and lists, which take arrows:
    + '.rows, .trows, .dq, [role=region]';
  const within = '[role=tablist], [role=radiogroup], [role=listbox], [role=grid]';
  const seen = one => one.checkVisibility({ visibilityProperty: true }) && !one.closest('[inert]')
    && one.getBoundingClientRect().width > 0;
  const all = [...window.noted.all];
  const found = one => window.noted.all.has(one) || all.some(other => one.closest(within)?.contains(other));
  return [...document.querySelectorAll(wanted)]
    .filter(one => !one.matches(':disabled') && seen(one) && !found(one))
    .map(one => one.outerHTML.slice(0, 160));
}"""


@contextmanager
def noted(page: Watched) -> Iterator[None]:
    page.page.evaluate(NOTE)
    yield
    page.page.evaluate("noted.over.abort()")


def go_round(page: Watched) -> None:
    """Press Tab until focus is where it was first."""
    for k in range(MOST):
        page.page.keyboard.press("Tab")
        if k % 10 == 9 and page.page.evaluate("noted.round"):
            return
    raise AssertionError(f"Tab does not come round in {MOST} presses")


def nameless(page: Watched) -> list[str]:
    """What can be in focus and tells no name; but for where the skip link leads, and parts of the grid."""
    session = page.page.context.new_cdp_session(page.page)
    found = []
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        told = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
        if told.get("focusable") and not node.get("name", {}).get("value"):
            at = {"backendNodeId": node["backendDOMNodeId"]}
            said = session.send("DOM.describeNode", at)["node"]["attributes"]
            if "stacks" not in said and not any(one.startswith("ag-") for one in said):
                found.append(" ".join([node["role"]["value"], *said]))
    session.detach()
    return found


def test_every_control_is_reached_and_named_without_a_pointer(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=300", BTC)
    page.until("() => document.querySelector('.watch-grid .ag-row')")
    page.page.keyboard.press("Space")  # held still, so that nothing comes and goes
    page.until(HELD, BTC)
    missed, unnamed = {}, {}
    for tab, other in zip(TABS, TABS[1:] + TABS[:1], strict=True):
        with noted(page):
            go_round(page)
        missed[tab], unnamed[tab] = page.page.evaluate(MISSED), nameless(page)
        page.page.locator(f"#tab-{tab}").focus()
        with changed(page):
            page.page.keyboard.press("ArrowRight")
        expect(page.page.locator(f"#tab-{other}")).to_be_focused()
        page.until("tab => document.documentElement.dataset.tab === tab", other)
    assert not any(missed.values()), missed
    assert not any(unnamed.values()), unnamed
    assert page.complaints == []
