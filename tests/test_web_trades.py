"""The tab of trades and liquidity on the server: updates add up, and the API says the same."""

import numpy as np
import pytest

from app.clock import NS_PER_MS, NS_PER_S
from app.compute.liquidity import LINES as TRADE_LINES
from app.errors import InputError
from app.records import State
from app.web import features as tables
from app.web.frames import decode
from app.web.loading import load
from app.web.options import DEFAULTS, NOTIONAL
from app.web.past import render_past
from app.web.spec import ViewSpec
from app.web.state import ViewState
from app.web.trades import TAPE, slippage
from app.web.views import View
from tests.engine_rig import BTC, NOW_NS, Rig, frames_of, opened
from tests.web_page import PageModel

NAMES = (*TRADE_LINES, "cvd")


class TradesPage(PageModel):
    """A page that keeps the lines of the tab too."""

    def take(self, frame: bytes) -> dict:
        header, arrays = decode(frame)
        if header["type"] == "update":
            keep = self.arrays["t"] < (arrays["t"][0] if len(arrays["t"]) else np.inf)
            for name in NAMES:
                self.arrays[name] = np.concatenate([self.arrays[name][keep], arrays[name]])
        return super().take(frame)


def spec(**more: object) -> ViewSpec:
    return ViewSpec.parse({"market": str(BTC), "range_s": 400, "tab": "trades"} | more)


def test_updates_add_up_to_a_snapshot(rig: Rig) -> None:
    page, wish = TradesPage(), spec()
    opened(rig, page, wish)
    for frame in frames_of(rig.go(9.0) + rig.silence(2.0, State.RESYNCING) + rig.go(3.0)):
        page.take(frame.data)
    now = rig.clock.now_ns()
    described = rig.store.markets()[BTC]
    history = load(rig.store, described, now - 4000 * NS_PER_S, now - 2000 * NS_PER_S, now).history
    history.horizon_ns = rig.engine.histories.held[BTC].history.horizon_ns
    fresh, view = TradesPage(), View("k1", wish, history)
    view.start(rig.store, now)
    fresh.take(view.snapshot(now))
    common = np.isin(page.arrays["t"], fresh.arrays["t"][:-1])
    assert common.sum() > 300
    others = np.isin(fresh.arrays["t"], page.arrays["t"][common])
    for name in NAMES:
        mine, theirs = page.arrays[name][common], fresh.arrays[name][others]
        if name == "cvd":  # each began with its own range
            mine, theirs = np.diff(mine), np.diff(theirs)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_lines_are_those_of_the_api(rig: Rig) -> None:
    page, wish = TradesPage(), spec(range_s=300, window_s=10, depth=5)
    opened(rig, page, wish)
    market = rig.store.markets()[BTC]
    step = page.header["step_ms"] * NS_PER_MS
    end = NOW_NS // NS_PER_S * NS_PER_S - NS_PER_S
    query = tables.Query(end - 120 * NS_PER_S, end, step, 5, 10_000)
    table = tables.features(rig.store, market, query).columns
    at = np.isin(page.arrays["t"], table["end"] / NS_PER_MS)
    same = np.isin(table["end"] / NS_PER_MS, page.arrays["t"])
    found = {name: page.arrays[name][at] for name in NAMES}
    table = {name: values[same] for name, values in table.items()}
    assert at.sum() > 400
    assert np.isfinite(found["queue"]).sum() > 200
    known = np.isfinite(found["bought"])
    for mine, theirs in (
        ("bought", "bought"), ("sold", "sold"), ("queue", "queue_imbalance"),
        ("spread_bps", "spread_bps"), ("depth_imbalance", "depth_imbalance"),
    ):  # fmt: skip
        there = known & np.isfinite(found[mine])
        np.testing.assert_allclose(
            found[mine][there], table[theirs][there], rtol=1e-12, err_msg=mine
        )
    for k, bps in enumerate((5, 10, 25, 50)):
        for side in ("bid", "ask"):
            mine, theirs = found[f"band_{side}"][:, k], table[f"depth_{side}_{bps}bps"]
            np.testing.assert_array_equal(mine[known], theirs[known])
    # Rolling parts are sums of the API's over the window; CVD moves by bought less sold.
    n = 10 * NS_PER_S // step
    names = ("limit_bid", "cancel_ask", "market_buy", "limit_ask", "cancel_bid", "market_sell")
    for k, name in enumerate(names):
        total = np.convolve(table[name], np.ones(n), "valid")
        mine = found["parts"][n - 1 :, k]
        there = np.isfinite(mine)
        np.testing.assert_allclose(mine[there], total[there], rtol=1e-9, atol=1e-9, err_msg=name)
    moved = np.diff(found["cvd"])
    there = np.isfinite(moved)
    net = (table["bought"] - table["sold"])[1:]
    np.testing.assert_allclose(moved[there], net[there], rtol=1e-9, atol=1e-9)


