"""What goes wrong while the machine stands still is played again; what goes wrong otherwise is wrong."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.venues.pulse import PAUSE_S, Pulse, pulse, steady


@dataclass
class Played:
    """An outcome."""

    wrong: list[str]
    pauses_s: list[float] = field(default_factory=list)


def _stand_still(seconds: float) -> None:
    """What a machine that is busy elsewhere does to a loop."""
    time.sleep(seconds)


async def _play(beats: Pulse, outcomes: list[tuple[float, bool]]) -> Played:
    """Play what stands still for some seconds and comes out right or wrong, in turn."""

    async def play() -> Played:
        stands_s, right = outcomes.pop(0)
        await asyncio.sleep(0.05)
        _stand_still(stands_s)
        await asyncio.sleep(0.05)
        return Played([] if right else ["hit"])

    return await steady(beats, play)


async def test_wrong_after_a_standstill_is_played_again() -> None:
    async with pulse() as beats:
        outcomes = [(PAUSE_S + 0.2, False), (0.0, True), (0.0, True)]
        played = await _play(beats, outcomes)
    assert played.wrong == []
    assert len(outcomes) == 1
    (paused_s,) = played.pauses_s
    assert paused_s > PAUSE_S


async def test_wrong_in_a_loop_that_ran_on_is_wrong() -> None:
    async with pulse() as beats:
        _stand_still(PAUSE_S + 0.2)  # of the time before
        await asyncio.sleep(0.1)
        outcomes = [(0.0, False), (0.0, True)]
        played = await _play(beats, outcomes)
    assert played.wrong == ["hit"]
    assert played.pauses_s == []
    assert len(outcomes) == 1


async def test_wrong_each_time_is_wrong() -> None:
    async with pulse() as beats:
        outcomes = [(PAUSE_S + 0.1, False)] * 9
        played = await _play(beats, outcomes)
    assert played.wrong == ["hit"]
    assert len(played.pauses_s) == 3
    assert len(outcomes) == 5
