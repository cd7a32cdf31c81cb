"""The single policies of a feed: increments, validity, sequence, back-off, watchdog, errors."""

import math
import random
from decimal import Decimal
from email.utils import formatdate

import aiohttp
import ccxt
import pytest
from multidict import CIMultiDict

from app.clock import FakeClock, SystemClock
from app.errors import BookError, FeedError, ThrottledError, VenueDownError
from app.feeds.backoff import Backoff
from app.feeds.ccxt_errors import to_feed_error, wait_in
from app.feeds.ccxt_markets import describe, increment
from app.feeds.validity import fault_of
from app.feeds.venues import DEFAULT, facts_of
from app.feeds.watchdog import Watchdog
from app.market import Contract, MarketId


@pytest.mark.parametrize(
    ("value", "mode", "wanted"),
    [
        (0.01, ccxt.TICK_SIZE, Decimal("0.01")),
        (1e-05, ccxt.TICK_SIZE, Decimal("0.00001")),
        (0.1 + 0.2, ccxt.TICK_SIZE, Decimal("0.30000000000000004")),  # as given, no rounding
        ("0.00100000", ccxt.TICK_SIZE, Decimal("0.001")),
        (5.0, ccxt.TICK_SIZE, Decimal(5)),
        (8, ccxt.DECIMAL_PLACES, Decimal("0.00000001")),
        (-2, ccxt.DECIMAL_PLACES, Decimal(100)),
        (5, ccxt.SIGNIFICANT_DIGITS, None),
        (None, ccxt.TICK_SIZE, None),
        (0, ccxt.TICK_SIZE, None),
        ("x", ccxt.TICK_SIZE, None),
    ],
)
def test_increment(value: object, mode: int, wanted: Decimal | None) -> None:
    assert increment(value, mode) == wanted


def _raw(**more: object) -> dict[str, object]:
    precision = {"price": 0.1, "amount": 1.0}
    return {"base": "BTC", "quote": "USD", "precision": precision, **more}


def test_contracts_are_described() -> None:
    market_id = MarketId("v", "BTC/USD:BTC")
    inverse = _raw(contract=True, inverse=True, contractSize=100.0)
    made = describe(market_id, inverse, ccxt.TICK_SIZE, DEFAULT)
    assert (made.contract, made.contract_size) == (Contract.INVERSE, 100)
    assert made.size_unit == "contracts"
    in_dollars = describe(market_id, inverse, ccxt.TICK_SIZE, facts_of("deribit"))
    assert (in_dollars.contract_size, in_dollars.size_unit) == (1, "USD")
    linear = describe(
        market_id, _raw(contract=True, linear=True, contractSize=0.01), ccxt.TICK_SIZE, DEFAULT
    )
    assert (linear.contract, linear.size_unit) == (Contract.LINEAR, "contracts")
    assert linear.contract_size == Decimal("0.01")
    coins = describe(
        market_id, _raw(contract=True, linear=True, contractSize=1), ccxt.TICK_SIZE, DEFAULT
    )
    assert coins.size_unit == "BTC"
    option = describe(market_id, _raw(contract=True, option=True), ccxt.TICK_SIZE, DEFAULT)
    assert option.contract is Contract.OPTION


def test_market_without_increments_is_not_exact() -> None:
    made = describe(MarketId("v", "A/B"), _raw(), ccxt.SIGNIFICANT_DIGITS, DEFAULT)
    assert not made.grid.exact
    assert made.grid.tick == Decimal("1e-8")
    assert describe(MarketId("v", "A/B"), _raw(), ccxt.TICK_SIZE, DEFAULT).grid.exact


@pytest.mark.parametrize(
    ("bids", "asks", "wanted"),
    [
        ([[2, 1], [1, 1]], [[3, 1], [4, 1]], None),
        ([], [[3, 1]], None),
        ([[2, 1]], [], None),
        ([], [], "empty"),
        ([[3, 1]], [[3, 1]], "crossed"),
        ([[4, 1]], [[3, 1]], "crossed"),
        ([[1, 1], [2, 1]], [[3, 1]], "unsorted"),
        ([[1, 1], [1, 1]], [[3, 1]], "unsorted"),
        ([[2, 1]], [[4, 1], [3, 1]], "unsorted"),
        ([[2, math.nan]], [[3, 1]], "non-finite"),
        ([[math.nan, 1]], [[3, 1]], "non-finite"),
        ([[2, 1]], [[math.inf, 1]], "non-finite"),
        ([[2, -1]], [[3, 1]], "non-finite"),
        ([[2, 1]], [[3, 0]], "non-finite"),
        ([[-2, 1], [-3, 1]], [[-1, 1]], None),  # spreads trade below zero
    ],
)
def test_fault_of(bids: list[list[float]], asks: list[list[float]], wanted: str | None) -> None:
    assert fault_of(bids, asks) == wanted


def test_what_increments_cannot_count_is_no_number() -> None:
    book = [[99.0, 1.0]], [[101.0, 1.0]]
    assert fault_of(*book, 1e6, 1e6) is None
    assert fault_of([[99.0, 1e300]], [[101.0, 1.0]], 1e6, 1e6) == "non-finite"
    assert fault_of([[99.0, 1.0]], [[1e300, 1.0]], 1e6, 1e6) == "non-finite"
    assert fault_of([[1e300, 1.0]], [], 1e6, 1e6) == "non-finite"


