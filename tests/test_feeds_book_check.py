"""Markets that fall silent on a link that lives: who is asked about first, and what no answer means."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest

from app.feeds.book_check import BookCheck
from app.feeds.venues import facts_of
from app.records import State, Stream
from tests.test_feeds_audit import _push
from tests.venues.books import Book
from tests.venues.direct import Direct, direct

STALE_NS = 10 * 10**9
PAIRS = [f"X{name}/USD" for name in "ABC"]


class Venue:
    """What the venue answers about each market: its book, or an error."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Book | Sides | Exception] = {}

    async def fetch(self, symbol: str, limit: int, _: Any) -> Any:
        """In place of ccxt's."""
        self.asked.append(symbol)
        answer = self.answers[symbol]
        if isinstance(answer, Exception):
            raise answer
        sides = answer.best(limit)
        return {name: [[float(p), float(q)] for p, q in side] for name, side in sides.items()}


@contextlib.asynccontextmanager
async def silent(rate_limit_ms: float = 0.0) -> AsyncIterator[tuple[Direct, Venue, BookCheck]]:
    """Three markets of one connection, live, that have said nothing for two minutes."""
    markets = [{"id": pair.replace("/", "").lower(), "symbol": pair} for pair in PAIRS]
    async with direct("bitstamp", [{**m, "marketId": m["id"]} for m in markets]) as made:
        await made.turn(lambda: made.wires and len(made.wires[-1].sent) >= len(PAIRS))
        for pair in PAIRS:
            _push(made, Book(), pair)
        made.clock.advance(120.0)
        venue = Venue()
        venue.answers = {pair: Book() for pair in PAIRS}
        made.venue.exchange.fetch_order_book = venue.fetch
        made.venue.exchange.rateLimit = rate_limit_ms
        yield made, venue, made.venue._book_check


async def look(made: Direct, check: BookCheck, later_s: float = 0.0) -> None:
    """One look of the watchdog, and the end of what it asked."""
    made.clock.advance(later_s)
    check.look(made.feeds.values(), STALE_NS)
    await made.turn(lambda: all(task.done() for task in check._open.values()))


def states(made: Direct) -> list[State]:
    return [made.feeds[pair].status.state for pair in PAIRS]


def moved(size: str = "77.0000") -> Book:
    book = Book()
    book.apply({"99.90": size}, {})
    return book


LIVE, STALE = State.LIVE, State.STALE


@pytest.mark.parametrize(
    "error", [ccxt.ExchangeError("unavailable"), ccxt.RequestTimeout("x"), KeyError("bids")]
)
async def test_market_about_which_nobody_answers_is_stale_until_it_speaks(error: Exception) -> None:
    async with silent() as (made, venue, check):
        venue.answers[PAIRS[0]] = error
        await look(made, check)
        assert states(made) == [LIVE, LIVE, LIVE]  # one question may go unanswered
        await look(made, check, 11.0)
        assert states(made) == [STALE, LIVE, LIVE]
        feed = made.feeds[PAIRS[0]]
        assert "does not say whether its own book has moved on" in feed.status.detail
        assert feed.status.audits_unanswered == 2
        assert not feed.tracks[Stream.DEPTH].in_gap
        _push(made, moved(), PAIRS[0])
        assert feed.status.state is LIVE
        assert not feed.status.gaps_by_reason


async def test_answer_that_matches_makes_an_unproved_market_live() -> None:
    async with silent() as (made, venue, check):
        venue.answers[PAIRS[0]] = ccxt.ExchangeError("x")
        for _ in range(2):
            await look(made, check, 11.0)
        assert states(made) == [STALE, LIVE, LIVE]
        venue.answers[PAIRS[0]] = Book()
        await look(made, check, 11.0)
        assert states(made) == [LIVE, LIVE, LIVE]
        assert made.feeds[PAIRS[0]].status.detail == ""


async def test_unproved_market_whose_book_moved_is_subscribed_again() -> None:
    async with silent() as (made, venue, check):
        venue.answers[PAIRS[0]] = ccxt.ExchangeError("x")
        for _ in range(2):
            await look(made, check, 11.0)
        venue.answers[PAIRS[0]] = moved()
        await look(made, check, 11.0)
        assert made.feeds[PAIRS[0]].status.rejected == {"audit": 1}
        assert made.feeds[PAIRS[0]].tracks[Stream.DEPTH].in_gap


class Sides:
    """An answer with some of the sides of a book."""

    def __init__(self, *sides: str):
        self.sides = sides

    def best(self, levels: int) -> Any:
        return {n: s if n in self.sides else [] for n, s in Book().best(levels).items()}


async def test_answer_without_a_level_is_none() -> None:
    async with silent() as (made, venue, check):
        venue.answers[PAIRS[0]] = Sides()
        for _ in range(2):
            await look(made, check, 11.0)
        assert states(made) == [STALE, LIVE, LIVE]
        assert made.feeds[PAIRS[0]].status.audits_unanswered == 2
        await look(made, check, 11.0)
        assert states(made) == [STALE, LIVE, LIVE]  # nor does it lift a doubt


