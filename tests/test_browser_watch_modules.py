"""The cells of the watch list, in the browser that fills them."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

WATCHED = """async ([rows, wide]) => {
  const { FIGURES, columns, moneyOf } = await import('/live/watch_cells.js'), common = moneyOf(rows);
  const all = [...FIGURES.keys()].flatMap(figure => columns(wide, {}, common, figure));
  const found = Object.fromEntries(all.map(one => [one.colId, one]));
  const gui = (name, data) => {
    const one = new found[name].cellRenderer();
    one.init({ data });
    return one.getGui();
  };
  const drawn = (name, data) => [...gui(name, data).children].map(part => [part.textContent, part.className]);
  return rows.map(data => ({
    head: found.depth?.headerName, depth: found.depth && gui('depth', data).textContent,
    sorts: found.depth?.valueGetter({ data }), score: drawn('score', data),
    feed: drawn('state', data)[0], price: gui('price', data).firstChild.textContent,
  }));
}"""
ROW = {
    "market": "binance:BTC/USDT", "quote": "USDT", "state": "live", "mid": 100.0, "bid": 99.0, "ask": 101.0,
    "score": 1.5, "score_in_s": None, "depth_quote": 2_400_000.0, "price_decimals": 1,
}  # fmt: skip


def watched_rows(page: Page, *changes: dict[str, Any], wide: bool = True) -> Any:
    return page.evaluate(WATCHED, [[ROW | one for one in changes], wide])


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("quotes", "head", "depths"),
    [
        (("USDT", "USD"), "10 bps, $", ["2.4 M", "2.4 M"]),
        (("EUR", "EUR"), "10 bps, EUR", ["2.4 M", "2.4 M"]),
        (("USDT", "BTC"), "10 bps", ["2.4 M $", "2.4 M BTC"]),
    ],
)
def test_the_depth_of_the_watch_list_is_money(
    page: Page, quotes: tuple[str, str], head: str, depths: list[str], wide: bool
) -> None:
    rows = watched_rows(page, *({"quote": quote} for quote in quotes), wide=wide)
    assert [row["depth"].replace("\u00a0", " ") for row in rows] == depths
    assert {row["head"].replace("\u00a0", " ") for row in rows} == {head}
    assert {row["sorts"] for row in rows} == {2_400_000.0}


@pytest.mark.parametrize(
    ("name", "field"), [("queue", "queue_imbalance"), ("price", "mid"), ("explained", "explained")]
)
@pytest.mark.parametrize("wide", [False, True])
def test_what_is_not_available_stands_below_everything_either_way(
    page: Page, name: str, field: str, wide: bool
) -> None:
    script = """async ([wide, name, rows]) => {
      const { columns } = await import('/live/watch_cells.js');
      const { comparator, valueGetter } = columns(wide, {}, '$', name).find(one => one.colId === name);
      const values = rows.map(data => valueGetter({ data }));
      return [false, true].map(down => values.toSorted(
        (a, b) => comparator(a, b, null, null, down) * (down ? -1 : 1)));
    }"""
    rows = [ROW | {field: value} for value in (None, 0.2, None, -0.1, 0.7)]
    up, down = page.evaluate(script, [wide, name, rows])
    assert up == [-0.1, 0.2, 0.7, None, None]
    assert down == [0.7, 0.2, -0.1, None, None]


def test_depths_are_sorted_within_their_money(page: Page) -> None:
    script = """async rows => {
      const { columns } = await import('/live/watch_cells.js');
      const { comparator } = columns(true, {}, '').find(one => one.colId === 'depth');
      return [false, true].map(down => rows.map(data => ({ data })).toSorted((a, b) =>
        comparator(a.data.depth_quote, b.data.depth_quote, a, b, down) * (down ? -1 : 1))
        .map(({ data }) => `${data.quote} ${data.depth_quote}`));
    }"""
    depths = [("JPY", 9e8), ("USD", 2e6), ("EUR", 3e6), ("USDT", 5e6), ("JPY", 8e8), ("EUR", None)]
    up, down = page.evaluate(script, [ROW | {"quote": q, "depth_quote": d} for q, d in depths])
    assert up == [
        "USD 2000000", "USDT 5000000", "EUR 3000000", "JPY 800000000", "JPY 900000000", "EUR null",
    ]  # fmt: skip
    assert down == [
        "USDT 5000000", "USD 2000000", "EUR 3000000", "JPY 900000000", "JPY 800000000", "EUR null",
    ]  # fmt: skip


def test_a_market_with_too_little_history_is_learning(page: Page) -> None:
    young = {"score": None, "score_in_s": 230}
    young_row, scored, still, slow = watched_rows(
        page, young, {}, {"score": None, "score_in_s": 0}, {"state": "throttled"}
    )
    assert young_row["score"][0] == ["4\u00a0min", "wl-score wl-state learning"]
    assert young_row["feed"] == ["Learning", "wl-state marked learning"]
    assert (scored["score"][0][0], scored["feed"][0]) == ("+1.5", "Live")
    assert (still["score"][0][0], still["feed"][0]) == ("–", "Live")  # time will not bring one
    assert slow["score"] == [["+1.5", "wl-score slow"], ["Throttled", "unseen"]]


def test_the_filter_knows_the_state_that_is_shown(page: Page) -> None:
    script = """async row => {
      const { WatchList } = await import('/live/watch.js'), { passes } = WatchList.prototype;
      return ['learning', 'live'].map(filter => passes.call({ filter }, row));
    }"""
    assert page.evaluate(script, ROW | {"score": None, "score_in_s": 230}) == [True, False]
    assert page.evaluate(script, ROW) == [False, True]


@pytest.mark.parametrize("wide", [False, True])
def test_mid_has_one_decimal_more_than_a_price(page: Page, wide: bool) -> None:
    (row,) = watched_rows(page, {"mid": 67_527.95}, wide=wide)
    assert row["price"] == "67,527.95"


def test_a_throttled_market_shows_in_the_narrow_list(page: Page) -> None:
    (row,) = watched_rows(page, {"state": "throttled", "score": -12.3}, wide=False)
    assert row["score"] == [["−12.3", "wl-score sold slow"], ["Throttled", "unseen"]]
