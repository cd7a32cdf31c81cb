"""The catalogue: what open venues offer, found by a few words."""

import contextlib
import os
import sqlite3
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import FakeClock
from app.market import Contract, Listing, MarketId
from app.store import catalogue
from tests.store_help import BTC, batch, market, opened, same


def listing(text: str, kind: str = "spot", contract: Contract = Contract.SPOT) -> Listing:
    market_id = MarketId.parse(text)
    base, _, quote = market_id.symbol.partition(":")[0].partition("/")
    return Listing(market_id, base, quote, kind, contract)


BINANCE = [
    listing("binance:BTC/USDT"),
    listing("binance:BTC/EUR"),
    listing("binance:ETH/USDT"),
    listing("binance:ETH/BTC"),
    listing("binance:BTCDOM/USDT"),
    listing("binance:WBTC/USDT"),
    listing("binance:DOGE/USDT"),
    listing("binance:1000PEPE/USDT"),
    listing("binance:BTC/USDT:USDT", "swap", Contract.LINEAR),
    listing("binance:BTC/USD:BTC", "swap", Contract.INVERSE),
    listing("binance:BTC/USDT:USDT-261225", "future", Contract.LINEAR),
    listing("binance:BTC/USDT:USDT-261225-100000-C", "option", Contract.OPTION),
]
KRAKEN = [listing("kraken:BTC/USD"), listing("kraken:ETH/USD"), listing("kraken:DOGE/USD")]


@pytest.fixture
def connection() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    for statement in catalogue.TABLES:
        made.execute(statement)
    catalogue.replace(made, "binance", BINANCE, 1_000)
    catalogue.replace(made, "kraken", KRAKEN, 1_000)
    return made


def names(
    connection: sqlite3.Connection, query: str, limit: int = 50, now_ns: int = 1
) -> list[str]:
    return [str(found.id) for found in catalogue.search(connection, query, limit, now_ns)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("btc", ["binance:BTC/USDT", "kraken:BTC/USD", "binance:BTC/EUR"]),
        ("BTC/USDT", ["binance:BTC/USDT", "binance:BTC/USDT:USDT"]),
        ("btcusdt", ["binance:BTC/USDT", "binance:BTC/USDT:USDT"]),
        ("kraken:BTC/USD", ["kraken:BTC/USD"]),
        ("kraken btc", ["kraken:BTC/USD"]),
        ("btc kraken", ["kraken:BTC/USD"]),
        ("btc perp", ["binance:BTC/USDT:USDT", "binance:BTC/USD:BTC"]),
        ("btc inverse", ["binance:BTC/USD:BTC"]),
        ("btc option", ["binance:BTC/USDT:USDT-261225-100000-C"]),
        ("pepe", ["binance:1000PEPE/USDT"]),
        ("dgeusdt", ["binance:DOGE/USDT"]),  # letters in order
        ("dgoe", ["binance:DOGE/USDT"]),  # letters swapped
        ("binnance eth", ["binance:ETH/USDT"]),
        ("btcustd", ["binance:BTC/USDT"]),
    ],
)
def test_the_likeliest_comes_first(
    connection: sqlite3.Connection, query: str, first: list[str]
) -> None:
    assert names(connection, query)[: len(first)] == first


def test_what_nothing_resembles_is_not_found(connection: sqlite3.Connection) -> None:
    assert names(connection, "qqqqqq") == []
    assert names(connection, "btc qqqqqq") == []


def test_without_words_all_are_offered_and_the_limit_holds(connection: sqlite3.Connection) -> None:
    assert len(names(connection, "  /: ")) == len(BINANCE) + len(KRAKEN)
    assert names(connection, "", 2) == ["binance:BTC/USDT", "binance:ETH/USDT"]


def test_a_listing_comes_back_whole(connection: sqlite3.Connection) -> None:
    found = catalogue.search(connection, "", 50, 1)
    key = lambda item: item.id  # noqa: E731
    assert sorted(found, key=key) == sorted(BINANCE + KRAKEN, key=key)


@given(st.text(string.printable + "%_'\"äπ漢", max_size=60))
def test_no_query_fails_and_every_find_was_offered(query: str) -> None:
    made = sqlite3.connect(":memory:")
    for statement in catalogue.TABLES:
        made.execute(statement)
    catalogue.replace(made, "binance", BINANCE, 1_000)
    assert set(catalogue.search(made, query, 5, 1)) <= set(BINANCE)
    made.close()


def test_an_offer_is_replaced_and_runs_out_when_its_collector_has_gone(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as viewer, opened(tmp_path, clock) as collector:
        assert viewer.catalogue("btc", 10) == []
        collector.offer("kraken", KRAKEN, 60)
        collector.offer("binance", BINANCE, 60)
        collector.offer("kraken", KRAKEN[1:], 60)
        assert [str(x.id) for x in viewer.catalogue("kraken", 10)] == [
            "kraken:ETH/USD", "kraken:DOGE/USD",
        ]  # fmt: skip
        clock.advance(50)
        collector.keep_offer("kraken", 60)
        clock.advance(50)
        assert {x.id.venue for x in viewer.catalogue("", 50)} == {"kraken"}
        clock.advance(20)
        assert viewer.catalogue("", 50) == []


def test_a_ban_is_remembered_until_it_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as store:
        assert store.barred_until_ns("binance") == 0
        store.bar("binance", clock.now_ns() + 10)
        until_ns = clock.now_ns() + 10
    with opened(tmp_path, clock) as store:
        assert store.barred_until_ns("binance") == until_ns
        assert store.barred_until_ns("kraken") == 0
        clock.time_ns += 10
        assert store.barred_until_ns("binance") == 0


def test_a_market_at_rest_holds_fewer_descriptors_and_can_be_read_again(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.put_market(market())
        written = batch("row", [1])
        store.append(BTC, {"row": written})

        def held() -> int:
            found = 0
            for entry in os.listdir("/proc/self/fd"):
                with contextlib.suppress(FileNotFoundError):  # the list's own
                    found += str(tmp_path) in os.readlink(f"/proc/self/fd/{entry}")
            return found

        writing = held()
        assert same(store.window(BTC, "row", 0, 2), written)
        reading = held()
        assert reading == writing + 2
        store.rest(BTC)
        # SQLite keeps one for as long as the writer has its lock, and uses it again.
        assert held() == writing + 1
        assert same(store.window(BTC, "row", 0, 2), written)
