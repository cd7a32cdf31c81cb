"""Verification from rows: integrated OFI at once as step by step, bins by hand, no look ahead."""

from decimal import Decimal

import numpy as np
import pytest

from app.compute import evidence, impact
from app.compute.evidence import Follower, Question
from app.compute.view import Gaps
from app.compute.windows import Intervals
from app.records import NO_BID, NO_MID, ROW_NS, empty
from tests.batch import sums_of
from tests.test_compute_markouts import S, none

UNIT = Decimal(1)


def rows_of(seconds, seed=1, beta=2.0):
    """Rows of a random market whose mid moves with the OFI of its row, and nothing after it."""
    rng = np.random.default_rng(seed)
    n = seconds * 10
    rows = empty("row", n)
    rows["end_ns"] = np.arange(1, n + 1) * ROW_NS + 1_000_000 * S
    rows["start_ns"] = rows["end_ns"] - ROW_NS
    flow = rng.integers(-9, 10, n)
    rows["ofi_best"] = flow
    rows["ofi"] = flow[:, None] * np.arange(20, 0, -1) + rng.integers(-5, 6, (n, 20))
    rows["bid_size_sum"] = rows["ask_size_sum"] = rng.integers(50, 90, (n, 20))
    rows["states_depth"] = rows["states_best"] = 1
    rows["levels"] = 20
    mid = 100_000 + np.cumsum(np.rint(beta * flow / 2 + rng.standard_normal(n)).astype(np.int64))
    rows["bid"], rows["ask"] = mid - 1, mid + 1
    rows["bought"], rows["sold"] = np.maximum(flow, 0), np.maximum(-flow, 0)
    return rows


def whole():
    return Gaps(none(), none(), none())


def followed(rows, q, gaps=None, steps=1, trades=None):
    """A follower that was brought to the end of the rows in so many steps."""
    sums, follower, end = sums_of(rows, 1), Follower(q), int(rows["end_ns"][-1])
    trades = empty("trade") if trades is None else trades
    for k in range(steps):
        follower.follow(sums, gaps or whole(), trades, end - (steps - 1 - k) * 10 * S)
    return follower


def test_bins_are_calendar_bins_and_their_moves():
    rows = rows_of(700)
    verified = followed(rows, Question(10, 600, 3)).verified
    half = Decimal("0.5")
    flow = {name: evidence.pairs(verified, name, half) for name in evidence.FLOWS}
    assert [len(x) for x, _ in flow.values()] == [60] * 4
    last = slice(-100, None)
    assert flow["best"][0][-1] == rows["ofi_best"][last].sum() / 2
    assert flow["multilevel"][0][-1] == rows["ofi"][last, :3].sum() / 2
    assert flow["trade_imbalance"][0][-1] == rows["ofi_best"][last].sum() / 2
    twice = rows["bid"] + rows["ask"]
    assert flow["best"][1][-1] == (twice[-1] - twice[-101]) / 2


def test_an_exact_relation_is_found_again():
    rows = rows_of(1300, beta=2.0)
    verified = followed(rows, Question(10, 600, 10)).verified
    found = {name: evidence.explains(verified, name, UNIT) for name in evidence.FLOWS}
    assert found["best"].fit.beta == pytest.approx(1.0, abs=0.1)
    assert found["best"].held_out > 0.8 > 0.1 > found["best"].shuffled
    assert found["integrated"].bins == 60
    assert found["integrated"].fit.r2 > 0.8
    x, y = evidence.pairs(verified, "best", UNIT)
    textbook = impact.fit(x, y)
    for name, value in vars(textbook).items():
        assert getattr(found["best"].fit, name) == pytest.approx(value, rel=1e-9), name
    in_tenths = evidence.explains(verified, "best", Decimal("0.1")).fit
    assert in_tenths.beta == pytest.approx(10 * textbook.beta, rel=1e-9)
    assert in_tenths.t == found["best"].fit.t
    at, low, high = evidence.line(x, y)
    middle = textbook.intercept + textbook.beta * at
    np.testing.assert_allclose((low + high) / 2, middle, rtol=1e-9)


