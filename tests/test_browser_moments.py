"""Which moment the page shows: the crosshair by keys, freezing, and a zoom that the present leaves behind."""

import re
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import LiveMarkets, Watched, watched
from tests.browser_ways import changed
from tests.test_browser_flow import ARRIVED, drag

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
# Has the page hear a message, as a frame or as text, from the socket that it has.
HEARS = """([message, framed]) => new Promise(done => {
  const { send } = WebSocket.prototype, text = JSON.stringify(message);
  const bytes = new TextEncoder().encode(text);
  const frame = new Uint8Array([bytes.length, 0, 0, 0, ...bytes]).buffer;
  WebSocket.prototype.send = function (...given) {
    WebSocket.prototype.send = send;
    this.send(...given);
    this.dispatchEvent(new MessageEvent('message', { data: framed ? frame : text }));
    done();
  };
})"""
LIVE = "market => window.ofi.view(market).info.end_ms === null"
HELD = "market => window.ofi.view(market).info.end_ms !== null"
FROZEN = "() => document.documentElement.classList.contains('frozen')"
CARD = """() => [...document.querySelectorAll('.readout')].filter(one => !one.hidden && one.checkVisibility())
  .map(one => /(\\d\\d):(\\d\\d):(\\d\\d)/.exec(one.innerText)?.slice(1))[0] ?? null"""


def press(page: Watched, key: str) -> int:
    """Press a key that moves the crosshair: the time of day that the card tells then, s."""
    before = page.page.evaluate(CARD)
    page.page.keyboard.press(key)
    page.until(
        f"before => {{ const at = ({CARD})(); return at && String(at) !== String(before); }}",
        before,
    )
    hours, minutes, seconds = map(int, page.page.evaluate(CARD))
    return hours * 3600 + minutes * 60 + seconds


