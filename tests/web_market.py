"""Made-up markets in a store, for the tests of the web side: a past with one outage, and what goes on.

It writes the records of `app/records.py` and nothing else: the metrics themselves are proved elsewhere.

Run it to have a store that lives: `python -m tests.web_market --store DIR --markets 2 --minutes 30`.
"""

import argparse
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from app.records import QUALITY_NS, ROW_NS, Batch, State, Stream, empty
from app.store.base import HotStore
from tests.web_walk import MARKETS, Walk, walks

COLUMN_NS = 250 * NS_PER_MS
RECENT_NS = 600 * NS_PER_S


@dataclass(frozen=True)
class Outage:
    """A stretch without data."""

    from_ns: int
    to_ns: int
    reason: str = "sequence"


def gap_records(outage: Outage) -> Batch:
    """An outage as gaps of every stream."""
    gaps = empty("gap", len(Stream))
    for k, stream in enumerate(Stream):
        gaps[k] = (
            stream, outage.from_ns, outage.to_ns, 7, outage.reason.encode(),
            b"3 updates are missing after 48210; the book was fetched anew.",
        )  # fmt: skip
    return gaps


def _each_second(walk: Walk, at_ns: int) -> dict[str, Batch]:
    """What is told at a whole second, and at each tenth of them."""
    if at_ns % NS_PER_S:
        return {}
    summary = walk.summary(at_ns)
    told = {
        "column_1s": walk.column(at_ns),
        "summary": summary,
        "bucket": walk.bucket(summary),
    }
    if not walk.prints:
        summary["vpin"] = summary["vpin_percentile"] = -1.0
        del told["bucket"]
    return told if at_ns % QUALITY_NS else told | {"quality": walk.quality(at_ns)}


def history(
    walk: Walk, start_ns: int, end_ns: int, outages: tuple[Outage, ...] = ()
) -> Iterator[dict[str, Batch]]:
    """Everything between two times, about ten seconds a batch; the last ones made are remembered."""
    if not _LONG_NS <= end_ns - start_ns <= _LONGEST_NS:
        yield from _made(walk, start_ns, end_ns, outages)
        return
    out = tuple((o.from_ns - start_ns, o.to_ns - start_ns, o.reason) for o in outages)
    key = pickle.dumps(vars(walk)), start_ns % QUALITY_NS, end_ns - start_ns, out
    if key not in _REMEMBERED:
        while len(_REMEMBERED) >= _MOST:
            del _REMEMBERED[next(iter(_REMEMBERED))]
        batches = list(_made(walk, start_ns, end_ns, outages))
        _REMEMBERED[key] = start_ns, batches, pickle.dumps(vars(walk))
    made_ns, batches, after = _REMEMBERED[key]
    vars(walk).update(pickle.loads(after))
    for one in batches:
        yield {kind: _later(batch, start_ns - made_ns) for kind, batch in one.items()}


# To make a past takes longer than most tests that begin with it. Those with a time of their own have the same
# one, those with a market that lives the same one at another time.
_LONG_NS, _LONGEST_NS, _MOST = 60 * NS_PER_S, 900 * NS_PER_S, 6
_REMEMBERED: dict[tuple[object, ...], tuple[int, list[dict[str, Batch]], bytes]] = {}