def test_backoff_doubles_to_its_cap_with_jitter_in_the_upper_half() -> None:
    backoff = Backoff(0.5, 8.0, random.Random(7))
    waits = [backoff.next_s() for _ in range(12)]
    steps = [min(8.0, 0.5 * 2**k) for k in range(12)]
    assert all(step / 2 <= wait <= step for wait, step in zip(waits, steps, strict=True))
    assert len(set(waits)) == 12
    assert backoff.attempts == 12
    backoff.reset()
    assert backoff.next_s() <= 0.5
    again = Backoff(0.5, 8.0, random.Random(7))
    assert [again.next_s() for _ in range(12)] == waits


class _Link:
    def __init__(self, heard_ns: int):
        self.heard_ns, self.isConnected, self.dead = heard_ns, True, False


def test_watchdog_gives_up_silent_links_and_reports_sleep() -> None:
    clock = FakeClock()
    quiet, busy, dialling = (_Link(clock.now_ns()) for _ in range(3))
    dialling.isConnected = False
    silent: list[tuple[object, float]] = []
    slept: list[float] = []
    compared: list[int] = []
    dog = Watchdog(
        clock,
        10.0,
        lambda: [quiet, busy, dialling],
        lambda link, seconds: silent.append((link, seconds)),
        slept.append,
        compared.append,
    )
    clock.advance(9.0)
    busy.heard_ns = clock.now_ns()
    dog.look()
    assert not silent
    clock.advance(2.0)
    dog.look()
    assert silent == [(quiet, 11.0)]
    clock.asleep_ns += 3_600 * 10**9
    clock.advance(3_600)
    dog.look()
    assert slept == [3_600.0]
    assert len(silent) == 1  # after a sleep no link is judged by its silence
    assert compared == [10_000_000_000] * 2


def test_foreign_errors_become_ours() -> None:
    cases = [
        (ccxt.RequestTimeout("x"), VenueDownError, "did not answer in time"),
        (ccxt.ExchangeNotAvailable("x"), VenueDownError, "is not answering"),
        (ccxt.ExchangeError("no such thing"), FeedError, "refused the request: no such thing."),
        (ccxt.ChecksumError("x"), BookError, "does not follow"),
        (ConnectionResetError(104, "Connection reset by peer"), VenueDownError, "reset by peer"),
        (TimeoutError(), VenueDownError, "in time"),
    ]
    for error, kind, words in cases:
        mapped = to_feed_error("Kraken", error)
        assert type(mapped) is kind
        assert str(mapped).startswith("Kraken ")
        assert words in str(mapped)
        assert str(mapped).endswith(".")


@pytest.mark.parametrize(
    ("sent", "wait_s"),
    [("30", 30.0), ("inf", None), ("nan", None), ("-1", None), ("soon", None), ("1e12", 604_800.0)],
)
def test_a_wait_that_nobody_can_wait_for_is_none(sent: str, wait_s: float | None) -> None:
    error = ccxt.RateLimitExceeded("x")
    error.retry_after_s = sent
    mapped = to_feed_error("Kraken", error)
    assert isinstance(mapped, ThrottledError)
    assert mapped.retry_after_s == wait_s


def test_a_wait_until_a_moment_is_by_the_venues_own_clock_where_it_says_it() -> None:
    headers = {
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "retry-after": "Thu, 01 Jan 2026 00:02:30 GMT",
    }
    assert wait_in(headers) == 150.0
    assert wait_in({"Retry-After": headers["Date"]}) == 0.0  # long ago by ours
    soon = formatdate(SystemClock().now_ns() / 1e9 + 60.0, usegmt=True)
    assert wait_in({"Retry-After": soon}) == pytest.approx(60.0, abs=5.0)
    assert wait_in({}) is None
    refused = aiohttp.WSServerHandshakeError(
        None,  # type: ignore[arg-type]
        (),
        status=429,
        headers=CIMultiDict(headers),
    )
    mapped = to_feed_error("Kraken", ccxt.NetworkError(refused))
    assert isinstance(mapped, ThrottledError)
    assert mapped.retry_after_s == 150.0


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ('binance {"code":-1121,"msg":"Invalid symbol."}', "Invalid symbol"),
        ('kraken {"error":["EQuery:Unknown asset pair"]}', "EQuery:Unknown asset pair"),
        ('deribit {"error":{"message":"bad_request","data":{"reason":"x"}}}', "bad_request"),
        ('okx {"code":"51001","data":[],"msg":"No such instrument."}', "No such instrument"),
        ('x {"code":1}', 'x {"code":1}'),
        ("x {broken", "x {broken"),
        ("plain words.", "plain words"),
    ],
)
def test_a_refusal_is_told_in_the_venues_own_words(sent: str, words: str) -> None:
    error = to_feed_error("Kraken", ccxt.BadSymbol(sent))
    assert isinstance(error, FeedError)
    assert str(error) == f"Kraken refused the request: {words}."


def test_throttling_carries_the_wait() -> None:
    error = ccxt.RateLimitExceeded("x")
    error.retry_after_s = 12.0
    mapped = to_feed_error("Kraken", error)
    assert isinstance(mapped, ThrottledError)
    assert mapped.retry_after_s == 12.0
    refused = aiohttp.WSServerHandshakeError(None, (), status=429, message="no")  # type: ignore[arg-type]
    assert isinstance(to_feed_error("Kraken", ccxt.NetworkError(refused)), ThrottledError)
    assert to_feed_error("Kraken", mapped) is mapped