async def test_side_that_is_gone_at_the_venue_has_moved_on() -> None:
    async with silent() as (made, venue, check):
        venue.answers[PAIRS[0]] = Sides("bids")
        await look(made, check)
        assert made.feeds[PAIRS[0]].status.rejected == {"audit": 1}
        assert made.feeds[PAIRS[0]].tracks[Stream.DEPTH].in_gap


async def test_venue_that_wants_no_question_leaves_silence_unproved() -> None:
    async with silent() as (made, venue, check):
        made.venue.hold_until_ns = made.clock.now_ns() + 3600 * 10**9
        for _ in range(11):  # the silence of two minutes is not yet twice as long
            await look(made, check, 11.0)
        assert states(made) == [LIVE, LIVE, LIVE]
        for _ in range(2):
            await look(made, check, 11.0)
        assert states(made) == [STALE, STALE, STALE]
        assert not venue.asked


@pytest.mark.parametrize("error", [ccxt.BadRequest("no limit"), ccxt.NotSupported("no book")])
async def test_market_that_cannot_be_asked_about_is_not_doubted_at_each_silence(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    async with silent() as (made, venue, check):
        venue.answers[PAIRS[0]] = error
        for _ in range(20):
            await look(made, check, 400.0)
            assert states(made)[0] is LIVE
        assert venue.asked.count(PAIRS[0]) == 3  # once an hour
        assert capsys.readouterr().out.count("cannot be asked about") == 1
        venue.answers[PAIRS[0]] = moved()
        await look(made, check, 3600.0)
        assert made.feeds[PAIRS[0]].status.rejected == {"audit": 1}


def test_bitget_is_asked_for_a_depth_that_its_contracts_offer() -> None:
    assert facts_of("bitget").asked_levels == 50


async def test_short_hold_neither_counts_nor_takes_a_turn() -> None:
    async with silent(rate_limit_ms=100.0) as (made, venue, check):
        made.venue.not_answered(ccxt.RateLimitExceeded("429"))  # a question about trades
        for _ in range(59):
            await look(made, check, 1.0)
        assert states(made) == [LIVE, LIVE, LIVE]
        venue.answers[PAIRS[0]] = ccxt.ExchangeError("x")
        await look(made, check, 2.0)
        assert venue.asked == PAIRS  # as soon as it is over
        assert states(made) == [LIVE, LIVE, LIVE]


async def test_venue_that_is_down_answers_nobody() -> None:
    """A thousand silent markets do not each wait until a question of theirs has timed out twice."""
    async with silent(rate_limit_ms=1000.0) as (made, venue, check):
        venue.answers = dict.fromkeys(PAIRS, ccxt.RequestTimeout("x"))
        for _ in range(3):
            await look(made, check, 11.0)
        assert states(made) == [STALE, STALE, STALE]
        assert venue.asked == PAIRS  # each in its turn


async def test_question_that_times_out_says_nothing_of_other_markets() -> None:
    async with silent(rate_limit_ms=1000.0) as (made, venue, check):
        timeout = ccxt.RequestTimeout("x")
        venue.answers = {PAIRS[0]: timeout, PAIRS[1]: ccxt.ExchangeError("x"), PAIRS[2]: timeout}
        for _ in range(3):
            await look(made, check, 11.0)
        assert venue.asked == PAIRS
        assert states(made) == [LIVE, LIVE, LIVE]  # the second one answers in between
        venue.answers[PAIRS[2]] = Book()
        for _ in range(3):
            await look(made, check, 11.0)
        assert states(made) == [STALE, STALE, LIVE]


async def test_questions_that_fail_take_no_turn_of_others() -> None:
    async with silent(rate_limit_ms=1000.0) as (made, venue, check):
        venue.answers = {pair: ccxt.ExchangeError("x") for pair in PAIRS}
        for _ in range(6):
            await look(made, check, 11.0)
        assert venue.asked == PAIRS * 2  # one at a time is all that the limit bears


async def test_questions_about_trades_that_fail_take_no_turn_of_others() -> None:
    async with silent() as (made, _, _):
        check, asked = made.venue._trade_check, []

        async def refuse(symbol: str) -> Any:
            asked.append(symbol)
            raise ccxt.ExchangeError("x")

        made.venue.exchange.fetch_trades = refuse
        for turn in range(6):
            made.clock.advance(11.0)
            check.look(made.feeds.values(), STALE_NS)
            await made.turn(lambda turn=turn: len(asked) > turn)
            await made.turn(lambda: check._asking is not None and check._asking.done())
        assert asked == PAIRS * 2


async def test_venue_that_closes_asks_nothing_more() -> None:
    """The watchdog's next look comes while the open questions end."""
    async with silent() as (made, _, check):
        begun: list[asyncio.Task[None]] = []
        ended = asyncio.Event()

        async def never(*_: Any) -> Any:
            begun.append(asyncio.current_task())  # type: ignore[arg-type]
            try:
                await ended.wait()
            finally:
                await asyncio.sleep(0)

        async def watches() -> None:
            while True:
                made.clock.advance(11.0)
                check.look(made.feeds.values(), STALE_NS)
                await asyncio.sleep(0)

        made.venue.exchange.fetch_order_book = never
        made.venue._watching.append(asyncio.ensure_future(watches()))
        await made.turn(lambda: len(begun) == len(PAIRS))
        await made.venue.close()
        assert all(task.done() for task in begun)
        assert len(begun) == len(PAIRS)
