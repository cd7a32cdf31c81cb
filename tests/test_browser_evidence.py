"""The tab *evidence* in Chromium: the API's numbers, in words, on canvases, at every width and theme."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser import LiveMarkets, Watched, pixels, watched
from tests.browser_ways import resized, themed
from tests.grave import serious
from tests.web_server import running_server

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
CHARTS = ("impact", "prediction", "vpin", "markouts", "adverse")
THERE = "market => window.ofi?.view(market)?.evidence?.explains?.best?.r2 > 0"
# What the page says and what it says it of, in one go: between two calls it moves on.
SHOWN = """market => {
  const stack = document.querySelector(`.stack[data-market="${market}"]`);
  const words = Object.fromEntries([...stack.querySelectorAll('[data-f^="ev-"]')]
    .map((one) => [one.dataset.f.slice(3), one.textContent]));
  return { values: window.ofi.view(market).evidence, words };
}"""


@pytest.fixture(scope="module")
def url(whole_url: str) -> str:
    return whole_url


def opened(one: Watched, url: str, query: str = "", market: str = BTC) -> dict[str, Any]:
    """The page on the tab with figures; what it shows."""
    one.page.goto(f"{url}/?m={market}&tab=evidence&lookback=600{query}")
    one.until(THERE, market)
    one.until(
        "() => document.querySelector('[data-f=ev-verdict]').textContent.includes('explained')"
    )
    shown: dict[str, Any] = one.page.evaluate(SHOWN, market)
    return shown


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-").replace("\u2009", " ")


def signed(value: float, decimals: int = 2) -> str:
    text = f"{value:+.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def fixed(value: float, decimals: int = 2) -> str:
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def test_the_page_shows_what_the_api_gives(browser: Browser, url: str) -> None:
    with watched(browser) as one:
        shown = opened(one, url)
        assert not one.complaints
    values, words = shown["values"], {k: plain(v) for k, v in shown["words"].items()}
    query = {"market": BTC, "bin": "10s", "lookback": "10min", "end": values["end_ms"] * 10**6}
    answer = httpx.get(f"{url}/api/v1/verification", params=query, timeout=60).json()
    assert {name: answer[name] for name in values} == values
    fit = answer["explains"]["best"]
    share = f"{fit['r2'] * 100:.0f} %"
    assert words["verdict"] == f"In the last 10 min OFI explained {share} of 10 s price moves."
    assert words["figure-now"] == share
    assert f"n = {fit['bins']}" in words["fact-now"]
    for h in ("1", "5"):
        told = answer["prediction"][h]
        assert words[f"figure-{h}"] == signed(told["ic"])
        low, high = told["hit_low"] * 100, told["hit_high"] * 100
        numbers = re.match(
            r"Right (\S+) % of the time \((\S+) to (\S+)\), n = (\S+?)[:.]", words[f"fact-{h}"]
        )
        assert numbers is not None, words[f"fact-{h}"]
        # Halves may be rounded either way: 52.95 is 52.9 or 53.0.
        rates = [float(text) for text in numbers.groups()[:3]]
        assert rates == pytest.approx([told["hit_rate"] * 100, low, high], abs=0.0501)
        assert numbers[4] == f"{int(told['n_eff']):,}"
        assert words[f"fact-{h}"].endswith("." if told["better_than_chance"] else ": chance.")
    panels = ("verdict", "impact", "prediction", "flows", "horizons", "vpin", "markouts", "adverse")
    for name in panels:
        assert "coverage" in words[f"cov-{name}"], name
    sober = "better than chance" if answer["prediction"]["5"]["better_than_chance"] else "no better"
    assert sober in words["sober"]
    for name, one_fit in answer["explains"].items():
        assert words[f"{name}-r2"] == fixed(one_fit["r2"])
        assert words[f"{name}-t"] == fixed(one_fit["t"], 1)
        assert words[f"{name}-held_out"] == fixed(one_fit["held_out"])
        assert float(words[f"{name}-beta"].replace(",", "")) == pytest.approx(
            one_fit["beta"], rel=6e-3
        )
    assert words["60-interval"] == (
        f"{signed(answer['prediction']['60']['ic_low'])} to "
        f"{signed(answer['prediction']['60']['ic_high'])}"
    )


def test_bins_and_look_back_are_chosen_and_in_the_address(browser: Browser, url: str) -> None:
    with watched(browser) as one:
        opened(one, url)
        one.page.click("#bins [data-bin='1']")
        one.until(f"() => window.ofi.view('{BTC}').evidence.bin_s === 1")
        one.until(
            "() => document.querySelector('[data-f=ev-flows-head]').textContent.includes('1\u00a0s')"
        )
        one.until("() => location.search.includes('bin=1')")
        assert one.page.get_attribute("#bins [data-bin='1']", "aria-pressed") == "true"
        one.page.goto(one.address())
        one.until(THERE, BTC)
        assert one.view(BTC)["evidence"]["bin_s"] == 1
        assert one.view(BTC)["evidence"]["lookback_s"] == 600
        assert not one.complaints


def test_a_fee_is_typed_and_kept(browser: Browser, url: str) -> None:
    with watched(browser) as one:
        opened(one, url)
        one.page.fill(".fee input", "999")
        one.until("() => document.querySelector('[data-f=ev-figure-cost]').textContent === 'No'")
        one.page.fill(".fee input", "0.5")
        one.page.reload()
        one.until(THERE, BTC)
        assert one.page.input_value(".fee input") == "0.5"


def test_every_field_shows_the_fee_that_is_reckoned_with(browser: Browser, url: str) -> None:
    with watched(browser) as one:
        one.open(f"{url}/?tab=evidence&m={BTC}&m={ETH}", BTC, ETH)
        one.until("() => document.querySelectorAll('.fee input').length === 2")
        mine, others = one.page.locator(".fee input").first, one.page.locator(".fee input").last
        mine.fill("0")
        assert others.input_value() == "0"
        mine.fill("1500")
        assert mine.get_attribute("aria-invalid") == "true"
        assert others.input_value() == "0"
        mine.press("Enter")
        assert mine.input_value() == "0"
        one.until("() => location.search.includes('fee=0')")
        assert not one.complaints


def test_a_fee_that_was_typed_is_in_the_address_and_wins_over_the_own(
    browser: Browser, url: str
) -> None:
    fees = "async () => (await import('./assets/live/evidence_words.js')).feeBps()"
    with watched(browser) as one:
        opened(one, url)
        assert "fee=" not in one.address()
        one.page.fill(".fee input", "998.5")
        one.page.press(".fee input", "Enter")
        one.until("() => location.search.includes('fee=998.5')")
        address = one.address()
    with watched(browser) as other:
        other.page.add_init_script("localStorage.setItem('ofi-fee-bps', '0.25')")
        opened(other, url)
        assert other.page.evaluate(fees) == 0.25
        # What is kept here is not in the address until that is shared.
        other.page.locator("#share").click()
        other.until("() => location.search.includes('fee=0.25')")
        other.page.goto(address)
        other.until(THERE, BTC)
        assert other.page.input_value(".fee input") == "998.5"
        assert other.page.evaluate(fees) == 998.5
        other.until("() => document.querySelector('[data-f=ev-figure-cost]').textContent === 'No'")
        assert other.page.evaluate("localStorage.getItem('ofi-fee-bps')") == "0.25"
        assert not other.complaints


def test_several_markets_each_have_theirs(browser: Browser, url: str) -> None:
    with watched(browser) as one:
        one.page.goto(f"{url}/?m={BTC}&m={ETH}&tab=evidence&lookback=600")
        for market in (BTC, ETH):
            one.until(THERE, market)
        one.until(
            """() => [...document.querySelectorAll('[data-f=ev-verdict]')]
              .every((one) => one.textContent.includes('explained'))"""
        )
        betas = [one.view(market)["evidence"]["explains"]["best"]["beta"] for market in (BTC, ETH)]
        assert betas[0] != betas[1]
        assert not one.complaints


def test_a_young_market_says_what_it_waits_for(browser: Browser, tmp_path: Path) -> None:
    with (
        LiveMarkets(tmp_path, count=1, minutes=1.5, outage=False) as living,
        running_server(Path(living.store.directory), workers=1) as base,
        watched(browser) as one,
    ):
        one.page.goto(f"{base}/?m={BTC}&tab=evidence")
        one.until(f"() => window.ofi?.view('{BTC}')?.evidence")
        one.until("() => !document.querySelector('[data-empty=impact]').hidden")
        words = plain(one.page.inner_text("[data-empty=impact]"))
        assert re.search(r"Needs 30 windows of 10 s: [1-4] min( \d+ s)? more", words), words
        assert "OFI cannot be judged yet." in one.page.inner_text(".verdict")
        assert plain(one.page.inner_text("[data-f=ev-figure-now]")) == "\u2013"
        assert not one.complaints


# From here on tests share a page. Those that have their own come first: none is drawn beside it.


@pytest.fixture(scope="module")
def shared(browser: Browser, url: str) -> Iterator[Watched]:
    with watched(browser, 390, 900) as one:
        opened(one, url, "&theme=light")
        yield one


@pytest.fixture
def one(shared: Watched) -> Iterator[Watched]:
    """A page on the tab with figures; a test gives it the size and the theme that it looks at."""
    shared.complaints.clear()
    shared.page.mouse.move(5, 5)
    yield shared
    assert not shared.complaints


@pytest.mark.parametrize("theme", ["light", "dark"])  # as it was opened first
@pytest.mark.parametrize("width", [390, 1440])
def test_no_serious_violation(one: Watched, theme: str, width: int) -> None:
    resized(one, width, 900)
    themed(one, theme)
    assert serious(one.page) == []


def charts(one: Watched) -> dict[str, str]:
    return {name: pixels(one.page, f"canvas[data-canvas={name}]") for name in CHARTS[:4]}


@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_every_chart_is_drawn_and_nothing_overflows(one: Watched, width: int) -> None:
    resized(one, width, 900 if width < 2000 else 1440, drawings=2)
    themed(one, "dark")
    dark = charts(one)
    for name, print_ in dark.items():
        assert len(set(print_.split(","))) > 3, f"{name} is blank"
    wide = one.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    if width >= 1440:
        cut = one.page.evaluate(
            """() => [...document.querySelectorAll('.evidence .panel-body')]
              .filter((one) => one.firstElementChild.scrollHeight > one.clientHeight + 1)
              .map((one) => one.parentElement.dataset.panel)"""
        )
        assert cut == []
    themed(one, "light")
    light = charts(one)
    assert all(light[name] != dark[name] for name in light)


@pytest.mark.parametrize("chart", ["impact", "prediction", "vpin", "markouts"])
def test_the_pointer_reads_values(one: Watched, chart: str) -> None:
    resized(one, 1440, 900)
    themed(one, "dark")
    box = one.page.locator(f"canvas[data-canvas={chart}]").bounding_box()
    assert box is not None
    # Walk over the chart until something is near: dots lie where the market put them.
    for k in range(400):
        x, y = 52 + (k * 37) % (box["width"] - 160), 24 + (k * 23) % (box["height"] - 62)
        one.page.mouse.move(box["x"] + x, box["y"] + y)
        if one.page.locator(".evidence .readout").is_visible():
            break
    text = plain(one.page.locator(".evidence .readout").inner_text())
    assert re.search(r"\d", text), text
    one.page.mouse.move(5, 5)
    one.until("() => document.querySelector('.evidence .readout').hidden")
