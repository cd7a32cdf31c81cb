"""The tab *evidence*: the desk beside the engine, the frames of its views, and the API's same numbers."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from app.clock import NS_PER_S, FakeClock
from app.compute.evidence import Question
from app.market import MarketId
from app.store import SqliteStore, open_store
from app.web.api import Api
from app.web.desk import LINGER_NS, Desk, find_past
from app.web.engine import Engine
from app.web.frames import decode
from app.web.past import render_past
from app.web.spec import ViewSpec
from app.web.wishes import Frame, Open
from tests.web_market import advance, fill
from tests.web_walk import Walk, walks

BTC = MarketId.parse("binance:BTC/USDT")
NOW_NS = 1_700_000_000 * NS_PER_S
TEN = Question(10, 600, 10)


class Rig:
    """A store that lives, an engine over it, and time that moves when told."""

    def __init__(self, store: SqliteStore, clock: FakeClock, walk: Walk):
        self.store, self.clock, self.walk = store, clock, walk
        self.engine = Engine(store, clock)
        self.at_ns = NOW_NS
        self.told: list[tuple[dict, dict]] = []  # headers and arrays of the frames with evidence

    def go(self, seconds: float) -> list[dict]:
        """Headers of the frames of `k1` meanwhile; the desk's work is waited for."""
        headers = []
        for _ in range(round(seconds * 10)):
            before, self.at_ns = self.at_ns, self.at_ns + NS_PER_S // 10
            self.clock.time_ns = self.at_ns
            advance(self.store, self.walk, before, self.at_ns, NOW_NS)
            headers += self.frames([])
            self.engine.desk.wait()
        return headers

    def frames(self, wishes: list) -> list[dict]:
        out = [one for one in self.engine.tick(wishes) if isinstance(one, Frame)]
        frames = [decode(one.data) for one in out if one.key == "k1"]
        self.told += [frame for frame in frames if "evidence" in frame[0]]
        return [header for header, _ in frames]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    (walk,) = walks(1, seed=7)
    fill(store, walk, 11, NOW_NS, outage=False)
    rig = Rig(store, clock, walk)
    yield rig
    rig.engine.desk.close()
    store.close()


def spec(**more: object) -> ViewSpec:
    wish = {"market": str(BTC), "range_s": 60, "tab": "evidence", "lookback_s": 600}
    return ViewSpec.parse(wish | more)


