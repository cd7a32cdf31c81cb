"""The engine over a real store: what a page holds after any number of updates is the whole truth."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from app.clock import NS_PER_S, FakeClock
from app.market import Grid, MarketId
from app.records import ROW_NS, State, Stream
from app.store import SqliteStore, open_store
from app.web.engine import Close, Engine, Frame, Open, Snap, Trouble, render_past
from app.web.frames import decode
from app.web.history import History, load
from app.web.spec import ViewSpec
from app.web.views import View, fine_ns
from tests.web_market import Outage, Walk, advance, fill, gap_records, walks
from tests.web_page import ESTIMATES, LINES, PageModel

BTC = MarketId.parse("binance:BTC/USDT")
NOW_NS = 1_700_000_000 * NS_PER_S


@dataclass
class Rig:
    """A store, a market that moves when told, and an engine on a clock that moves with it."""

    store: SqliteStore
    clock: FakeClock
    walk: Walk
    engine: Engine
    at_ns: int

    def go(self, seconds: float, step_s: float = 0.1) -> list[Frame | Trouble]:
        """Let time pass with the market live; everything that the engine sends."""
        out: list[Frame | Trouble] = []
        for _ in range(round(seconds / step_s)):
            before = self.at_ns
            self.at_ns += round(step_s * NS_PER_S)
            self.clock.time_ns = self.at_ns
            advance(self.store, self.walk, before, self.at_ns, NOW_NS)
            out += self.engine.tick([])
            # While the desk reads the market, news of it are left for later; here time would not wait.
            self.engine.desk.wait()
        return out

    def silence(self, seconds: float, state: State | None = None) -> list[Frame | Trouble]:
        """Let time pass without data; with a state, the feed reports it every second."""
        out: list[Frame | Trouble] = []
        for k in range(round(seconds / 0.1)):
            self.at_ns += ROW_NS
            self.clock.time_ns = self.at_ns
            self.walk.step(self.at_ns)
            if state is not None and k % 10 == 0:
                record = self.walk.status(
                    self.at_ns, self.at_ns - k * ROW_NS, state, "Two updates missing."
                )
                record["received_ns"] = self.at_ns - (k + 1) * ROW_NS
                self.store.append(self.walk.market.id, {"status": record})
            out += self.engine.tick([])
        return out


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    (walk,) = walks(1, seed=7)
    fill(store, walk, 7, NOW_NS)
    yield Rig(store, clock, walk, Engine(store, clock), NOW_NS)
    store.close()


def spec(**more: object) -> ViewSpec:
    return ViewSpec.parse({"market": str(BTC), "range_s": 120, "mid_rows": 40} | more)


def frames_of(out: list[Frame | Trouble], key: str = "k1") -> list[Frame]:
    return [item for item in out if isinstance(item, Frame) and item.key == key]


def opened(rig: Rig, page: PageModel, wish: ViewSpec, key: str = "k1") -> None:
    (frame,) = frames_of(rig.engine.tick([Open(key, wish), Snap(key)]), key)
    rig.engine.desk.wait()
    assert frame.snapshot
    assert page.take(frame.data)["seq"] == 1


def assert_same(page: PageModel, rig: Rig, wish: ViewSpec, *, columns: bool = True) -> None:
    """What the page holds equals a view made anew from the store."""
    now = rig.clock.now_ns()
    described = rig.store.markets()[BTC]
    history, _ = load(rig.store, described, now - 4000 * NS_PER_S, now - 2000 * NS_PER_S, now)
    history.horizon_ns = rig.engine.followed[BTC].history.horizon_ns
    fresh = PageModel()
    view = View("k1", wish, history)
    view.start(rig.store, now)
    fresh.take(view.snapshot(now))
    # The page may not have been told of the last second; its last step may not be over.
    t, fresh_t = page.arrays["t"], fresh.arrays["t"]
    ahead = len(fresh_t) - np.searchsorted(fresh_t, t[-1]) - 1
    assert 0 <= ahead <= 5
    common = (t >= fresh_t[0]) & (t < (t[-1] if ahead else np.inf))
    for name in ("t", *LINES):
        expected = fresh.arrays[name][: common.sum()]
        np.testing.assert_array_equal(page.arrays[name][common], expected, name)
    for name in ESTIMATES:
        expected = fresh.arrays[name][: common.sum()]
        np.testing.assert_allclose(
            page.arrays[name][common], expected, rtol=1e-9, atol=1e-12, err_msg=name
        )
    assert page.header["gaps"] == fresh.header["gaps"]
    if columns:
        seen = np.isin(page.arrays["col_t"], fresh.arrays["col_t"])
        recent = page.arrays["col_t"] >= fresh.arrays["col_t"][0]
        assert (seen | ~recent).all()
        assert len(page.arrays["col_t"][seen]) >= len(fresh.arrays["col_t"]) - 1


@pytest.mark.parametrize("range_s", [60, 120, 400])
def test_updates_add_up_to_a_snapshot(rig: Rig, range_s: int) -> None:
    page, wish = PageModel(), spec(range_s=range_s)
    opened(rig, page, wish)
    for frame in frames_of(rig.go(12.0)):
        page.take(frame.data)
    assert page.holes == 0
    assert page.seq > 90
    assert_same(page, rig, wish)


def test_a_page_gets_frames_as_often_as_it_wants_and_misses_nothing(rig: Rig) -> None:
    page, wish = PageModel(), spec(rate_hz=4)
    opened(rig, page, wish)
    frames = frames_of(rig.go(10.0))
    for frame in frames:
        page.take(frame.data)
    # A row every 100 ms: at most four frames a second are one every third row.
    assert 25 <= len(frames) <= 40
    for frame in frames_of(rig.silence(1.2)):  # the last rows come with the next frame
        page.take(frame.data)
    assert page.holes == 0
    assert_same(page, rig, wish)


def test_columns_go_only_to_tabs_that_show_them(rig: Rig) -> None:
    page, wish = PageModel(), spec(tab="evidence")
    opened(rig, page, wish)
    assert page.header["rows"] == 0
    for frame in frames_of(rig.go(3.0)):
        _, arrays = decode(frame.data)
        assert not [name for name in arrays if name.startswith(("col", "prof", "cum"))]
        page.take(frame.data)
    assert page.holes == 0
    assert_same(page, rig, wish, columns=False)


def test_an_outage_is_hatched_at_once_and_stays_blank_afterwards(rig: Rig) -> None:
    page, wish = PageModel(), spec()
    opened(rig, page, wish)
    for frame in frames_of(rig.go(3.0)):
        page.take(frame.data)
    lost_ns = rig.at_ns
    first = frames_of(rig.silence(0.1, State.RESYNCING))
    header = page.take(first[0].data)
    assert header["status"]["state"] == "resyncing"
    open_gaps = [gap for gap in header["gaps"] if gap["to_ms"] is None]
    assert {gap["stream"] for gap in open_gaps} == {"best", "depth", "trades"}
    assert open_gaps[0]["detail"] == "Two updates missing."
    for frame in frames_of(rig.silence(4.9, State.RESYNCING)):
        page.take(frame.data)
    last = page.arrays["t"] > lost_ns / 1e6 + 1000
    assert last.sum() >= 12
    assert np.isnan(page.arrays["mid"][last]).all()
    assert np.isnan(page.arrays["ofi"][last]).all()
    # The tiles say of when the last figures were, and none of them.
    tiles = page.header["tiles"]
    assert tiles["t"] == lost_ns / 1e6
    assert {name for name, value in tiles.items() if value is not None} == {"t"}
    assert page.header["decomposition"] is None
    assert np.isnan(page.arrays["now_levels"]).all()
    assert page.arrays["col_t"].max() <= lost_ns / 1e6 + 250
    assert_same(page, rig, wish)
    rig.store.append(BTC, {"gap": gap_records(Outage(lost_ns, rig.at_ns))})
    back_ns = rig.at_ns
    for frame in frames_of(rig.go(15.0)):
        page.take(frame.data)
    assert page.header["status"]["state"] == "live"
    assert all(gap["to_ms"] is not None for gap in page.header["gaps"])
    t, ofi = page.arrays["t"], page.arrays["ofi"]
    window = (t > lost_ns / 1e6) & (t < back_ns / 1e6 + 10_000)
    assert np.isnan(ofi[window]).all()
    assert np.isfinite(ofi[t >= back_ns / 1e6 + 10_000]).all()
    assert page.holes == 0
    assert_same(page, rig, wish)


def test_a_collector_that_falls_silent_is_down_after_some_seconds(rig: Rig) -> None:
    page, wish = PageModel(), spec()
    opened(rig, page, wish)
    for frame in frames_of(rig.go(1.0) + rig.silence(8.0)):
        page.take(frame.data)
    status = page.header["status"]
    assert status["state"] == "down"
    assert "The collector has not reported for" in status["detail"]
    assert [gap["to_ms"] for gap in page.header["gaps"]][-1] is None
    assert np.isnan(page.arrays["mid"][-10:]).all()
    for frame in frames_of(rig.go(1.0)):
        page.take(frame.data)
    assert page.header["status"]["state"] == "live"


def test_quiet_is_not_a_gap(rig: Rig) -> None:
    page, wish = PageModel(), spec()
    opened(rig, page, wish)
    last = page.arrays["mid"][-1]
    for frame in frames_of(rig.silence(4.0, State.LIVE)):
        page.take(frame.data)
    assert page.arrays["mid"][-1] == last
    assert page.arrays["col_t"][-1] >= page.arrays["t"][-1] - 1000
    assert page.header["coverage"]["best"] == 1.0


def test_a_gap_told_late_blanks_what_was_drawn(rig: Rig) -> None:
    page, wish = PageModel(), spec()
    opened(rig, page, wish)
    for frame in frames_of(rig.go(6.0)):
        page.take(frame.data)
    hidden = Outage(rig.at_ns - 4 * NS_PER_S, rig.at_ns - 3 * NS_PER_S, "checksum")
    rig.store.append(BTC, {"gap": gap_records(hidden)})
    for frame in frames_of(rig.go(0.5)):
        page.take(frame.data)
    assert page.header["gaps"][-1]["reason"] == "checksum"
    assert_same(page, rig, wish, columns=False)


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


def test_equal_views_are_made_once_and_snapshots_are_shared(rig: Rig) -> None:
    opened(rig, PageModel(), spec())
    rig.go(0.3)
    made = [frames_of(rig.engine.tick([Snap("k1")]))[0].data for _ in range(2)]
    assert made[0] is made[1]


def test_a_market_that_is_not_there_says_so_once_and_comes_when_it_is(rig: Rig) -> None:
    other = walks(2)[1]
    wish = ViewSpec.parse({"market": str(other.market.id)})
    (trouble,) = rig.engine.tick([Open("k2", wish), Snap("k2")])
    assert isinstance(trouble, Trouble)
    assert "is not collected yet" in trouble.message
    assert rig.engine.tick([]) == []
    assert other.market.id in rig.store.requested()
    # A second page hears it too.
    assert [type(item) for item in rig.engine.tick([Snap("k2")])] == [Trouble]
    fill(rig.store, other, 1, rig.at_ns)
    rig.clock.advance(4.0)
    (frame,) = frames_of(rig.engine.tick([]), "k2")
    assert frame.snapshot


def test_a_damaged_file_takes_down_its_own_market_only(rig: Rig, tmp_path: Path) -> None:
    other = walks(2)[1]
    fill(rig.store, other, 1, rig.at_ns)
    opened(rig, PageModel(), spec())
    eth = ViewSpec.parse({"market": str(other.market.id)})
    rig.engine.markets_ns = 0
    rig.engine.tick([Open("k2", eth), Snap("k2")])
    for part in tmp_path.rglob("*ETH*"):
        part.write_bytes(b"not a database" * 4096)
    rig.clock.advance(1.0)
    rig.at_ns = rig.clock.time_ns
    out = rig.engine.tick([]) + rig.go(1.0)
    troubles = [item for item in out if isinstance(item, Trouble)]
    assert {item.key for item in troubles} == {"k2"}
    assert "kraken%3AETH%2FUSD.sqlite is damaged" in troubles[0].message
    assert frames_of(out, "k1")


def test_finer_increments_start_the_view_anew(rig: Rig) -> None:
    page, wish = PageModel(), spec()
    opened(rig, page, wish)
    rig.go(1.0)
    before = rig.walk.market
    finer = Grid(before.grid.tick, before.grid.lot / 10)
    rig.walk.market = before.with_grid(finer)
    rig.store.put_market(rig.walk.market)
    gap = gap_records(Outage(rig.at_ns, rig.at_ns + ROW_NS, "grid changed"))
    rig.store.append(BTC, {"gap": gap})
    rig.engine.markets_ns = 0
    out = frames_of(rig.go(1.0))
    fresh = [frame for frame in out if frame.snapshot]
    assert fresh
    header = page.take(fresh[0].data)
    assert header["size_decimals"] == 6
    assert np.isnan(page.arrays["mid"][page.arrays["t"] < (rig.at_ns - 2 * NS_PER_S) / 1e6]).all()


def test_the_past_is_rendered_as_it_was(rig: Rig) -> None:
    rig.go(2.0)
    end = rig.at_ns - 20 * NS_PER_S
    wish = spec(end_ms=end // 10**6)
    page = PageModel()
    header = page.take(render_past(rig.store, rig.store.markets, "k9", wish))
    assert header["end_ms"] == end // 10**6
    assert page.arrays["t"][-1] == end / 1e6
    rows = rig.store.window(BTC, "row", 0, end)
    assert header["tiles"]["bid"] == float(rows["bid"][-1]) / 100
    assert page.arrays["tr_t"].max() <= end / 1e6


def test_what_nobody_watches_is_forgotten(rig: Rig) -> None:
    opened(rig, PageModel(), spec())
    rig.engine.tick([Close("k1")])
    rig.clock.advance(11.0)
    rig.engine.tick([])
    assert not rig.engine.followed
    assert not rig.engine.views
    assert not rig.engine.snapshots


def test_memory_stays_flat(rig: Rig) -> None:
    wish = spec(range_s=60, window_s=1)
    opened(rig, PageModel(), wish)
    sizes = []
    for _ in range(6):
        rig.go(20.0, step_s=1.0)
        rig.engine.tidied_ns = 0
        rig.engine.tick([])
        sizes.append(rig.engine.followed[BTC].history.nbytes)
    assert sizes[-1] <= sizes[1] * 1.1
    history = rig.engine.followed[BTC].history
    seconds, fine = 540, fine_ns(wish) // NS_PER_S + 2  # held at all, and in tenths
    assert len(history.rows_end) < 2 * seconds + 10 * fine


def test_thinning_changes_nothing_at_whole_seconds(rig: Rig) -> None:
    described = rig.store.markets()[BTC]
    whole, _ = load(rig.store, described, NOW_NS - 400 * NS_PER_S, 0, NOW_NS)
    thin, _ = load(rig.store, described, NOW_NS - 400 * NS_PER_S, NOW_NS - 50 * NS_PER_S, NOW_NS)
    assert len(thin.rows_end) < 0.4 * len(whole.rows_end)
    seconds = np.arange(NOW_NS - 399 * NS_PER_S, NOW_NS, NS_PER_S)
    for a, b in ((whole, thin), (thin, whole)):
        np.testing.assert_array_equal(
            a.rows.sums[a.rows.index(seconds)], b.rows.sums[b.rows.index(seconds)]
        )
        np.testing.assert_array_equal(
            a.rows.quotes[a.rows.index(seconds)], b.rows.quotes[b.rows.index(seconds)]
        )


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
    history, _ = load(
        rig.store, rig.store.markets()[BTC], now - 4000 * NS_PER_S, now - 2000 * NS_PER_S, now
    )
    history.follow(now)
    fit = history.explained(1800, now, rig.engine.followed[BTC].history.horizon_ns).fit()
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
    history = rig.engine.followed[BTC].history
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
        assert set(rig.engine.followed[BTC].history.fits) == {600, 3600}
        rig.engine.tick([Close("k1")])
        rig.go(11.0, 0.5)
        history = rig.engine.followed[BTC].history
        assert set(history.fits) == {600}
        assert set(history.weighings) == {(10, 600)}