def test_one_press_of_an_arrow_is_one_step(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=120", BTC)
    page.page.keyboard.press("Space")  # held still, so that only keys move the crosshair
    page.until(HELD, BTC)
    for tab, charts in (("flow", ".rows"), ("trades", ".trows")):
        if tab == "trades":
            with changed(page):
                page.page.keyboard.press("3")
            page.until("market => window.ofi.view(market).tab === 'trades'", BTC)
        for focused in (False, True):
            if focused:
                page.page.locator(f"{charts}:visible").first.focus()
            assert page.page.evaluate("document.activeElement !== document.body") == focused
            last = press(page, "End")
            keys = ["ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "ArrowRight", "Shift+ArrowRight"]
            passed = [press(page, key) for key in keys]
            day = 86_400
            times = pairwise([last, *passed])
            found = [(at - before + day // 2) % day - day // 2 for before, at in times]
            assert found == [-1, -1, -10, 1, 10], (tab, focused)


def figures(page: Watched) -> dict[str, Any]:
    found: dict[str, Any] = page.view(BTC)["tiles"]
    return {name: found[name] for name in ("t", "bid", "ask", "mid", "ofi", "multi")}


def test_a_view_is_frozen_at_a_second_that_it_has_seen(page: Watched, url: str) -> None:
    """At a long range the step in progress ends seconds ahead; the address must not."""
    page.open(f"{url}/?m={BTC}&range=7200", BTC)
    # While the step in progress has more than two seconds to go.
    ahead = "market => { const v = window.ofi.view(market); return v.edge - v.tiles.t > 2500; }"
    page.until(ahead, BTC)
    page.page.keyboard.press("Space")
    page.until(HELD, BTC)
    view = page.view(BTC)
    assert view["info"]["end_ms"] % 1000 == 0
    assert 0 <= view["info"]["end_ms"] - view["tiles"]["t"] < 1000
    assert view["edge"] == view["info"]["end_ms"]
    seen, address = figures(page), page.address()
    assert f"end={view['info']['end_ms']}" in address
    # Whoever opens the link later sees the same.
    page.open(f"{url}/?m={BTC}&range=7200", BTC)
    passed = "([market, edge]) => window.ofi.view(market).tiles.t > edge"
    page.until(passed, [BTC, view["info"]["end_ms"] + view["info"]["step_ms"]])
    page.open(address, BTC)
    assert figures(page) == seen
    assert page.view(BTC)["state"] == "frozen"


def test_what_the_user_froze_stays_frozen_when_a_zoom_is_undone(page: Watched, url: str) -> None:
    """Also where a pan had left the present before."""
    page.open(f"{url}/?m={BTC}&range=120", BTC)
    for _ in range(2):
        drag(page, ".row-book .plot", 500)
    page.until(ARRIVED, BTC)
    page.page.keyboard.press("Space")
    page.until(LIVE, BTC)
    page.until("market => window.ofi.view(market).state === 'live'", BTC)
    page.page.keyboard.press("Space")
    page.until(HELD, BTC)
    page.page.keyboard.press("0")
    assert page.page.evaluate(FROZEN)
    box = page.page.locator(".row-book .plot").bounding_box()
    assert box is not None
    page.page.mouse.dblclick(box["x"] + 200, box["y"] + 100)
    assert page.page.evaluate(FROZEN)
    page.page.keyboard.press("Space")
    page.until(LIVE, BTC)


def test_a_zoom_that_the_present_leaves_behind_is_frozen_and_kept(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=120", BTC)
    box = page.page.locator(".row-book .plot").bounding_box()
    assert box is not None
    # So far from the edge that the present needs seconds to leave the zoom behind, and not many.
    page.page.mouse.move(box["x"] + 30, box["y"] + 60)
    page.page.mouse.wheel(0, -240)
    zoomed = """market => {
      const zoom = window.ofi.view(market).user.time;
      return zoom && { zoom, frozen: document.documentElement.classList.contains("frozen") };
    }"""
    first = page.page.wait_for_function(zoomed, arg=BTC).json_value()
    begin, end = first["zoom"]
    assert not first["frozen"]
    page.until(ARRIVED, BTC)
    view = page.view(BTC)
    assert view["user"]["time"] == first["zoom"]
    assert view["state"] == "frozen"
    assert f"end={view['info']['end_ms']}" in page.address()
    # Both ends are there, with room for panning at both sides.
    assert view["info"]["end_ms"] - 120_000 < begin < end < view["info"]["end_ms"]
    page.page.locator(".stack .to-live:visible").first.click()
    page.until(LIVE, BTC)
    assert page.view(BTC)["user"]["time"] is None


def test_a_zoom_is_in_the_address_and_whoever_opens_it_looks_at_the_same(
    page: Watched, living: LiveMarkets, url: str
) -> None:
    end = living.filled_ns // 1_000_000 - 60_000
    plain = f"{url}/?m={BTC}&range=120&end={end}"
    page.open(plain, BTC)
    box = page.page.locator(".row-book .plot").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 80, box["y"] + 60)
    page.page.mouse.wheel(0, -240)
    page.until("() => location.href.includes('zoom=')")
    page.until("market => window.ofi.view(market).user.time !== null", BTC)
    address, zoom = page.address(), page.view(BTC)["user"]["time"]
    page.page.goto("about:blank")
    page.open(address, BTC)
    assert page.view(BTC)["user"]["time"] == pytest.approx(zoom, abs=0.5)
    assert page.view(BTC)["ranges"]["time"] == pytest.approx(zoom, abs=0.5)
    assert page.address() == address
    # Another market is looked at in the same stretch of time.
    page.page.locator(f".watch-grid .ag-row[row-id='{ETH}'] .ag-cell").first.click()
    page.until("market => window.ofi.view(market)?.drawn.tiles", ETH)
    assert page.view(ETH)["user"]["time"] == pytest.approx(zoom, abs=0.5)
    page.page.keyboard.press("0")
    page.until("() => !location.href.includes('zoom=')")
    assert page.view(ETH)["user"]["time"] is None
    # A link to the same view that says another zoom, prices too: opened in the same tab.
    start, last = int(zoom[0]) - 4000, int(zoom[1]) - 4000
    low, high = page.view(ETH)["ranges"]["price"]
    said = f"#zoom={start}~{last}&price={ETH}~{low:.2f}~{(low + high) / 2:.2f}"
    page.page.evaluate("said => { location.hash = said; }", said)
    page.until("([m, t]) => window.ofi.view(m).ranges.time[0] === t", [ETH, start])
    assert page.view(ETH)["user"]["price"][0] == pytest.approx(low, abs=0.01)
    rested(page)
    assert f"zoom={start}~{last}&price=" in page.address()
    page.page.evaluate("() => { location.hash = '#zoom=1~2'; }")
    page.until("m => window.ofi.view(m).user.time === null", ETH)
    expect(page.page.locator(".notice")).to_contain_text("zoom must be two times")
    assert page.complaints == []


def rested(page: Watched) -> None:
    """Until the page has looked twice at what its address says."""
    looked = page.page.evaluate("() => window.ofi.stats().seconds")
    page.until("before => window.ofi.stats().seconds >= before + 2", looked)


PRICE = "market => window.ofi.view(market).user.price"


def far_prices(living: LiveMarkets) -> str:
    """Prices far about the present one, for an address: no walk leaves them, nor half of them."""
    walk = living.walks[0]
    mid = walk.mid * float(walk.market.grid.tick)
    return f"#price={BTC}~{0.8 * mid:.2f}~{1.2 * mid:.2f}"


def zoom_price(page: Watched) -> list[float]:
    """Turn the wheel over the book: the range of prices that is looked at then."""
    box = page.page.locator(".row-book .plot").first.bounding_box()
    assert box is not None
    before = page.page.evaluate(PRICE, BTC)
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.page.mouse.wheel(0, -240)
    page.until(f"([m, before]) => String(({PRICE})(m)) !== String(before)", [BTC, before])
    found: list[float] = page.page.evaluate(PRICE, BTC)
    return found


def test_a_zoom_of_prices_stays_until_it_is_undone(
    page: Watched, living: LiveMarkets, url: str
) -> None:
    """Freezing, going on and another range are about time."""
    page.open(f"{url}/?m={BTC}&range=900{far_prices(living)}", BTC)
    price = zoom_price(page)
    for key, come in ((" ", HELD), (" ", LIVE), (",", LIVE)):
        page.page.keyboard.press(key)
        page.until(come, BTC)
    page.until("market => window.ofi.view(market).info.range_s < 900", BTC)
    assert page.view(BTC)["user"]["price"] == pytest.approx(price)
    page.page.keyboard.press("0")
    assert page.view(BTC)["user"]["price"] is None


def test_a_zoom_of_prices_is_in_the_address_and_one_that_cannot_be_is_told(
    page: Watched, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&m={ETH}&range=300", BTC, ETH)
    price = zoom_price(page)
    page.until("market => location.hash.includes(`price=${market}~`)", BTC)
    address = page.address()
    page.page.goto("about:blank")
    page.open(address, BTC, ETH)
    assert page.view(BTC)["user"]["price"] == pytest.approx(price, abs=0.001)
    assert page.view(BTC)["ranges"]["price"] == pytest.approx(price, abs=0.001)
    assert page.view(ETH)["user"]["price"] is None
    assert page.page.locator("#dropped").inner_text() == ""
    page.page.keyboard.press("0")
    page.until("() => !location.href.includes('price=')")
    page.page.goto("about:blank")
    page.open(f"{url}/?m={BTC}&range=300&depth=99#price={BTC}~2~1", BTC)
    told = page.page.locator("#dropped")
    expect(told).to_contain_text("depth must be a whole number")
    expect(told).to_contain_text("price must be a market and two prices")
    page.page.keyboard.press("]")
    expect(told).to_be_empty()
    page.until("() => !location.href.includes('price=')")
    assert page.complaints == []


def test_prices_of_a_market_that_is_not_in_view_are_told_and_do_not_act_later(
    page: Watched, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=300#price={ETH}~1~2", BTC)
    expect(page.page.locator("#dropped")).to_contain_text(f"price names {ETH}, not in view")
    page.open(f"{url}/?m={BTC}&m={ETH}&range=300", BTC, ETH)
    assert page.view(ETH)["user"]["price"] is None


def test_back_at_the_present_a_zoom_of_prices_that_it_has_left_is_let_go(
    page: Watched, living: LiveMarkets, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=300#price={BTC}~1~2", BTC)
    page.page.keyboard.press("Space")
    page.until("market => window.ofi.view(market).state === 'frozen'", BTC)
    assert page.view(BTC)["user"]["price"] == [1, 2]
    page.page.keyboard.press("Space")
    page.until("market => window.ofi.view(market).user.price === null", BTC)
    page.page.goto("about:blank")
    page.open(f"{url}/?m={BTC}&range=300{far_prices(living)}", BTC)
    near = zoom_price(page)
    page.page.keyboard.press("Space")
    page.until("market => window.ofi.view(market).state === 'frozen'", BTC)
    page.page.keyboard.press("Space")
    page.until("m => window.ofi.view(m).state === 'live' && !window.ofi.view(m).awaiting", BTC)
    rested(page)
    assert page.view(BTC)["user"]["price"] == pytest.approx(near)


def test_a_zoom_is_no_step_to_go_back_to(page: Watched, living: LiveMarkets, url: str) -> None:
    end = living.filled_ns // 1_000_000 - 60_000
    page.open(f"{url}/?m={BTC}&range=120&end={end}", BTC)
    for depth in (15, 20):
        before = page.page.evaluate("location.hash")
        box = page.page.locator(".row-book .plot").bounding_box()
        assert box is not None
        page.page.mouse.move(box["x"] + 80, box["y"] + 60)
        page.page.mouse.wheel(0, -120)
        page.until("before => location.hash !== before", before)
        page.page.keyboard.press("=")
        page.until("depth => location.search.includes(`depth=${depth}`)", depth)
        rested(page)
    for step, depth in ((-1, 15), (-1, 10), (1, 15), (1, 20)):
        page.page.evaluate("step => history.go(step)", step)
        page.until(
            "([market, depth]) => window.ofi.view(market)?.info?.depth === depth", [BTC, depth]
        )
        rested(page)
        assert "#zoom=" in page.address()
    assert page.complaints == []


def test_one_step_leads_back_out_of_a_link_with_a_zoom(
    page: Watched, living: LiveMarkets, url: str
) -> None:
    end = living.filled_ns // 1_000_000 - 60_000
    page.open(f"{url}/?m={BTC}&range=120&end={end}", BTC)
    address = page.address()  # as the page itself writes it
    page.page.goto("about:blank")
    page.open(f"{address}#zoom={end - 50_000}~{end - 10_000}", BTC)
    rested(page)
    page.page.go_back()
    page.page.wait_for_url("about:blank")


def test_a_link_to_a_moment_that_the_present_has_left_brings_that_moment(
    page: Watched, living: LiveMarkets, url: str
) -> None:
    last = living.filled_ns // 1_000_000 - 200_000
    page.open(f"{url}/?m={BTC}&m={ETH}&range=60#zoom={last - 20_000}~{last}", BTC, ETH)
    page.until(ARRIVED, BTC)
    for market in (BTC, ETH):
        assert page.view(market)["user"]["time"] == [last - 20_000, last]
    assert page.view(BTC)["state"] == "frozen"


def test_a_connection_that_was_lost_is_told_from_the_loss_on(
    browser: Browser, living: LiveMarkets, url: str
) -> None:
    """Not from the newest figure, which a frozen view has from long before."""
    end = living.filled_ns // 1_000_000 - 600_000
    with watched(browser) as page:
        page.open(f"{url}/?m={BTC}&range=120&end={end}", BTC)
        page.page.context.set_offline(True)
        expect(page.page.locator("#link")).to_contain_text("Reconnecting")
        page.page.context.set_offline(False)
        said = re.compile(
            r"Connection back after [\d.]+\s(s|min( \d+\ss)?); the view is still frozen\."
        )
        expect(page.page.locator("#notice")).to_have_text(said)
        # A server that was mended meanwhile sends what these scripts cannot read.
        page.page.evaluate(HEARS, [{"key": None, "arrays": {"t": ["f9", [1], 0]}}, True])
        empty = page.page.locator(".empty")
        expect(empty).to_contain_text("The page cannot read what the server sends of it.")
        expect(page.page.locator(".pill.state")).to_have_text("Not shown")
        expect(page.page.locator("[data-f=trust-verdict]")).to_have_text("Figures withheld.")
        page.page.evaluate(HEARS, [{"type": "hello", "protocol": 2}, False])
        words = "The server has a new version; reload the page."
        expect(page.page.locator("#notice p")).to_have_text(words)
        with page.page.expect_navigation():
            page.page.get_by_role("button", name="Reload").click()