def test_a_view_gets_evidence_when_it_changes_and_only_then(rig: Rig) -> None:
    (first,) = rig.frames([Open("k1", spec())])
    assert "evidence" not in first
    rig.engine.desk.wait()
    headers = rig.go(21.5)
    told = [h for h in headers if "evidence" in h]
    assert [h["evidence"]["end_ms"] for h in told] == [
        1e3 * (NOW_NS // NS_PER_S + k) for k in (0, 10, 20)
    ]
    assert len(headers) > 100
    assert rig.engine.desk.computed == 3
    values = told[-1]["evidence"]
    assert values["explains"]["multilevel"]["r2"] > 0.5
    assert values["explains"]["best"]["bins"] == 60
    assert set(values["prediction"]) == {"1", "5", "10", "30", "60"}
    assert values["trades"] > 1000
    assert values["coverage"] == {"best": 1.0, "depth": 1.0, "trades": 1.0}


async def test_with_a_past_of_half_an_hour_everything_is_told(tmp_path: Path) -> None:
    """The depth law needs twelve windows; with less there is nothing of it to say."""
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    (walk,) = walks(1, seed=5)
    fill(store, walk, 36, NOW_NS, outage=False)
    rig = Rig(store, clock, walk)
    api = Api(store, clock)
    try:
        rig.frames([Open("k1", spec(lookback_s=1800))])
        rig.engine.desk.wait()
        (told,) = [h["evidence"] for h in rig.go(1.0) if "evidence" in h]
        law = told["explains"]["best"]["depth_law"]
        assert law["windows"] >= 12
        assert 0 <= law["r2"] <= 1
        end = told["end_ms"] * 10**6
        reply = await get(api, market=str(BTC), bin="10s", lookback="30min", end=end)
        assert reply.json()["explains"]["best"]["depth_law"] == law
    finally:
        api.close()
        rig.engine.desk.close()
        store.close()


def test_a_view_of_another_tab_costs_the_desk_nothing(rig: Rig) -> None:
    rig.frames([Open("k1", spec(tab="flow"))])
    assert not any("evidence" in h for h in rig.go(1.0))
    assert rig.engine.desk.computed == 0
    assert spec(tab="flow", bin_s=30) == spec(tab="flow", bin_s=1)
    assert spec(bin_s=30) != spec(bin_s=1)


def test_short_bins_are_answered_twice_as_often(rig: Rig) -> None:
    rig.frames([Open("k1", spec(bin_s=1))])
    rig.engine.desk.wait()
    told = [h["evidence"]["end_ms"] for h in rig.go(11.0) if "evidence" in h]
    assert np.diff(told).tolist() == [5000, 5000]


def test_the_tile_and_the_verdict_are_the_same_figure(rig: Rig) -> None:
    rig.frames([Open("k1", spec())])
    rig.engine.desk.wait()
    header = [h for h in rig.go(11.0) if "evidence" in h][-1]
    assert header["tiles"]["explained"] == pytest.approx(
        header["evidence"]["explains"]["best"]["r2"], rel=1e-9
    )
    assert header["tiles"]["explained_n"] == header["evidence"]["explains"]["best"]["bins"]


def agree(mine: object, other: object, where: str = "") -> None:
    """Integers and words the same, other numbers to 1e-9."""
    assert isinstance(mine, dict) == isinstance(other, dict), where
    if isinstance(mine, dict) and isinstance(other, dict):
        assert set(mine) == set(other), where
        for name in mine:
            agree(mine[name], other[name], f"{where}.{name}")
    elif isinstance(mine, float):
        assert mine == pytest.approx(other, rel=1e-9, abs=1e-12), where
    else:
        assert mine == other, where


def test_followed_or_read_anew_the_answer_is_the_same(rig: Rig) -> None:
    desk = rig.engine.desk
    desk.ask(BTC, TEN)
    desk.wait()
    rig.frames([Open("k1", spec())])
    rig.go(31.0)
    followed = desk.ask(BTC, TEN)
    assert followed is not None
    assert followed.end_ns == NOW_NS + 30 * NS_PER_S
    market = rig.store.markets()[BTC]
    anew = find_past(rig.store, market, TEN, followed.end_ns)
    agree(anew.values, followed.values)
    assert anew.values["explains"]["best"] == followed.values["explains"]["best"]
    assert anew.values["spread"]["horizons"]["60"]["trades"] > 100
    for name, values in followed.arrays.items():
        np.testing.assert_allclose(anew.arrays[name], values, rtol=1e-9, atol=1e-12, err_msg=name)
    other = Desk(rig.store, rig.clock).answer(market, TEN, None)
    agree(other.values, followed.values)
    assert followed.values["spread"]["trade_lag_ms"] == 7


def test_a_frozen_view_brings_the_evidence_of_its_time(rig: Rig) -> None:
    end_ms = NOW_NS // 10**6 - 3000
    header, arrays = decode(render_past(rig.store, rig.store.markets, "k1", spec(end_ms=end_ms)))
    assert header["evidence"]["end_ms"] == NOW_NS // 10**6 - 10_000
    assert len(arrays["ev_x"]) == header["evidence"]["explains"]["best"]["bins"]


def test_a_question_nobody_asks_is_forgotten(rig: Rig) -> None:
    desk = rig.engine.desk
    desk.ask(BTC, TEN)
    desk.wait()
    assert desk._followed
    rig.clock.time_ns += LINGER_NS + NS_PER_S
    other = Question(10, 1200, 5)
    desk.ask(BTC, other)
    desk.wait()
    assert list(desk._found) == [(BTC, other)]


def test_a_store_that_fails_costs_the_view_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.errors import StoreError

    def fail(*_: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr("app.web.desk.find", fail)
    rig.frames([Open("k1", spec())])
    headers = rig.go(3.0)
    assert len(headers) > 20
    assert not any("evidence" in h for h in headers)
    monkeypatch.undo()
    assert any("evidence" in h for h in rig.go(3.0))


async def get(api: Api, **query: object) -> httpx.Response:
    app = FastAPI()
    api.add_routes(app)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/api/v1/verification", params=query)


async def test_the_api_serves_what_the_frame_carries(rig: Rig) -> None:
    rig.frames([Open("k1", spec())])
    rig.engine.desk.wait()
    rig.go(0.3)
    header, arrays = rig.told[-1]
    api = Api(rig.store, rig.clock, rig.engine.desk)
    fresh = Api(rig.store, rig.clock)
    end = header["evidence"]["end_ms"] * 10**6
    for one in (api, fresh):
        reply = await get(one, market=str(BTC), bin="10s", lookback="10min", end=end)
        value = reply.json()
        series = value.pop("series")
        assert {k: v for k, v in value.items() if k in header["evidence"]} == header["evidence"]
        assert series["ev_x"] == arrays["ev_x"].tolist()
        assert (value["market"], value["unit"]) == (str(BTC), "BTC")
        one.close()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"bin": "2s"}, "bin must be one of 1s, 5s, 10s, 30s."),
        ({"bin": "x"}, "bin must be one of"),
        ({"lookback": "3h"}, "lookback must be whole minutes from 10min to 2h."),
        ({"lookback": "90s"}, "lookback must be"),
        ({"levels": "0"}, "levels must be"),
        ({"end": str(NOW_NS + 10**9)}, "end must not lie in the future."),
        ({"window": "1"}, "is unknown"),
    ],
)
async def test_a_wrong_parameter_is_one_sentence(
    tmp_path: Path, query: dict, sentence: str
) -> None:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    (walk,) = walks(1)
    store.put_market(walk.market)
    api = Api(store, clock)
    reply = await get(api, market=str(BTC), **query)
    assert reply.status_code == 400
    assert sentence in reply.json()["error"]
    api.close()
    store.close()


