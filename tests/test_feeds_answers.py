"""What a venue may answer when asked for a book, and what follows of it for audits, markets and the venue."""

import asyncio
from typing import Any

import ccxt
import pytest

from app.feeds.audit import fetched
from app.feeds.ccxt_errors import is_unknown_market, to_feed_error
from app.feeds.rules.families import family_of
from app.feeds.venues import FACTS, facts_of
from app.records import State, Stream
from tests.test_feeds_audit import MARKET, _answers, _push, _started
from tests.venues.books import Book
from tests.venues.direct import Direct, direct

HOUR_S = 3600.0


def _refusing(made: Direct, error: Exception, what: str = "fetch_order_book") -> list[int]:
    asked: list[int] = []

    async def refuse(*_: Any) -> Any:
        asked.append(1)
        raise error

    setattr(made.venue.exchange, what, refuse)
    return asked


def _limited(status: int, retry_after_s: float | None) -> Exception:
    error: Any = ccxt.DDoSProtection("x")
    error.http_status = status
    if retry_after_s is not None:
        error.retry_after_s = retry_after_s
    return error  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("status", "retry_after_s", "fetches", "holds_s"),
    [
        (418, HOUR_S, False, HOUR_S),
        (418, None, False, 60.0),  # a ban without an end: for as long as audits are
        (429, HOUR_S, True, HOUR_S),  # a market that begins anew would ask within the hour
        (429, HOUR_S, False, 0.0),  # the books come with the stream, which is not limited
        (429, None, True, 0.0),
    ],
)
async def test_limit_met_by_an_audit_holds_those_who_would_ask(
    status: int, retry_after_s: float | None, fetches: bool, holds_s: float
) -> None:
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, Book())
        made.venue.router.fetches = fetches
        _refusing(made, _limited(status, retry_after_s))
        feed = made.feeds["X/USD"]
        now_ns = made.clock.now_ns()
        await auditor.audit(feed)
        held_s = max(0, made.venue.hold_until_ns - now_ns) / 1e9
        assert held_s == pytest.approx(holds_s, abs=1.0)
        assert feed.status.state is State.LIVE  # nothing is marked
        assert (feed.status.audits, feed.status.audits_unanswered) == (0, 1)
        assert auditor._next() is None


@pytest.mark.parametrize(
    ("status", "retry_after_s", "fetches", "holds_s"),
    [(418, HOUR_S, False, HOUR_S), (429, 30.0, True, 30.0), (429, 30.0, False, 0.0)],
)
async def test_limit_met_by_a_question_about_trades_is_everybodys(
    status: int, retry_after_s: float, fetches: bool, holds_s: float
) -> None:
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, Book())
        made.venue.router.fetches = fetches
        _refusing(made, _limited(status, retry_after_s), "fetch_trades")
        now_ns = made.clock.now_ns()
        await made.venue._trade_check._question(made.feeds["X/USD"], 30.0)
        held_s = max(0, made.venue.hold_until_ns - now_ns) / 1e9  # the roster remembers it
        assert held_s == pytest.approx(holds_s, abs=1.0)
        assert auditor._next() is None
        made.clock.advance(retry_after_s + 1.0)
        assert auditor._next() is made.feeds["X/USD"]


async def test_snapshot_that_was_fetched_tells_that_the_venue_fetches() -> None:
    async with direct("bitstamp", [MARKET]) as made:
        await _started(made, Book())
        assert not made.venue.router.fetches
        client = next(iter(made.venue.exchange.clients.values()))
        book = made.venue.exchange.orderbooks["X/USD"]
        made.venue.router.resolved(client, book, "orderbook:X/USD")  # outside of any message
        assert made.venue.router.fetches


UNREADABLE = [
    {"bids": [["99.0", "1"], ["98", None]], "asks": [["101", "1"]]},
    {"bids": [["99.0"]], "asks": []},
    {"bids": None, "asks": None},
    {"asks": []},
    None,
    "maintenance",
]


@pytest.mark.parametrize("answer", UNREADABLE)
async def test_audits_go_on_after_an_answer_that_cannot_be_read(answer: Any) -> None:
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, Book())
        auditor._every_s = 0.0
        auditor._pause_s = lambda: 0.0  # type: ignore[method-assign]
        asked: list[int] = []

        async def fetch(*_: Any) -> Any:
            asked.append(1)
            return answer

        made.venue.exchange.fetch_order_book = fetch
        feed = made.feeds["X/USD"]
        running = asyncio.ensure_future(auditor.run())
        try:
            await made.turn(lambda: len(asked) >= 3)
            assert not running.done()
            assert feed.status.audits == 0
            assert feed.status.audits_unanswered >= 2
            assert feed.status.state is State.LIVE
        finally:
            running.cancel()


