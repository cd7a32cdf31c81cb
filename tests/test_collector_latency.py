"""Latency without the error of the venue's clock; the report of a feed; waits that a wish ends."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import NS_PER_MS, NS_PER_S, FakeClock, SystemClock
from app.collector.latency import Latencies, VenueClock
from app.collector.report import Report
from app.feeds.backoff import Pause
from app.feeds.base import FeedStatus
from app.records import QUALITY_NS, REASONS, Fidelity, State, Stream

HOUR_MS = 3_600_000.0
T0 = 1_700_000_000 * NS_PER_S


def delays(*values):
    return np.array(values, np.float64)


def test_a_right_clock_is_left_alone():
    clock = VenueClock()
    assert clock.correct("a", Stream.DEPTH, delays(41, 60, 118), T0).tolist() == [41, 60, 118]
    assert (clock.off, clock.offset_ms) == (False, 0.0)


@pytest.mark.parametrize("off_ms", [HOUR_MS, -HOUR_MS, 5_000.0, -300.0])
def test_a_clock_that_is_off_makes_no_latency_of_its_error(off_ms):
    clock = VenueClock()
    seen = clock.correct("a", Stream.DEPTH, delays(41, 60, 118) + off_ms, T0)
    assert seen.tolist() == [0, 19, 77]
    assert clock.off
    assert clock.offset_ms == -(41 + off_ms)


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
def test_a_clock_set_by_an_hour_while_it_runs_is_followed_at_once(step_ms):
    clock = VenueClock()
    clock.correct("a", Stream.DEPTH, delays(50, 70), T0)
    # The step lies within the second batch; what came before it counts by the old clock.
    seen = clock.correct("a", Stream.DEPTH, delays(55, 60 + step_ms, 50 + step_ms), T0 + NS_PER_S)
    assert seen.max() < 100
    assert clock.correct("a", Stream.DEPTH, delays(90) + step_ms, T0 + 2 * NS_PER_S).tolist() == [
        40
    ]
    back = clock.correct("a", Stream.DEPTH, delays(52), T0 + 3 * NS_PER_S)
    assert back.max() < 100


def test_a_backlog_is_latency_and_no_clock():
    clock = VenueClock()
    clock.correct("a", Stream.DEPTH, delays(50), T0)
    # Nothing came for 30 s, then all that had waited: late by what they waited.
    seen = clock.correct("a", Stream.DEPTH, delays(30_050, 20_050, 50), T0 + 30 * NS_PER_S)
    assert seen.tolist() == [30_050, 20_050, 50]
    assert not clock.off


def test_streams_that_are_stamped_by_different_clocks_are_judged_apart():
    clock = VenueClock()
    assert clock.correct("a", Stream.TRADES, delays(40, 50), T0).tolist() == [40, 50]
    assert clock.correct("a", Stream.DEPTH, delays(40, 50) + HOUR_MS, T0).tolist() == [0, 10]
    assert clock.correct("a", Stream.TRADES, delays(45), T0 + NS_PER_S).tolist() == [45]
    assert clock.offset_ms == -(HOUR_MS + 40)


def test_minima_older_than_ten_minutes_are_forgotten():
    clock = VenueClock()
    clock.correct("a", Stream.DEPTH, delays(-3_000), T0)
    assert clock.offset_ms == 3_000
    for minute in range(1, 11):
        clock.correct("a", Stream.DEPTH, delays(-1_000), T0 + minute * 60 * NS_PER_S)
    assert clock.offset_ms == 1_000


@given(
    st.lists(st.floats(0, 5_000), min_size=1, max_size=60),
    st.sampled_from([0.0, HOUR_MS, -HOUR_MS, 120_000.0]),
)
def test_latency_is_never_negative_nor_longer_than_it_took(took, off_ms):
    clock, at = VenueClock(), T0
    for part in np.array_split(np.array(took), 3):
        at += 10 * NS_PER_S
        seen = clock.correct("a", Stream.DEPTH, part + off_ms, at)
        assert (seen >= 0).all()
        assert (seen <= part[len(part) - len(seen) :] + 1e-6).all()


def test_quantiles_are_of_the_last_minute_and_nothing_after_it():
    latest = Latencies()
    assert latest.quantiles() == (-1.0, -1.0)
    latest.add(np.arange(1.0, 101.0), T0)
    assert latest.quantiles() == (51.0, 100.0)
    latest.add(delays(), T0 + 61 * NS_PER_S)
    assert latest.quantiles() == (-1.0, -1.0)


def test_latencies_are_bounded():
    latest = Latencies()
    for k in range(100):
        latest.add(np.full(300, float(k)), T0 + k)
    assert latest.quantiles()[0] >= 98
    assert latest._count < 1024


def feed_status():
    status = FeedStatus(state=State.LIVE, since_ns=T0, fidelity_best=Fidelity.EVENT)
    for stream in Stream:
        one = status.streams[stream]
        one.state, one.since_ns, one.received_ns = State.LIVE, T0, T0
    return status


def test_the_report_tells_each_stream_and_each_reason():
    report, status = Report(VenueClock(), T0), feed_status()
    report.status(status, T0)
    for k in range(10):
        status.streams[Stream.BEST].delays_ms.append(40.0 + k)
        status.streams[Stream.BEST].states += 2
        status.states_best += 2
        status.streams[Stream.DEPTH].delays_ms.append(100.0 + k)
        status.streams[Stream.DEPTH].states += 1
        status.states_depth += 1
    status.rejected["crossed"] += 3
    status.gaps_by_reason["sequence"] += 1
    status.streams[Stream.DEPTH].gaps = 1
    status.streams[Stream.DEPTH].state = State.RESYNCING
    (record,) = report.status(status, T0 + 2 * NS_PER_S)
    assert record["stream_per_s"].tolist() == [10, 5, 0]
    assert record["updates_per_s"] == 15
    assert record["stream_p50_ms"].tolist() == [45, 105, -1]
    assert record["latency_p50_ms"] == 45
    assert record["stream_state"].tolist() == [State.LIVE, State.RESYNCING, State.LIVE]
    assert record["stream_gaps"].tolist() == [0, 1, 0]
    assert record["rejected_by"][REASONS.index("crossed")] == 3 == record["rejected"]
    assert record["gaps_by"][REASONS.index("sequence")] == 1 == record["gaps"]
    assert not status.streams[Stream.BEST].delays_ms


def test_a_record_soon_after_another_keeps_the_rates():
    report, status = Report(VenueClock(), T0), feed_status()
    report.status(status, T0)
    status.states_best = status.streams[Stream.BEST].states = 20
    report.status(status, T0 + 2 * NS_PER_S)
    status.states_best = status.streams[Stream.BEST].states = 23
    (soon,) = report.status(status, T0 + 2 * NS_PER_S + 100 * NS_PER_MS)
    assert soon["updates_per_s"] == 10
    (later,) = report.status(status, T0 + 3 * NS_PER_S)
    assert later["updates_per_s"] == 3


def test_streams_that_are_not_there_are_named_as_such():
    report, status = Report(), feed_status()
    status.fidelity_best, status.has_trades = None, False
    (record,) = report.status(status, T0)
    assert record["stream_state"].tolist() == [-1, State.LIVE, -1]


def test_quality_comes_once_in_ten_seconds():
    report, status = Report(), feed_status()
    start = T0 - T0 % QUALITY_NS
    made = []
    for second in range(35):
        report.status(status, start + second * NS_PER_S)
        made += report.quality(status, start + second * NS_PER_S)["time_ns"].tolist()
    assert [(t - start) // NS_PER_S for t in made] == [10, 20, 30]


async def test_a_wait_ends_at_a_wish_unless_the_venue_asked_for_it():
    pause = Pause(SystemClock())
    assert not pause.end()
    waiting = asyncio.ensure_future(pause.wait(60.0, firm=False))
    await asyncio.sleep(0)
    assert pause.end()
    await asyncio.wait_for(waiting, 5.0)
    firm = asyncio.ensure_future(pause.wait(60.0, firm=True))
    await asyncio.sleep(0)
    assert not pause.end()
    assert not firm.done()
    firm.cancel()


async def test_a_wait_nobody_ends_lasts_its_time():
    clock = FakeClock()
    await Pause(clock).wait(3.0, firm=False)
    assert clock.sleeps == [3.0]
