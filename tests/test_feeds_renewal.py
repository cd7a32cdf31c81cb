"""When attempts in vain cost a connection that others are fine on."""

from itertools import pairwise

import pytest

from app.errors import FeedError, ThrottledError
from app.feeds.renewal import Renewal, tells
from app.feeds.track import Fault

SILENT = Fault("audit", "silent", stale=True)
ASKED = Fault("snapshot", "no answer", asked=True, error=FeedError("It did not answer."))
REFUSED = Fault("reconnect", error=FeedError("It refused the subscription: unknown market."))
ALREADY = Fault("reconnect", error=FeedError("It refused the subscription: already subscribed."))
LIMITED = Fault("throttled", error=ThrottledError("Later.", 1.0))
LOST = Fault("reconnect", link=True)


def renewals(*faults: Fault, whole: frozenset[int] = frozenset()) -> list[int]:
    """After which of the attempts the connection is opened anew."""
    renewal, found = Renewal(), []
    for k, fault in enumerate(faults, 1):
        renewal.ended(fault, whole=k in whole)
        if renewal.due(fault):
            renewal.done()
            found.append(k)
    return found


def test_a_silent_stream_gets_another_connection_once() -> None:
    assert renewals(*[SILENT] * 12) == [3]


def test_something_good_begins_the_count_anew() -> None:
    assert renewals(*[SILENT] * 12, whole=frozenset({2, 6})) == [5, 9]


@pytest.mark.parametrize("at", range(5))
def test_an_attempt_that_failed_beside_the_connection_neither_spares_nor_condemns_it(
    at: int,
) -> None:
    faults = [SILENT] * 6
    faults.insert(at, ASKED)
    assert renewals(*faults) == [4 if at < 3 else 3]
    assert renewals(ASKED, ASKED, SILENT, ASKED) == []


def test_a_refusal_is_an_answer_of_a_connection_that_works() -> None:
    assert renewals(*[SILENT, SILENT, REFUSED] * 4) == []
    assert renewals(*[SILENT, SILENT, ALREADY] * 2) == [3]


@pytest.mark.parametrize("dials", [1, 3, 7])
def test_an_outage_uses_up_no_renewal(dials: int) -> None:
    assert renewals(*[LOST] * dials, *[SILENT] * 9) == [dials + 3]
    assert renewals(SILENT, SILENT, *[LOST] * dials, *[SILENT] * 9) == [dials + 5]


def test_an_answer_tells_nothing_against_the_connection() -> None:
    assert not tells(ASKED)
    assert not tells(REFUSED)
    assert all(map(tells, (SILENT, ALREADY, LIMITED, LOST)))


def test_after_every_renewal_something_good_must_come() -> None:
    found = renewals(*[SILENT] * 40, whole=frozenset(range(10, 41, 10)))
    assert all(b - a >= 10 for a, b in pairwise(found))
