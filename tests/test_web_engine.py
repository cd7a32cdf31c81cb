"""The engine and its markets: those that come late, are damaged, lie in the past or are watched no longer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.clock import NS_PER_S
from app.market import Grid, Listing
from app.records import ROW_NS
from app.web.loading import load
from app.web.past import render_past
from app.web.spec import ViewSpec
from app.web.views import View, fine_ns
from app.web.wishes import Close, Open, Snap, Trouble
from tests.engine_rig import BTC, NOW_NS, Rig, frames_of, opened
from tests.engine_rig import view_of as spec
from tests.web_market import Outage, fill, gap_records
from tests.web_page import PageModel
from tests.web_walk import walks


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
    assert "has not answered yet" in trouble.message
    assert trouble.progress == 0.0
    assert rig.engine.tick([]) == []
    assert other.market.id in rig.store.requested()
    # A second page hears it too.
    assert [type(item) for item in rig.engine.tick([Snap("k2")])] == [Trouble]
    fill(rig.store, other, 1, rig.at_ns)
    rig.clock.advance(4.0)
    (frame,) = frames_of(rig.engine.tick([]), "k2")
    assert frame.snapshot


def test_a_market_that_its_venue_offers_starts_and_a_refusal_is_said(rig: Rig) -> None:
    other = walks(2)[1].market
    key = {"market": str(other.id)}
    rig.store.offer(other.id.venue, [Listing(other.id, "ETH", "USD", "spot", other.contract)], 60.0)
    (trouble,) = rig.engine.tick([Open("k2", ViewSpec.parse(key)), Snap("k2")])
    assert isinstance(trouble, Trouble)
    assert "the collector takes it up" in trouble.message
    assert trouble.progress is not None
    assert 0 < trouble.progress < 0.25
    sentence = "kraken has no ETH/USD; near it are ETH/EUR and ETH/USDT."
    rig.store.answer(other.id, sentence)
    rig.clock.advance(1.0)
    assert rig.engine.tick([]) == [Trouble("k2", sentence)]


def test_without_a_collector_the_wait_ends_with_what_is_near(rig: Rig) -> None:
    wish = ViewSpec.parse({"market": "binance:BTC/USDC"})
    rig.engine.tick([Open("k2", wish), Snap("k2")])
    rig.clock.advance(16.0)
    (trouble,) = rig.engine.tick([])
    assert isinstance(trouble, Trouble)
    assert trouble.progress is None
    assert "binance:BTC/USDC is not collected" in trouble.message
    assert "The nearest that is: binance:BTC/USDT." in trouble.message


def test_a_view_that_fails_takes_down_itself_only_and_comes_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(rig, PageModel(), spec())
    rig.engine.tick([Open("k2", spec(depth=3)), Snap("k2")])
    update = View.update

    def failing(view: View, *given: Any) -> tuple[bytes, bool]:
        if view.key == "k2":
            raise TypeError("a number that is none")
        return update(view, *given)

    with monkeypatch.context() as patched:
        patched.setattr(View, "update", failing)
        out = rig.go(4.0)
    told = [item for item in out if isinstance(item, Trouble)]
    assert {item.key for item in told} == {"k2"}
    assert "binance:BTC/USDT cannot be shown: the server failed" in told[0].message
    assert len(frames_of(out, "k1")) > 20
    assert rig.engine.tick([Snap("k2")]) == [told[0]]
    assert next(frame.snapshot for frame in frames_of(rig.go(3.0), "k2"))
    assert rig.engine.trouble == {}


def test_views_of_a_past_that_was_read_wrongly_come_back_with_another(rig: Rig) -> None:
    opened(rig, PageModel(), spec())
    history = rig.engine.histories.held[BTC].history
    history.rows_quotes.keep_first(3)  # out of step with the other buffers
    out = rig.go(8.0)
    assert any(isinstance(item, Trouble) for item in out)
    assert frames_of(out[-5:], "k1")
    assert rig.engine.histories.held[BTC].history is not history
    assert rig.engine.trouble == {}


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
    assert not rig.engine.histories.held
    assert not rig.engine.views
    assert not rig.engine.snapshots


def test_memory_stays_flat(rig: Rig) -> None:
    wish = spec(range_s=60, window_s=1)
    opened(rig, PageModel(), wish)
    history = rig.engine.histories.held[BTC].history
    parts = (history.rows_end, history.rows_sums, history.rows_quotes, history.trades)
    for _ in range(6):
        rig.go(20.0, step_s=1.0)
        rig.engine.tidied_ns = 0
        rig.engine.tick([])
        held = sum(part.view.nbytes for part in (*parts, history.columns))
        assert history.nbytes <= 1.6 * held
    seconds, fine = 540, fine_ns(wish) // NS_PER_S + 2  # held at all, and in tenths
    assert len(history.rows_end) < 2 * seconds + 10 * fine


def test_thinning_changes_nothing_at_whole_seconds(rig: Rig) -> None:
    described = rig.store.markets()[BTC]
    whole = load(rig.store, described, NOW_NS - 400 * NS_PER_S, 0, NOW_NS).history
    thin = load(
        rig.store, described, NOW_NS - 400 * NS_PER_S, NOW_NS - 50 * NS_PER_S, NOW_NS
    ).history
    assert len(thin.rows_end) < 0.4 * len(whole.rows_end)
    seconds = np.arange(NOW_NS - 399 * NS_PER_S, NOW_NS, NS_PER_S)
    for a, b in ((whole, thin), (thin, whole)):
        np.testing.assert_array_equal(
            a.rows.sums[a.rows.index(seconds)], b.rows.sums[b.rows.index(seconds)]
        )
        np.testing.assert_array_equal(
            a.rows.quotes[a.rows.index(seconds)], b.rows.quotes[b.rows.index(seconds)]
        )
