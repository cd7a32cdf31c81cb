"""Views of one rate go together: a silent market with the rows it has, a late one when its row is there."""

import numpy as np
import pytest

from app.clock import NS_PER_MS, NS_PER_S
from app.records import ROW_NS
from app.web.turns import Turn, Turns
from app.web.wishes import Open
from tests.engine_rig import BTC, Rig, frames_of, view_of
from tests.web_market import fill
from tests.web_walk import walks

QUARTER_NS = 250 * NS_PER_MS


def ns(text: str) -> int:
    """Of seconds with tenths."""
    return round(float(text) * 10) * ROW_NS


def look(
    turns: Turns, *views: tuple[Turn, str], behind_ns: int = 0, period_ns: int = QUARTER_NS
) -> list[bool]:
    """One look at the store: which views go, each with its rows; they take their turn."""
    turns.look()
    gone = []
    for turn, row in views:
        ends_ns = np.array([ns(one) for one in row.split()])
        gone.append(turns.take(turn, ends_ns, period_ns, behind_ns))
        if gone[-1]:
            turn.sent(int(ends_ns[-1]), period_ns)
    return gone


def test_a_view_goes_with_the_first_row_of_each_period() -> None:
    turns, turn = Turns(), Turn()
    rows = ("10.0", "10.1", "10.2", "10.3", "10.4", "10.5", "10.6", "10.7", "10.8")
    gone = [row for row in rows if look(turns, (turn, row)) == [True]]
    assert gone == ["10.0", "10.3", "10.5", "10.8"]


def test_a_silent_market_goes_a_look_later_with_what_it_has() -> None:
    turns, busy, silent = Turns(), Turn(), Turn()
    assert look(turns, (busy, "10.0"), (silent, "10.0")) == [True, True]
    assert look(turns, (busy, "10.2"), (silent, "10.2")) == [False, False]
    assert look(turns, (busy, "10.3"), (silent, "10.2")) == [True, False]
    assert look(turns, (busy, "10.3"), (silent, "10.2")) == [False, True]
    assert look(turns, (busy, "10.3"), (silent, "10.2")) == [False, False]
    # The row after its silence waits for the next period, as that of the other does.
    assert look(turns, (busy, "10.4"), (silent, "10.4")) == [False, False]
    assert look(turns, (busy, "10.5"), (silent, "10.5")) == [True, True]


def test_a_silent_market_without_news_does_not_go() -> None:
    turns, busy, silent = Turns(), Turn(), Turn()
    look(turns, (busy, "10.0"), (silent, "10.0"))
    look(turns, (busy, "10.3"), (silent, "10.0"))
    assert look(turns, (busy, "10.3"), (silent, "10.0")) == [False, False]
    # Its news come at once: nothing of it went in this period.
    assert look(turns, (busy, "10.4"), (silent, "10.4")) == [False, True]


def test_a_market_whose_rows_come_later_is_waited_for() -> None:
    turns, busy, late = Turns(), Turn(), Turn()
    assert look(turns, (busy, "9.8"), (late, "9.8")) == [True, True]
    assert look(turns, (busy, "10.0"), (late, "9.9")) == [True, False]
    assert look(turns, (busy, "10.0"), (late, "9.9")) == [False, True]  # for a silent one
    assert look(turns, (busy, "10.0"), (late, "10.0")) == [False, True]  # which it was not
    assert not late.punctual
    for _ in range(3):
        assert look(turns, (busy, "10.2"), (late, "10.2")) == [False, False]
    assert look(turns, (busy, "10.3"), (late, "10.2")) == [True, False]
    for _ in range(3):
        assert look(turns, (busy, "10.3"), (late, "10.2")) == [False, False]
    assert look(turns, (busy, "10.3"), (late, "10.3")) == [False, True]
    # Once it comes with the others again, its silence is one.
    assert look(turns, (busy, "10.5"), (late, "10.5")) == [True, True]
    look(turns, (busy, "10.8"), (late, "10.7"))
    assert look(turns, (busy, "10.8"), (late, "10.7")) == [False, True]


def test_rows_that_come_several_at_a_time_are_late_as_one_is() -> None:
    """At 2 Hz: stored every 0.3 s, the row that begins the period is not the newest."""
    turns, busy, grouped, half_ns = Turns(), Turn(), Turn(), NS_PER_S // 2
    look(turns, (busy, "10.0"), (grouped, "10.0"), period_ns=half_ns)
    look(turns, (busy, "10.3"), (grouped, "10.1 10.2 10.3"), period_ns=half_ns)
    look(turns, (busy, "10.5"), (grouped, "10.3"), period_ns=half_ns)
    assert look(turns, (busy, "10.5"), (grouped, "10.3"), period_ns=half_ns) == [False, True]
    came = look(turns, (busy, "10.6"), (grouped, "10.4 10.5 10.6"), period_ns=half_ns)
    assert came == [False, True]
    assert not grouped.punctual
    look(turns, (busy, "11.0"), (grouped, "10.9"), period_ns=half_ns)
    assert look(turns, (busy, "11.0"), (grouped, "10.9"), period_ns=half_ns) == [False, False]


