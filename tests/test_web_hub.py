"""The hub: one frame for all, the latest for the slow, and memory that does not grow."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from app.clock import NS_PER_S, FakeClock
from app.errors import StoreError
from app.store import SqliteStore, open_store
from app.web.clients import WAITING_FRAMES, WAITING_TEXTS, Client, Slot
from app.web.frames import decode
from app.web.hub import LINGER_NS, PAST_AGAIN_S, Hub
from app.web.spec import ViewSpec
from app.web.wishes import Frame
from tests.web_market import advance, fill
from tests.web_walk import Walk, walks

NOW_NS = 1_700_000_000 * NS_PER_S
BTC = "binance:BTC/USDT"


class SlowClock(FakeClock):
    """Moved by hand; waiting takes a moment of the machine's time and none of its own."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.001)


@dataclass
class Rig:
    store: SqliteStore
    clock: SlowClock
    walk: Walk
    hub: Hub
    at_ns: int = NOW_NS

    def go(self, rows: int = 1) -> None:
        """Let the market move by so many rows."""
        before = self.at_ns
        self.at_ns += rows * NS_PER_S // 10
        self.clock.time_ns = self.at_ns
        advance(self.store, self.walk, before, self.at_ns, NOW_NS)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = SlowClock(NOW_NS)
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    (walk,) = walks(1)
    fill(store, walk, 3, NOW_NS)
    hub = Hub(store, clock)
    yield Rig(store, clock, walk, hub)
    await hub.close()
    store.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  conditions of any kind
            await asyncio.sleep(0.002)


def spec(**more: object) -> ViewSpec:
    return ViewSpec.parse({"market": BTC, "range_s": 60, "mid_rows": 20} | more)


def joined(hub: Hub, **more: object) -> tuple[Client, Slot]:
    client = Client()
    hub.join(client)
    hub.view(client, 1, spec(**more))
    return client, client.slots[1]


def frame(kind: str, *, for_all: bool = True, data: bytes = b"x") -> Frame:
    return Frame("k1", data, kind == "snapshot", for_all)


def test_a_slot_begins_with_a_snapshot() -> None:
    slot = Slot(1, "k1")
    assert not slot.offer(frame("update"))
    assert slot.offer(frame("snapshot", for_all=False))
    assert slot.offer(frame("update"))
    assert len(slot.frames) == 2


def test_a_snapshot_that_others_asked_for_is_left_alone() -> None:
    slot = Slot(1, "k1", needs_snapshot=False)
    assert not slot.offer(frame("snapshot", for_all=False))
    assert slot.offer(frame("snapshot", for_all=True))
    assert len(slot.frames) == 1


def test_what_waits_too_long_is_thrown_away_and_a_snapshot_needed() -> None:
    slot = Slot(1, "k1", needs_snapshot=False)
    for _ in range(WAITING_FRAMES):
        assert slot.offer(frame("update"))
    assert not slot.offer(frame("update"))
    assert not slot.frames
    assert slot.needs_snapshot
    assert slot.offer(frame("snapshot", for_all=False))


async def test_equal_views_share_the_very_bytes(rig: Rig) -> None:
    (_, one), (_, two) = joined(rig.hub), joined(rig.hub)
    assert one.key == two.key
    await until(lambda: one.frames and two.frames)
    for slot in (one, two):
        slot.frames.clear()
    made = rig.hub.frames
    rig.go(4)
    await until(lambda: one.frames and two.frames)
    assert one.frames[0] is two.frames[0]
    assert rig.hub.frames == made + 1


async def test_views_that_differ_have_frames_of_their_own(rig: Rig) -> None:
    (_, one), (_, two) = joined(rig.hub), joined(rig.hub, depth=3)
    await until(lambda: one.frames and two.frames)
    assert decode(one.frames[0])[1]["levels"].shape[1] == 10
    assert decode(two.frames[0])[1]["levels"].shape[1] == 3


async def test_a_slow_page_holds_a_few_frames_and_then_gets_a_snapshot(rig: Rig) -> None:
    (_, quick), (client, slow) = joined(rig.hub), joined(rig.hub)
    await until(lambda: quick.frames and slow.frames)
    slow.frames.clear()
    for _ in range(40):
        quick.frames.clear()
        rig.go(4)  # in a single interval nothing may have happened
        await until(lambda: quick.frames)
        assert len(slow.frames) <= WAITING_FRAMES
    assert slow.needs_snapshot
    newest = decode(quick.frames[-1])[0]["seq"]
    rig.hub.refill(client, slow)
    await until(lambda: slow.frames)
    header, _ = decode(slow.frames[0])
    assert header["type"] == "snapshot"
    assert header["seq"] >= newest
    rig.go(4)
    await until(lambda: len(slow.frames) == 2)
    assert decode(slow.frames[1])[0]["seq"] == header["seq"] + 1


