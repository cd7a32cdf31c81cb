"""After a silence what is fetched is held until the stream speaks (on real servers: the table of faults)."""

import pytest

from app.clock import NS_PER_S
from app.demo.faults import Fault as Ordered
from app.demo.server import DemoExchange
from app.feeds.doubt import Doubt
from app.feeds.pace import Pace
from app.feeds.renewal import _ATTEMPTS
from app.feeds.track import Fault
from app.records import State, Stream
from tests.venues.matrix import equal_now, live, open_stand, until

STALE = Fault("audit", "silent", stale=True)
BOOK = ([(1.0, 1.0)], [(2.0, 1.0)])


def doubted() -> Doubt:
    doubt = Doubt()
    doubt.begin(STALE)
    return doubt


@pytest.mark.parametrize("fault", [None, Fault("sequence"), Fault("reconnect", link=True)])
def test_without_a_silence_a_fetched_book_is_believed(fault: Fault | None) -> None:
    doubt = Doubt()
    doubt.begin(fault)
    assert not doubt.holds(fetched=True)


def test_a_fetched_book_is_held_and_what_follows_is_believed() -> None:
    doubt = doubted()
    assert doubt.holds(fetched=True)
    doubt.held = BOOK
    assert not doubt.holds(fetched=True)  # an update that ccxt applied outside of its message
    assert doubt.held is None
    assert not doubt.holds(fetched=True)


def test_a_doubt_outlasts_attempts_that_fail_otherwise() -> None:
    doubt = doubted()
    assert doubt.holds(fetched=True)
    doubt.held = BOOK
    doubt.begin(Fault("snapshot"))
    assert doubt.held is None
    assert doubt.holds(fetched=True)


def test_an_update_before_the_book_ends_it() -> None:
    doubt = doubted()
    doubt.end()
    assert not doubt.holds(fetched=True)
    assert not doubted().holds(fetched=False)


def test_a_doubted_stream_gets_no_time_for_its_habit() -> None:
    pace = Pace()
    pace.spoke(NS_PER_S, beginning=True)
    assert pace.silence_ns(12 * NS_PER_S, 10 * NS_PER_S) == 0
    assert pace.silence_ns(12 * NS_PER_S, 10 * NS_PER_S, doubted=True) == 11 * NS_PER_S


@pytest.mark.parametrize("unanswered", [False, True])
async def test_a_market_that_stays_silent_is_asked_about_while_held_and_dialled_anew_once(
    unanswered: bool,
) -> None:
    """The venue answers every question, but one where one is `unanswered`, and sends nothing: no answer makes
    the market live, and none spares the connection for good."""
    exchange = DemoExchange()
    await exchange.start(warm_s=10.0)
    stand = await open_stand("binance", exchange)
    feed = stand.feed
    (depth,) = [
        s for s in stand.venue._supervisors[feed.market.id] if s.track is feed.tracks[Stream.DEPTH]
    ]
    try:
        await until(lambda: feed.pace.known, 20.0)
        family, clients, lived = stand.family, {id(depth.client)}, []
        failures: list[Ordered] = []
        exchange.fault(Ordered("stall", family.venue, family.symbol, seconds=60.0))
        assert await until(lambda: feed.status.state is State.STALE, 20.0)

        def dialled_anew() -> bool:
            lived.append(live(feed))
            if unanswered and not failures and depth.renewal.in_vain == _ATTEMPTS - 1:
                failures.append(Ordered("503", family.venue, family.symbol))
                exchange.fault(failures[0])
            if depth.client is not None:
                clients.add(id(depth.client))
            return depth.renewal.in_vain > _ATTEMPTS and len(clients) > 1

        assert await until(lambda: feed.held is not None, 20.0)
        assert await until(dialled_anew, 60.0)
        assert not any(lived)
        assert len(clients) == 2
        assert len(failures) == unanswered
        assert live(stand.beside)
        assert not stand.beside.status.gaps_by_reason
        exchange.faults.end()
        assert await until(lambda: live(feed), 20.0)
        assert await equal_now(feed, stand.publisher(family.symbol))
        assert feed.held is None
    finally:
        await stand.venue.close()
        await exchange.stop()