def test_each_row_is_a_turn_at_the_rate_of_rows() -> None:
    turns, busy, silent = Turns(), Turn(), Turn()
    look(turns, (busy, "10.0"), (silent, "10.0"), period_ns=ROW_NS)
    for row in ("10.1", "10.2"):
        gone = [look(turns, (busy, row), (silent, "10.0"), period_ns=ROW_NS) for _ in range(3)]
        assert gone == [[True, False], [False, False], [False, False]]
    assert look(turns, (silent, "10.3"), period_ns=ROW_NS) == [True]


@pytest.mark.parametrize("behind_ns", [NS_PER_S, -3_600 * NS_PER_S])
def test_collectors_with_other_clocks_have_turns_of_their_own(behind_ns: int) -> None:
    turns, here, there = Turns(), Turn(), Turn()
    look(turns, (here, "10.0"))
    look(turns, (there, "10.0"), behind_ns=behind_ns)
    look(turns, (there, "10.2"), behind_ns=behind_ns)
    look(turns, (here, "10.3"))
    assert look(turns, (there, "10.2"), behind_ns=behind_ns) == [False]
    assert look(turns, (there, "10.3"), behind_ns=behind_ns) == [True]


def test_markets_of_one_clock_belong_together_however_it_was_measured() -> None:
    turns, busy, silent, behind_ns = Turns(), Turn(), Turn(), 7 * NS_PER_S
    look(turns, (busy, "10.0"), behind_ns=behind_ns)
    look(turns, (silent, "10.0"), behind_ns=behind_ns + 3 * NS_PER_MS)
    look(turns, (busy, "10.3"), behind_ns=behind_ns)
    assert look(turns, (silent, "10.2"), behind_ns=behind_ns + 3 * NS_PER_MS) == [True]


def test_a_clock_that_is_set_back_does_not_end_the_turns() -> None:
    turns, turn = Turns(), Turn()
    look(turns, (turn, "3600.0"))
    turn.sent(ns("10.0"), QUARTER_NS)  # the heartbeat
    assert [look(turns, (turn, row)) for row in ("10.2", "10.3")] == [[False], [True]]


def test_rates_that_nobody_wants_any_longer_are_forgotten() -> None:
    turns, turn, other = Turns(), Turn(), Turn()
    look(turns, (turn, "10.0"))
    for _ in range(1_001):
        turns.look()
    look(turns, (other, "20.0"), period_ns=NS_PER_S)
    turns.forget()
    assert [rate.period_ns for rate in turns._begun] == [NS_PER_S]


def test_the_engine_sends_a_silent_market_with_the_others(rig: Rig) -> None:
    """BTC has a row each tenth; the other has none of the tenth that begins a quarter of a second."""
    other = walks(2, seed=9)[1]
    fill(rig.store, other, 1, rig.at_ns)
    wish = view_of(market=str(other.market.id), rate_hz=4)
    rig.engine.tick([Open("k1", view_of(market=str(BTC), rate_hz=4)), Open("k2", wish)])

    def rows_of(walk, silent: bool) -> None:
        """A tenth of a second; the walk's own silences are left out."""
        while "row" not in (records := walk.step(rig.at_ns)):
            pass
        if not silent:
            rig.store.append(walk.market.id, records)

    sent: list[tuple[int, int, int]] = []  # tenth of a second, look, view
    for tenth in range(1, 31):
        rig.at_ns += ROW_NS
        rig.clock.time_ns = rig.at_ns
        rows_of(rig.walk, silent=False)
        rows_of(other, silent=tenth in (8, 18, 28))
        for turn in range(3):
            rig.clock.time_ns = rig.at_ns + turn * 20 * NS_PER_MS
            out = rig.engine.tick([])
            rig.engine.desk.wait()
            sent += [(tenth, turn, k) for k in (1, 2) if frames_of(out, f"k{k}")]
    turns = [tenth for tenth in range(3, 31) if begins(tenth)]
    assert sorted({(tenth, k) for tenth, _, k in sent}) == sorted(
        (tenth, k) for tenth in turns for k in (1, 2)
    )
    looks = {(tenth, k): turn for tenth, turn, k in sent}
    assert {at for at, turn in looks.items() if turn == 1} == {(8, 2), (18, 2), (28, 2)}
    assert set(looks.values()) == {0, 1}


def begins(tenth: int) -> bool:
    """Whether a row that ends then is the first of a quarter of a second."""
    return tenth * ROW_NS // QUARTER_NS > (tenth - 1) * ROW_NS // QUARTER_NS
