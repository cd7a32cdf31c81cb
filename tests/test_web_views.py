"""The engine over a real store: what a page holds after any number of updates is the whole truth."""

import numpy as np
import pytest

from app.clock import NS_PER_S
from app.records import State
from app.web.frames import decode
from app.web.wishes import Frame, Trouble
from tests.engine_rig import BTC, Rig, assert_same, frames_of, opened
from tests.engine_rig import view_of as spec
from tests.web_market import Outage, gap_records
from tests.web_page import PageModel


def ticks(rig: Rig, seconds: float) -> list[list[Frame | Trouble]]:
    return [rig.go(0.1) for _ in range(round(seconds * 10))]


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


@pytest.mark.parametrize("later_s", [0.1, 0.2, 0.3])
def test_views_that_were_opened_apart_come_together(rig: Rig, later_s: float) -> None:
    """So that a page with several markets draws them in one frame of animation."""
    opened(rig, PageModel(), spec(rate_hz=4))
    rig.go(later_s)
    opened(rig, PageModel(), spec(rate_hz=4, window_s=30), "k2")
    rig.go(1.0)
    turns = [[len(frames_of(out, key)) for key in ("k1", "k2")] for out in ticks(rig, 5.0)]
    assert {tuple(turn) for turn in turns} == {(0, 0), (1, 1)}
    assert 18 <= sum(first for first, _ in turns) <= 20  # a quiet tenth of a second has no row


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
