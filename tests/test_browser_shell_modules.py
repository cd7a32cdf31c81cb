"""The modules around the charts, each by itself: market names, zone, sparks, amounts, tour."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_rig import call
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser


def test_a_market_moves_among_those_in_view(page: Page) -> None:
    assert call(page, "chips", "moved", ["a", "b", "c"], "c", -1) == ["a", "c", "b"]
    assert call(page, "chips", "moved", ["a", "b", "c"], "a", -1) == ["a", "b", "c"]
    assert call(page, "chips", "moved", ["a", "b", "c"], "b", 5) == ["a", "c", "b"]


NAMES = [
    ("binance:BTC/USDT", "BTC/USDT", "Binance spot"),
    ("binanceusdm:BTC/USDT:USDT", "BTC/USDT", "Binance perp"),
    ("okx:BTC/USDT:USDT-261225", "BTC/USDT", "OKX 25 Dec"),
    ("deribit:BTC/USD:BTC-261225-70000-C", "BTC/USD", "Deribit 25 Dec 70000 C"),
]


@pytest.mark.parametrize(("market", "name", "place"), NAMES)
def test_a_market_is_named_in_words(page: Page, market: str, name: str, place: str) -> None:
    found = call(page, "words", "describe", market)
    assert found["name"] == name
    assert found["place"].replace("\u00a0", " ") == place


ZONES = [
    ("utc", 1_700_000_000_000, "22:13:20"),
    ("Asia/Kolkata", 1_700_000_000_000, "03:43:20"),
    ("America/New_York", 1_700_000_000_000, "17:13:20"),
    # The hour before and the hour after the clocks of Berlin go back.
    ("Europe/Berlin", 1_698_539_400_000, "02:30:00"),
    ("Europe/Berlin", 1_698_543_000_000, "02:30:00"),
    ("Asia/Kathmandu", 1_700_000_000_000, "03:58:20"),
]


@pytest.fixture
def zoned(page: Page) -> Iterator[Page]:
    yield page
    call(page, "zone", "setZone", "utc")


@pytest.mark.parametrize(("zone", "ms", "want"), ZONES)
def test_times_are_those_of_the_zone(zoned: Page, zone: str, ms: int, want: str) -> None:
    assert call(zoned, "zone", "setZone", zone) is True
    assert call(zoned, "format", "clock", ms) == want
    assert call(zoned, "format", "stamp", ms).startswith(want + " ")


# The clocks of Berlin go back at 01:00 UTC on 2023-10-29, and forward at 01:00 UTC on 2024-03-31.
BACK_MS, FORWARD_MS = 1_698_541_200_000, 1_711_846_800_000


def test_a_time_bears_the_name_that_the_zone_had_then(zoned: Page) -> None:
    """Whatever the zone is called while the page is open."""
    call(zoned, "zone", "setZone", "Europe/Berlin")
    stamps = [call(zoned, "format", "stamp", t) for t in (BACK_MS - 1000, BACK_MS, FORWARD_MS)]
    assert stamps == ["02:59:59 CEST", "02:00:00 CET", "03:00:00 CEST"]
    assert call(zoned, "zone", "zoneName", BACK_MS - 1) == "CEST"
    assert call(zoned, "zone", "zoneName") in ("CET", "CEST")
    assert call(zoned, "zone", "timeHead", BACK_MS - 2, BACK_MS - 1) == "time, CEST"
    assert call(zoned, "zone", "timeHead", BACK_MS - 1, BACK_MS) == "time, CEST/CET"
    call(zoned, "zone", "setZone", "utc")
    assert call(zoned, "zone", "timeHead", BACK_MS - 1, BACK_MS) == "time, UTC"


def test_the_present_name_of_the_zone_follows_the_clocks(zoned: Page) -> None:
    """A page that is left open over the night of the change."""
    script = """async ([before, after]) => {
      const { setZone, zoneName } = await import('/live/zone.js'), now = Date.now;
      try {
        Date.now = () => before;
        setZone('Europe/Berlin');
        const first = zoneName();
        Date.now = () => after;
        return [first, zoneName()];
      } finally { Date.now = now; }
    }"""
    assert zoned.evaluate(script, [BACK_MS - 1000, BACK_MS + 1000]) == ["CEST", "CET"]


def test_axes_and_tables_name_the_zone_of_their_times(zoned: Page) -> None:
    script = """async end => {
      const { setZone } = await import('/live/zone.js');
      const { beginRow } = await import('/live/timerows.js');
      const { FLOW_TABLES } = await import('/live/tables.js');
      setZone('Europe/Berlin');
      const canvas = document.createElementNS('http://www.w3.org/1999/xhtml', 'canvas'), said = [];
      const start = end - 60000, row = { canvas, width: 400, strip: true };
      canvas.getContext('2d').fillText = words => said.push(words);
      beginRow({ row, width: 320, height: 80, start, end, X: t => t - start });
      const { columns } = FLOW_TABLES.levels({ model: { levelCount: 0 }, views: { book: { start, end } } });
      return [said.filter(words => /CES?T/.test(words)), columns];
    }"""
    assert zoned.evaluate(script, BACK_MS - 1) == [["CEST"], ["time, CEST"]]
    assert zoned.evaluate(script, BACK_MS + 120_000) == [["CET"], ["time, CET"]]


def test_a_zone_that_nobody_knows_is_utc(zoned: Page) -> None:
    assert call(zoned, "zone", "setZone", "Mars/Olympus") is False
    assert call(zoned, "format", "stamp", 1_700_000_000_000) == "22:13:20 UTC"


def test_ticks_of_time_are_whole_hours_of_the_zone(zoned: Page) -> None:
    call(zoned, "zone", "setZone", "Asia/Kolkata")
    start = 1_700_000_000_000
    found = call(zoned, "format", "timeTicks", start, start + 4 * 3_600_000, 320)["found"]
    words = [call(zoned, "format", "clock", t, "minutes") for t in found]
    assert len(words) >= 3
    assert all(word.endswith(":00") for word in words)


def test_sparks_of_markets_that_left_are_forgotten(page: Page) -> None:
    script = """async () => {
      const { Sparks } = await import('/live/sparks.js');
      const sparks = new Sparks();
      for (const market of ['a:B', 'a:C']) sparks.note({ market, score: 1, time_ms: 3e6 });
      sparks.keep(new Map([['a:C', {}]]));
      return [...sparks.lines.keys()];
    }"""
    assert page.evaluate(script) == ["a:C"]


def test_sparks_go_on_from_the_history_of_the_server(page: Page) -> None:
    script = """async () => {
      const { Sparks } = await import('/live/sparks.js');
      const sparks = new Sparks();
      sparks.note({ market: 'a:B', score: 9, time_ms: 103 * 30000 });
      sparks.take({ step_ms: 30000, markets: { 'a:B': [100, [1, null, 3, 4]] } });
      sparks.note({ market: 'a:B', score: null, time_ms: 104 * 30000 });
      sparks.note({ market: 'a:B', score: 5, time_ms: 160 * 30000 });
      return [...sparks.lines.get('a:B')].sort((a, b) => a[0] - b[0]);
    }"""
    # What the page saw itself is newer; what is older than half an hour is gone.
    assert page.evaluate(script) == [[102, 3], [103, 9], [160, 5]]


AMOUNTS = {
    "250,000": 250_000, "250 000": 250_000, "1'000'000": 1_000_000, "250k": 250_000, "1.5 M": 1_500_000,
    "1,500": 1500, "1,500.5k": 1_500_500, "1,000,000,000,000": 10**12, "7": 7,
    "1,5k": 0, "1,5 M": 0, "15,00": 0, "1,0000": 0, "1,000 000": 0, ",500": 0, "1.000.000": 0,
    "1,000,000,000,001": 0, "0.5": 0, "0": 0, "": 0, "lots": 0,
}  # fmt: skip


@pytest.mark.parametrize(("words", "want"), AMOUNTS.items())
def test_an_amount_is_read_as_it_was_meant_or_not_at_all(page: Page, words: str, want: int) -> None:
    assert call(page, "trades_side", "amount", words) == want


TOUR = """async ([seen, drawn, steps]) => {
  const { Tour } = await import('/live/tour.js'), timers = [], real = setTimeout;
  document.body?.remove();
  document.documentElement.append(document.createElement('body'));
  document.body.innerHTML = `<div class="stack">${steps.map(name =>
    `<div class="${name}" style="width:9px;height:9px"></div>`).join('')}</div>`;
  if (seen) localStorage.setItem('ofi.tour', '1'); else localStorage.removeItem('ofi.tour');
  globalThis.setTimeout = (run) => timers.push(run);
  const tour = new Tour(), counts = [];
  tour.first(() => drawn.shift() ?? true);
  let waits = 0;
  while (timers.length) { waits++; timers.shift()(); }
  globalThis.setTimeout = real;
  while (tour.at >= 0) { counts.push(tour.count.textContent); tour.next.click(); }
  return [waits, counts, document.querySelectorAll('.tour, .tour-ring').length];
}"""


@pytest.mark.parametrize(
    ("case", "want"),
    [
        # It looks until something is drawn, then lets that stand for a while, and looks again.
        ([False, [True, True], ["read", "row-book"]], [1, ["1 of 2", "2 of 2"], 0]),
        ([False, [False, False, True, True], ["read"]], [3, ["1 of 1"], 0]),
        ([False, [True, False, True, True], ["read"]], [2, ["1 of 1"], 0]),
        ([False, [True, True], []], [1, [], 0]),
        ([True, [True, True], ["read"]], [0, [], 0]),
    ],
)
def test_the_tour_begins_with_a_drawing_and_counts_the_steps_there_are(
    page: Page, case: Any, want: Any
) -> None:
    page.goto(page.url.replace("logo.svg", "inter-OFL.txt"))
    assert page.evaluate(TOUR, case) == want


TOUR_MOVES = """async () => {
  const { Tour } = await import('/live/tour.js'), real = setTimeout, timers = [];
  localStorage.removeItem('ofi.tour');
  document.body.innerHTML = `<dialog></dialog><div id="holder" style="height:200px;overflow:auto">
    <div class="stack"><div class="read" style="width:9px;height:99px"></div>
    <p style="height:900px"></p></div></div>`;
  const [dialog, holder, target] = ['dialog', '#holder', '.read'].map(one => document.querySelector(one));
  dialog.showModal();
  globalThis.setTimeout = (run) => timers.push(run);
  const tour = new Tour(), next = () => timers.shift()();
  tour.first(() => true);
  next();
  const waited = tour.at;
  dialog.close();
  next();
  dialog.showModal();  // opened while the drawing stood
  next();
  const again = tour.at;
  dialog.close();
  next();
  next();
  globalThis.setTimeout = real;
  const off = () => Math.round(tour.ring.getBoundingClientRect().top - target.getBoundingClientRect().top);
  const before = [tour.at, off()];
  const scrolled = new Promise(done => holder.addEventListener('scroll', done, { once: true }));
  holder.scrollTop = 60;
  await scrolled;
  const after = [target.getBoundingClientRect().top < 0, off()];
  target.parentElement.style.display = 'none';  // another tab
  tour.moved();
  return [waited, again, before, after, tour.at, document.querySelectorAll('.tour, .tour-ring').length];
}"""


def test_the_tour_waits_for_dialogs_follows_what_scrolls_and_ends_with_its_tab(page: Page) -> None:
    page.goto(page.url.replace("logo.svg", "inter-OFL.txt"))
    page.add_style_tag(content=".tour-ring { position: fixed }")
    waited, again, before, after, at, left = page.evaluate(TOUR_MOVES)
    assert (waited, again) == (-1, -1)
    assert (before, after) == ([0, -4], [True, -4])
    assert (at, left) == (-1, 0)


def test_a_fifth_market_says_whose_place_it_takes(page: Page) -> None:
    script = """async ([markets, market]) => {
      const { Shell } = await import('/live/shell.js'), said = [], wished = [];
      const shell = { view: { markets }, closeDrawer() {}, wish: change => wished.push(change.markets),
        page: { notices: { say: words => said.push(words) } } };
      Shell.prototype.open.call(shell, market, true);
      return [said, wished];
    }"""
    four = [f"kraken:{base}/USD" for base in ("BTC", "ETH", "SOL", "XRP")]
    perp = "binanceusdm:BTC/USDT:USDT"
    said, wished = page.evaluate(script, [four, perp])
    assert said == [
        "4 markets fit: BTC/USDT, Binance perp is shown in place of XRP/USD, Kraken spot."
    ]
    assert wished == [[*four[:3], perp]]
    assert page.evaluate(script, [four[:3], perp]) == [[], [[*four[:3], perp]]]
