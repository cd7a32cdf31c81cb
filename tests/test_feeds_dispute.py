"""Differences that audits find: what is built anew, what is disputed, and what becomes rare."""

import itertools

import pytest

from app.feeds.dispute import Dispute
from app.records import State, Stream
from tests.test_feeds_audit import MARKET, _answers, _push, _started, confirms, differing
from tests.test_feeds_book_check import PAIRS, look, moved, silent
from tests.venues.books import Book
from tests.venues.direct import Direct, direct

S = 10**9
DISPUTED = frozenset({("bid", 99.9)})
P, Q, R = (frozenset({("bid", price)}) for price in (1.0, 2.0, 3.0))


def test_only_the_same_places_of_a_book_that_was_built_anew_are_disputed() -> None:
    dispute = Dispute()
    assert dispute.differs(P, 0)
    assert not dispute.differs(P, 5 * S)
    assert dispute.differs(P | Q, 65 * S)
    assert not dispute.differs(P, 70 * S)  # the other one was mended
    assert dispute.differs(P | R, 71 * S)  # so that a new one need not wait
    assert not dispute.differs(P | Q, 72 * S)  # the other one was mended, and a third one waits
    assert dispute.differs(R, 7200 * S)  # it had agreed since: new again
    assert not dispute.differs(R, 9000 * S)  # however late the answer came


def test_rebuilds_that_do_not_help_become_rare() -> None:
    """The venue answers from a cache: ever other places differ."""
    dispute = Dispute()
    places = [frozenset({("bid", float(minute))}) for minute in range(24 * 60)]
    times_s = [m for m, each in enumerate(places) if dispute.differs(each, m * 60 * S)]
    waits = [after - before for before, after in itertools.pairwise(times_s)]
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert set(waits[6:]) == {60}


async def _rebuilt(made: Direct, book: Book, symbol: str = "X/USD") -> None:
    """The book is subscribed again, and the venue sends it."""
    depth = made.feeds[symbol].tracks[Stream.DEPTH]
    await made.turn(lambda: depth.fault is None and made.venue.exchange.clients)
    _push(made, book, symbol)
    assert depth.state is State.LIVE


async def test_dispute_is_known_however_long_the_rate_limit_delays_the_comparison() -> None:
    book, theirs = differing()
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        _answers(made, theirs)
        feed = made.feeds["X/USD"]
        await auditor.audit(feed)
        await _rebuilt(made, book)
        made.clock.advance(65.0)
        await auditor.audit(feed)
        assert feed.status.rejected == {"audit": 1}
        assert "also after it was built anew" in feed.status.detail


async def test_persistent_difference_is_disputed_and_not_mended_for_ever() -> None:
    book, theirs = differing()
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        asked = _answers(made, theirs)
        feed = made.feeds["X/USD"]
        await auditor.audit(feed)
        assert (feed.status.audits, feed.status.audit_differences, len(asked)) == (1, 1, 3)
        assert feed.status.rejected == {"audit": 1}
        assert feed.book() is None
        await _rebuilt(made, book)  # and it differs as before: the venue disagrees with itself
        assert feed.status.gaps_by_reason == {"audit": 1}
        assert auditor._next() is feed  # compared at once, not in a minute
        for _ in range(5):
            await auditor.audit(feed)
            assert feed.status.state is State.LIVE
            assert "also after it was built anew" in feed.status.detail
            made.clock.advance(60.0)
        assert feed.status.audit_differences == 6
        assert feed.status.rejected == {"audit": 1}
        _push(made, theirs)
        await auditor.audit(feed)
        assert feed.status.detail == ""
        _push(made, book)
        await auditor.audit(feed)  # after an agreement a difference counts again
        assert (feed.status.audits, feed.status.audit_differences) == (8, 7)
        assert feed.status.rejected == {"audit": 2}


@pytest.mark.parametrize("disputed", [False, True])
async def test_another_difference_is_mended_whether_or_not_one_is_disputed(
    disputed: bool,
) -> None:
    """The venue's answer has 88 at 99.85 for good where that is `disputed`."""
    book, theirs = differing()
    if disputed:
        theirs.apply({"99.85": "88.0000"}, {})
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        _answers(made, theirs)
        feed = made.feeds["X/USD"]
        await auditor.audit(feed)
        book.apply({"99.90": "77.0000"}, {})
        await _rebuilt(made, book)
        if disputed:
            await auditor.audit(feed)
        assert feed.status.audit_differences == 1 + disputed
        assert feed.status.rejected == {"audit": 1}
        made.clock.advance(90.0)
        theirs.apply({"99.80": "55.0000"}, {})  # which our stream loses
        await auditor.audit(feed)
        assert feed.status.rejected == {"audit": 2}
        book.apply({"99.80": "55.0000"}, {})
        await _rebuilt(made, book)
        await auditor.audit(feed)
        assert feed.status.rejected == {"audit": 2}
        assert bool(feed.status.detail) is disputed


# A silent market whose answer and stream disagree for good


@pytest.mark.parametrize("always", [True, False])
async def test_silence_of_a_disputed_book_is_no_fault_of_its_stream(always: bool) -> None:
    async with silent() as (made, venue, check):
        feed, auditor = made.feeds[PAIRS[0]], made.venue._auditor
        confirms(made)
        auditor._always, auditor._margin_s = always, 0.0  # the clock stands still here
        venue.answers[PAIRS[0]] = moved()
        _push(made, Book(), PAIRS[1])  # it is not silent
        await look(made, check)
        assert feed.status.rejected == {"audit": 1}
        epoch = feed.tracks[Stream.DEPTH].epoch
        await _rebuilt(made, Book(), PAIRS[0])
        assert auditor._next() is feed  # compared at once, whatever proves the books otherwise
        await auditor.audit(feed)
        for _ in range(3):
            made.clock.advance(600.0)
            await look(made, check)
            assert "also after it was built anew" in feed.status.detail
            assert feed.status.state is State.LIVE
            _push(made, Book(), PAIRS[0])
        assert feed.tracks[Stream.DEPTH].epoch == epoch
        assert feed.status.rejected == {"audit": 1}
        assert made.feeds[PAIRS[2]].status.state is State.LIVE
        venue.answers[PAIRS[0]] = Book()
        await auditor.audit(feed)
        assert feed.dispute is None  # both agree again


async def test_disputed_book_that_moves_on_elsewhere_is_a_fault() -> None:
    async with silent() as (made, venue, check):
        feed, theirs = made.feeds[PAIRS[0]], moved()
        feed.dispute = Dispute()
        assert feed.dispute.differs(DISPUTED, 0)
        assert not feed.dispute.differs(DISPUTED, S)
        venue.answers[PAIRS[0]] = theirs
        await look(made, check)
        assert feed.status.state is State.LIVE
        theirs.apply({"99.85": "7.0000"}, {})
        await look(made, check, 600.0)
        assert feed.status.rejected == {"audit": 1}