def _later(batch: Batch, by_ns: int) -> Batch:
    """Records as they would be at another time."""
    if not by_ns:
        return batch
    moved = batch.copy()
    units = {"_ns": by_ns, "venue_ms": by_ns // NS_PER_MS}
    for name in moved.dtype.names:
        for ending, by in units.items():
            if name.endswith(ending):
                moved[name] += np.where(moved[name] > 0, by, 0)  # others are not known
    return moved


def _made(
    walk: Walk, start_ns: int, end_ns: int, outages: tuple[Outage, ...]
) -> Iterator[dict[str, Batch]]:
    pending: dict[str, list[Batch]] = {}
    done = set()
    for k, t in enumerate(range(start_ns + ROW_NS, end_ns + 1, ROW_NS)):
        out = any(o.from_ns < t <= o.to_ns for o in outages)
        records = walk.step(t)
        records = {} if out else records
        for o in outages:
            if o.to_ns < t and o not in done:
                done.add(o)
                records["gap"] = gap_records(o)
        if not out:
            column_times = range(
                t - ROW_NS - (t - ROW_NS) % COLUMN_NS + COLUMN_NS, t + 1, COLUMN_NS
            )
            for at in column_times:
                if at > end_ns - RECENT_NS:
                    pending.setdefault("column", []).append(walk.column(at))
                for kind, batch in _each_second(walk, at).items():
                    pending.setdefault(kind, []).append(batch)
        for kind, batch in records.items():
            pending.setdefault(kind, []).append(batch)
        if (k + 1) % 100 == 0:
            yield {kind: _joined(parts) for kind, parts in pending.items()}
            pending = {}
    last = {kind: _joined(parts) for kind, parts in pending.items()}
    yield last | {"status": walk.status(end_ns, start_ns), "book": walk.book(end_ns)}


def _joined(parts: list[Batch]) -> Batch:
    """Records of one kind; numpy compares the fields of every part with those of the others."""
    return np.frombuffer(bytearray().join(parts), parts[0].dtype)


def fill(store: HotStore, walk: Walk, minutes: float, end_ns: int, *, outage: bool = True) -> None:
    """Put a market with so much history before `end_ns` into a store, an outage in its middle."""
    end_ns -= end_ns % NS_PER_S
    start_ns = end_ns - int(minutes * 60) * NS_PER_S
    middle = (start_ns + end_ns) // 2
    middle -= middle % ROW_NS
    outages = (Outage(middle, middle + 25 * NS_PER_S),) if outage and minutes >= 2 else ()
    store.put_market(walk.market)
    for batches in history(walk, start_ns, end_ns, outages):
        if batches:
            store.append(walk.market.id, batches)


def advance(store: HotStore, walk: Walk, from_ns: int, to_ns: int, since_ns: int) -> None:
    """What a collector would append for `(from, to]`, both multiples of a row; ends live."""
    for batches in history(walk, from_ns, to_ns):
        status = walk.status(to_ns, since_ns)
        store.append(walk.market.id, dict(batches) | {"status": status, "book": walk.book(to_ns)})


def live(store: HotStore, walks: list[Walk], clock: Clock, faults: bool, stop_ns: int) -> None:
    """Keep appending in real time every 100 ms until `stop_ns`."""
    began = clock.now_ns()
    last = began - began % ROW_NS
    out_from = 0
    while last < stop_ns:
        now = clock.now_ns()
        now -= now % ROW_NS
        if now == last:
            time.sleep(0.02)
            continue
        phase = (now - began) // NS_PER_S % 120
        broken = faults and 90 <= phase < 100
        for walk in walks:
            if broken:
                out_from = out_from or last
                text = "Three updates were missing; the book is fetched anew."
                status = walk.status(now, out_from, State.RESYNCING, text)
                store.append(walk.market.id, {"status": status})
                continue
            if out_from:
                store.append(walk.market.id, {"gap": gap_records(Outage(out_from, now))})
            advance(store, walk, last, now, began)
        out_from = out_from if broken else 0
        last = now


def main() -> None:
    """Fill a store and keep it alive until interrupted."""
    from app.store import open_store

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="directory of the store")
    parser.add_argument("--markets", type=int, default=2, choices=range(1, len(MARKETS) + 1))
    parser.add_argument("--minutes", type=float, default=30.0, help="history to begin with")
    parser.add_argument("--for", type=float, default=3600.0, dest="seconds", help="then stop")
    parser.add_argument("--faults", action="store_true", help="10 s of resyncing every 2 min")
    args = parser.parse_args()
    clock = SystemClock()
    store = open_store(f"sqlite:///{args.store.resolve()}", clock=clock)
    moving = walks(args.markets)
    for walk in moving:
        fill(store, walk, args.minutes, clock.now_ns())
        print(f"{walk.market.id}: {args.minutes:g} min of history", flush=True)
    try:
        live(store, moving, clock, args.faults, clock.now_ns() + int(args.seconds * NS_PER_S))
    except KeyboardInterrupt:
        pass
    finally:
        store.close()


if __name__ == "__main__":
    main()
