"""VPIN's chart in Chromium: the one of its tab with an axis of time shares the page's zoom."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import INK, Watched, eventually, pixels, watched
from tests.browser_panels import menu

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
LOOKBACK_MS = 600_000
THERE = "all => all.every(m => window.ofi?.view(m)?.evidence?.toxicity?.vpin > 0)"
USER = "market => window.ofi.view(market).user.time"
WHOLE = "all => all.every(m => window.ofi.view(m).user.time === null)"


def waited(one: Watched, seconds: int) -> None:
    """Let the page have looked so many times at what it should ask for."""
    before = one.page.evaluate("window.ofi.stats().seconds")
    one.until("to => window.ofi.stats().seconds >= to", before + seconds)


def test_vpin_shares_the_zoom_of_all_charts(browser: Browser, whole_url: str) -> None:
    with watched(browser) as one:
        page = one.page
        page.goto(f"{whole_url}/?m={BTC}&m={ETH}&tab=evidence&lookback=600")
        one.until(THERE, [BTC, ETH])
        charts = [f"[data-market='{market}'] canvas[data-canvas=vpin]" for market in (BTC, ETH)]
        whole = [pixels(page, chart) for chart in charts]
        box = page.locator(charts[0]).bounding_box()
        assert box
        middle, inside = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(middle, inside)
        page.mouse.wheel(0, -400)
        one.until("all => all.every(m => window.ofi.view(m).user.time)", [BTC, ETH])
        first = page.evaluate(USER, ETH)
        assert first == page.evaluate(USER, BTC)
        assert 20_000 < first[1] - first[0] < LOOKBACK_MS
        for chart, was in zip(charts, whole, strict=True):
            eventually(lambda chart=chart, was=was: pixels(page, chart) != was)
        # Panned as far as the look-back goes, and no further: the evidence stays that of the present.
        page.mouse.down()
        page.mouse.move(middle + 4000, inside, steps=4)
        page.mouse.up()
        page.mouse.move(middle, inside)
        one.until("([m, was]) => window.ofi.view(m).user.time[0] < was", [ETH, first[0]])
        start, end = page.evaluate(USER, ETH)
        assert end - start == pytest.approx(first[1] - first[0])
        begins = page.evaluate(f"m => window.ofi.view(m).evidence.end_ms - {LOOKBACK_MS}", BTC)
        assert start == pytest.approx(begins, abs=20_000)
        waited(one, 2)
        assert "end=" not in one.address()
        page.mouse.wheel(0, 1200)
        page.mouse.wheel(0, 1200)
        one.until(WHOLE, [BTC, ETH])
        page.mouse.wheel(0, -400)
        one.until("m => window.ofi.view(m).user.time", ETH)
        page.mouse.dblclick(middle, inside)
        one.until(WHOLE, [BTC, ETH])
        # Without a pointer: the arrows move the crosshair, the menu zooms where there is no room for buttons.
        page.mouse.move(2, 2)
        card = page.locator(f"[data-market='{BTC}'] .evidence .readout")
        expect(card).to_be_hidden()
        page.keyboard.press("ArrowLeft")
        expect(card).to_contain_text("VPIN")
        last = card.inner_text()
        page.keyboard.press("Shift+ArrowLeft")
        eventually(lambda: card.inner_text() not in ("", last))
        beside = page.locator(charts[1]).bounding_box()
        assert beside
        page.mouse.move(beside["x"] + beside["width"] / 2, beside["y"] + beside["height"] / 2)
        expect(card).to_be_hidden()  # the crosshair is at another time
        page.mouse.move(2, 2)
        menu(one, "vpin")
        page.get_by_role("menuitem", name="Zoom in").click()
        one.until("all => all.every(m => window.ofi.view(m).user.time)", [BTC, ETH])
        assert one.complaints == []


def test_a_zoom_of_vpin_is_read_from_the_store_where_another_tab_needs_it(
    browser: Browser, whole_url: str
) -> None:
    with watched(browser) as one:
        page = one.page
        page.goto(f"{whole_url}/?m={BTC}&tab=evidence&lookback=600&range=120")
        one.until(THERE, [BTC])
        live = page.locator(".panel-vpin .to-live")
        expect(live).to_be_hidden()
        box = page.locator("canvas[data-canvas=vpin]").bounding_box()
        assert box
        # A minute about a time that lies further back than the two of the view.
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
        for _ in range(6):
            page.mouse.wheel(0, -120)
        one.until(
            "m => { const t = window.ofi.view(m).user.time; return t && t[1] - t[0] < 6e4 }", BTC
        )
        zoom = page.evaluate(USER, BTC)
        expect(live).to_be_visible()
        waited(one, 2)
        assert "end=" not in one.address()
        page.locator("#tab-flow").click()
        one.until("() => /end=/.test(location.search)")
        assert page.evaluate(USER, BTC) == zoom
        page.locator("#tab-evidence").click()
        expect(live).to_be_visible()
        live.click()
        one.until(WHOLE, [BTC])
        one.until("() => !/end=/.test(location.search)")
        assert one.complaints == []


# Of a strip of the chart about a time, the share of pixels that is painted.
INKED = f"""([from, to, market]) => {{
  const ink = {INK}, canvas = document.querySelector(`[data-market='${{market}}'] canvas[data-canvas=vpin]`);
  const {{ evidence, user }} = window.ofi.view(market);
  const [start, end] = user.time ?? [evidence.end_ms - evidence.lookback_s * 1000, evidence.end_ms];
  const plot = canvas.clientWidth - 44 - 82;
  const at = Math.round(44 + (plot * ((from + to) / 2 - start)) / (end - start));
  const data = ink(canvas, at, 18, 2, canvas.clientHeight - 40), alpha = data.filter((_, k) => k % 4 === 3);
  return alpha.filter(Boolean).length / alpha.length;
}}"""


def test_a_gap_is_hatched_further_back_than_the_range(browser: Browser, url: str) -> None:
    with watched(browser) as one:
        # Longer than a quarter of an hour, which the gap leaves.
        one.page.goto(f"{url}/?m={BTC}&tab=evidence&lookback=1800&range=1800")
        one.until(THERE, [BTC])
        (gap,) = [gap for gap in one.view(BTC)["gaps"] if gap["stream"] == "trades"]
        stretch = [gap["from_ms"], gap["to_ms"], BTC]
        eventually(lambda: one.page.evaluate(INKED, stretch) == 1)
        one.page.goto(f"{url}/?m={BTC}&tab=evidence&lookback=1800&range=120")
        one.until(THERE, [BTC])
        assert one.view(BTC)["gaps"] == []
        eventually(lambda: one.page.evaluate(INKED, stretch) == 1)
        since = gap["to_ms"] + 10_000
        assert one.page.evaluate(INKED, [since, since, BTC]) < 0.5
        assert one.complaints == []
