"""A venue that is asked and answers from a cache: its book stands still while its market trades on."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.clock import FakeClock
from app.feeds.polled_market import PolledMarketFeed
from app.feeds.ring import Ring
from app.feeds.venues import DEFAULT
from app.market import Grid, Market, MarketId
from app.records import State, Stream

STALE_NS = 10 * 10**9
BOOK = {"bids": [[1.0, 1.0], [0.9, 5.0]], "asks": [[2.0, 1.0]], "timestamp": 50_000, "nonce": None}
MARKET = Market(MarketId("v", "A/B"), "A", "B", Grid(Decimal("0.01"), Decimal("0.01")))


class Poll:
    """A market that is asked twice a second for its book, and once for its trades."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.feed = PolledMarketFeed(MARKET, 0, Ring(), self.clock, DEFAULT)
        self.listed: list[dict[str, Any]] = []
        self.feed.take_trades([])

    def trade(self, time_ms: int | None) -> None:
        """The venue lists one more."""
        self.listed.append(
            {
                "timestamp": time_ms,
                "price": 1.0,
                "amount": 1.0,
                "side": "buy",
                "id": str(len(self.listed)),
            }
        )

    def ask(self, seconds: int, book: Callable[[int], dict[str, Any]]) -> None:
        """For some seconds; `book` is the answer at each."""
        for second in range(seconds):
            for _ in range(2):
                self.clock.advance(0.5)
                self.feed.take_book(book(second))
            self.feed.take_trades(list(self.listed))
            self.feed.judge_age(STALE_NS)


def traded(*times_ms: int | None) -> Poll:
    """A market that has told its book, and the times of some trades since."""
    poll = Poll()
    poll.ask(1, lambda _: BOOK)
    for time_ms in times_ms:
        poll.trade(time_ms)
    return poll


def test_book_that_stands_still_while_its_market_trades_on_is_stale_until_it_moves() -> None:
    poll = traded(*range(60_000, 65_000, 1000))
    feed, depth = poll.feed, poll.feed.tracks[Stream.DEPTH]
    poll.ask(10, lambda _: BOOK)
    assert feed.status.state is State.LIVE
    poll.ask(10, lambda _: BOOK)
    assert feed.status.state is State.STALE
    assert "the same book under the same time while trades go on" in feed.status.detail
    assert feed.status.rejected == {"snapshot": 1}
    assert feed.book() is None
    states = feed.status.states_depth
    poll.ask(10, lambda _: BOOK)
    assert feed.status.states_depth == states
    poll.ask(1, lambda _: {**BOOK, "timestamp": 66_000})
    assert feed.status.state is State.LIVE
    assert not depth.in_gap
    assert feed.status.gaps_by_reason == {"snapshot": 1}


@pytest.mark.parametrize(
    ("times_ms", "book"),
    [
        ((60_000, 61_000), BOOK),  # a few may have met what no book shows
        ((50_500,) * 9, BOOK),  # no newer than times are rounded
        ((None,) * 9, BOOK),
        ((60_000,) * 9, {**BOOK, "timestamp": None}),  # it does not say how old it is
    ],
)
def test_stillness_that_proves_nothing_is_no_fault(
    times_ms: tuple[int | None, ...], book: dict[str, Any]
) -> None:
    poll = traded(*times_ms)
    poll.ask(60, lambda _: book)
    assert poll.feed.status.state is State.LIVE
    assert not poll.feed.status.rejected


def test_book_that_moves_under_one_time_or_whose_time_moves_is_believed() -> None:
    poll = traded(*(60_000,) * 9)
    poll.ask(60, lambda second: {**BOOK, "bids": [[1.0, 1.0 + second]]})
    poll.ask(60, lambda second: {**BOOK, "timestamp": 50_000 + second})
    assert poll.feed.status.state is State.LIVE
    assert not poll.feed.status.rejected


def test_book_that_comes_late_by_less_than_makes_a_stream_stale_is_believed() -> None:
    poll = traded(*(60_000,) * 9)
    poll.ask(9, lambda _: BOOK)
    poll.ask(60, lambda second: {**BOOK, "timestamp": 60_000 + second})
    assert not poll.feed.status.rejected


def test_book_that_is_asked_for_anew_is_judged_anew() -> None:
    poll = traded(*(60_000,) * 9)
    poll.ask(20, lambda _: BOOK)
    assert poll.feed.status.state is State.STALE
    poll.feed.begin_anew(Stream.DEPTH)
    poll.feed.take_book(BOOK)
    assert poll.feed.status.state is State.LIVE
