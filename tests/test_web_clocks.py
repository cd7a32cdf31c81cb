"""A machine's clock that was set between two starts: what is of now stays so, what is old stays old."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.clock import NS_PER_S, FakeClock
from app.market import MarketId
from app.store import SqliteStore, open_store
from app.web.api import Api
from app.web.clocks import SILENT_NS, CollectorClocks
from app.web.engine import Engine
from app.web.frames import decode
from app.web.spec import ViewSpec
from app.web.wishes import Frame, Open
from tests.web_market import advance, fill
from tests.web_walk import Walk, walks

NOW_NS = 1_700_000_000 * NS_PER_S
HOUR_NS = 3600 * NS_PER_S
BTC = MarketId.parse("binance:BTC/USDT")
APART = pytest.mark.parametrize("apart_ns", [-HOUR_NS, 0, HOUR_NS], ids=["behind", "same", "ahead"])


@dataclass
class Rig:
    """A collector and a web worker whose clocks are apart."""

    store: SqliteStore
    collector: FakeClock
    web: FakeClock
    walk: Walk
    engine: Engine
    api: Api
    header: dict[str, Any] = field(default_factory=dict)

    def pass_s(self, seconds: int, *, collecting: bool = True) -> None:
        """Time goes by for both, second by second; the worker looks ten times in each."""
        for _ in range(seconds):
            before = self.collector.time_ns
            self.collector.advance(1.0)
            if collecting:
                advance(self.store, self.walk, before, self.collector.time_ns, NOW_NS)
            for _ in range(10):
                self.web.advance(0.1)
                for frame in self.engine.tick([]):
                    assert isinstance(frame, Frame)
                    self.header |= decode(frame.data)[0]
            self.watched()

    def watched(self) -> dict[str, Any]:
        (row,) = self.engine.watch_rows()
        return row

    def asked(self, name: str, **query: str) -> Any:
        return orjson.loads(getattr(self.api, name)(query).body)


@pytest.fixture
def apart_ns() -> int:
    return 0


@pytest.fixture
def rig(tmp_path: Path, apart_ns: int) -> Iterator[Rig]:
    collector, web = FakeClock(NOW_NS), FakeClock(NOW_NS + apart_ns)
    store = open_store(f"sqlite:///{tmp_path}", clock=collector)
    (walk,) = walks(1)
    fill(store, walk, 3, NOW_NS)
    engine = Engine(store, web)
    engine.tick([Open("k", ViewSpec.parse({"market": str(BTC), "range_s": 60, "mid_rows": 20}))])
    api = Api(store, web, engine.desk)
    yield Rig(store, collector, web, walk, engine, api)
    api.close()
    engine.desk.close()
    store.close()


@APART
def test_a_living_market_is_live_whatever_the_clocks(rig: Rig) -> None:
    rig.pass_s(4)
    status = rig.header["status"]
    assert status["state"] == "live"
    assert status["age_ms"] < 2_000
    # What is shown ends at the collector's present, and goes on.
    before_ms = rig.header["times"]["row_ms"]
    rig.pass_s(2)
    assert rig.header["times"]["row_ms"] > before_ms
    assert abs(rig.header["times"]["row_ms"] * 1e6 - rig.collector.time_ns) < 2 * NS_PER_S
    assert rig.asked("quality", market=str(BTC))["state"] == "live"
    assert rig.asked("book", market=str(BTC))["bids"]
    assert rig.api.ready({}).status == 200
    newest = rig.asked("features", market=str(BTC), limit="5")["rows"]
    assert len(newest) == 5


@APART
def test_a_collector_that_ends_is_told_within_seconds(rig: Rig) -> None:
    rig.pass_s(4)
    rig.pass_s(4, collecting=False)
    assert rig.header["status"]["state"] == "live"  # not yet
    rig.pass_s(4, collecting=False)
    assert rig.header["status"]["state"] == "down"
    assert "has not reported for" in rig.header["status"]["detail"]
    assert rig.watched()["state"] == "down"
    assert rig.asked("quality", market=str(BTC))["state"] == "down"
    assert rig.asked("book", market=str(BTC))["bids"] == []


@pytest.mark.parametrize("apart_ns", [-HOUR_NS, HOUR_NS], ids=["behind", "ahead"])
def test_what_nobody_collects_is_never_taken_for_present(rig: Rig) -> None:
    for _ in range(3):
        rig.pass_s(2, collecting=False)
        assert rig.header["status"]["state"] == "down"
        assert rig.watched()["state"] == "down"
        assert rig.asked("quality", market=str(BTC))["state"] == "down"


@pytest.mark.parametrize("step_ns", [-HOUR_NS, HOUR_NS])
def test_a_collector_that_comes_back_with_another_time_is_followed(rig: Rig, step_ns: int) -> None:
    rig.pass_s(3)
    rig.pass_s(9, collecting=False)
    assert rig.header["status"]["state"] == "down"
    rig.collector.time_ns += step_ns
    rig.pass_s(4)
    assert rig.header["status"]["state"] == "live"
    assert rig.asked("quality", market=str(BTC))["state"] == "live"


def test_late_records_do_not_move_a_clock() -> None:
    clocks = CollectorClocks()
    clocks.saw(BTC, "status", NOW_NS, NOW_NS)
    clocks.saw(BTC, "status", NOW_NS + NS_PER_S, NOW_NS + 31 * NS_PER_S)  # the disk was stuck
    clocks.saw(BTC, "status", NOW_NS + 31 * NS_PER_S, NOW_NS + 32 * NS_PER_S)
    assert clocks.now_ns(BTC, NOW_NS) == NOW_NS


def test_the_same_record_again_proves_nothing() -> None:
    clocks = CollectorClocks()
    for now_ns in range(NOW_NS, NOW_NS + 20 * NS_PER_S, NS_PER_S):
        for kind in ("status", "summary"):
            clocks.saw(BTC, kind, NOW_NS + HOUR_NS, now_ns)
        assert clocks.now_ns(BTC, now_ns) - (NOW_NS + HOUR_NS) > SILENT_NS
