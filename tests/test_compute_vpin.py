"""VPIN: lot by lot, split trades, chunking, bulk classification, percentile."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from app.compute import vpin
from app.compute.vpin import BulkClassifier, LiveVpin, Vpin
from app.records import TRADE
from tests import reference

S = 10**9


def run(trades, volume):
    live = vpin.Vpin(bucket_lots=volume)
    found = []
    for k, (size, side) in enumerate(trades):
        found += live.add(k * S, size if side > 0 else 0, size if side < 0 else 0)
    return found


def test_a_trade_that_crosses_the_end_of_a_bucket_is_split():
    found = run([(7, 1), (8, -1), (20, 1)], 10)
    assert [(b.bought, b.sold) for b in found] == [(7, 3), (5, 5), (10, 0)]
    assert [b.vpin for b in found] == [None] * 3


trades = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([-1, 1])), min_size=40, max_size=120
)


@settings(max_examples=40)
@given(trades)
def test_equals_lot_by_lot(pairs):
    found = [b.vpin for b in run(pairs, 10)]
    assert found == [
        v if v is None else pytest.approx(v, rel=1e-12) for v in reference.vpin(pairs, 10)
    ]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=30), st.data())
def test_cutting_a_trade_in_two_changes_nothing(sizes, data):
    whole = run([(q, 1 if q % 2 else -1) for q in sizes], 13)
    pieces = []
    for q in sizes:
        cut = data.draw(st.integers(0, q))
        pieces += [(part, 1 if q % 2 else -1) for part in (cut, q - cut) if part]
    again = run(pieces, 13)
    assert [(b.bought, b.sold) for b in again] == [(b.bought, b.sold) for b in whole]


def test_a_bucket_is_the_trailing_hour_over_fifty_and_fixed_when_it_opens():
    live = vpin.Vpin()
    found = []
    for second in range(7200):
        found += live.add(second * S, 10, 0)
    # 10 lots a second: 36,000 an hour, buckets of 720; the first opens after five minutes.
    assert {b.volume for b in found} == {720}
    assert found[0].end_ns == (299 + 71) * S
    for second in range(7200, 7210):
        found += live.add(second * S, 1000, 0)
    assert found[-1].volume > 720
    assert all(b.vpin == 1.0 for b in found if b.vpin is not None)


def test_the_trailing_hour_is_a_plain_sum_over_its_seconds():
    rng = np.random.default_rng(8)
    hour, seen, newest = vpin._TrailingHour(), [], 1_000_000
    for step in rng.choice(
        [0, 1, 2, 60, 3599, 3600, 3601, 9000, -1, -50, -3599, -3600, -9000], 2000
    ):
        second, size = newest + int(step), int(rng.integers(1, 1000))
        hour.add(second * S + 7, size)
        newest = max(newest, second)
        seen.append((second, size))
        assert hour._total == sum(v for s, v in seen if newest - 3600 < s <= newest)


def test_memory_is_bounded_by_the_hour_and_the_day():
    live = vpin.Vpin()
    for second in range(0, 3 * 86_400, 20):
        live.add(second * S, 3, 0)
    assert len(live._hour._volume) == 3600
    assert len(live._day) == len(live._sorted) <= 50 * 24 + 2


def test_percentile_needs_two_hundred_buckets():
    rng = np.random.default_rng(2)
    found = run([(10, s) for s in rng.choice([-1, 1], 400)] * 2, 20)
    ranks = [b.percentile for b in found]
    known = [b.vpin for b in found if b.vpin is not None]
    first = next(k for k, r in enumerate(ranks) if r is not None)
    assert first == 49 + 200
    past, now = known[:200], known[200]
    expected = (sum(v < now for v in past) + 0.5 * sum(v == now for v in past)) / 200
    assert ranks[first] == pytest.approx(expected)


def test_the_percentile_forgets_after_a_day():
    live = vpin.Vpin(bucket_lots=10)
    for k in range(600):
        live.add(k * S, 10, 0)
    late = live.add(600 * S + vpin.DAY_NS, 10, 0)
    assert late[0].percentile is None


def test_bulk_classification_by_hand():
    bulk = vpin.BulkClassifier()
    bars = []
    closes = [100, 103, 101, 106]
    for k, price in enumerate(closes):
        for _ in range(2):
            if done := bulk.add(k * vpin.BAR_NS + S, price, 500):
                bars += [done]
    bars.append(bulk.flush())
    assert [b[0] for b in bars] == [(k + 1) * vpin.BAR_NS for k in range(4)]
    assert bars[0][1:] == (500, 500)  # no bar before it
    assert bars[1][1:] == (500, 500)  # one move has no deviation
    moves = [3, -2, 5]
    for k in (2, 3):
        seen = moves[:k]
        mean = sum(seen) / k
        sigma = sqrt(sum((m - mean) ** 2 for m in seen) / (k - 1))
        bought = round(1000 * norm.cdf(seen[-1] / sigma))
        assert bars[k][1:] == (bought, 1000 - bought)
    assert bulk.flush() is None


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(90, 110), st.integers(1, 50)),
        min_size=1,
        max_size=60,
    )
)
def test_bulk_classification_keeps_every_lot(rows):
    bulk, total = vpin.BulkClassifier(), 0
    for second, price, size in sorted(rows):
        if done := bulk.add(second * S, price, size):
            assert min(done[1:]) >= 0
            total += done[1] + done[2]
    end = bulk.flush()
    assert total + end[1] + end[2] == sum(r[2] for r in rows)


def records(rng, n, *, inferred):
    trades = np.zeros(n, TRADE)
    trades["time_ns"] = np.cumsum(rng.integers(1, 4_000_000_000, n))
    trades["price"] = 1000 + np.cumsum(rng.integers(-2, 3, n))
    trades["size"] = rng.integers(1, 500, n)
    trades["side"] = rng.choice([-1, 1], n)
    trades["inferred"] = inferred
    return trades


@pytest.mark.parametrize("inferred", [False, True])
def test_live_vpin_equals_trade_by_trade_for_any_chunking(inferred):
    rng = np.random.default_rng(5)
    trades = records(rng, 6000, inferred=inferred)
    live, closed = LiveVpin(), []
    for part in np.split(trades, np.sort(rng.integers(0, 6000, 700))):
        live.add(part)
        if live.last is not None and live.last not in closed[-1:]:
            closed.append(live.last)
    whole, bulk, last = Vpin(), BulkClassifier(), None
    for trade in trades:
        time_ns, price, size = (int(trade[name]) for name in ("time_ns", "price", "size"))
        bar = (time_ns, size * (trade["side"] > 0), size * (trade["side"] < 0))
        if inferred:  # sides that nobody gave are not used
            bar = bulk.add(time_ns, price, size)
        for bucket in whole.add(*bar) if bar else ():
            last = bucket
    assert live.last == last
    assert last is not None
    assert last.vpin is not None
    assert len(closed) > 50


def prints(seed, n, seconds, share_inferred=0.0):
    """TRADE records; sizes are heavy-tailed, sides lean one way for minutes."""
    rng = np.random.default_rng(seed)
    out = np.zeros(n, TRADE)
    out["time_ns"] = np.sort(rng.integers(0, seconds * S, n)) + 1_700_000_000 * S
    out["price"] = 1000 + np.cumsum(rng.choice([-1, 0, 1], n))
    out["size"] = 1 + (rng.pareto(1.5, n) * 5).astype(int)
    lean = np.sin(out["time_ns"] / S / 200)
    out["side"] = np.where(rng.random(n) < 0.5 + 0.4 * lean, 1, -1)
    out["inferred"] = rng.random(n) < share_inferred
    return out


def windowed(records, name, after_ns):
    return records[records[name] > after_ns]


@pytest.mark.parametrize("inferred", [0.0, 1.0])
@pytest.mark.parametrize("at_s", [4000, 9000, 17_000])
def test_a_restart_goes_on_as_if_the_time_between_were_a_gap(inferred, at_s):
    trades = prints(at_s, 40_000, 20_000, inferred)
    stop = 1_700_000_000 * S + at_s * S
    earlier_gap = (stop - 1500 * S, stop - 1400 * S)
    inside = (trades["time_ns"] > earlier_gap[0]) & (trades["time_ns"] < earlier_gap[1])
    trades = trades[~inside]
    before = trades[trades["time_ns"] <= stop]
    after = trades[trades["time_ns"] > stop + 60 * S]
    down = (int(before["time_ns"][-1]), int(after["time_ns"][0]))

    whole = LiveVpin()
    full = whole.add(before, [earlier_gap])
    assert len(full) > (50 if at_s > 4000 else 20)
    gap = np.array([(*earlier_gap, 2)], [("from_ns", "<i8"), ("to_ns", "<i8"), ("stream", "<i4")])
    resumed = LiveVpin.resumed(
        windowed(full, "end_ns", down[0] - vpin.DAY_NS),
        windowed(before, "time_ns", down[0] - (7200 if inferred else 3600) * S),
        gap,
    )
    assert resumed.last == whole.last
    want = whole.add(after, [down])
    got = resumed.add(after[:2000], [down])
    got = np.concatenate([got, resumed.add(after[2000:])])
    assert len(want) > 30
    assert got.tobytes() == want.tobytes()
    assert got["vpin"][-1] >= 0


def test_a_gap_throws_the_open_bucket_away_and_its_time_counts_for_nothing():
    trades = prints(1, 3000, 3000)
    cut = int(trades["time_ns"][1500])
    live = LiveVpin()
    first = live.add(trades[:1500])
    second = live.add(trades[1500:], [(cut - 100 * S, cut)])
    assert first["end_ns"][-1] < cut <= second["end_ns"][0]
    # The first bucket after the gap holds only what came after it.
    traded = trades["size"][1500:].cumsum()
    at = np.searchsorted(trades["time_ns"][1500:], second["end_ns"][0])
    assert traded[at] >= second["volume"][0] > traded[at] - trades["size"][1500 + at]
    hour = live._vpin._hour
    seen = 1 + (cut + 900 * S) // S - trades["time_ns"][0] // S - 100
    assert hour.bucket(cut + 900 * S) == round(hour._total * 3600 / seen / 50)


def test_the_percentile_goes_on_over_a_restart():
    trades = prints(3, 120_000, 60_000)
    half = len(trades) // 2
    whole = LiveVpin()
    full = whole.add(trades[:half])
    end = int(trades["time_ns"][half - 1])
    recent = trades[:half][trades["time_ns"][:half] > end - 3600 * S]
    resumed = LiveVpin.resumed(full, recent, np.zeros(0, [("from_ns", "<i8"), ("to_ns", "<i8")]))
    down = (end, int(trades["time_ns"][half]))
    got = resumed.add(trades[half:], [down])
    assert got.tobytes() == whole.add(trades[half:], [down]).tobytes()
    assert (got["percentile"] >= 0).all()
    fresh = LiveVpin().add(trades[half:])
    assert (fresh["percentile"][:150] == -1).all()
