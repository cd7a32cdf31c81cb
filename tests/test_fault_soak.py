"""What the soak over faults takes for a silence that no gap tells of."""

import numpy as np
import pytest

from app.clock import NS_PER_S
from app.market import MarketId
from app.records import Stream, empty
from benchmarks.fault_soak_checks import Stills, Stored

BTC = MarketId.parse("demo:BTC/USDT")
T_NS = 1_700_000_000 * NS_PER_S
SPOKE_S = (0, 1, 2, 11, 12)  # nothing from the third to the twelfth second


def found(gap_s: tuple[int, int] | None, still_s: tuple[int, int] | None) -> Stored:
    rows = empty("row", len(SPOKE_S))
    rows["end_ns"] = T_NS + np.array(SPOKE_S) * NS_PER_S
    rows["states_depth"] = 1
    gaps = empty("gap", 1 if gap_s else 0)
    if gap_s:
        gaps["from_ns"], gaps["to_ns"] = (T_NS + second * NS_PER_S for second in gap_s)
        gaps["stream"] = Stream.DEPTH
    engine, collector = Stills(T_NS, 60), Stills(T_NS, 60)
    if still_s:
        engine.mark(*(T_NS + second * NS_PER_S for second in still_s))
    stored = Stored()
    stored._check_silence(BTC, rows, gaps, engine | collector)
    return stored


def test_a_silence_without_a_gap_is_wrong() -> None:
    stored = found(None, None)
    assert stored.wrong == ["demo:BTC/USDT: 9.0 s of silence without a gap, 0.0 of them still"]


def test_a_silence_within_a_gap_is_right() -> None:
    assert found((2, 11), None).wrong == []


@pytest.mark.parametrize(("still_s", "wrong"), [((2, 5), 0), ((2, 4), 1), ((4, 40), 0)])
def test_time_that_an_engine_stood_still_is_no_silence(
    still_s: tuple[int, int], wrong: int
) -> None:
    stored = found(None, still_s)
    assert (len(stored.wrong), stored.still) == (wrong, 1 - wrong)
