"""The figures of a view are those of the stored rows."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from app.clock import NS_PER_S, FakeClock
from app.records import State, Stream
from app.store import open_store
from app.web.engine import Engine
from app.web.history import History
from app.web.loading import load
from app.web.wishes import Close
from tests.engine_rig import BTC, NOW_NS, Rig, frames_of, opened
from tests.engine_rig import view_of as spec
from tests.web_market import Outage, fill, gap_records
from tests.web_page import PageModel
from tests.web_walk import walks


def test_tiles_equal_the_rows_of_the_store(rig: Rig) -> None:
    page, wish = PageModel(), spec(window_s=5, depth=3)
    opened(rig, page, wish)
    for frame in frames_of(rig.go(7.0)):
        page.take(frame.data)
    tiles = page.header["tiles"]
    t = round(tiles["t"] * 1e6)
    rows = rig.store.window(BTC, "row", t - 5 * NS_PER_S, t)
    assert tiles["ofi"] == float(f"{rows['ofi_best'].sum() * 1e-5:.5f}")
    assert tiles["multi"] == float(f"{rows['ofi'][:, :3].sum() * 1e-5:.5f}")
    assert tiles["flow"] == float(f"{(rows['bought'] - rows['sold']).sum() * 1e-5:.5f}")
    assert tiles["bid"] == float(rows["bid"][-1]) / 100
    assert tiles["mid"] == float(rows["bid"][-1] + rows["ask"][-1]) / 200
    levels = [float(f"{v * 1e-5:.5f}") for v in rows["ofi"][:, :3].sum(axis=0)]
    assert page.arrays["now_levels"].tolist() == levels
    assert tiles["score"] is not None
    times = page.header["times"]
    assert times["venue_ms"] < times["received_ms"] <= times["row_ms"] <= times["read_ms"]


def test_the_heatmap_is_the_mean_of_the_columns_of_a_step(rig: Rig) -> None:
    page, wish = PageModel(), spec(range_s=400, group=50)
    opened(rig, page, wish)
    for frame in frames_of(rig.go(5.0)):
        page.take(frame.data)
    assert page.header["group"] == 50
    at = page.arrays["col_t"][-3]
    columns = rig.store.window(BTC, "column", round(at * 1e6) - NS_PER_S, round(at * 1e6))
    assert len(columns) == 4
    base = int(page.arrays["col_base"][-3])
    expected = np.zeros(80)
    for column in columns:
        n = int(column["exact_bids"])
        for side, sign in (("bid", -1), ("ask", 1)):
            rows = (column["base"] + column[f"{side}_offset"][:n]) // 50 - base
            exact = np.bincount(rows, column[f"{side}_size"][:n].astype(float), 80)
            # Buckets begin behind the exact levels: their rows are left out of the comparison.
            away = np.arange(80)
            edge = (column["base"] + column[f"{side}_offset"][n - 1]) // 50 - base
            expected += np.where((away < edge) if sign > 0 else (away > edge), exact, 0) / 4
    got = page.arrays["col"][-3]
    sure = expected > 0
    assert sure.sum() >= 1
    np.testing.assert_allclose(got[sure], expected[sure] * 1e-5, rtol=1e-5)


def test_without_best_quotes_gaps_of_depth_count_for_the_best_level(rig: Rig) -> None:
    history = History(rig.walk.market)
    rows = rig.store.window(BTC, "row", NOW_NS - 60 * NS_PER_S, NOW_NS)
    gap = gap_records(Outage(NOW_NS - 30 * NS_PER_S, NOW_NS - 20 * NS_PER_S))[
        Stream.DEPTH : Stream.DEPTH + 1
    ]
    status = rig.walk.status(NOW_NS, NOW_NS)
    status["fidelity_best"], status["has_trades"] = -1, False
    history.ingest({"row": rows, "gap": gap, "status": status}, NOW_NS)
    known = history.known(NOW_NS)
    inside = NOW_NS - 30 * NS_PER_S, NOW_NS - 20 * NS_PER_S
    assert known.best.coverage(*inside) == known.depth.coverage(*inside) == 0.0
    assert known.trades.coverage(NOW_NS - NS_PER_S, NOW_NS) == 0.0


def test_the_decomposition_sums_to_the_ofi_of_the_window(rig: Rig) -> None:
    page, wish = PageModel(), spec(window_s=7)
    opened(rig, page, wish)
    unit = 1e-5
    for frame in frames_of(rig.go(3.0)):
        header = page.take(frame.data)
        parts, tiles = dict(header["decomposition"]), header["tiles"]
        share = parts.pop("matched_share")
        lots = {name: round(value / unit) for name, value in parts.items()}
        assert all(value >= 0 for value in lots.values())
        up = lots["bids_added"] + lots["asks_pulled"] + lots["bought"]
        down = lots["asks_added"] + lots["bids_pulled"] + lots["sold"]
        assert up - down == round(tiles["ofi"] / unit)
        end = round(tiles["t"]) * 1_000_000
        rows = rig.store.window(BTC, "row", end - 7 * NS_PER_S, end)
        rows = rows[rows["end_ns"] > end - 7 * NS_PER_S]
        assert lots["bought"] == rows["matched_ask"].sum()
        assert lots["bids_pulled"] == (rows["removed_bid"] - rows["matched_bid"]).sum()
        traded = rows["bought"].sum() + rows["sold"].sum()
        matched = rows["matched_bid"].sum() + rows["matched_ask"].sum()
        assert share == pytest.approx(matched / traded)


def test_without_prints_nothing_is_taken_apart(rig: Rig) -> None:
    page, wish = PageModel(), spec(window_s=5)
    opened(rig, page, wish)
    rig.go(1.0)
    at = rig.at_ns
    gap = gap_records(Outage(at - 2 * NS_PER_S, at - NS_PER_S))
    rig.store.append(BTC, {"gap": gap[gap["stream"] == Stream.TRADES]})
    (*_, last) = frames_of(rig.go(1.0))
    header = page.take(last.data)
    assert header["decomposition"] is None
    assert header["tiles"]["ofi"] is not None


def test_estimates_are_those_of_the_stored_rows(rig: Rig) -> None:
    page, wish = PageModel(), spec(range_s=120)
    opened(rig, page, wish)
    for frame in frames_of(rig.go(25.0)):
        page.take(frame.data)
    tiles = page.header["tiles"]
    now = rig.clock.now_ns()
    history = load(
        rig.store, rig.store.markets()[BTC], now - 4000 * NS_PER_S, now - 2000 * NS_PER_S, now
    ).history
    history.follow(now)
    fit = history.explained(1800, now, rig.engine.histories.held[BTC].history.horizon_ns).fit()
    assert fit is not None
    assert tiles["explained"] == pytest.approx(fit.r2, rel=1e-9)
    assert tiles["explained_n"] == fit.bins
    quote = history.rows.quotes[-1]
    bid, ask, nb, na = (int(quote[name]) for name in ("bid", "ask", "bid_size", "ask_size"))
    weighted = (bid * na + ask * nb) / (nb + na)
    assert tiles["weighted_mid"] == pytest.approx(weighted * 0.01, rel=1e-12)
    assert tiles["micro_price"] == pytest.approx(quote["micro"] / 10_000 * 0.01, rel=1e-12)
    summary = rig.store.window(BTC, "summary", 0, 2**62)[-1:]
    assert tiles["vpin"] == summary["vpin"][0]
    assert tiles["vpin_percentile"] is None
    assert 0 < tiles["explained_variance"] <= 1
    assert np.isfinite(page.arrays["integrated"]).any()


def test_a_follower_costs_the_same_whatever_the_look_back(rig: Rig) -> None:
    """Between the ends of bins nothing is computed; at an end, one bin."""
    opened(rig, PageModel(), spec(range_s=120))
    history = rig.engine.histories.held[BTC].history
    pushed = []
    live = history.fits[1800]._live
    plain = live.push
    live.push = lambda *values: (pushed.append(values), plain(*values))[1]  # type: ignore[func-returns-value,method-assign]
    rig.go(20.0)
    assert history.fits[1800]._live is live
    assert len(pushed) == 2


def test_every_figure_of_the_past_follows_the_look_back(tmp_path: Path) -> None:
    """Ten minutes and an hour over 15 min of data: other scores, weights and fits."""
    clock = FakeClock(NOW_NS)
    with closing(open_store(f"sqlite:///{tmp_path}", clock=clock)) as store:
        (walk,) = walks(1, seed=7)
        fill(store, walk, 15, NOW_NS)
        rig = Rig(store, clock, walk, Engine(store, clock), NOW_NS)
        views = {s: PageModel() for s in (600, 3600)}
        for k, (seconds, page) in enumerate(views.items()):
            opened(rig, page, spec(range_s=120, lookback_s=seconds), f"k{k}")
            assert page.header["lookback_s"] == seconds
        short, long = (page.header for page in views.values())
        assert short["distribution"]["n"] <= 600 < long["distribution"]["n"]
        assert short["tiles"]["explained_n"] <= 60 < long["tiles"]["explained_n"]
        for name in ("score", "percentile", "explained", "explained_variance"):
            assert short["tiles"][name] != long["tiles"][name]
        rig.go(1.0)
        assert set(rig.engine.histories.held[BTC].history.fits) == {600, 3600}
        rig.engine.tick([Close("k1")])
        rig.go(11.0, 0.5)
        history = rig.engine.histories.held[BTC].history
        assert set(history.fits) == {600}
        assert set(history.weighings) == {(10, 600)}


@pytest.mark.parametrize("main", ["multi", "integrated"])
def test_a_main_series_is_scored_against_its_own_past(tmp_path: Path, main: str) -> None:
    """The same values from the line that the page draws, second by second."""
    clock = FakeClock(NOW_NS)
    with closing(open_store(f"sqlite:///{tmp_path}", clock=clock)) as store:
        (walk,) = walks(1, seed=7)
        fill(store, walk, 30, NOW_NS)
        rig = Rig(store, clock, walk, Engine(store, clock), NOW_NS)
        page, wish = PageModel(), spec(range_s=900, lookback_s=600, main=main, depth=5)
        opened(rig, page, wish)
        for frame in frames_of(rig.go(3.0)):
            page.take(frame.data)
        best = PageModel()
        opened(rig, best, spec(range_s=900, lookback_s=600, depth=5), "k2")
    found, tiles = page.header["main"], page.header["tiles"]
    figures = found["distribution"]
    assert found["series"] == main
    # Steps of this range are whole seconds; what lies before the look-back and the last step is left out.
    t, line = page.arrays["t"], page.arrays[main]
    end_ms = -(-int(page.header["tiles"]["t"]) // 1000) * 1000
    values = line[(t > end_ms - 1000 - 600_000) & (t < end_ms) & np.isfinite(line)]
    assert figures["n"] == pytest.approx(len(values), abs=2)
    assert figures["mean"] == pytest.approx(values.mean(), rel=0.02, abs=0.02 * values.std())
    assert figures["sd"] == pytest.approx(values.std(ddof=1), rel=0.02)
    assert page.arrays["main_hist"].sum() == figures["n"]
    assert found["value"] == pytest.approx(line[-1], rel=1e-9)
    score = (found["value"] - figures["mean"]) / figures["sd"]
    assert found["score"] == pytest.approx(score, rel=1e-6, abs=1e-9)
    assert found["percentile"] == pytest.approx((values < found["value"]).mean(), abs=0.01)
    assert found["windows"] == (None if main == "multi" else 60)
    if main == "multi":
        assert found["value"] == tiles["multi"]
    # The tiles tell of the best quotes whatever the panel shows.
    assert tiles["score"] == pytest.approx(best.header["tiles"]["score"])
    assert "main" not in best.header
    assert "main_hist" not in best.arrays


def test_a_market_that_is_silent_has_no_present_value_of_its_main_series(rig: Rig) -> None:
    page = PageModel()
    opened(rig, page, spec(main="multi"))
    assert page.header["main"]["value"] is not None
    for frame in frames_of(rig.silence(3.0, State.STALE)):
        page.take(frame.data)
    assert page.header["main"]["value"] is None
    assert page.header["main"]["score"] is None