def test_a_gap_takes_its_bins_and_nothing_else():
    rows = rows_of(700)
    end = int(rows["end_ns"][-1])
    gap = Intervals(np.array([end - 105 * S]), np.array([end - 101 * S]))
    q = Question(10, 600, 3)
    parted = followed(rows, q, Gaps(gap, gap, none())).verified.pairs("best")
    full = followed(rows, q).verified.pairs("best")
    for mine, all_of_it in zip(parted, full, strict=True):
        np.testing.assert_array_equal(mine, np.delete(all_of_it, 60 - 11))


def test_followed_step_by_step_is_read_at_once():
    rows, q = rows_of(1500, seed=9), Question(10, 600, 4)
    trades = empty("trade", 400)
    rng = np.random.default_rng(3)
    trades["time_ns"] = 1_000_000 * S + np.sort(rng.integers(0, 1500 * S, 400))
    trades["side"], trades["size"] = rng.choice([-1, 1], 400), rng.integers(1, 9, 400)
    trades["twice_mid"] = np.where(rng.random(400) < 0.1, NO_MID, 200_000)
    trades["price"] = 100_000 + trades["side"].astype(int)
    at_once, steps = followed(rows, q, trades=trades), followed(rows, q, steps=70, trades=trades)
    for name in evidence.FLOWS:
        for a, b in zip(at_once.verified.pairs(name), steps.verified.pairs(name), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert at_once.verified.fit("best") == steps.verified.fit("best")
    for a, b in zip(
        evidence.forecasts(at_once.forecasts), evidence.forecasts(steps.forecasts), strict=True
    ):
        assert (a.pairs, a.found.out_of_sample) == (b.pairs, b.found.out_of_sample)
        assert a.found.ic == pytest.approx(b.found.ic, rel=1e-9, abs=1e-12)
        assert a.found.ic_low == pytest.approx(b.found.ic_low, rel=1e-9, abs=1e-12)
    assert at_once.markout.spreads() == steps.markout.spreads()
    assert at_once.markout.spreads()[0].trades > 100


def test_too_little_history_gives_no_figure():
    verified = followed(rows_of(250), Question(10, 600, 3)).verified
    found = evidence.explains(verified, "best", UNIT)
    assert (found.bins, found.fit, found.held_out) == (24, None, None)


def test_the_future_of_a_random_walk_is_not_predicted():
    """Moves follow the flow of their own row only: nothing tells the next ones."""
    found = evidence.forecasts(followed(rows_of(2400, seed=5), Question(10, 1800, 10)).forecasts)
    assert [one.horizon_s for one in found] == [1, 5, 10, 30, 60]
    assert [one.pairs for one in found] == [1800] * 5
    assert not any(one.found.better_than_chance for one in found)


def test_a_flow_that_leads_is_found_to_predict():
    rows = rows_of(1300, seed=2)
    later = np.cumsum(np.roll(rows["ofi_best"], 10))  # the flow of a second moves the next second
    rows["bid"], rows["ask"] = 100_000 + later - 1, 100_000 + later + 1
    found = evidence.forecasts(followed(rows, Question(1, 600, 10)).forecasts)[0]
    assert found.found.ic > 0.8
    assert found.found.better_than_chance
    assert found.found.out_of_sample.ic > 0.8
    assert found.expected_bps > 0


def test_half_a_spread_in_bps():
    rows = rows_of(700)
    rows["bid"], rows["ask"] = 99_999, 100_001
    q = Question(10, 600, 3)
    end = int(rows["end_ns"][-1])
    assert evidence.half_spread_bps(sums_of(rows, 1), whole(), end, q) == pytest.approx(0.1)
    rows["bid"] = NO_BID
    assert evidence.half_spread_bps(sums_of(rows, 1), whole(), end, q) is None
