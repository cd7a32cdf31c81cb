"""A store whose one market moves when told, an engine on its clock, and what a page holds of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.clock import NS_PER_S, FakeClock
from app.market import MarketId
from app.records import ROW_NS, State
from app.store import SqliteStore, open_store
from app.web.engine import Engine
from app.web.loading import load
from app.web.spec import ViewSpec
from app.web.views import View
from app.web.wishes import Frame, Open, Snap, Trouble
from tests.web_market import advance, fill
from tests.web_page import ESTIMATES, LINES, PageModel
from tests.web_walk import Walk, walks

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


@contextmanager
def rigged(folder: Path) -> Iterator[Rig]:
    """Seven minutes of a market with an outage, up to NOW_NS."""
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{folder}", clock=clock)
    (walk,) = walks(1, seed=7)
    fill(store, walk, 7, NOW_NS)
    yield Rig(store, clock, walk, Engine(store, clock), NOW_NS)
    store.close()


def view_of(**more: object) -> ViewSpec:
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
    history = load(rig.store, described, now - 4000 * NS_PER_S, now - 2000 * NS_PER_S, now).history
    history.horizon_ns = rig.engine.histories.held[BTC].history.horizon_ns
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