async def test_audits_go_on_after_a_defect_of_our_own() -> None:
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, Book())
        auditor._every_s = 0.0
        auditor._pause_s = lambda: 0.0  # type: ignore[method-assign]
        asked: list[int] = []

        async def broken(_: Any) -> None:
            asked.append(1)
            raise KeyError("x")

        auditor.audit = broken  # type: ignore[method-assign]
        running = asyncio.ensure_future(auditor.run())
        try:
            await made.turn(lambda: len(asked) >= 3)
            assert not running.done()
        finally:
            running.cancel()


GONE = [
    ccxt.BadSymbol("binance -1121"),
    ccxt.ExchangeError('deribit {"error":{"message":"instrument_not_found","code":13020}}'),
    ccxt.BadRequest('bitfinex ["error",10020,"symbol: invalid"]'),
    ccxt.ExchangeError("x Unknown trading pair"),
]
REFUSED = [
    ccxt.BadRequest('bitfinex ["error",10020,"len: invalid"]'),
    ccxt.ExchangeError("kucoin fetchOrderBook() limit argument must be 20 or 100"),
    ccxt.PermissionDenied("not from your country"),
    ccxt.ExchangeError("Unknown error"),
    ccxt.ExchangeNotAvailable("503"),
    ccxt.RateLimitExceeded("symbol not found"),
    KeyError("symbol"),
]


@pytest.mark.parametrize("error", GONE)
def test_venue_that_says_so_has_no_such_market(error: Exception) -> None:
    assert is_unknown_market(error)


@pytest.mark.parametrize("error", REFUSED)
def test_other_refusals_tell_nothing_of_the_market(error: Exception) -> None:
    assert not is_unknown_market(error)


def test_status_404_is_no_such_market_and_418_a_ban() -> None:
    error: Any = ccxt.ExchangeError("x")
    error.http_status = 404
    assert is_unknown_market(error)
    assert to_feed_error("X", _limited(418, 5.0)).banned  # type: ignore[attr-defined]
    assert not to_feed_error("X", _limited(429, 5.0)).banned  # type: ignore[attr-defined]


async def _suspected(made: Direct, error: Exception) -> Any:
    """A market that is only quiet, and a venue that refuses the question about it."""
    await _started(made, Book())
    feed = made.feeds["X/USD"]
    for _ in range(40):
        made.clock.advance(0.1)
        _push(made, Book())
    asked = _refusing(made, error)
    made.clock.advance(600.0)
    check = made.venue._book_check
    check.look([feed], 1_000_000_000)
    await made.turn(lambda: asked)
    await made.turn(lambda: all(task.done() for task in check._open.values()))
    return feed


# A request that is wrong is no question: it is not asked again soon.
@pytest.mark.parametrize(("error", "unanswered"), [(REFUSED[0], 0), (REFUSED[2], 1)])
async def test_quiet_market_is_not_called_dead_for_a_refused_question(
    error: Exception, unanswered: int
) -> None:
    async with direct("bitstamp", [MARKET]) as made:
        feed = await _suspected(made, error)
        assert feed.tracks[Stream.DEPTH].fault is None
        assert feed.status.state is State.LIVE
        assert feed.status.audits_unanswered == unanswered


async def test_quiet_market_that_the_venue_does_not_know_is_called_dead() -> None:
    async with direct("bitstamp", [MARKET]) as made:
        feed = await _suspected(made, GONE[0])
        assert feed.status.gaps_by_reason or feed.tracks[Stream.DEPTH].in_gap


async def test_bitfinex_is_asked_for_a_depth_it_offers_and_for_prices_not_orders() -> None:
    market = {"id": "tXUSD", "symbol": "X/USD"}
    async with direct("bitfinex", [market]) as made:
        sent: list[dict[str, Any]] = []
        exchange = made.venue.exchange

        async def answer(request: dict[str, Any]) -> Any:
            sent.append(request)
            return [[99.0, 3, 1.5], [98.0, 1, 2.0], [101.0, 2, -1.0]]  # price, count, amount

        exchange.publicGetBookSymbolPrecision = answer
        exchange.fetch_order_book = type(exchange).fetch_order_book.__get__(exchange)
        audit = family_of("bitfinex").audit
        assert audit is not None
        bids, asks = await fetched(exchange, facts_of("bitfinex"), "X/USD", audit)
        assert sent == [{"symbol": "tXUSD", "precision": "P0", "len": 25}]
        assert bids == [(99.0, 1.5), (98.0, 2.0)]
        assert asks == [(101.0, 1.0)]


async def test_refused_audits_are_told_apart_from_none() -> None:
    book = Book()
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        feed = made.feeds["X/USD"]
        _refusing(made, REFUSED[0])
        await auditor.audit(feed)
        _answers(made, book)
        await auditor.audit(feed)
        assert (feed.status.audits, feed.status.audits_unanswered) == (1, 1)


@pytest.mark.parametrize("venue", sorted(FACTS))
def test_depth_that_is_asked_for_covers_what_is_compared(venue: str) -> None:
    audit = family_of(venue).audit
    if audit is not None:
        assert (audit.asked or facts_of(venue).asked_levels) >= audit.compared