async def test_resync_is_answered_with_a_snapshot_of_the_same_seq(rig: Rig) -> None:
    client, slot = joined(rig.hub)
    await until(lambda: slot.frames)
    rig.go(4)
    await until(lambda: len(slot.frames) == 2)
    seq = decode(slot.frames[-1])[0]["seq"]
    rig.hub.resync(client, 1)
    await until(lambda: slot.frames)
    header = decode(slot.frames[0])[0]
    assert (header["type"], header["seq"]) == ("snapshot", seq)
    rig.hub.resync(client, 99)  # of a view that is not there: nothing happens


async def test_a_view_is_replaced_under_its_number_and_dropped(rig: Rig) -> None:
    client, first = joined(rig.hub)
    rig.hub.view(client, 1, spec(depth=4))
    assert client.slots[1] is not first
    assert not rig.hub.watchers[first.key]
    await until(lambda: client.slots[1].frames)
    rig.hub.drop(client, 1)
    rig.hub.drop(client, 1)
    assert not client.slots
    rig.clock.time_ns += LINGER_NS + 1
    await until(lambda: not rig.hub.watchers)
    await until(lambda: not rig.hub.engine.views)
    assert not rig.hub.keys


async def test_a_view_is_kept_for_a_reload(rig: Rig) -> None:
    client, slot = joined(rig.hub)
    await until(lambda: slot.frames)
    rig.hub.leave(client)
    _, again = joined(rig.hub)
    assert again.key == slot.key
    await until(lambda: again.frames)


async def test_a_prepared_view_is_ready_before_it_is_asked_for_and_forgotten_if_it_never_is(
    rig: Rig,
) -> None:
    client = Client()
    rig.hub.join(client)
    rig.hub.watch(client, on=True)
    await until(lambda: client.watch_text)  # from then on it is known what the store holds
    rig.hub.prepare(spec())
    rig.hub.prepare(spec())
    (key,) = rig.hub.keys.values()
    await until(lambda: rig.hub.engine.views.get(key))
    assert rig.store.requested() == []  # a look has nothing collected
    rig.clock.time_ns += LINGER_NS - 1
    rig.hub.prepare(spec())  # looked at again
    rig.clock.time_ns += LINGER_NS - 1
    watches = rig.hub._watch_ns
    await until(lambda: rig.hub._watch_ns > watches)  # it has worked since
    assert list(rig.hub.keys.values()) == [key]
    _, slot = joined(rig.hub)
    assert slot.key == key
    await until(lambda: slot.frames)
    await until(lambda: [str(market) for market in rig.store.requested()] == [BTC])
    rig.hub.prepare(spec())  # which somebody watches
    rig.hub.prepare(spec(depth=3))
    assert len(rig.hub.keys) == 2
    rig.clock.time_ns += LINGER_NS + 1
    await until(lambda: list(rig.hub.keys.values()) == [key])
    await until(lambda: list(rig.hub.engine.views) == [key])


