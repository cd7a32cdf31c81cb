"""The list of incidents: what opens, explains, resolves and bounds it, also over restarts."""

from app.clock import NS_PER_S
from app.collector.incidents import KEEP_NS, IncidentLog
from app.feeds.base import FeedStatus, Gap
from app.records import MAX_INCIDENTS, State, Stream

T0 = 1_700_000_000 * NS_PER_S
BEST, DEPTH, TRADES = (1 << s for s in Stream)


def at(seconds):
    return T0 + round(seconds * NS_PER_S)


def status(state, seconds, detail="", lame=(Stream.DEPTH,), attempts=0, next_s=None):
    made = FeedStatus(state=state, since_ns=at(seconds), detail=detail, attempts=attempts)
    made.next_try_ns = 0 if next_s is None else at(next_s)
    for stream in Stream:
        bad = state is not State.LIVE and stream in lame
        made.streams[stream].state = state if bad else State.LIVE
    return made


def gap(stream, begin, end, reason="sequence", missed=-1):
    return Gap(stream, at(begin), at(end), reason, "An update was missing.", missed)


def test_nothing_is_told_of_a_market_that_is_well():
    log = IncidentLog()
    assert not log.look(status(State.LIVE, 0), [], at(1))
    assert not log.look(status(State.STARTING, 0), [], at(2))
    assert log.entries == []


def test_an_outage_grows_graver_and_ends_with_its_cause():
    log = IncidentLog()
    assert log.look(status(State.STALE, 10, "No message for 1.0 s."), [], at(10))
    down = status(State.DOWN, 12, "Kraken is not answering.", tuple(Stream), 3, 24)
    assert log.look(down, [], at(12))
    (one,) = log.entries
    assert (one.state, one.from_ns, one.attempts, one.next_try_ns) == (
        State.DOWN, at(10), 3, at(24),
    )  # fmt: skip
    assert one.streams == BEST | DEPTH | TRADES
    assert one.open
    assert not log.look(down, [], at(13))
    gaps = [gap(s, 9.5, 30, "reconnect") for s in Stream]
    assert log.look(status(State.LIVE, 30), gaps, at(30.1))
    (one,) = log.entries
    assert (one.from_ns, one.to_ns, one.reason) == (at(9.5), at(30), "reconnect")
    assert (one.next_try_ns, one.times) == (0, 1)


def test_the_gravest_state_stays():
    log = IncidentLog()
    log.look(status(State.DOWN, 1), [], at(1))
    log.look(status(State.RESYNCING, 2), [], at(2))
    assert log.entries[0].state is State.DOWN


def test_a_gap_between_two_looks_is_an_incident_of_its_own():
    log = IncidentLog()
    log.look(status(State.LIVE, 0), [gap(Stream.BEST, 5, 5.1, "crossed", 1)], at(5.2))
    (one,) = log.entries
    assert (one.state, one.streams, one.reason, one.missed) == (
        State.RESYNCING, BEST, "crossed", 1,
    )  # fmt: skip
    assert not one.open


def test_the_same_again_is_counted_and_something_else_listed():
    log = IncidentLog()
    for k in range(5):
        log.look(status(State.LIVE, 0), [gap(Stream.BEST, 10 * k, 10 * k + 0.2, "crossed")], at(60))
    (one,) = log.entries
    assert (one.times, one.from_ns, one.to_ns) == (5, at(0), at(40.2))
    log.look(status(State.LIVE, 0), [gap(Stream.DEPTH, 50, 51, "sequence")], at(61))
    log.look(status(State.LIVE, 0), [gap(Stream.BEST, 300, 301, "sequence")], at(301))
    assert [entry.times for entry in log.entries] == [5, 1, 1]


def test_the_gaps_of_all_streams_in_one_fault_are_one_incident():
    log = IncidentLog()
    gaps = [gap(s, 5 + s / 10, 6 + s / 10, "reconnect") for s in Stream]
    log.look(status(State.LIVE, 0), gaps, at(7))
    (one,) = log.entries
    assert (one.times, one.streams) == (1, BEST | DEPTH | TRADES)


def test_resolved_ones_stay_an_hour_and_open_ones_for_good():
    log = IncidentLog()
    log.look(status(State.LIVE, 0), [gap(Stream.BEST, 5, 6)], at(6))
    log.look(status(State.LIVE, 0), [], at(6) + KEEP_NS - 1)
    assert len(log.entries) == 1
    assert log.look(status(State.LIVE, 0), [], at(6) + KEEP_NS)
    assert log.entries == []
    log.look(status(State.DOWN, 0), [], at(1))
    log.look(status(State.DOWN, 0), [], at(1) + 10 * KEEP_NS)
    assert len(log.entries) == 1


def test_the_list_is_bounded_and_says_what_it_leaves_out():
    log = IncidentLog()
    reasons = ("crossed", "sequence")
    for k in range(MAX_INCIDENTS + 7):
        log.look(status(State.LIVE, 0), [gap(Stream.BEST, k, k + 0.1, reasons[k % 2])], at(k + 1))
    record = log.record(at(100))
    assert record["count"][0] == MAX_INCIDENTS
    assert record["left_out"][0] == 7
    log.look(status(State.LIVE, 0), [], at(200) + KEEP_NS)
    assert log.record(at(200) + KEEP_NS)["left_out"][0] == 0


def test_it_goes_on_after_a_restart():
    log = IncidentLog()
    log.look(status(State.LIVE, 0), [gap(Stream.BEST, 1, 2, "crossed", 4)], at(3))
    log.look(status(State.STALE, 10, "No message for 1.0 s."), [], at(10))
    again = IncidentLog(log.record(at(11)))
    assert again.entries == log.entries
    restart = [gap(s, 11, 40, "collector restarted") for s in Stream]
    again.look(status(State.LIVE, 40), restart, at(40.1))
    assert [one.open for one in again.entries] == [False, False]
    assert again.entries[-1].to_ns == at(40)
    assert again.entries[-1].reason == "collector restarted"


def test_a_restart_alone_is_told():
    log = IncidentLog()
    log.look(
        status(State.LIVE, 40), [gap(s, 11, 40, "collector restarted") for s in Stream], at(41)
    )
    (one,) = log.entries
    assert (one.state, one.from_ns, one.to_ns) == (State.DOWN, at(11), at(40))
