"""After a silence what is fetched is held until the stream speaks (on real servers: the table of faults)."""

import pytest

from app.clock import NS_PER_S
from app.feeds.doubt import Doubt
from app.feeds.pace import Pace
from app.feeds.track import Fault

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