@pytest.mark.parametrize(
    "more",
    [{"market": "kraken:NO/PE"}, {"end_ms": NOW_NS // 10**6}, {"tab": "evidence"}],
    ids=["not stored", "past", "judged"],
)
async def test_what_a_look_must_not_cost_is_not_prepared(rig: Rig, more: dict[str, object]) -> None:
    joined(rig.hub)
    await until(lambda: rig.hub.engine.known)
    before = dict(rig.hub.keys)
    rig.hub.prepare(spec(**more))
    assert rig.hub.keys == before


async def test_a_wish_is_served_without_waiting_for_the_next_look_at_the_store(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined(rig.hub)
    await until(lambda: rig.hub.frames)
    looks = asyncio.Event()

    async def asleep(seconds: float) -> None:
        looks.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(rig.clock, "sleep", asleep)
    async with asyncio.timeout(10):
        await looks.wait()
    _, slot = joined(rig.hub, depth=3)
    await until(lambda: slot.frames)


async def test_summaries_are_told_once_a_second_and_the_latest_wins(rig: Rig) -> None:
    client = Client()
    rig.hub.join(client)
    rig.hub.watch(client, on=True)
    await until(lambda: client.watch_text)
    first = client.watch_text
    assert first is not None
    assert BTC in first
    rig.go(11)
    await until(lambda: client.watch_text != first)
    rig.hub.watch(client, on=False)


async def test_however_often_pages_ask_the_summaries_are_read_once_a_second(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads = rig.hub.engine.watch_rows, 0

    def counted() -> list[dict[str, object]]:
        nonlocal reads
        reads += 1
        return read()

    monkeypatch.setattr(rig.hub.engine, "watch_rows", counted)
    client, late = Client(), Client()
    rig.hub.join(client)
    rig.hub.join(late)
    for _ in range(20):
        client.watch_text = None
        rig.hub.watch(client, on=False)
        rig.hub.watch(client, on=True)
        await until(lambda: client.watch_text)
    rig.hub.watch(late, on=True)
    assert late.watch_text == client.watch_text
    assert reads == 1
    rig.go(11)
    await until(lambda: reads == 2)
    await until(lambda: late.watch_text == client.watch_text)


async def test_the_past_is_rendered_once_and_kept(rig: Rig) -> None:
    end_ms = (NOW_NS - 60 * NS_PER_S) // 10**6
    (_, one), (_, two) = joined(rig.hub, end_ms=end_ms), joined(rig.hub, end_ms=end_ms)
    await until(lambda: one.frames and two.frames)
    _, three = joined(rig.hub, end_ms=end_ms)
    await until(lambda: three.frames)
    assert three.frames[0] in (one.frames[0], two.frames[0])
    assert rig.hub.engine.specs == {}


async def test_the_past_is_shown_to_who_comes_when_all_have_left(rig: Rig) -> None:
    end_ms = (NOW_NS - 60 * NS_PER_S) // 10**6
    client, slot = joined(rig.hub, end_ms=end_ms)
    await until(lambda: slot.frames)
    rig.hub.leave(client)
    rig.clock.advance(LINGER_NS / NS_PER_S + 1)
    joined(rig.hub)  # somebody keeps the hub at work
    await until(lambda: slot.key not in rig.hub.watchers)
    late, seen = joined(rig.hub, end_ms=end_ms)
    await until(lambda: seen.frames)
    header, _ = decode(seen.frames[0])
    told = orjson.loads(late.texts[0])
    assert header["key"] == told["key"] == seen.key


async def test_an_unknown_market_of_the_past_is_a_sentence(rig: Rig) -> None:
    client = Client()
    rig.hub.join(client)
    wish = ViewSpec.parse({"market": "kraken:NO/PE", "end_ms": NOW_NS // 10**6})
    rig.hub.view(client, 7, wish)
    await until(lambda: len(client.texts) == 2)
    assert "kraken:NO/PE is not collected" in client.texts[1]


async def test_a_past_that_failed_is_tried_again_until_it_is_there(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = rig.store.markets, ["busy", "busy", "gone"]
    waits: list[float] = []

    def markets() -> object:
        if left:
            raise StoreError(f"The store is {left.pop(0)}.")
        return real()

    async def sleep(seconds: float) -> None:
        if seconds >= PAST_AGAIN_S:
            waits.append(seconds)
        await asyncio.sleep(0.001)

    monkeypatch.setattr(rig.store, "markets", markets)
    monkeypatch.setattr(rig.clock, "sleep", sleep)
    client, slot = joined(rig.hub, end_ms=(NOW_NS - 60 * NS_PER_S) // 10**6)
    await until(lambda: slot.frames)
    assert waits == [PAST_AGAIN_S, 2 * PAST_AGAIN_S, 4 * PAST_AGAIN_S]
    messages = [orjson.loads(text) for text in client.texts]
    said = [message["message"] for message in messages if message["type"] == "error"]
    assert said == ["The store is busy.", "The store is gone."]


async def test_a_past_that_nobody_looks_at_any_more_is_not_tried_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[bool] = []

    def markets() -> object:
        tries.append(True)
        raise StoreError("The store is busy.")

    monkeypatch.setattr(rig.store, "markets", markets)
    client, slot = joined(rig.hub, end_ms=(NOW_NS - 60 * NS_PER_S) // 10**6)
    await until(lambda: len(tries) > 2)
    rig.hub.leave(client)
    await until(lambda: not rig.hub._tasks)
    assert not slot.frames


def test_a_page_that_reads_nothing_is_noticed() -> None:
    client = Client()
    for k in range(WAITING_TEXTS + 1):
        assert not client.stuck
        client.say({"type": "pong", "t": k})
    assert client.stuck
