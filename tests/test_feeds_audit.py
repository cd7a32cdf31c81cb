"""What a venue answers, held against the book where nothing else tells that it is right."""

import asyncio
from typing import Any

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.feeds.audit import suspects
from app.feeds.auditor import Auditor
from app.feeds.rules.families import DEFAULT, family_of
from app.records import State, Stream
from tests.venues.books import Book
from tests.venues.direct import Direct, direct

BIDS, ASKS = [(10.0, 1.0), (9.0, 2.0)], [(11.0, 1.0), (12.0, 2.0)]


def test_answer_that_is_one_of_our_states_is_unsuspected() -> None:
    assert suspects((BIDS, ASKS), [([(10.0, 5.0)], ASKS), (BIDS, ASKS)]) == frozenset()
    assert suspects((BIDS, ASKS), [([*BIDS, (8.0, 1.0)], ASKS)]) == frozenset()  # beyond the answer


def test_level_by_level_movement_is_allowed() -> None:
    ours = [([(10.0, 1.0), (9.0, 7.0)], ASKS), ([(10.0, 3.0), (9.0, 2.0)], ASKS)]
    assert suspects((BIDS, ASKS), ours) == frozenset()


@pytest.mark.parametrize(
    ("ours", "place"),
    [
        (([(10.5, 4.0), *BIDS], ASKS), ("bid", 10.5)),  # a ghost
        ((BIDS[1:], ASKS), ("bid", 10.0)),  # one that we missed
        ((BIDS, [(11.0, 3.0), (12.0, 2.0)]), ("ask", 11.0)),  # another size
    ],
)
def test_ghosts_missing_levels_and_other_sizes_are_suspect(ours: Any, place: Any) -> None:
    assert suspects((BIDS, ASKS), [ours, ours]) == {place}


@given(
    st.lists(st.dictionaries(st.integers(1, 9), st.integers(1, 3), min_size=1), min_size=1),
    st.data(),
)
def test_no_state_of_ours_is_ever_suspect(sides: list[dict[int, int]], data: st.DataObject) -> None:
    states = [
        (
            sorted(((float(p), float(q)) for p, q in side.items()), reverse=True),
            sorted((10.0 + p, float(q)) for p, q in side.items()),
        )
        for side in sides
    ]
    assert suspects(data.draw(st.sampled_from(states)), states) == frozenset()


# A venue without a row in the table of families


MARKET = {"id": "xusd", "symbol": "X/USD", "marketId": "xusd"}


async def _started(made: Direct, book: Book) -> Auditor:
    """The market live, its audits in our hands."""
    feed = made.feeds["X/USD"]
    await made.turn(lambda: made.wires and made.wires[-1].sent)
    ordered = made.venue.exchange.order_book({})
    made.venue.exchange.orderbooks["X/USD"] = ordered
    _push(made, book)
    assert feed.status.state is State.LIVE
    return Auditor(made.venue, made.clock, lambda: made.feeds.values())


def _push(made: Direct, book: Book) -> None:
    """A state of the book comes, as after any message of the venue."""
    ordered = made.venue.exchange.orderbooks.get("X/USD")
    if ordered is None:
        ordered = made.venue.exchange.orderbooks["X/USD"] = made.venue.exchange.order_book({})
    levels = {name: [[float(p), float(q)] for p, q in side] for name, side in book.best(30).items()}
    ordered.reset({**levels, "symbol": "X/USD"})
    router = made.venue.router
    client = next(iter(made.venue.exchange.clients.values()))
    router.begin(client)
    router.resolved(client, ordered, "orderbook:X/USD")
    router.end(client)


def _answers(made: Direct, book: Book) -> list[int]:
    asked: list[int] = []

    async def fetch(symbol: str, limit: int | None = None) -> Any:
        asked.append(limit or 0)
        await asyncio.sleep(0)
        sides = {
            n: [[float(p), float(q)] for p, q in s] for n, s in book.best(limit or 100).items()
        }
        return {**sides, "symbol": symbol}

    made.venue.exchange.fetch_order_book = fetch
    return asked


async def test_book_that_agrees_is_audited_once_a_turn() -> None:
    book = Book()
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        asked = _answers(made, book)
        await auditor.audit(made.feeds["X/USD"])
        status = made.feeds["X/USD"].status
        assert (status.audits, status.audit_differences, asked) == (1, 0, [20])
        assert status.state is State.LIVE
        assert auditor._next() is None  # its turn has been
        made.clock.advance(61.0)
        assert auditor._next() is made.feeds["X/USD"]
        made.venue.hold_until_ns = made.clock.now_ns() + 10**9
        assert auditor._next() is None  # the venue wants no request
        made.venue.hold_until_ns = 0
        made.venue.queued = 1
        assert auditor._next() is None  # a market that starts comes first


async def test_persistent_difference_ends_the_epoch_once() -> None:
    book, theirs = Book(), Book()
    theirs.apply({"99.90": "77.0000"}, {})
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        asked = _answers(made, theirs)
        feed = made.feeds["X/USD"]
        await auditor.audit(feed)
        assert (feed.status.audits, feed.status.audit_differences, len(asked)) == (1, 1, 3)
        assert feed.status.rejected == {"audit": 1}
        assert feed.book() is None
        await made.turn(
            lambda: feed.tracks[Stream.DEPTH].fault is None and made.venue.exchange.clients
        )
        _push(made, book)  # built anew, and it differs as before: the venue disagrees with itself
        assert feed.status.gaps_by_reason == {"audit": 1}
        await auditor.audit(feed)
        assert feed.status.audit_differences == 2
        assert feed.status.rejected == {"audit": 1}
        _push(made, theirs)
        await auditor.audit(feed)
        _push(made, book)
        await auditor.audit(feed)  # after an agreement a difference counts again
        assert (feed.status.audits, feed.status.audit_differences) == (4, 3)
        assert feed.status.rejected == {"audit": 2}


async def test_difference_that_passes_is_none() -> None:
    """The answer was ahead of us: the update comes while we ask again."""
    book, theirs = Book(), Book()
    theirs.apply({"99.90": "77.0000"}, {})
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        asked = _answers(made, theirs)
        feed = made.feeds["X/USD"]
        auditing = asyncio.ensure_future(auditor.audit(feed))
        await made.turn(lambda: len(asked) == 2)
        _push(made, theirs)
        await auditing
        assert (feed.status.audits, feed.status.audit_differences) == (1, 0)
        assert feed.status.state is State.LIVE


async def test_refused_audit_holds_requests_and_judges_nothing() -> None:
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, Book())

        async def refuse(*_: Any) -> Any:
            error = ccxt.RateLimitExceeded("x")
            error.retry_after_s = 30.0
            raise error

        made.venue.exchange.fetch_order_book = refuse
        await auditor.audit(made.feeds["X/USD"])
        assert made.feeds["X/USD"].status.audits == 0
        assert made.venue.hold_until_ns >= made.clock.now_ns() + 29 * 10**9


def test_only_venues_that_nothing_checks_are_audited() -> None:
    assert family_of("bitstamp") is DEFAULT
    assert DEFAULT.audited
    assert not family_of("binance").audited
