"""Who watches what: between the engine's thread and the sockets of a worker.

Each frame is made once and the same bytes go to everybody who watches its view. A client that takes
frames more slowly than they come loses updates, never order: what waits for it is thrown away, and it
gets a snapshot when it can take one. So memory does not grow with slowness.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import orjson

from app import log
from app.clock import NS_PER_S, Clock
from app.errors import OfiError, StoreError
from app.market import MarketId
from app.store.sqlite import SqliteStore
from app.web.clients import Client, Slot
from app.web.engine import Engine
from app.web.past import render_past
from app.web.sparks import Sparks, read_lines
from app.web.spec import EVIDENCE, ViewSpec
from app.web.wishes import Close, Frame, Open, Snap, Trouble, Wish

POLL_S: Final = 0.02
LINGER_NS: Final = 8 * NS_PER_S  # a view without watchers is kept so long: reloads find it ready
PAST_KEPT: Final = 8
PAST_AGAIN_S: Final = 2.0  # after a failure; twice as long each time
PAST_AGAIN_MOST_S: Final = 60.0
IDLE_KEPT: Final = 8  # views without watchers
SPARKS_AT_ONCE: Final = 40  # markets whose last half hour is read before others have their turn
_log = log.get("web")


@dataclass(eq=False)
class Hub:
    """The views of a worker and their watchers; lives on the event loop."""

    store: SqliteStore
    clock: Clock
    clients: set[Client] = field(default_factory=set)
    keys: dict[ViewSpec, str] = field(default_factory=dict)
    watchers: dict[str, dict[Slot, Client]] = field(default_factory=dict)
    idle_since_ns: dict[str, int] = field(default_factory=dict)
    frames: int = 0  # made, for the benchmark
    dismissing: bool = False  # the process is about to end
    _wishes: list[Wish] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    # Rendered views of the past by what they are of; the key is in the bytes, so it stays theirs.
    _past: OrderedDict[ViewSpec, tuple[str, bytes]] = field(default_factory=OrderedDict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _running: "asyncio.Task[None] | None" = None
    _awake: asyncio.Event = field(default_factory=asyncio.Event)
    _past_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _watch_ns: int = 0  # when the summaries were read last
    _watch_text: str = ""

    def __post_init__(self) -> None:
        self.engine = Engine(self.store, self.clock)
        self.started_ns = self.clock.now_ns()
        self._thread = ThreadPoolExecutor(1, "hub")
        self._past_thread = ThreadPoolExecutor(1, "past")
        self.sparks = Sparks()
        self._filling: asyncio.Task[None] | None = None

    def join(self, client: Client) -> None:
        """A page has connected."""
        self.clients.add(client)
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    def leave(self, client: Client) -> None:
        """A page has gone."""
        self.clients.discard(client)
        for number in list(client.slots):
            self.drop(client, number)

    def view(self, client: Client, number: int, spec: ViewSpec) -> None:
        """Subscribe a client's view number to a view; replaces what it had."""
        self.drop(client, number)
        key = self.keys.get(spec)
        if key is None:
            kept = self._past.get(spec)
            key = self.keys[spec] = kept[0] if kept else f"k{next(self._numbers)}"
            self.watchers[key] = {}
            if spec.end_ns is None:
                self._wish(Open(key, spec))
        slot = client.slots[number] = Slot(number, key)
        self.watchers[key][slot] = client
        self.idle_since_ns.pop(key, None)
        client.say({"type": "view", "id": number, "key": key})
        self._ask(spec, slot, client)

    def prepare(self, spec: ViewSpec) -> None:
        """Make a view that somebody is likely to open; it is kept as one that was left is.

        Only of what the store holds: a look is no wish to have a market collected, nor to have it judged.
        """
        costly = spec.end_ns is not None or spec.tab == EVIDENCE
        if costly or spec.market not in self.engine.known:
            return
        key = self.keys.get(spec)
        if key is None:
            key = self.keys[spec] = f"k{next(self._numbers)}"
            self.watchers[key] = {}
        elif self.idle_since_ns.pop(key, None) is None:
            return  # somebody watches it
        self.idle_since_ns[key] = self.clock.now_ns()
        self._wish(Open(key, spec, foreseen=True))

    def drop(self, client: Client, number: int) -> None:
        """End a client's view."""
        slot = client.slots.pop(number, None)
        if slot is None:
            return
        watchers = self.watchers[slot.key]
        del watchers[slot]
        if not watchers:
            self.idle_since_ns[slot.key] = self.clock.now_ns()

    def resync(self, client: Client, number: int) -> None:
        """The client missed a frame: it gets a snapshot."""
        slot = client.slots.get(number)
        if slot is not None:
            slot.frames.clear()
            self.refill(client, slot, again=True)

    def refill(self, client: Client, slot: Slot, *, again: bool = False) -> None:
        """Ask for the snapshot that a slot needs."""
        if again or (slot.needs_snapshot and not slot.asked):
            slot.needs_snapshot = slot.asked = True
            spec = next(spec for spec, key in self.keys.items() if key == slot.key)
            self._ask(spec, slot, client)

    def retry(self, client: Client, number: int) -> None:
        """Tell the collector not to wait for the next attempt at the market of a view."""
        slot = client.slots.get(number)
        spec = next((s for s, key in self.keys.items() if slot and key == slot.key), None)
        if spec is None:
            return
        task = asyncio.create_task(self._hurry(client, number, spec.market))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hurry(self, client: Client, number: int, market: MarketId) -> None:
        answer: dict[str, Any] = {"type": "retry", "id": number}
        try:
            taken = await self._in(self._past_thread, self.store.hurry, market)
        except OfiError as error:
            client.say(answer | {"taken": False, "message": str(error)})
            return
        client.say(answer | {"taken": taken})

    def watch(self, client: Client, on: bool) -> None:
        """Subscribe a client to the summaries, or end it.

        However often it asks, the store is read once a second for all: it gets what others have.
        """
        client.watching = on
        if on and self._watch_text and self.clock.now_ns() - self._watch_ns < NS_PER_S:
            client.watch_text = self._watch_text
            client.bell.set()
        if on and self.sparks.any:
            client.say(self.sparks.message())
        self._awake.set()

    def dismiss(self) -> None:
        """Have all pages leave."""
        self.dismissing = True
        for client in self.clients:
            client.bell.set()

    async def close(self) -> None:
        """End the work; the store is the caller's."""
        tasks = [task for task in (self._running, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._running = None
        for thread in (self._thread, self._past_thread):
            thread.shutdown(wait=True, cancel_futures=True)
        self.engine.desk.close()

    def _ask(self, spec: ViewSpec, slot: Slot, client: Client) -> None:
        if spec.end_ns is None:
            self._wish(Snap(slot.key))
            return
        task = asyncio.create_task(self._send_past(spec, slot, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _wish(self, wish: Wish) -> None:
        self._wishes.append(wish)
        self._awake.set()

    async def _send_past(self, spec: ViewSpec, slot: Slot, client: Client) -> None:
        """Render a view of the past and give it to the slot that asked, as long as it still does.

        What fails is told, and tried again after ever longer waits: a busy store is there in the end.
        """
        said, wait_s = "", PAST_AGAIN_S
        while True:
            async with self._past_turn:
                if client.slots.get(slot.number) is not slot or not slot.needs_snapshot:
                    return
                try:
                    kept = self._past.get(spec)
                    own = kept is not None and kept[0] == slot.key
                    data = kept[1] if kept and own else await self._render(spec, slot.key)
                    break
                except OfiError as error:
                    message = str(error)
                except Exception:
                    _log.exception("past view failed", market=str(spec.market))
                    message = "This view cannot be shown: the server failed; its log says why."
            if message != said:
                said = message
                client.say({"type": "error", "id": slot.number, "message": message})
            await self.clock.sleep(wait_s)
            wait_s = min(PAST_AGAIN_MOST_S, wait_s * 2)
        if client.slots.get(slot.number) is slot and slot.offer(Frame(slot.key, data, True, False)):
            client.bell.set()

    async def _render(self, spec: ViewSpec, key: str) -> bytes:
        data: bytes = await self._in(
            self._past_thread, render_past, self.store, self.store.markets, key, spec
        )
        # The end of it may still be coming in; only what is well over is kept.
        if spec.end_ns is not None and spec.end_ns < self.clock.now_ns() - 10 * NS_PER_S:
            self._past[spec] = key, data
            while len(self._past) > PAST_KEPT:
                self._past.popitem(last=False)
        return data

    async def _run(self) -> None:
        while True:
            if not self.watchers and not any(c.watching for c in self.clients):
                self._awake.clear()
                if not self._wishes:
                    await self._awake.wait()
            wishes, self._wishes = self._wishes, []
            try:
                out = await self._in(self._thread, self.engine.tick, wishes)
                for item in out:
                    self._deliver(item)
                await self._tell_watchers()
            except Exception:
                _log.exception("hub failed")
                await self.clock.sleep(1.0)
            self._retire()
            await self._pause()

    async def _pause(self) -> None:
        """Until it is time to look at the store again, or somebody wishes something."""
        self._awake.clear()
        if self._wishes:
            return
        parts = [asyncio.ensure_future(w) for w in (self.clock.sleep(POLL_S), self._awake.wait())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()

    def _deliver(self, item: Frame | Trouble) -> None:
        watchers = self.watchers.get(item.key, {})
        self.frames += isinstance(item, Frame)
        for slot, client in watchers.items():
            if isinstance(item, Trouble):
                client.say(_said(item, slot.number))
                slot.needs_snapshot = True
            elif slot.offer(item) or (not slot.frames and slot.needs_snapshot):
                client.bell.set()

    def _retire(self) -> None:
        """Forget the views that nobody has watched for some seconds."""
        now_ns = self.clock.now_ns()
        # In order of leaving: the oldest go first when there are many.
        many = list(self.idle_since_ns)[: max(0, len(self.idle_since_ns) - IDLE_KEPT)]
        gone = {k for k, since in self.idle_since_ns.items() if now_ns - since >= LINGER_NS}
        gone.update(many)
        for key in gone:
            del self.idle_since_ns[key], self.watchers[key]
            self._wishes.append(Close(key))
        if gone:
            self.keys = {spec: key for spec, key in self.keys.items() if key not in gone}

    async def _tell_watchers(self) -> None:
        now_ns = self.clock.now_ns()
        watched = any(client.watching for client in self.clients)
        if not watched or now_ns - self._watch_ns < NS_PER_S:
            return
        self._watch_ns = now_ns
        try:
            rows = await self._in(self._thread, self.engine.watch_rows)
            message: dict[str, Any] = {"type": "watch", "markets": rows}
            self.sparks.note(rows)
            self._fill_sparks([MarketId.parse(row["market"]) for row in rows], now_ns)
        except StoreError as error:
            message = {"type": "watch", "markets": [], "message": str(error)}
        self._watch_text = orjson.dumps(message).decode()
        for client in self.clients:
            if client.watching:
                client.watch_text = self._watch_text  # the latest wins
                client.bell.set()

    def _fill_sparks(self, markets: list[MarketId], now_ns: int) -> None:
        """Begin to read the half hour of markets that are new; beside the views, not before them."""
        if self._filling is not None and not self._filling.done():
            return
        lacking = self.sparks.missing(markets, SPARKS_AT_ONCE)
        if not lacking:
            return
        self._filling = asyncio.create_task(self._read_sparks(lacking, now_ns))
        self._tasks.add(self._filling)
        self._filling.add_done_callback(self._tasks.discard)

    async def _read_sparks(self, markets: list[MarketId], now_ns: int) -> None:
        try:
            found = await self._in(self._past_thread, read_lines, self.store, markets, now_ns)
        except StoreError as error:
            _log.warning("history of scores unknown", reason=str(error))
            return
        self.sparks.add(found)
        message = self.sparks.message(markets)
        for client in self.clients:
            if client.watching:
                client.say(message)

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(thread, work, *args)


def _said(trouble: Trouble, number: int) -> dict[str, Any]:
    """Why a view is not shown, as docs/live.md has it."""
    text = {"id": number, "message": trouble.message}
    if trouble.progress is None:
        return {"type": "error"} | text
    return {"type": "starting"} | text | {"progress": trouble.progress}