def test_a_market_without_history_says_what_it_waits_for(tmp_path: Path) -> None:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    (walk,) = walks(1, seed=3)
    fill(store, walk, 1, NOW_NS)
    found = Desk(store, clock).answer(store.markets()[BTC], TEN, None)
    assert found.values["explains"]["best"]["r2"] is None
    # 60 s were seen; the first bin may have begun before them.
    assert found.values["wait_s"] == (30 - found.values["explains"]["best"]["bins"]) * 10
    assert found.values["prediction"]["60"] == {"pairs": 0}
    store.close()


def test_vpin_is_that_of_the_full_buckets(rig: Rig) -> None:
    market = rig.store.markets()[BTC]
    found = find_past(rig.store, market, TEN, NOW_NS)
    buckets = rig.store.window(BTC, "bucket", 0, NOW_NS)
    assert len(buckets) > 600
    told = found.values["toxicity"]
    assert told["vpin"] == buckets["vpin"][-1]
    assert told["buckets"] == told["filled"] == len(buckets)
    assert told["p95"] == np.quantile(buckets["vpin"], 0.95)
    inside = buckets[buckets["end_ns"] > NOW_NS - TEN.lookback_ns]
    np.testing.assert_array_equal(found.arrays["ev_vpin"], inside["vpin"])


def test_gaps_of_trades_are_told_for_the_whole_look_back(tmp_path: Path) -> None:
    """A frame tells those of its range, which may be shorter."""
    store = open_store(f"sqlite:///{tmp_path}", clock=FakeClock(NOW_NS))
    (walk,) = walks(1, seed=7)
    fill(store, walk, 11, NOW_NS)
    gap = store.window(BTC, "gap", 0, NOW_NS)[-1]  # of trades
    from_ns, to_ns = int(gap["from_ns"]), int(gap["to_ns"])
    middle_ns = (from_ns + to_ns) // 2 // NS_PER_S * NS_PER_S
    market = store.markets()[BTC]
    for end_ns, told in ((NOW_NS, [(from_ns, to_ns)]), (middle_ns, [(from_ns, middle_ns)])):
        arrays = find_past(store, market, TEN, end_ns).arrays
        found = zip(arrays["ev_gap_from"] * 1e6, arrays["ev_gap_to"] * 1e6, strict=True)
        assert list(found) == told
    store.close()
