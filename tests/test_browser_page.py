"""The page in a real Chromium, over a real gunicorn and a store that lives."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import HELD, INK, Watched, eventually, pixels, watched

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_page_draws_in_both_themes_without_complaint(
    page: Watched, url: str, theme: str
) -> None:
    page.open(f"{url}/?m={BTC}&theme={theme}", BTC)
    expect(page.page.locator("html")).to_have_attribute("data-mantine-color-scheme", theme)
    # Dash is loaded after the first drawing, which its megabytes would hold up.
    began = page.page.evaluate(
        "Math.min(...performance.getEntriesByType('resource')"
        ".filter(({name}) => name.includes('suites/')).map(({startTime}) => startTime))"
    )
    assert began >= min(page.view(BTC)["firstAt"], 1500)
    for row in ("book", "ofi", "levels", "flow"):
        for kind in ("plot", "cross"):
            chart = f".row-{row} .{kind}"
            assert len(set(pixels(page.page, chart).split(","))) > 1, f"{chart} is blank"
            assert page.page.locator(chart).get_attribute("role") == "img"
            assert page.page.locator(chart).get_attribute("aria-label")
    # How each stream comes stands beside its coverage.
    for row, sent in (("book", "100 ms batches"), ("ofi", "every event"), ("flow", "every trade")):
        said = re.compile(rf"{sent} · coverage [\d.]+ %".replace(" ", r"\s"))
        expect(page.page.locator(f".row-{row} .cov")).to_have_text(said)
    page.until("() => document.querySelectorAll('.axes .xtick text').length > 2")
    ticks = page.page.locator(".axes .xtick text").all_text_contents()
    assert any(re.fullmatch(r"\d\d:\d\d", text) for text in ticks)
    assert page.complaints == []


def test_controls_change_the_picture_and_the_address(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&depth=10&window=10", BTC)
    page.page.keyboard.press("Space")  # held still, so that only the controls change pixels
    page.until("market => window.ofi.view(market).state === 'frozen'", BTC)
    page.until(HELD, BTC)
    before = {row: pixels(page.page, f".row-{row} .plot") for row in ("ofi", "levels")}
    page.page.get_by_role("textbox", name="Window").click()
    page.page.get_by_role("option", name="30 s").click()
    page.until("market => window.ofi.view(market).info.window_s === 30", BTC)
    expect(page.page.get_by_role("heading", name="OFI, 30\u00a0s")).to_be_visible()
    assert "window=30" in page.address()
    page.page.get_by_role("textbox", name="Depth").click()
    page.page.get_by_role("option", name="5 levels", exact=True).click()
    page.until("market => window.ofi.view(market).info.depth === 5", BTC)
    assert "depth=5" in page.address()
    eventually(lambda: pixels(page.page, ".row-ofi .plot") != before["ofi"])
    eventually(lambda: pixels(page.page, ".row-levels .plot") != before["levels"])
    assert page.complaints == []


def test_markets_are_found_by_typing(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    before = pixels(page.page, ".row-book .plot")
    page.page.keyboard.press("/")
    page.page.keyboard.type("eth kraken")
    expect(page.page.get_by_role("option", name="ETH/USD Kraken spot")).to_be_visible()
    page.page.keyboard.press("Shift+Enter")
    page.until("market => window.ofi.view(market)?.drawn.count > 0", ETH)
    assert page.page.locator(".stack").count() == 2
    assert f"m={BTC}&m={ETH}" in page.address()
    page.page.get_by_role("button", name="Remove BTC/USDT Binance spot").click()
    page.until("() => document.querySelectorAll('.stack').length === 1")
    assert f"m={BTC}" not in page.address()
    page.until("market => window.ofi.view(market)?.axes", ETH)
    assert pixels(page.page, ".row-book .plot") != before
    assert page.complaints == []


def test_a_link_opens_what_the_sender_saw(browser: Browser, url: str) -> None:
    with watched(browser) as sender:
        sender.open(f"{url}/?m={ETH}&m={BTC}&depth=5&window=30&range=300&theme=light", ETH, BTC)
        sender.page.keyboard.press("Space")
        sender.until("() => /end=\\d+/.test(location.search)")
        sender.until(HELD, ETH)
        link = sender.address()
        sent = sender.view(ETH)
    with watched(browser) as receiver:
        receiver.open(link, ETH, BTC)
        receiver.until(HELD, ETH)
        got = receiver.view(ETH)
        assert receiver.page.input_value("#depth") == "5 levels"
        assert receiver.page.input_value("#window").replace("\u00a0", " ") == "30 s"
        assert receiver.page.input_value("#range").replace("\u00a0", " ") == "5 min"
        expect(receiver.page.locator("html")).to_have_attribute(
            "data-mantine-color-scheme", "light"
        )
    assert got["state"] == "frozen"
    assert got["info"]["end_ms"] == pytest.approx(sent["edge"], abs=1000)
    assert got["ranges"]["time"] == pytest.approx(sent["ranges"]["time"], abs=1000)


def test_a_hostile_address_shows_defaults_and_says_so(page: Watched, url: str) -> None:
    page.page.goto(
        f"{url}/?m=%3Cscript%3Ealert(1)%3C/script%3E&m={BTC}&depth=999&window=-1&theme=x"
    )
    expect(page.page.locator("#dropped")).to_contain_text("depth must be a whole number")
    expect(page.page.locator("#dropped")).to_contain_text("is not a market")
    assert page.page.locator("#dropped script").count() == 0
    page.until("market => window.ofi?.view(market)?.drawn.count > 0", BTC)
    assert page.view(BTC)["info"]["depth"] == 10


def test_zoom_and_pan_survive_updates_until_they_are_reset(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    box = page.page.locator(".row-book .plot").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.wheel(0, -600)
    page.until("market => window.ofi.view(market).user.time !== null", BTC)
    # plotly takes a drag only after the wheel's gesture has ended: some updates later.
    count = page.view(BTC)["drawn"]["count"]
    page.until(f"market => window.ofi.view(market).drawn.count > {count + 15}", BTC)
    page.page.mouse.down()
    page.page.mouse.move(x - 120, y + 20, steps=6)
    page.page.mouse.up()
    page.until("market => window.ofi.view(market).user.price !== null", BTC)
    zoomed = page.view(BTC)
    assert zoomed["user"]["price"] is not None
    page.until(
        "([market, count]) => window.ofi.view(market).drawn.count > count + 25",
        [BTC, zoomed["drawn"]["count"]],
    )
    later = page.view(BTC)
    assert later["edge"] > zoomed["edge"]
    assert later["ranges"]["time"] == pytest.approx(zoomed["ranges"]["time"])
    assert later["ranges"]["price"] == pytest.approx(zoomed["ranges"]["price"])
    shown = page.page.evaluate(
        """() => {
          const layout = document.querySelector('.js-plotly-plot')._fullLayout;
          return [layout.xaxis.range, layout.yaxis.range];
        }"""
    )
    assert shown[0] == pytest.approx(later["ranges"]["time"])
    assert shown[1] == pytest.approx(later["ranges"]["price"])
    page.page.get_by_role("button", name="Back to live").click()
    page.until("market => window.ofi.view(market).user.time === null", BTC)
    page.until(
        "market => { const v = window.ofi.view(market); return v.ranges.time[1] === v.edge; }", BTC
    )


def test_a_gap_is_hatched_in_every_row_and_windows_across_it_are_blank(
    page: Watched, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&window=10&range=1800", BTC)  # a shorter one the gap leaves
    page.page.keyboard.press("Space")  # held still, so that the gap stays where it is said to be
    page.until(HELD, BTC)
    view = page.view(BTC)
    gap = next(one for one in view["gaps"] if one["stream"] == "depth" and one["to_ms"])
    start, end = view["ranges"]["time"]
    for row in ("book", "ofi", "levels", "flow"):
        plot = page.page.locator(f".row-{row} .plot")
        width = plot.evaluate("plot => plot.clientWidth")
        at = [(gap[k] - start) / (end - start) * width for k in ("from_ms", "to_ms")]
        colours = plot.evaluate(
            f"(plot, [from, to]) => {{ const ink = {INK};"
            """
              const box = [Math.round(from) + 3, 2, Math.round(to - from) - 6, plot.clientHeight - 6];
              const c = plot.parentElement.querySelector('.sheet');
              const data = ink(c, ...box);
              const seen = new Map();
              for (let k = 0; k < data.length; k += 4) {
                const key = [data[k], data[k + 1], data[k + 2]].join();
                seen.set(key, (seen.get(key) ?? 0) + 1);
              }
              return [...seen].sort((a, b) => b[1] - a[1]).map(([key, n]) => [key, n / (data.length / 4)]);
            }""",
            at,
        )
        ground, share = colours[0]
        assert ground == "18,23,31", f"{row}: the ground of the gap is {ground}"
        assert 0.4 < share < 0.95, f"{row}: the lines of the hatch are missing"
    expect(page.page.locator("[data-f=q-gaps]")).to_contain_text("1 in view, longest 25")


def test_numbers_on_the_page_equal_the_api_at_the_shown_time(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&window=10&depth=10", BTC)
    page.page.keyboard.press("Space")
    page.until("() => /end=\\d+/.test(location.search)")
    page.until("market => window.ofi.view(market).state === 'frozen'", BTC)
    page.until(HELD, BTC)
    tiles = page.view(BTC)["tiles"]
    t_ns = round(tiles["t"]) * 1_000_000
    query = {"market": BTC, "start": t_ns - 10 * 10**9, "end": t_ns, "levels": 10}
    answer = httpx.get(f"{url}/api/v1/features", params=query, timeout=60).json()
    rows = [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
    assert tiles["ofi"] == pytest.approx(sum(row["ofi_best"] for row in rows), abs=1e-9)
    multi = sum(row[f"ofi_{m}"] for row in rows for m in range(1, 11))
    assert tiles["multi"] == pytest.approx(multi, abs=1e-9)
    assert tiles["mid"] == pytest.approx(rows[-1]["mid"], abs=1e-9)
    shown = plain(page.page.locator("[data-f=mid]").inner_text()).replace(",", "")
    assert shown == f"{rows[-1]['mid']:.3f}"
    ofi = float(plain(page.page.locator("[data-f=ofi]").inner_text()))
    assert ofi == pytest.approx(tiles["ofi"], rel=0.01, abs=0.01)


def test_freezing_holds_the_picture_and_lets_go_again(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    page.page.get_by_role("button", name="Freeze").click()
    page.until("market => window.ofi.view(market).state === 'frozen'", BTC)
    page.until(HELD, BTC)
    held, picture = page.view(BTC), pixels(page.page, ".row-book .plot")
    frames = page.page.evaluate("performance.now()")
    page.until("since => performance.now() > since + 2500", frames)
    assert page.view(BTC)["edge"] == held["edge"]
    assert pixels(page.page, ".row-book .plot") == picture
    expect(page.page.get_by_role("button", name="Freeze")).to_have_attribute("aria-pressed", "true")
    page.page.get_by_role("button", name="Back to live").click()
    page.until("([market, edge]) => window.ofi.view(market).edge > edge", [BTC, held["edge"]])
    expect(page.page.get_by_role("button", name="Back to live")).to_be_hidden()
    assert "end=" not in page.address()


def test_the_crosshair_tells_the_values_at_its_time(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&m={ETH}", BTC, ETH)
    box = page.page.locator(".row-ofi .plot").first.bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    card = page.page.locator(".readout").first
    expect(card).to_be_visible()
    text = plain(card.inner_text())
    assert re.search(r"\d\d:\d\d:\d\d UTC", text)
    assert "Best bid / ask" in text
    # A bar of taker flow says how long it is, and the card has its sum.
    bars = plain(page.page.locator("[data-f=unit-flow]").first.inner_text())
    assert re.fullmatch(r"BTC per [\d.]+ (s|min)", bars)
    assert f"Taker flow in {bars.removeprefix('BTC per ')}\n" in text
    assert "OFI" in text
    expect(page.page.locator(".readout").nth(1)).to_be_hidden()
    page.page.locator(".rows").first.focus()
    page.page.keyboard.press("ArrowLeft")
    expect(card).to_be_visible()
