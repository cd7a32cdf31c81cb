"""Markout curves and spread parts from rows: a made market by hand, and gaps that nothing may cross."""

import numpy as np
import pytest

from app.compute import markouts
from app.compute.live_markout import LiveMarkout
from app.compute.view import Gaps
from app.compute.windows import Intervals
from app.records import ROW_NS, empty
from tests.batch import sums_of

S = 10**9
BAND = 1


def rows_of(mid_by_s, spread=2):
    """Rows of a tenth for each second; mid in ticks by second."""
    n = len(mid_by_s) * 10
    rows = empty("row", n)
    rows["end_ns"] = np.arange(1, n + 1) * ROW_NS + 1000 * S
    rows["start_ns"] = rows["end_ns"] - ROW_NS
    mid = np.repeat(mid_by_s, 10)
    rows["bid"], rows["ask"] = mid - spread // 2, mid + spread // 2
    rows["bid_size"] = rows["ask_size"] = 5
    rows["levels"] = 20
    return rows


def none():
    return Intervals(np.zeros(0, np.int64), np.zeros(0, np.int64))


def trades_at(seconds, side, price, size=1):
    trades = empty("trade", len(seconds))
    trades["time_ns"] = 1000 * S + (np.array(seconds) * S).astype(np.int64)
    trades["side"], trades["price"], trades["size"] = side, price, size
    trades["twice_mid"] = 20_000
    return trades


def followed(trades, sums, gaps, end_ns, window_ns):
    """The trades of 1,000 s with the mid that each met: 10,000 but where one says otherwise."""
    live = LiveMarkout(window_ns, 1000 * S)
    live.follow(sums, gaps, trades, end_ns)
    return live


def test_buys_before_a_rise_and_sells_before_a_fall():
    """Mid is 10,000 for 10 min, then 10,010: only what follows the step within h counts."""
    sums = sums_of(rows_of([10_000] * 600 + [10_010] * 120), BAND)
    gaps = Gaps(none(), none(), none())
    seconds = [k * 10 + 0.15 for k in range(60)]  # the last at 590.15: ten seconds before the step
    trades = trades_at(seconds, 1, 10_001, [1] * 59 + [59])
    found = followed(trades, sums, gaps, 1720 * S, 10 * S).curves()
    buys = dict(zip(markouts.CURVE_S, found.mean[0], strict=True))
    # Half of the volume is in the last trade: after 10 s it has gained 10 bps, the others nothing.
    assert buys[5] == 0
    assert buys[10] == pytest.approx(59 / 118 * 10.0)
    # After 60 s also those of 540.15 to 580.15: five more of size 1.
    assert buys[60] == pytest.approx((59 + 5) / 118 * 10.0)
    assert found.trades.tolist() == [60, 60, 0, 0]  # no flow: all buys are as strong
    assert np.isnan(found.mean[2]).all()
    assert (found.low[0] <= found.mean[0]).all()
    assert found.high[0][-1] > found.mean[0][-1]


def test_the_fifth_with_the_most_flow_is_taken():
    rows = rows_of([10_000] * 700)
    rows["ofi_best"][:] = np.repeat(np.arange(700) % 2, 10) * 2 - 1  # buying and selling seconds
    sums = sums_of(rows, BAND)
    gaps = Gaps(none(), none(), none())
    seconds = np.arange(20, 520) + 0.95
    trades = trades_at(seconds, np.where(np.arange(500) % 2, 1, -1), 10_000)
    found = followed(trades, sums, gaps, 1700 * S, S).curves()
    # With a window of one second every buy had the same flow, and every sell: ties belong together.
    assert found.trades.tolist() == [250, 250, 250, 250]
    found = followed(trades, sums, gaps, 1700 * S, 3 * S).curves()
    assert found.trades[0] == 250


def test_nothing_crosses_a_gap():
    sums = sums_of(rows_of([10_000] * 600 + [10_010] * 120), BAND)
    gap = Intervals(np.array([1595 * S]), np.array([1605 * S]))
    gaps = Gaps(gap, none(), none())
    trades = trades_at([k * 10 + 0.05 for k in range(60)], 1, 10_001)
    found = followed(trades, sums, gaps, 1720 * S, 10 * S).curves()
    # A curve is of trades whose whole path is known: none that sees the step is.
    known = found.mean[0]
    assert (known == 0).all()
    assert found.trades[0] == sum(k * 10 + 0.05 + 60 < 595 for k in range(60))


def test_too_few_trades_or_minutes_say_so():
    sums = sums_of(rows_of([10_000] * 300), BAND)
    gaps = Gaps(none(), none(), none())
    few = followed(trades_at(np.arange(29) * 5, 1, 10_001), sums, gaps, 1300 * S, S).curves()
    assert np.isnan(few.mean).all()
    soon = followed(trades_at(np.arange(40) * 5 + 1, 1, 10_001), sums, gaps, 1300 * S, S).curves()
    assert np.isfinite(soon.mean[0]).all()
    assert np.isnan(soon.low).all()  # four minutes with a trade


def test_the_parts_of_the_spread_by_hand():
    """Bought at the ask, one tick over mid; five seconds later mid is up by one: nothing is kept."""
    sums = sums_of(rows_of([10_000] * 103 + [10_001] * 160), BAND)
    gaps = Gaps(none(), none(), none())
    trades = trades_at([100.05], 1, 10_001)
    parts = {p.horizon_s: p for p in followed(trades, sums, gaps, 1263 * S, S).spreads()}
    assert parts[1].effective == pytest.approx(2.0)
    assert (parts[1].realised, parts[1].adverse) == (pytest.approx(2.0), pytest.approx(0.0))
    assert (parts[5].realised, parts[5].adverse) == (pytest.approx(0.0), pytest.approx(2.0))
    # Most trades below mid: the clocks or the lag are wrong, and nothing is shown.
    wrong = followed(trades_at([100.05], 1, 9_999), sums, gaps, 1263 * S, S).spreads()
    assert wrong[0].effective is None
    assert wrong[0].negative_share == 1.0
