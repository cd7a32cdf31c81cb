"""Every known fault of a venue: found, counted, a gap, the book right again, the neighbour untouched."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from app.records import REASONS, State, Stream
from tests.venues.rig import Rig, rig, until
from tests.venues.scripted import Refusal, ScriptedVenue

A, B = "AAAUSDT", "AABUSDT"

Fault = Callable[[ScriptedVenue], Awaitable[None]]


async def _drop(server: ScriptedVenue) -> None:
    server.drop_update(A)


async def _reset(server: ScriptedVenue) -> None:
    server.reset(A)


async def _stall(server: ScriptedVenue) -> None:
    server.stall(A)


FAULTS: dict[str, tuple[Fault, str, str]] = {
    # name: what the venue does, the gap's reason, the counter of what was rejected ("" none)
    "dropped update": (_drop, "sequence", "sequence"),
    "close": (lambda s: s.close(A), "reconnect", ""),
    "reset": (_reset, "reconnect", ""),
    "stall": (_stall, "reconnect", ""),
    "malformed frame": (lambda s: s.malformed(A), "handler", "handler"),
    "handler trips": (lambda s: s.without_field(A), "handler", "handler"),
    "crossed": (lambda s: s.crossed(A), "crossed", "crossed"),
    "NaN": (lambda s: s.wrong_size(A, "NaN"), "non-finite", "non-finite"),
    "negative": (lambda s: s.wrong_size(A, "-1"), "non-finite", "non-finite"),
    "infinite": (lambda s: s.wrong_size(A, "Infinity"), "non-finite", "non-finite"),
    "emptied": (lambda s: s.emptied(A), "empty", "empty"),
}


async def _mended(r: Rig, reason: str) -> None:
    status = r.feeds[A].status
    await r.step_until(lambda: status.gaps_by_reason[reason] and status.state is State.LIVE)


@pytest.mark.parametrize("name", FAULTS)
async def test_fault_is_found_counted_and_mended(name: str) -> None:
    """One market has the fault, the other goes on without a gap."""
    fault, reason, counter = FAULTS[name]
    async with rig(2) as r:
        await r.live()
        await r.server.barrier()
        await fault(r.server)
        await _mended(r, reason)
        await r.assert_true_book(A)
        await r.assert_true_book(B)
        a, b = r.feeds[A].status, r.feeds[B].status
        assert a.rejected[counter] == 1 if counter else not a.rejected
        assert not b.gaps_by_reason
        assert not b.rejected
        depth = r.ring.depth.take()
        assert set(depth.epoch[depth.market == 1].tolist()) == {1}
        _assert_gaps_are_where_epochs_change(r, depth.time_ns[depth.market == 0], depth)


def _assert_gaps_are_where_epochs_change(r: Rig, times: np.ndarray, depth: object) -> None:
    of_a = depth.market == 0  # type: ignore[attr-defined]
    epochs = depth.epoch[of_a]  # type: ignore[attr-defined]
    changes = np.flatnonzero(np.diff(epochs))
    gaps = [gap for gap in r.feeds[A].status.new_gaps if gap.stream is Stream.DEPTH]
    assert [(gap.from_ns, gap.to_ns) for gap in gaps] == [
        (times[k], times[k + 1]) for k in changes.tolist()
    ]
    assert gaps
    for gap in gaps:
        assert gap.reason in REASONS
        assert gap.detail.endswith(".")


async def test_missed_updates_are_counted_where_the_chain_tells() -> None:
    async with rig(1) as r:
        await r.live()
        r.server.drop_update(A)
        r.server.drop_update(A)
        await _mended(r, "sequence")
        gap = next(g for g in r.feeds[A].status.new_gaps if g.reason == "sequence")
        assert gap.missed == 6  # two updates of three ids each
        assert "6" in gap.detail


async def test_sequence_is_checked_even_where_the_user_turned_checksums_off() -> None:
    async with rig(1) as r:
        r.venue.exchange.options["watchOrderBook"]["checksum"] = False
        await r.live()
        r.server.drop_update(A)
        await _mended(r, "sequence")
        await r.assert_true_book(A)


async def test_stalled_link_is_shown_stale_with_its_silence() -> None:
    async with rig(1) as r:
        await r.live()
        status = r.feeds[A].status
        r.server.handshake = (503, {})
        r.server.stall(A)
        await until(lambda: status.state is State.STALE, "stale")
        assert status.detail.startswith("No message for ")
        await until(lambda: status.state is State.DOWN, "down")
        r.server.handshake = None
        await _mended(r, "reconnect")


async def test_one_sided_book_is_no_fault() -> None:
    async with rig(1) as r:
        await r.live()
        await r.server.one_sided(A)
        await r.server.barrier()
        status = r.feeds[A].status
        assert status.state is State.LIVE
        assert not status.rejected
        last = r.ring.depth.take()
        assert last.asks[-1] == 0
        assert last.bids[-1] == 20
        view = r.feeds[A].book()
        assert view is not None
        assert not view.asks


async def test_quiet_market_on_an_answering_link_is_not_stale() -> None:
    async with rig(1) as r:
        await r.live()
        await asyncio.sleep(2.2)  # twice the time after which a silent link is given up
        status = r.feeds[A].status
        assert status.state is State.LIVE
        assert not status.gaps_by_reason
        assert r.server.sockets == 1


SNAPSHOTS: dict[str, tuple[Refusal, State, str]] = {
    "429": (Refusal(429, "{}", (("Retry-After", "1"),)), State.THROTTLED, "limits requests until"),
    "418": (Refusal(418, "{}", (("Retry-After", "1"),)), State.THROTTLED, "limits requests until"),
    "503": (Refusal(503, "later"), State.DOWN, "is not answering"),
    "bad JSON": (Refusal(200, '{"lastUpdateId": 1, "bids": [['), State.RESYNCING, "snapshot"),
    "empty": (
        Refusal(200, '{"lastUpdateId": 1, "bids": [], "asks": []}'),
        State.RESYNCING,
        "snapshot",
    ),
}


@pytest.mark.parametrize("name", SNAPSHOTS)
async def test_refused_snapshot_is_shown_and_retried(name: str) -> None:
    refusal, state, words = SNAPSHOTS[name]
    async with rig(2) as r:
        await r.live()
        r.server.refusals[A].append(refusal)
        before = r.server.depth_requests
        r.server.drop_update(A)
        status = r.feeds[A].status
        await r.step_until(lambda: status.state is state and words in status.detail)
        assert status.next_try_ns > 0
        await r.step_until(lambda: status.state is State.LIVE)
        assert r.server.depth_requests == before + 2  # the refused one and one more: no hammering
        await r.assert_true_book(A)
        assert not r.feeds[B].status.gaps_by_reason


async def test_retry_after_is_honoured() -> None:
    async with rig(1) as r:
        await r.live()
        r.server.refusals[A].append(Refusal(429, "{}", (("Retry-After", "2"),)))
        r.server.drop_update(A)
        status = r.feeds[A].status
        await r.step_until(lambda: status.state is State.THROTTLED)
        begun = asyncio.get_running_loop().time()
        await r.step_until(lambda: status.state is State.LIVE)
        assert asyncio.get_running_loop().time() - begun >= 1.8


async def test_refused_subscription_is_repeated() -> None:
    server = ScriptedVenue(1)
    server.subscribe_errors = 3  # one for each stream
    async with rig(server=server) as r:
        await r.live()
        await r.assert_true_book(A)


async def test_venue_that_goes_away_is_down_and_comes_back() -> None:
    async with rig(2) as r:
        await r.live()
        port = r.server.port
        await r.server.stop()
        a, b = r.feeds[A].status, r.feeds[B].status
        await until(lambda: a.state is b.state is State.DOWN, "down")
        assert a.detail.startswith("Binance is not answering. The next attempt is at ")
        await until(lambda: a.attempts >= 2, "attempts are counted")
        assert r.feeds[A].book() is None
        await r.server.start(port)
        await r.step_until(lambda: a.state is b.state is State.LIVE)
        await r.assert_true_book(A)
        await r.assert_true_book(B)
        assert a.gaps_by_reason["reconnect"] >= 1
        assert a.attempts == 0


async def test_handshake_limit_is_honoured() -> None:
    async with rig(1) as r:
        await r.live()
        r.server.handshake = (429, {"Retry-After": "1"})
        await r.server.close(A)
        status = r.feeds[A].status
        await until(lambda: status.state is State.THROTTLED, "throttled")
        r.server.handshake = None
        await _mended(r, "reconnect")


async def test_crossed_best_quote_is_rejected_and_the_next_one_ends_the_gap() -> None:
    async with rig(1) as r:
        await r.live()
        await r.server.barrier()
        quote = r.server.books[A].quote()
        await r.server._send(A, "bookTicker", {**quote, "b": quote["a"]})
        await r.server._send(A, "bookTicker", quote)
        await r.server.barrier()
        status = r.feeds[A].status
        assert status.rejected["crossed"] == 1
        gaps = [g for g in status.new_gaps if g.stream is Stream.BEST]
        assert [g.reason for g in gaps] == ["crossed"]
        best = r.ring.best.take()
        assert best.epoch[-1] == best.epoch[-2] + 1
        assert status.state is State.LIVE
