"""The HTTP API over a real store, against loops over its records."""

import io
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.clock import NS_PER_S, FakeClock
from app.market import Contract, Listing, MarketId
from app.records import LEVELS, ROW_NS, State, Stream
from app.store import SqliteStore, open_store
from app.web.api import Api
from app.web.features import duration_ns
from tests.web_market import advance, fill
from tests.web_walk import walks

BTC = "binance:BTC/USDT"
ETH = "kraken:ETH/USD"
NOW_NS = 1_700_000_000 * NS_PER_S
START_NS = NOW_NS - 300 * NS_PER_S
OUT = (NOW_NS - 150 * NS_PER_S, NOW_NS - 125 * NS_PER_S)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SqliteStore:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}", clock=clock)
    for walk in walks(2, seed=11):
        fill(store, walk, 5, NOW_NS)
    return store


@pytest.fixture
async def api(store: SqliteStore) -> AsyncIterator[httpx.AsyncClient]:
    app, server = FastAPI(), Api(store, FakeClock(NOW_NS))
    server.add_routes(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as page:
        yield page
    server.close()


async def get(api: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def table(api: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    value = await get(api, "/api/v1/features", market=BTC, **query)
    return [dict(zip(value["columns"], row, strict=True)) for row in value["rows"]]


async def test_markets_are_listed_with_their_increments(api: httpx.AsyncClient) -> None:
    rows = (await get(api, "/api/v1/markets"))["markets"]
    assert [row["market"] for row in rows] == [BTC, ETH]
    assert rows[0]["tick"] == "0.01"
    assert rows[0]["lot"] == "0.00001"
    assert rows[0]["state"] == "live"
    assert rows[0]["mid"] == pytest.approx((rows[0]["bid"] + rows[0]["ask"]) / 2)
    assert rows[0]["progress"] == 1


async def test_the_book_is_exact_decimals(api: httpx.AsyncClient, store: SqliteStore) -> None:
    book = store.read_since(MarketId.parse(BTC), {"book": 0}).batches["book"][-1]
    value = await get(api, "/api/v1/book", market=BTC)
    assert value["market"] == BTC
    assert value["time_ns"] == str(int(book["time_ns"]))
    assert value["state"] == "live"
    assert len(value["bids"]) == int(book["bids"])
    for side in ("bid", "ask"):
        for k, (price, size) in enumerate(value[f"{side}s"]):
            assert Decimal(price) == int(book[f"{side}_price"][k]) * Decimal("0.01")
            assert Decimal(size) == int(book[f"{side}_size"][k]) * Decimal("0.00001")
            assert len(price.split(".")[1]) == 2
    assert Decimal(value["bids"][0][0]) < Decimal(value["asks"][0][0])
    assert len((await get(api, "/api/v1/book", market=BTC, levels=3))["asks"]) == 3


async def test_stored_rows_are_given_as_they_are(
    api: httpx.AsyncClient, store: SqliteStore
) -> None:
    start, end = NOW_NS - 20 * NS_PER_S, NOW_NS - 10 * NS_PER_S
    rows = await table(api, start=start, end=end, levels=LEVELS)
    stored = store.window(MarketId.parse(BTC), "row", start, end)
    assert len(rows) == len(stored) > 80
    for got, row in zip(rows, stored, strict=True):
        assert got["start"] == str(int(row["start_ns"]))
        assert got["end"] == str(int(row["end_ns"]))
        assert got["states_best"] == row["states_best"]
        assert got["coverage"] == 1.0
        assert got["bid"] == float(Decimal(int(row["bid"])) * Decimal("0.01"))
        assert got["mid"] == float(Decimal(int(row["bid"] + row["ask"])) * Decimal("0.005"))
        assert got["ofi_best"] == float(Decimal(int(row["ofi_best"])) * Decimal("0.00001"))
        for m in range(LEVELS):
            assert got[f"ofi_{m + 1}"] == float(Decimal(int(row["ofi"][m])) * Decimal("0.00001"))
        total = int(row["ofi"].sum())
        assert got["ofi_multilevel"] == float(Decimal(total) * Decimal("0.00001"))
        traded = int(row["bought"]) - int(row["sold"])
        assert got["trade_imbalance"] == float(Decimal(traded) * Decimal("0.00001"))
        assert got["trades"] == row["trades"]
        lot = Decimal("0.00001")
        assert got["market_sell"] == float(int(row["matched_bid"]) * lot)
        assert got["market_buy"] == float(int(row["matched_ask"]) * lot)
        parts = {
            name: round(Decimal(repr(got[name])) / lot)
            for name in ("ofi_best", "bought", "sold", "limit_bid", "limit_ask", "cancel_bid",
                         "cancel_ask", "market_buy", "market_sell", "unmatched_buy", "unmatched_sell")
        }  # fmt: skip
        assert parts["ofi_best"] == (
            (parts["limit_bid"] - parts["limit_ask"])
            - (parts["cancel_bid"] - parts["cancel_ask"])
            + (parts["market_buy"] - parts["market_sell"])
        )
        assert parts["market_buy"] + parts["unmatched_buy"] == parts["bought"]
        assert parts["market_sell"] + parts["unmatched_sell"] == parts["sold"]
        assert got["bid"] <= got["weighted_mid"] <= got["ask"]


@pytest.mark.parametrize(
    ("text", "bin_ns"), [("1s", NS_PER_S), ("10s", 10 * NS_PER_S), ("300ms", 3 * ROW_NS)]
)
async def test_bins_are_exact_sums(
    api: httpx.AsyncClient, store: SqliteStore, text: str, bin_ns: int
) -> None:
    start, end = NOW_NS - 200 * NS_PER_S, NOW_NS - 100 * NS_PER_S
    rows = await table(api, start=start, end=end, bin=text, levels=2)
    stored = store.window(MarketId.parse(BTC), "row", 0, NOW_NS)
    first = start // bin_ns
    last = -(-end // bin_ns)
    assert [int(row["end"]) // bin_ns for row in rows] == list(range(first + 1, last + 1))
    for got in rows:
        a, b = int(got["start"]), int(got["end"])
        assert b - a == bin_ns
        # The answer ends at `end`: of a bin that goes on, what lies beyond is left out.
        inside = stored[(stored["end_ns"] > a) & (stored["end_ns"] <= min(b, end))]
        assert got["states_depth"] == inside["states_depth"].sum()
        assert got["ofi_best"] == float(Decimal(int(inside["ofi_best"].sum())) * Decimal("0.00001"))
        assert got["ofi_2"] == float(Decimal(int(inside["ofi"][:, 1].sum())) * Decimal("0.00001"))
        assert got["bought"] == float(Decimal(int(inside["bought"].sum())) * Decimal("0.00001"))
        lost = max(0, min(b, OUT[1]) - max(a, OUT[0]))
        assert got["coverage"] == pytest.approx(1 - lost / bin_ns, abs=1e-12)
        before = stored[stored["end_ns"] <= b]
        if OUT[0] < b <= OUT[1]:
            assert got["bid"] is None
            assert got["queue_imbalance"] is None
        elif b <= end:
            assert got["bid"] == int(before["bid"][-1]) / 100


async def test_a_query_goes_on_where_the_limit_cut_it_off(api: httpx.AsyncClient) -> None:
    whole = await table(api, start=START_NS, end=NOW_NS, bin="1s", limit=10_000)
    start, parts = str(START_NS), []
    while start is not None:
        value = await get(
            api, "/api/v1/features", market=BTC, start=start, end=NOW_NS, bin="1s", limit=77
        )
        parts += value["rows"]
        start = value.get("next")
        assert len(parts) <= len(whole)
    assert [list(row.values()) for row in whole] == parts
    value = await get(api, "/api/v1/features", market=BTC, start=START_NS, end=NOW_NS, limit=50)
    following = await table(api, start=value["next"], end=NOW_NS, limit=1)
    assert int(following[0]["start"]) >= int(value["rows"][-1][1])


async def test_without_a_start_the_newest_rows_come(api: httpx.AsyncClient) -> None:
    rows = await table(api, limit=7)
    assert len(rows) == 7
    assert int(rows[-1]["end"]) > NOW_NS - 2 * NS_PER_S


async def test_times_may_be_written_as_dates(api: httpx.AsyncClient) -> None:
    by_ns = await table(api, start=NOW_NS - 5 * NS_PER_S, end=NOW_NS)
    for text in (
        "2023-11-14T22:13:15Z",
        "2023-11-14T22:13:15",
        "2023-11-14T23:13:15+01:00",
        "2023-11-14T23:13:15 01:00",
    ):
        assert await table(api, start=text, end=NOW_NS) == by_ns


async def test_csv_and_arrow_hold_the_same_table(api: httpx.AsyncClient) -> None:
    query = {"market": BTC, "start": START_NS, "end": NOW_NS, "bin": "5s", "levels": 3}
    rows = await table(api, **{k: v for k, v in query.items() if k != "market"})
    csv = await api.get("/api/v1/features", params=query | {"format": "csv"})
    arrow = await api.get("/api/v1/features", params=query | {"format": "arrow"})
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    read = pa.ipc.open_stream(arrow.content).read_all()
    assert read.schema.metadata == {b"market": BTC.encode()}
    expected = pd.DataFrame(rows).astype({"start": "int64", "end": "int64"})
    for got in (
        pd.read_csv(io.BytesIO(csv.content), engine="pyarrow"),
        read.to_pandas(),
    ):
        pd.testing.assert_frame_equal(got, expected.astype(got.dtypes), check_exact=True)
    assert read["bid"].null_count == sum(row["bid"] is None for row in rows) == 5


@pytest.mark.parametrize(
    ("path", "query", "status", "says"),
    [
        ("features", {}, 400, "market is missing"),
        ("features", {"market": "x"}, 400, "venue:SYMBOL"),
        ("features", {"market": "binance:BTC/USDC"}, 404, "binance:BTC/USDT"),
        ("features", {"market": "zzz:QQQ"}, 404, "/api/v1/markets"),
        ("features", {"market": BTC, "levles": "3"}, 400, "levels"),
        ("features", {"market": BTC, "levels": "21"}, 400, "from 0 to 20"),
        ("features", {"market": BTC, "levels": "-1"}, 400, "from 0 to 20"),
        ("features", {"market": BTC, "levels": "１"}, 400, "whole number"),
        ("features", {"market": BTC, "limit": "10001"}, 400, "10000"),
        ("features", {"market": BTC, "bin": "0s"}, 400, "multiple"),
        ("features", {"market": BTC, "bin": "150ms"}, 400, "multiple"),
        ("features", {"market": BTC, "bin": "1y"}, 400, "multiple"),
        ("features", {"market": BTC, "format": "xml"}, 400, "json, csv or arrow"),
        ("features", {"market": BTC, "start": "yesterday"}, 400, "nanoseconds"),
        ("features", {"market": BTC, "start": "9" * 30}, 400, "nanoseconds"),
        ("features", {"market": BTC, "start": "5", "end": "4"}, 400, "before end"),
        ("features", {"market": BTC, "start": "0", "end": str(NOW_NS)}, 400, "24 hours"),
        ("book", {"market": BTC, "levels": "0"}, 400, "from 1 to 200"),
        ("markets", {"a": "b"}, 400, "unknown"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    api: httpx.AsyncClient, path: str, query: dict[str, str], status: int, says: str
) -> None:
    answer = await api.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert says in answer.json()["error"]
    assert answer.json()["error"].endswith((".", "?"))


hostile = st.text(max_size=30) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "../../etc/passwd",
        "%2e%2e%2f",
        "\x00",
        "a:" + "b" * 300,
    ]
)


@hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(["market", "start", "end", "bin", "levels", "limit", "format"]) | hostile,
    value=hostile,
)
async def test_hostile_queries_are_harmless(api: httpx.AsyncClient, name: str, value: str) -> None:
    for path in ("features", "book"):
        query = {"market": BTC, "limit": "3"} | {name: value}
        try:
            answer = await api.get(f"/api/v1/{path}", params=query)
        except UnicodeEncodeError:
            return  # a lone surrogate cannot be sent
        assert answer.status_code in (200, 400, 404)
        assert not answer.headers["content-type"].startswith("text/html")


async def test_ready_means_fresh_and_live(tmp_path: Path) -> None:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path / 'none'}", clock=clock, readonly=True)
    server = Api(store, clock)
    assert server.ready({}).status == 503
    writer = open_store(f"sqlite:///{tmp_path / 'none'}", clock=clock)
    (walk,) = walks(1)
    fill(writer, walk, 1, NOW_NS)
    assert server.ready({}).status == 503  # the verdict stands for a second
    clock.advance(1.0)
    assert server.ready({}).status == 200
    clock.advance(5.0)
    answer = server.ready({})
    assert answer.status == 503
    assert b"collector" in answer.body
    advance(writer, walk, NOW_NS, NOW_NS + 6 * NS_PER_S, NOW_NS)
    clock.advance(1.0)
    assert server.ready({}).status == 200
    down = walk.status(clock.now_ns(), NOW_NS, State.DOWN)
    writer.append(walk.market.id, {"status": down})
    clock.advance(1.0)
    assert server.ready({}).status == 503
    server.close()
    writer.close()
    store.close()


def damage(directory: Path) -> None:
    """Overwrite every file of the first market."""
    for path in directory.rglob("*BTC*"):
        path.write_bytes(b"broken" * 8192)


async def test_a_damaged_file_is_a_sentence_and_the_rest_goes_on(tmp_path: Path) -> None:
    clock = FakeClock(NOW_NS)
    writer = open_store(f"sqlite:///{tmp_path}", clock=clock)
    for walk in walks(2):
        fill(writer, walk, 1, NOW_NS)
    writer.close()
    store = open_store(f"sqlite:///{tmp_path}", clock=clock, readonly=True)
    app, server = FastAPI(), Api(store, clock)
    server.add_routes(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as page:
        assert (await page.get("/api/v1/book", params={"market": BTC})).status_code == 200
        damage(tmp_path)
        for path in ("features", "book"):
            answer = await page.get(f"/api/v1/{path}", params={"market": BTC})
            # Found damaged while reading, or no longer counted as held.
            assert answer.status_code in (404, 503)
            assert answer.json()["error"].endswith(".")
            assert (await page.get(f"/api/v1/{path}", params={"market": ETH})).status_code == 200
        assert (await page.get("/readyz")).status_code == 200
        assert (await page.get("/healthz")).json() == {"status": "ok"}
    server.close()
    store.close()


@pytest.mark.parametrize(
    ("text", "ns"),
    [("250ms", 250_000_000), ("1s", NS_PER_S), ("5min", 300 * NS_PER_S), ("2h", 7200 * NS_PER_S),
     ("", None), ("s", None), ("-1s", None), ("1.5s", None), ("1 s", None), ("²s", None),
     ("9" * 12 + "s", None)],
)  # fmt: skip
def test_durations(text: str, ns: int | None) -> None:
    assert duration_ns(text) == ns


async def test_unknown_levels_are_null_not_zero(tmp_path: Path) -> None:
    clock = FakeClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    (walk,) = walks(1)
    store.put_market(walk.market)
    row = walk.step(NOW_NS).get("row")
    assert row is not None
    row["levels"] = 5
    store.append(walk.market.id, {"row": row})
    app, server = FastAPI(), Api(store, clock)
    server.add_routes(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as page:
        (got,) = await table(page, levels=7)
    assert got["ofi_5"] is not None
    assert got["ofi_6"] is got["ofi_7"] is got["ofi_multilevel"] is None
    assert Stream.DEPTH == 1
    server.close()
    store.close()


async def test_the_catalogue_offers_what_fits_and_says_what_is_held(
    api: httpx.AsyncClient, store: SqliteStore
) -> None:
    offered = [
        Listing(MarketId.parse(BTC), "BTC", "USDT", "spot"),
        Listing(MarketId("binance", "BTC/USDT:USDT"), "BTC", "USDT", "swap", Contract.LINEAR),
    ]
    store.offer("binance", offered, 60)
    found = (await get(api, "/api/v1/catalogue", q="btc"))["markets"]
    assert found == [
        {"market": BTC, "base": "BTC", "quote": "USDT", "kind": "spot", "contract": "spot", "held": True},
        {
            "market": "binance:BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "kind": "swap",
            "contract": "linear", "held": False,
        },
    ]  # fmt: skip
    assert len((await get(api, "/api/v1/catalogue", limit=1))["markets"]) == 1
    for wrong in ({"limit": 0}, {"limit": 201}, {"q": "x" * 201}, {"query": "btc"}):
        assert (await api.get("/api/v1/catalogue", params=wrong)).status_code == 400


async def test_a_market_that_starts_says_how_far_it_is(
    api: httpx.AsyncClient, store: SqliteStore
) -> None:
    other = walks(3)[2]
    store.put_market(other.market)
    status = other.status(NOW_NS, NOW_NS - NS_PER_S, State.STARTING)
    status["booked_ns"] = 0
    store.append(other.market.id, {"status": status})
    rows = {row["market"]: row for row in (await get(api, "/api/v1/markets"))["markets"]}
    assert rows[str(other.market.id)]["progress"] == 0.5
