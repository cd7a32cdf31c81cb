"""A market whose book is doubted: what becomes of it, and of those on its connection."""

import ccxt

from app.feeds.book_check import BookCheck
from app.feeds.trade_check import _judged
from app.feeds.venues import facts_of
from app.records import Stream
from tests.test_feeds_audit import _push, confirms
from tests.test_feeds_book_check import LIVE, PAIRS, STALE, STALE_NS, look, moved, silent, states
from tests.venues.books import Book


async def test_lost_stream_of_one_market_makes_the_silence_of_its_connection_doubted() -> None:
    async with silent(rate_limit_ms=1000.0) as (made, venue, check):
        venue.answers[PAIRS[0]] = venue.answers[PAIRS[1]] = moved()
        await look(made, check)
        assert venue.asked == PAIRS[:1]
        assert made.feeds[PAIRS[0]].tracks[Stream.DEPTH].in_gap
        assert [made.feeds[pair].status.state for pair in PAIRS[1:]] == [STALE, STALE]
        assert "a connection that lost another market" in made.feeds[PAIRS[1]].status.detail
        await look(made, check)
        await look(made, check)  # both at once, however short ago they were asked about
        assert made.feeds[PAIRS[1]].status.rejected == {"audit": 1}
        assert made.feeds[PAIRS[2]].status.state is LIVE  # its book is the venue's
        assert not made.feeds[PAIRS[2]].status.rejected


async def test_doubted_market_that_was_good_is_subscribed_again_without_a_wait() -> None:
    async with silent() as (made, venue, check):
        confirms(made)
        feed, track = made.feeds[PAIRS[0]], made.feeds[PAIRS[0]].tracks[Stream.DEPTH]
        for turn in range(3):
            venue.answers[PAIRS[0]] = ccxt.ExchangeError("x")
            for _ in range(2):
                await look(made, check, 11.0)
            assert feed.status.state is STALE
            assert not track.in_gap
            whole_ns = track.whole_since_ns
            _push(made, Book(), PAIRS[0])
            assert track.whole_since_ns == whole_ns  # nothing was built anew
            made.clock.advance(600.0)
            venue.answers[PAIRS[0]] = ccxt.ExchangeError("x")
            for _ in range(2):
                await look(made, check, 11.0)
            venue.answers[PAIRS[0]] = moved(f"{turn + 1}.0000")
            await look(made, check, 11.0)
            await made.turn(lambda: track.fault is None)
            assert track.attempts == 1
            _push(made, Book(), PAIRS[0])
            assert track.whole_since_ns > whole_ns
            made.clock.advance(600.0)


async def test_only_what_is_silent_on_the_same_connection_is_doubted() -> None:
    async with silent(rate_limit_ms=1000.0) as (made, venue, _):
        facts, a = facts_of("bitstamp"), made.feeds[PAIRS[0]]
        venue.answers[PAIRS[0]] = moved()
        _push(made, Book(), PAIRS[1])
        b = made.feeds[PAIRS[1]]
        check = BookCheck(made.venue, made.clock, facts, lambda feed: [b])
        await look(made, check)
        assert a.tracks[Stream.DEPTH].in_gap
        assert [made.feeds[pair].status.state for pair in PAIRS[1:]] == [LIVE, LIVE]


async def test_markets_of_one_connection_are_known() -> None:
    async with silent() as (made, _, _):
        a, b, c = (made.feeds[pair] for pair in PAIRS)
        assert made.venue._beside(a) == [b, c]
        (depth,) = [
            s for s in made.venue._supervisors[b.market.id] if s.track.stream is Stream.DEPTH
        ]
        depth.client = None  # it is between two subscriptions
        assert made.venue._beside(a) == [c]
        assert made.venue._beside(b) == []


async def test_book_that_nobody_proves_is_held_against_the_market_s_other_streams() -> None:
    """A ban keeps it from being asked about; best quotes and trades tell of it all the same."""
    async with silent() as (made, _, check):
        made.venue.hold_until_ns = made.clock.now_ns() + 3600 * 10**9
        for _ in range(13):
            await look(made, check, 11.0)
        assert states(made) == [STALE, STALE, STALE]
        feed = made.feeds[PAIRS[0]]
        assert _judged(feed)
        best = feed.tracks[Stream.BEST]
        best.good(made.clock.now_ns())
        feed._quotes = 500
        feed.compare_streams(STALE_NS)
        assert feed.tracks[Stream.DEPTH].in_gap
        assert not _judged(feed)
