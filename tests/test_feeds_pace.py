"""When silence is remarkable, by a stream's own habit."""

import pytest

from app.clock import NS_PER_S
from app.feeds.pace import Pace

S = NS_PER_S


def pace(gaps_s):
    found, now = Pace(), 1000 * S
    found.spoke(now, beginning=True)
    for gap in gaps_s:
        now += round(gap * S)
        found.spoke(now, beginning=False)
    return found, now


@pytest.mark.parametrize(
    ("gaps_s", "silent_s", "remarkable"),
    [
        ([0.1] * 50, 9.9, False),  # never before the least
        ([0.1] * 50, 10.1, True),
        ([8.0] * 50, 23.0, False),  # three of its own pauses
        ([8.0] * 50, 25.0, True),
        ([0.1] * 5, 30.0, False),  # its habit is not known yet
        ([0.1] * 5, 61.0, True),
    ],
)
def test_silence_is_held_against_the_longest_pause_of_late(gaps_s, silent_s, remarkable):
    found, last = pace(gaps_s)
    silence = found.silence_ns(last + round(silent_s * S), 10 * S)
    assert silence == (round(silent_s * S) if remarkable else 0)


def test_a_long_pause_is_forgotten_after_many_updates():
    found, last = pace([20.0] + [0.1] * 2000)
    assert found.silence_ns(last + 12 * S, 10 * S)


def test_an_excused_silence_counts_as_a_habit():
    found, last = pace([0.1] * 50)
    found.excuse(last + 12 * S)
    assert not found.silence_ns(last + 30 * S, 10 * S)
    assert found.silence_ns(last + 37 * S, 10 * S)


def test_a_beginning_is_no_habit_and_a_stream_that_never_spoke_is_not_silent():
    found, last = pace([0.1] * 50)
    found.spoke(last + 100 * S, beginning=True)
    assert found.silence_ns(last + 111 * S, 10 * S)
    assert Pace().silence_ns(1000 * S, S) == 0
