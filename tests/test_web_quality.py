"""Data quality over HTTP, for Prometheus and for the page: one set of numbers, from the store."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from app.clock import NS_PER_S, FakeClock
from app.collector.incidents import IncidentLog
from app.feeds.base import FeedStatus, Gap
from app.market import MarketId
from app.records import QUALITY_NS, REASONS, State, Stream, empty
from app.store import SqliteStore, open_store
from app.web.api import Api
from app.web.asof import status_at
from app.web.engine import Engine
from app.web.exposition import Family, number
from app.web.metrics import Worker
from app.web.past import render_past
from app.web.quality import LIVE, IncidentBoard
from app.web.spec import ViewSpec
from app.web.wishes import Frame, Open
from tests.web_market import Outage, advance, gap_records
from tests.web_page import PageModel
from tests.web_walk import walks

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
NOW_NS = 1_700_000_000 * NS_PER_S
BEGUN_NS = NOW_NS - 600 * NS_PER_S


def status_record(walk: Any, state: State = State.LIVE, written_ns: int = NOW_NS) -> np.ndarray:
    record = walk.status(written_ns, NOW_NS - 30 * NS_PER_S, state, "")
    record["begun_ns"] = BEGUN_NS
    record["clock_offset_ms"], record["clock_off"] = 3_600_000.0, True
    record["audits"], record["audit_differences"] = 12, 1
    record["audits_unanswered"], record["detail"] = 3, b"The book differs at one price."
    record["gaps_by"][0, REASONS.index("sequence")] = 2
    record["rejected_by"][0, REASONS.index("crossed")] = 3
    record["stream_state"] = [State.LIVE, state, -1]
    record["stream_since_ns"] = NOW_NS - 30 * NS_PER_S
    record["stream_received_ns"] = NOW_NS - NS_PER_S // 2
    record["stream_p50_ms"], record["stream_p99_ms"] = [-1, 40, -1], [-1, 120, -1]
    record["stream_per_s"] = [50, 10, 0]
    record["has_trades"] = False
    return record


def incidents_of(open_one: bool) -> np.ndarray:
    log = IncidentLog()
    live = FeedStatus(state=State.LIVE, since_ns=BEGUN_NS)
    gap = Gap(Stream.DEPTH, NOW_NS - 200 * NS_PER_S, NOW_NS - 175 * NS_PER_S, "sequence", "", 182)
    log.look(live, [gap], NOW_NS - 170 * NS_PER_S)
    if open_one:
        down = FeedStatus(state=State.DOWN, since_ns=NOW_NS - 5 * NS_PER_S, attempts=6)
        down.next_try_ns = NOW_NS + 12 * NS_PER_S
        log.look(down, [], NOW_NS)
    return log.record(NOW_NS)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    for walk, state in zip(walks(2, seed=5), (State.LIVE, State.DOWN), strict=True):
        store.put_market(walk.market)
        advance(store, walk, BEGUN_NS, NOW_NS, BEGUN_NS)
        quality = empty("quality", 60)
        quality["time_ns"] = NOW_NS - QUALITY_NS * np.arange(60)[::-1]
        quality["state"] = State.LIVE
        quality["p50_ms"], quality["p99_ms"] = [-1, 40, -1], [-1, 120, -1]
        quality["per_s"] = [50, 10, 0]
        outage = Outage(NOW_NS - 200 * NS_PER_S, NOW_NS - 175 * NS_PER_S)
        store.append(
            walk.market.id,
            {
                "status": status_record(walk, state),
                "incidents": incidents_of(state is State.DOWN),
                "gap": gap_records(outage),
                "quality": quality,
            },
        )
    return store


@pytest.fixture
async def api(store: SqliteStore) -> AsyncIterator[httpx.AsyncClient]:
    worker = Worker('w"1\\', 123, 2, 3)
    app, server = FastAPI(), Api(store, FakeClock(NOW_NS), worker=lambda: worker)
    server.add_routes(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as page:
        yield page
    server.close()


async def quality(api: httpx.AsyncClient, **query: Any) -> Any:
    answer = await api.get("/api/v1/quality", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_market_is_told_stream_by_stream(api: httpx.AsyncClient) -> None:
    value = await quality(api, market=BTC)
    assert (value["market"], value["state"], value["lookback_s"]) == (BTC, "live", 1800)
    assert (value["clock_off"], value["clock_offset_ms"]) == (True, 3_600_000.0)
    assert (value["audits"], value["audit_differences"]) == (12, 1)
    assert value["audits_unanswered"] == 3
    assert value["detail"] == "The book differs at one price."
    assert value["gaps"] == {"sequence": 2}
    assert value["rejected"] == {"crossed": 3}
    best, depth, trades = value["streams"]
    assert trades == {"stream": "trades", "state": "none"}
    assert (best["state"], best["latency_p50_ms"], best["updates_per_s"]) == ("live", None, 50)
    assert (depth["latency_p50_ms"], depth["latency_p99_ms"]) == (40, 120)
    assert (depth["fidelity"], depth["period_ms"]) == ("batched", 100)
    assert depth["age_ms"] == 500
    assert depth["since_ns"] == str(NOW_NS - 30 * NS_PER_S)
    assert (depth["gaps_15min"], depth["longest_gap_15min_ms"]) == (1, 25_000)
    assert depth["reasons"] == {"sequence": 1}
    # 600 s of data of which 25 s are missing.
    assert depth["coverage_15min"] == pytest.approx(575 / 900, abs=1e-3)
    assert depth["coverage_lookback"] == pytest.approx(575 / 1800, abs=1e-3)


async def test_an_hour_is_covered_as_far_as_there_are_data(api: httpx.AsyncClient) -> None:
    value = await quality(api, market=BTC, lookback="5min")
    assert value["lookback_s"] == 300
    assert value["streams"][1]["coverage_lookback"] == pytest.approx(275 / 300, abs=1e-3)


async def test_incidents_say_what_is_open_and_what_was(api: httpx.AsyncClient) -> None:
    (resolved,) = (await quality(api, market=BTC))["incidents"]
    assert (resolved["state"], resolved["reason"], resolved["missed"]) == (
        "resyncing",
        "sequence",
        182,
    )
    assert int(resolved["to_ns"]) - int(resolved["from_ns"]) == 25 * NS_PER_S
    down, resolved = (await quality(api, market=ETH))["incidents"]
    assert (down["to_ns"], down["attempts"], down["state"]) == (None, 6, "down")
    assert down["next_try_ns"] == str(NOW_NS + 12 * NS_PER_S)


async def test_without_a_market_all_are_told(api: httpx.AsyncClient) -> None:
    assert [one["market"] for one in (await quality(api))["markets"]] == [BTC, ETH]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"market": BTC, "lookback": "9h"}, "lookback"),
        ({"market": BTC, "lookback": "soon"}, "lookback"),
        ({"market": BTC, "look": "1"}, "look"),
    ],
)
async def test_a_wrong_parameter_is_a_sentence(
    api: httpx.AsyncClient, query: dict[str, str], words: str
) -> None:
    answer = await api.get("/api/v1/quality", params=query)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


async def test_a_collector_that_is_gone_is_an_incident(store: SqliteStore) -> None:
    app, server = FastAPI(), Api(store, FakeClock(NOW_NS + 60 * NS_PER_S))
    server.add_routes(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as page:
        value = await quality(page, market=BTC)
        book = (await page.get("/api/v1/book", params={"market": BTC})).json()
    server.close()
    assert value["state"] == "down"
    assert [one["state"] for one in value["streams"]] == ["down", "down", "none"]
    assert value["streams"][1]["latency_p50_ms"] is None
    newest = value["incidents"][0]
    assert (newest["reason"], newest["to_ns"]) == ("collector", None)
    assert newest["from_ns"] == str(NOW_NS)
    # And no book that would look present.
    assert (book["state"], book["bids"], book["asks"]) == ("down", [], [])


def parsed(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The exposition format, read by its rules: families in one piece, help and type before samples."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in found, f"{name} comes in two pieces"
            found[name] = []
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == name
            assert line.split(" ")[3] in ("gauge", "counter")
            assert line.split(" ")[3] != "counter" or name.endswith("_total")
        else:
            assert line.startswith(f"{name}{{")
            labels, _, value = line.removeprefix(name).rpartition(" ")
            inside = labels[1:-1]
            pairs = json.loads("{" + ",".join(f'"{p}' for p in _pairs(inside)) + "}")
            found[name].append((pairs, float(value)))
    return found


def _pairs(inside: str) -> list[str]:
    """`a="x",b="y"` → `a": "x"`, …; quotes within values are escaped."""
    out, at = [], 0
    while at < len(inside):
        equals = inside.index('="', at)
        end = equals + 2
        while inside[end] != '"':
            end += 2 if inside[end] == "\\" else 1
        out.append(f'{inside[at:equals]}": {inside[equals + 1 : end + 1]}')
        at = end + 2
    return out


async def test_prometheus_reads_the_same_numbers(api: httpx.AsyncClient) -> None:
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = parsed(answer.text)

    def value(name: str, **labels: str) -> float:
        (one,) = [v for have, v in found[name] if have == labels]
        return one

    assert value("ofi_market_state", market=BTC, state="live") == 1
    assert value("ofi_market_state", market=BTC, state="down") == 0
    assert value("ofi_market_state", market=ETH, state="down") == 1
    assert value("ofi_stream_state", market=BTC, stream="depth", state="live") == 1
    p99 = value("ofi_stream_latency_seconds", market=BTC, stream="depth", quantile="0.99")
    assert p99 == pytest.approx(0.12)
    assert not [have for have, _ in found["ofi_stream_latency_seconds"] if have["stream"] == "best"]
    assert not [have for have, _ in found["ofi_stream_state"] if have["stream"] == "trades"]
    assert value("ofi_gaps_total", market=BTC, reason="sequence") == 2
    assert value("ofi_rejected_total", market=BTC, reason="crossed") == 3
    assert value("ofi_audit_differences_total", market=BTC) == 1
    assert value("ofi_audits_unanswered_total", market=BTC) == 3
    assert value("ofi_clock_offset_seconds", market=BTC) == 3600
    assert value("ofi_incidents_open", market=BTC) == 0
    assert value("ofi_incidents_open", market=ETH) == 1
    assert 80 <= value("ofi_rows", market=BTC) <= 100
    assert value("ofi_store_bytes", market=BTC) > 10_000
    assert value("ofi_worker_frames_total", worker='w"1\\') == 123
    assert value("ofi_worker_clients", worker='w"1\\') == 2
    assert (await api.get("/metrics", params={"x": "1"})).status_code == 400


@given(st.text(), st.text())
def test_any_label_and_help_can_be_read_back(label: str, words: str) -> None:
    family = Family("f", "gauge", words)
    family.add(1.5, {"a": label})
    text = family.text()
    sample = text.splitlines() if "\r" not in text else text.split("\n")
    assert [line for line in text.split("\n") if line.startswith("f{")]
    assert text.count("\n") == 3
    raw = text.split("\n")[2][len('f{a="') : -len('"} 1.5')]
    back = raw.replace("\\\\", "\0").replace("\\n", "\n").replace('\\"', '"').replace("\0", "\\")
    assert "\0" in label or back == label
    assert sample


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "1"), (0, "0"), (1.5, "1.5"), (2**60, "1.152921504606847e+18"), (float("inf"), "+Inf")],
)
def test_numbers_are_written_exactly(value: float, text: str) -> None:
    assert number(value) == text
    assert float(number(value)) == value


def test_nothing_is_written_of_what_is_not_known() -> None:
    family = Family("f", "gauge", "help")
    family.add(float("nan"), {})
    assert family.text() == ""


def test_the_page_gets_the_numbers_with_the_tab_only(store: SqliteStore) -> None:
    clock = FakeClock(NOW_NS)
    engine = Engine(store, clock)
    ask = {"market": BTC, "range_s": 900}
    flow, own = ViewSpec.parse(ask), ViewSpec.parse(ask | {"tab": "quality"})
    frames = [f for f in engine.tick([Open("a", flow), Open("b", own)]) if isinstance(f, Frame)]
    pages = {}
    for frame in frames:
        pages[frame.key] = PageModel()
        pages[frame.key].take(frame.data)
    assert "quality" not in pages["a"].header
    assert "q_t" not in pages["a"].arrays
    header, arrays = pages["b"].header, pages["b"].arrays
    depth = header["quality"]["streams"][1]
    assert depth["latency_p99_ms"] == 120
    assert depth["coverage_15min"] == pytest.approx(575 / 900, abs=1e-3)
    assert [one["market"] for one in header["everywhere"]] == [ETH, BTC, ETH]
    assert header["everywhere"][0]["to_ms"] is None
    assert arrays["q_p50"].shape == (len(arrays["q_t"]), 3)
    own = np.isnan(arrays["q_p50"][:, 0])
    assert own.sum() == 60
    assert (arrays["q_p99"][own, 1] == 120).all()
    assert (arrays["q_rate"][own] == [50, 10, 0]).all()


def past_of(store: SqliteStore, market: str, end_ns: int) -> PageModel:
    wish = {"market": market, "range_s": 900, "tab": "quality", "end_ms": end_ns // 10**6}
    page = PageModel()
    page.take(render_past(store, store.markets, "k1", ViewSpec.parse(wish)))
    return page


@pytest.mark.parametrize("market", [BTC, ETH])
def test_the_past_tells_of_then(store: SqliteStore, market: str) -> None:
    end_ns = NOW_NS - 300 * NS_PER_S
    page = past_of(store, market, end_ns)
    told, depth = page.header["quality"], page.header["quality"]["streams"][1]
    assert told["state"] == page.header["status"]["state"] == depth["state"] == "live"
    assert page.header["status"]["detail"] == ""
    assert told["incidents"] == page.header["everywhere"] == page.header["gaps"] == []
    assert depth["gaps_15min"] == 0
    assert depth["latency_p99_ms"] == 120
    assert depth["received_ms"] is None
    assert page.header["status"]["latency_p50_ms"] is None
    assert len(page.arrays["q_t"]) > 20
    assert page.arrays["q_t"][-1] <= end_ns / 1e6


def test_an_incident_that_ended_later_was_open_then(store: SqliteStore) -> None:
    page = past_of(store, ETH, NOW_NS - 190 * NS_PER_S)
    (one,) = page.header["quality"]["incidents"]
    assert one["from_ms"] == (NOW_NS - 200 * NS_PER_S) / 1e6
    assert one["to_ms"] is None
    assert [(e["market"], e["to_ms"]) for e in page.header["everywhere"]] == [
        (BTC, None), (ETH, None),
    ]  # fmt: skip
    assert page.header["quality"]["streams"][1]["gaps_15min"] == 1


def test_where_nothing_was_told_of_a_time_nothing_is_known() -> None:
    (walk,) = walks(1)
    now = status_record(walk, State.DOWN)
    quality = empty("quality", 1)
    quality["time_ns"], quality["state"], quality["per_s"] = NOW_NS - 60 * NS_PER_S, State.STALE, 7
    at = NOW_NS - 45 * NS_PER_S
    told, silent = status_at(now, quality, at), status_at(now, quality, at + 5 * NS_PER_S)
    assert told["state"] == State.STALE
    assert told["stream_state"].tolist() == [[State.STALE, State.STALE, -1]]
    assert told["stream_per_s"].tolist() == [[7, 7, 7]]
    assert silent["state"] == State.LIVE
    assert silent["stream_per_s"].tolist() == [[-1, -1, -1]]
    assert status_at(now, quality, NOW_NS) is now


def test_the_incidents_of_all_markets_are_read_once_and_bounded(store: SqliteStore) -> None:
    board = IncidentBoard(store)
    held = store.markets()
    first = board.rows(held, NOW_NS, LIVE)
    assert board.rows(held, NOW_NS, LIVE) == first
    store.append(MarketId.parse(BTC), {"incidents": IncidentLog().record(NOW_NS)})
    assert [one["market"] for one in board.rows(held, NOW_NS, LIVE)] == [ETH, ETH]