def test_only_the_tab_of_trades_gets_its_arrays(rig: Rig) -> None:
    page = PageModel()
    opened(rig, page, ViewSpec.parse({"market": str(BTC), "range_s": 120, "mid_rows": 40}))
    assert not set(NAMES) & set(page.arrays)
    assert "slippage" not in page.header
    assert "tape_t" not in page.arrays


def test_the_cost_of_an_order_is_told_both_ways(rig: Rig) -> None:
    page, wish = TradesPage(), spec(notional=250_000)
    opened(rig, page, wish)
    cost = page.header["slippage"]
    assert cost["notional"] == 250_000
    history = rig.engine.histories.held[BTC].history
    assert cost == slippage(history, rig.store, 250_000)
    for side, sign in (("buy", 1), ("sell", -1)):
        assert cost[side]["bps"] > 0
        assert (cost[side]["average"] - cost["mid"]) * sign > 0
        assert cost[side]["visible"] > 250_000
    more = slippage(history, rig.store, 1e12)
    assert more is not None
    assert more["buy"]["bps"] is None
    assert more["buy"]["visible"] < 1e12


def test_the_tape_holds_the_newest_trades(rig: Rig) -> None:
    page, wish = TradesPage(), spec()
    opened(rig, page, wish)
    trades = rig.engine.histories.held[BTC].history.trades.view
    t, q = page.arrays["tape_t"], page.arrays["tape_q"]
    assert len(t) == min(TAPE, len(trades))
    assert (t == trades["time_ns"][-len(t) :] / NS_PER_MS).all()
    assert (np.sign(q) == trades["side"][-len(t) :]).all()


def test_the_past_is_shown_with_what_was_kept_of_it(rig: Rig) -> None:
    wish = spec(end_ms=NOW_NS // NS_PER_MS - 60_000)
    header, arrays = decode(render_past(rig.store, rig.store.markets, "k1", wish))
    assert arrays["t"][-1] == wish.end_ms
    assert np.isfinite(arrays["cvd"]).any()
    assert header["slippage"]["time_ms"] <= wish.end_ms


@pytest.mark.parametrize("value", [0, -1, 1.5, "many", True, 10**13])
def test_a_notional_is_a_whole_number(value: object) -> None:
    with pytest.raises(InputError, match="notional"):
        spec(notional=value)


def test_a_notional_makes_no_other_view_of_other_tabs() -> None:
    plain = {"market": str(BTC)}
    assert ViewSpec.parse(plain | {"notional": 7}) == ViewSpec.parse(plain)
    assert spec(group=5) == spec()
    assert spec().notional == NOTIONAL


def test_options_live_in_the_address_and_wrong_ones_are_told() -> None:
    search = (
        "?m=binance:BTC/USDT&group=2bp&ramp=viridis&heat=linear&clip=98&sizes=0.1~20&line=multi"
    )
    state = ViewState.from_search(search + "&notional=5000&fee=0.45")
    assert not state.dropped
    assert dict(state.options) == {
        "group": "2bp", "ramp": "viridis", "heat": "linear", "clip": "98", "sizes": "0.1~20",
        "line": "multi", "notional": "5000", "fee": "0.45",
    }  # fmt: skip
    assert ViewState.from_search(state.to_search()) == state
    assert dict(state.wished({"ramp": "tide", "group": "5t"}).options)["group"] == "5t"
    assert "ramp" not in state.wished({"ramp": "tide"}).options
    wrong = ViewState.from_search("?group=0t&ramp=pink&clip=101&sizes=a&notional=-1&fee=1e3")
    assert not wrong.options
    assert len(wrong.dropped) == 6
    for sizes in ("20~3", "0.1~0.10"):  # no range: the smaller is not first
        (told,) = ViewState.from_search(f"?sizes={sizes}").dropped
        assert told.startswith("sizes must be auto, or two sizes, the smaller first,")
    assert set(DEFAULTS) >= set(state.options)
