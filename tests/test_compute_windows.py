"""Rolling windows against slow, obvious loops."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute import view, windows
from app.compute.windows import BEGINNING, END, Intervals, merged
from app.records import LEVELS, NO_BID, ROW_NS, Batch, empty
from tests.batch import sums_of

S = 1_000_000_000
BAND = 1
EVERYTHING = 2**62


def make_rows(ends: list[int], seed: int) -> Batch:
    """Rows that end at the given times with arbitrary integers in them."""
    rng = np.random.default_rng(seed)
    rows = empty("row", len(ends))
    rows["end_ns"] = ends
    rows["start_ns"] = rows["end_ns"] - ROW_NS
    for name in ("ofi_best", "bid", "ask"):
        rows[name] = rng.integers(-1000, 1000, len(ends))
    for name in ("bought", "sold", "bid_size", "ask_size", "states_best", "trades"):
        rows[name] = rng.integers(0, 50, len(ends))
    rows["states_depth"] = rng.integers(0, 3, len(ends))
    rows["levels"] = rng.choice([3, LEVELS], len(ends), p=[0.2, 0.8])
    rows["ofi"] = rng.integers(-1000, 1000, (len(ends), LEVELS))
    for name in ("bid_size_sum", "ask_size_sum"):
        rows[name] = rng.integers(0, 100, (len(ends), LEVELS)) * (rows["states_depth"] > 0)[:, None]
    empty_side = rng.random(len(ends)) < 0.1
    rows["bid"][empty_side] = NO_BID
    return rows


def touches(gaps: list[tuple[int, int]], start: int, end: int) -> bool:
    return any(begin < end and finish > start for begin, finish in gaps)


ends = st.lists(st.integers(1, 120), min_size=1, max_size=40, unique=True).map(
    lambda k: [i * ROW_NS for i in sorted(k)]
)
gap_lists = st.lists(
    st.tuples(st.integers(0, 13 * S), st.integers(1, 3 * S)).map(lambda g: (g[0], g[0] + g[1])),
    max_size=4,
)


def with_beginning(gaps: list[tuple[int, int]], rows: Batch) -> list[tuple[int, int]]:
    return [(-EVERYTHING, int(rows["start_ns"][0])), *gaps]


def as_intervals(gaps: list[tuple[int, int]]) -> Intervals:
    pairs = np.array(gaps, np.int64).reshape(-1, 2)
    return merged(pairs[:, 0], pairs[:, 1])


@settings(deadline=None)
@given(ends, gap_lists, st.integers(0, 14 * S), st.integers(1, 50), st.integers(0, 10**6))
def test_rolling_best_is_the_sum_of_its_window_or_blank(
    times: list[int], gaps: list[tuple[int, int]], t: int, tenths: int, seed: int
) -> None:
    rows, window = make_rows(times, seed), tenths * ROW_NS
    gaps = with_beginning(gaps, rows)
    (value,) = windows.rolling_best(sums_of(rows, BAND), as_intervals(gaps), np.array([t]), window)
    edge = t // ROW_NS * ROW_NS
    if touches(gaps, edge - window, t):
        assert np.isnan(value)
    else:
        assert value == sum(int(r["ofi_best"]) for r in rows if edge - window < r["end_ns"] <= edge)


@settings(deadline=None)
@given(ends, gap_lists, st.integers(0, 14 * S), st.integers(1, LEVELS), st.integers(0, 10**6))
def test_rolling_depth_knows_what_it_may_say(
    times: list[int], gaps: list[tuple[int, int]], t: int, levels: int, seed: int
) -> None:
    rows, window = make_rows(times, seed), 2 * S
    gaps = with_beginning(gaps, rows)
    got = windows.rolling_depth(
        sums_of(rows, BAND), as_intervals(gaps), np.array([t]), window, levels
    )
    edge = t // ROW_NS * ROW_NS
    inside = [r for r in rows if edge - window < r["end_ns"] <= edge]
    known = min([int(r["levels"]) for r in inside if r["states_depth"]], default=LEVELS)
    known = 0 if touches(gaps, edge - window, t) else min(known, levels)
    ofi = [sum(int(r["ofi"][m]) for r in inside) for m in range(known)]
    assert got.ofi[0, :known].tolist() == ofi
    assert np.isnan(got.ofi[0, known:]).all()
    assert got.multi[0] == sum(ofi) if known else np.isnan(got.multi[0])
    states = sum(int(r["states_depth"]) for r in inside) * known
    size = sum(
        int(r["bid_size_sum"][m] + r["ask_size_sum"][m]) for r in inside for m in range(known)
    )
    if states and size:
        mean = size / 2 / states
        np.testing.assert_allclose(got.normalised[0, :known], np.array(ofi) / mean, rtol=1e-12)
    else:
        assert np.isnan(got.normalised).all()


@settings(deadline=None)
@given(ends, gap_lists, st.integers(0, 14 * S), st.integers(0, 10**6))
def test_a_quote_stands_until_the_next_or_a_gap(
    times: list[int], gaps: list[tuple[int, int]], t: int, seed: int
) -> None:
    rows = make_rows(times, seed)
    gaps = with_beginning(gaps, rows)
    (bid,), (ask,) = windows.quotes_at(sums_of(rows, BAND), as_intervals(gaps), np.array([t]))
    before = [r for r in rows if r["end_ns"] <= t]
    in_gap = touches(gaps, t - 1, t) or not before
    if in_gap or touches(gaps, int(before[-1]["end_ns"]), t):
        assert np.isnan(bid)
        assert np.isnan(ask)
    else:
        assert ask == before[-1]["ask"]
        assert bid == before[-1]["bid"] if before[-1]["bid"] != NO_BID else np.isnan(bid)


@given(gap_lists, st.integers(0, 15 * S), st.integers(1, 5 * S))
def test_merged_gaps_touch_and_cover_as_the_single_ones(
    gaps: list[tuple[int, int]], start: int, length: int
) -> None:
    both = as_intervals(gaps)
    assert (both.from_ns[1:] > both.to_ns[:-1]).all()
    window = np.array([start]), np.array([start + length])
    assert both.touch(*window)[0] == touches(gaps, start, start + length)
    # Sample by whole tenths of a second would miss slivers: count exactly, by cutting at all edges.
    cuts = sorted(
        {start, start + length, *(min(max(x, start), start + length) for g in gaps for x in g)}
    )
    lost = sum(b - a for a, b in pairwise(cuts) if touches(gaps, a, b))
    assert both.overlap_ns(start, start + length) == lost
    assert both.coverage(start, start + length) == pytest.approx(1 - lost / length)


def test_no_gaps_touch_nothing() -> None:
    none = as_intervals([])
    assert not none.touch(np.array([0]), np.array([END])).any()
    assert none.coverage(BEGINNING, 0) == 1.0


@given(
    st.integers(-(2**45), 2**45),
    st.sampled_from(["0.01", "0.00001", "0.5", "25", "1", "0.0025", "1E-8"]),
)
def test_units_are_the_float_nearest_to_the_exact_decimal(units: int, step: str) -> None:
    exact = Fraction(units) * Fraction(step)
    got = view.in_unit(np.array([units]), Decimal(step))[0]
    assert got == float(exact)


def reference_score(values: list[float], now: float) -> tuple[float | None, float | None]:
    if len(values) < 300:
        return None, None
    mean = sum(values) / len(values)
    deviation = (sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5
    below, equal = sum(v < now for v in values), sum(v == now for v in values)
    score = (now - mean) / deviation if deviation else None
    return score, (below + equal / 2) / len(values)


@pytest.mark.parametrize("seconds", [299, 311, 2500])
def test_score_looks_back_over_whole_seconds_without_the_present(seconds: int) -> None:
    rows = make_rows([k * ROW_NS for k in range(1, seconds * 10 + 4)], 5)
    gap = (40 * S, 41 * S + 1)
    gaps = as_intervals(with_beginning([gap], rows))
    sums, now, window = sums_of(rows, BAND), int(rows["end_ns"][-1]), 3 * S
    past = view.lookback(sums, gaps, now, window, 1800)
    total = {int(r["end_ns"]): int(r["ofi_best"]) for r in rows}
    values = []
    for second in range(0, now, S):  # before now
        whole = second - window >= 0 and not touches([gap], second - window, second)
        if second >= now - 1800 * S and whole:
            values.append(
                float(sum(total[t] for t in range(second - window + ROW_NS, second + 1, ROW_NS)))
            )
    assert past.values.tolist() == sorted(values)
    ofi = float(sum(total[t] for t in range(now - window + ROW_NS, now + 1, ROW_NS)))
    score, percentile = reference_score(values, ofi)
    found = past.of(ofi)
    assert found.z == (None if score is None else pytest.approx(score, rel=1e-9))
    assert found.percentile == percentile
    assert past.of(np.nan).percentile is None


def test_distribution_counts_every_value_about_zero() -> None:
    past = view.Lookback(np.sort(np.random.default_rng(1).integers(-60, 67, 500)))
    figures, counts = view.distribution(past, view.Scale(Decimal("0.1"), Decimal("0.01")))
    assert counts.sum() == figures["n"] == 500
    assert figures["lo"] == -figures["hi"]  # type: ignore[operator]
    assert figures["hi"] == pytest.approx(float(np.abs(past.values).max()) / 100)
    middle = len(counts) // 2
    assert counts[:middle].sum() == (past.values < 0).sum()


def test_distribution_of_nothing_is_empty() -> None:
    figures, counts = view.distribution(
        view.Lookback(np.empty(0, np.int64)), view.Scale(Decimal(1), Decimal(1))
    )
    assert figures == {"lo": None, "hi": None, "median": None, "mean": None, "sd": None, "n": 0}
    assert not counts.any()


@given(st.integers(60, 4 * 3600))
def test_steps_are_few_and_cover_the_range(range_s: int) -> None:
    step, end = view.step_for(range_s * S), 1_700_000_123 * S + 456_789
    ends_ns = view.step_ends(end - range_s * S, end, step)
    assert 240 <= len(ends_ns) <= 1202
    assert ends_ns[0] - step <= end - range_s * S < ends_ns[0]
    assert ends_ns[-1] - step < end <= ends_ns[-1]
    assert not (ends_ns % step).any()


def test_tiles_follow_from_the_rows_by_hand() -> None:
    rows = empty("row", 2)
    rows["start_ns"], rows["end_ns"] = [0, ROW_NS], [ROW_NS, 2 * ROW_NS]
    rows["bid"], rows["ask"] = [100, 101], [102, 105]
    rows["bid_size"], rows["ask_size"] = [5, 30], [5, 10]
    rows["ofi_best"], rows["bought"], rows["sold"] = [7, -3], [2, 1], [0, 1]
    rows["band_bid"], rows["band_ask"] = 40, -1
    rows["states_depth"], rows["levels"] = 1, LEVELS
    rows["ofi"][:, 0] = [4, 6]
    rows["bid_size_sum"][:, 0] = 10
    sums = sums_of(rows, BAND)
    known = as_intervals([(-EVERYTHING, 0)])
    gaps = view.Gaps(known, known, known)
    depth = windows.rolling_depth(sums, known, np.array([2 * ROW_NS]), 2 * ROW_NS, 2)
    scale = view.Scale(Decimal("0.5"), Decimal("0.1"))
    tiles = view.tiles(sums, gaps, view.Lookback(np.empty(0, np.int64)), 2 * ROW_NS, depth, scale)
    assert tiles == {
        "t": 200.0, "bid": 50.5, "ask": 52.5, "mid": 51.5, "spread": 2.0, "spread_ticks": 4.0,
        "spread_bps": pytest.approx(2.0 / 51.5 * 1e4), "ofi": 0.4, "score": None, "percentile": None,
        "multi": 1.0, "queue_imbalance": 0.5, "depth_bid": 4.0, "depth_ask": None, "flow": 0.2,
        "bought_share": 0.75, "change": None,
    }  # fmt: skip
    assert depth.normalised[0, 0] == pytest.approx(10 / (20 / 2 / (2 * 2)))


NAMED = {
    "ofi_best": windows.OFI_BEST, "bought": windows.BOUGHT, "sold": windows.SOLD,
    "states_best": windows.STATES_BEST, "states_depth": windows.STATES_DEPTH,
    "trades": windows.TRADES, "queue_sum": windows.QUEUE, "ofi": windows.OFI,
    "added": windows.ADDED, "removed": windows.REMOVED, "matched": windows.MATCHED,
    "sizes": windows.SIZE, "bids": windows.BIDS, "unknown": windows.UNKNOWN,
}  # fmt: skip


@settings(deadline=None)
@given(ends, st.integers(0, 99), st.tuples(*[st.integers(-2 * S, 14 * S)] * 3).map(sorted))
def test_sums_over_split_windows_add_up(times: list[int], seed: int, cuts: list[int]) -> None:
    """Each running sum over `(a, c]` is that over `(a, b]` and over `(b, c]`, and of its own rows."""
    rows = make_rows(times, seed)
    for part in ("added", "removed", "matched"):
        for side in ("bid", "ask"):
            rows[f"{part}_{side}"] = np.random.default_rng(seed).integers(0, 99, len(rows))
    sums, (a, b, c) = sums_of(rows, BAND), cuts
    whole, first, second = (
        sums.between(np.array([start]), np.array([end]))[0]
        for start, end in ((a, c), (a, b), (b, c))
    )
    own = windows.increments(rows[(rows["end_ns"] > a) & (rows["end_ns"] <= c)]).sum(axis=0)
    for name, where in NAMED.items():
        assert np.array_equal(first[where] + second[where], whole[where]), name
        assert np.array_equal(own[where], whole[where]), name


@settings(deadline=None)
@given(ends, st.integers(0, 99), st.data())
def test_stretches_of_rows_add_up_as_their_rows_do(
    times: list[int], seed: int, data: st.DataObject
) -> None:
    rows = make_rows(times, seed)
    n = len(rows) - 1
    begins = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    first = np.flatnonzero([True, *begins])
    before = rows.copy()
    added = windows.increments(rows, first)
    parts = np.split(windows.increments(rows), first[1:])
    assert np.array_equal(added, [part.sum(axis=0) for part in parts])
    assert np.array_equal(rows, before)


def test_every_running_sum_has_its_name() -> None:
    columns = np.zeros(windows.SUMS, np.int64)
    for where in NAMED.values():
        columns[where] += 1
    assert (columns == 1).all()
