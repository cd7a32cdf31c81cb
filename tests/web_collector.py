"""What a collector does, without an exchange: writes made-up markets in real time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.clock import SystemClock
from app.records import ROW_NS
from app.store import SqliteStore, open_store
from tests.web_market import Outage, advance, fill, gap_records
from tests.web_walk import Walk, walks


@dataclass
class Collector:
    """A thread that writes what a collector would, in real time."""

    store: SqliteStore
    moving: list[Walk]
    clock: SystemClock = field(default_factory=SystemClock)
    stop: threading.Event = field(default_factory=threading.Event)
    hold: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        began = self.clock.now_ns()
        last = began - began % ROW_NS
        lost = 0
        while not self.stop.wait(0.03):
            now = self.clock.now_ns() // ROW_NS * ROW_NS
            if now == last:
                continue
            for walk in self.moving:
                if self.hold.is_set():
                    lost = lost or last
                    for t in range(last + ROW_NS, now + 1, ROW_NS):
                        walk.step(t)
                    continue
                if lost:
                    gap = gap_records(Outage(lost, last, "collector restarted"))
                    self.store.append(walk.market.id, {"gap": gap})
                advance(self.store, walk, last, now, began)
            lost = lost if self.hold.is_set() else 0
            last = now


@contextmanager
def collecting(directory: Path, minutes: float = 8, seed: int = 3) -> Iterator[Collector]:
    """Two markets with some history, alive while the block runs."""
    clock = SystemClock()
    store = open_store(f"sqlite:///{directory}", clock=clock)
    moving = walks(2, seed)
    for walk in moving:
        fill(store, walk, minutes, clock.now_ns())
    writer = Collector(store, moving, clock)
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop.set()
        thread.join()
        store.close()
