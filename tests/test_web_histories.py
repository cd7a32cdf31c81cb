"""Markets that nobody looks at are kept ready: few, up to date, and equal to what is read anew."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from app.clock import NS_PER_S, FakeClock
from app.market import MarketId
from app.store import SqliteStore, open_store
from app.web import histories
from app.web.engine import Engine
from app.web.frames import decode
from app.web.spec import ViewSpec
from app.web.wishes import Close, Frame, Open, Snap, Trouble
from tests.web_market import advance, fill
from tests.web_walk import Walk, walks

NOW_NS = 1_700_000_000 * NS_PER_S


@dataclass
class Desk:
    """A store of some markets that all move, an engine, and the market reads that it made."""

    store: SqliteStore
    clock: FakeClock
    walks: list[Walk]
    engine: Engine
    loads: list[MarketId] = field(default_factory=list)

    @property
    def markets(self) -> list[MarketId]:
        return [walk.market.id for walk in self.walks]

    def open(self, market: MarketId, key: str = "k", **more: int) -> Frame:
        wish = ViewSpec.parse({"market": str(market), "range_s": 120, "mid_rows": 40} | more)
        out = self.engine.tick([Open(key, wish), Snap(key)])
        (frame,) = (item for item in out if isinstance(item, Frame) and item.key == key)
        return frame

    def go(self, seconds: float) -> list[Frame | Trouble]:
        out: list[Frame | Trouble] = []
        for _ in range(round(seconds * 10)):
            before = self.clock.time_ns
            self.clock.advance(0.1)
            for walk in self.walks:
                advance(self.store, walk, before, self.clock.time_ns, NOW_NS)
            out += self.engine.tick([])
            out += self.engine.tick([])  # as often as there is something new, nothing is
        return out


def made(folder: Path, count: int, patch: pytest.MonkeyPatch) -> Desk:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{folder}", clock=clock)
    moving = walks(count, seed=7)
    for walk in moving:
        fill(store, walk, 3, NOW_NS)
    desk = Desk(store, clock, moving, Engine(store, clock))
    load = histories.load

    def noted(store: SqliteStore, market: object, *times: int) -> object:
        desk.loads.append(market.id)  # type: ignore[attr-defined]
        return load(store, market, *times)  # type: ignore[arg-type]

    patch.setattr(histories, "load", noted)
    return desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    found = made(tmp_path, 3, monkeypatch)
    yield found
    found.store.close()


def same(frame: Frame, other: Frame) -> None:
    """Both show the same, up to what is rounded otherwise when it is followed."""
    (header, arrays), (expected_header, expected) = decode(frame.data), decode(other.data)
    assert arrays.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(
            arrays[name], values, rtol=1e-9, atol=1e-12, equal_nan=True, err_msg=name
        )
    assert header["gaps"] == expected_header["gaps"]
    tiles = expected_header["tiles"]
    assert header["tiles"].keys() == tiles.keys()
    for name, value in tiles.items():
        numeric = isinstance(value, float)
        assert header["tiles"][name] == (pytest.approx(value, rel=1e-9) if numeric else value), name


def test_few_markets_are_read_before_anybody_asks_and_show_what_is_read_anew(desk: Desk) -> None:
    first, *others = desk.markets
    desk.open(first)
    assert desk.loads == [first]
    desk.go(12.0)
    assert sorted(desk.loads, key=str) == sorted([first, *others], key=str)
    for other in others:
        desk.loads.clear()
        frame = desk.open(other, str(other))
        assert not desk.loads
        anew = Desk(desk.store, desk.clock, [], Engine(desk.store, desk.clock))
        same(frame, anew.open(other, str(other)))


def test_nothing_is_read_ahead_of_a_wish_or_while_nobody_looks(desk: Desk) -> None:
    for _ in range(30):
        desk.clock.advance(0.5)
        desk.engine.tick([])
    assert not desk.loads
    desk.open(desk.markets[0])
    for _ in range(5):
        desk.clock.advance(0.9)
        desk.engine.tick([Snap("k")])  # somebody is at work
    assert desk.loads == desk.markets[:1]


def test_with_many_markets_those_in_view_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "RESTING", 1)
    desk = made(tmp_path, 4, monkeypatch)
    first, second, third, fourth = desk.markets
    for market in (first, second, third, fourth):
        desk.open(market)
        desk.go(2.0)
        desk.engine.tick([Close("k")])
    desk.open(fourth)
    desk.go(11.0)
    assert desk.engine.histories.held.keys() == {third, fourth}
    desk.loads.clear()
    desk.open(third, "back")
    assert not desk.loads
    desk.open(first, "away")
    assert desk.loads == [first]
    desk.store.close()


def test_what_rested_while_nobody_looked_for_long_is_read_anew(desk: Desk) -> None:
    first, second, _ = desk.markets
    desk.open(first)
    desk.go(5.0)
    assert second in desk.engine.histories.held
    desk.clock.advance(61.0)  # the worker slept
    desk.loads.clear()
    desk.open(second, "other")
    assert desk.loads == [second]


def test_more_of_a_market_than_is_kept_is_read(desk: Desk) -> None:
    first, second, _ = desk.markets
    desk.open(first)
    desk.go(5.0)
    desk.loads.clear()
    desk.open(second, range_s=3600)
    assert desk.loads == [second]


@pytest.mark.parametrize("damaged", [True, False])
def test_a_market_that_cannot_be_kept_ready_disturbs_nobody(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    first, second, third = desk.markets
    name = str(second).split(":")[1].split("/")[0]
    if damaged:
        desk.walks.pop(1)
        for part in tmp_path.rglob(f"*{name}*"):
            part.write_bytes(b"not a database" * 4096)
    else:
        load = histories.load

        def failing(store: SqliteStore, market: object, *times: int) -> object:
            if market.id == second:  # type: ignore[attr-defined]
                raise TypeError("a number that is none")
            return load(store, market, *times)  # type: ignore[arg-type]

        monkeypatch.setattr(histories, "load", failing)
    desk.open(first)
    out = desk.go(6.0)
    assert not [item for item in out if isinstance(item, Trouble)]
    assert len([item for item in out if isinstance(item, Frame)]) > 40
    assert desk.engine.histories.held.keys() == {first, third}
