"""How a history is filled: from the store for the present, for a time gone by, and from its news."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.clock import NS_PER_S
from app.compute.windows import END
from app.market import Market
from app.records import ROW_NS, Batch
from app.store.base import ID_SHIFT, Cursor, HotStore, News
from app.web.asof import incidents_at, status_at
from app.web.history import COLUMNS_NS, History

_FOLLOWED: Final = ("row", "trade", "gap", "status", "column", "summary", "quality", "incidents")
_SUMMARY_NS: Final = 5 * NS_PER_S  # how far back the last summary is looked for
_CHUNK_NS: Final = 600 * NS_PER_S


@dataclass
class Loaded:
    """A history, and where in the store it was left."""

    history: History
    cursors: dict[str, Cursor]
    _joined: bool = False  # whether what loading and following both saw was sorted out

    def news(self, store: HotStore) -> dict[str, Batch]:
        """What the store has got since, for the history to take in.

        Raises:
            StoreError: the store failed.
        """
        news = store.read_since(self.history.market.id, self.cursors)
        self.cursors = dict(news.cursors)
        batches = dict(news.batches) if self._joined else _unseen(news, self.history)
        self._joined = True
        return batches


@dataclass
class Kept:
    """What was loaded, how far back it goes, and by which clock."""

    loaded: Loaded
    reach_ns: int
    fine_ns: int
    behind_ns: int  # how far its collector's clock was behind ours when it was loaded

    @property
    def history(self) -> History:
        """What is held of the market."""
        return self.loaded.history

    def serves(self, market: Market, reach_ns: int, fine_ns: int, behind_ns: int) -> bool:
        """Whether it is this market's, increments included, by this clock, and as long as is needed."""
        same = self.history.market == market and self.behind_ns == behind_ns
        return same and self.reach_ns >= reach_ns and self.fine_ns >= fine_ns


def cursor_at(time_ns: int) -> Cursor:
    """The cursor after which lies everything appended since a time."""
    return max(0, time_ns // 1_000_000) << ID_SHIFT


def load(store: HotStore, market: Market, start_ns: int, fine_ns: int, now_ns: int) -> Loaded:
    """A market's history since a time, to be followed from there.

    Rows older than `fine_ns` are thinned as they come, so that hours need little memory.

    Raises:
        StoreError: the store failed.
    """
    history = History(market)
    cursors = dict.fromkeys(_FOLLOWED, cursor_at(now_ns - 2 * NS_PER_S))
    cursors |= {"status": 0, "incidents": 0}
    cursors["summary"] = cursor_at(now_ns - _SUMMARY_NS)
    head = store.read_since(market.id, cursors)
    latest = ("status", "summary", "incidents")
    history.ingest({kind: head.batches[kind] for kind in latest if kind in head.batches}, now_ns)
    start_ns = _load_gaps(history, store, start_ns)
    for t in range(start_ns, now_ns, _CHUNK_NS):
        end = END if t + _CHUNK_NS >= now_ns else t + _CHUNK_NS
        rows = store.window(market.id, "row", t, end)
        if len(rows):
            history.ingest({"row": rows}, now_ns, fine_ns)
    history.forget(start_ns, fine_ns)
    recent_ns = max(start_ns, now_ns - COLUMNS_NS)
    for kind, since in (("trade", start_ns), ("column", recent_ns), ("quality", start_ns)):
        batch = store.window(market.id, kind, since, END)
        if len(batch):
            history.ingest({kind: batch}, now_ns)
    return Loaded(history, dict(head.cursors))


def _load_gaps(history: History, store: HotStore, start_ns: int) -> int:
    """Take in the gaps; returns the start, or the last change of increments if that is later."""
    gaps = store.window(history.market.id, "gap", start_ns, END)
    if not len(gaps):
        return start_ns
    history.ingest({"gap": gaps}, start_ns)
    regrid = gaps["to_ns"][gaps["reason"] == b"grid changed"]
    # What was stored before is counted in other ticks and lots.
    return max(start_ns, int(regrid.max()) - ROW_NS) if len(regrid) else start_ns


def past(store: HotStore, market: Market, start_ns: int, fine_ns: int, end_ns: int) -> History:
    """A market's history as of a time gone by.

    Raises:
        StoreError: the store failed.
    """
    history = History(market)
    start_ns = _load_gaps(history, store, start_ns)
    for t in range(start_ns, end_ns, _CHUNK_NS):
        rows = store.window(market.id, "row", t, min(t + _CHUNK_NS, end_ns))
        if len(rows):
            history.ingest({"row": rows}, end_ns, fine_ns)
    history.forget(start_ns, fine_ns)
    history.forget_gaps(end_ns)
    summary_ns = end_ns - _SUMMARY_NS
    for kind, since in (
        ("trade", start_ns), ("column", end_ns - COLUMNS_NS), ("summary", summary_ns),
        ("quality", start_ns),
    ):  # fmt: skip
        batch = store.window(market.id, kind, since, end_ns)
        if len(batch):
            history.ingest({kind: batch}, end_ns)
    latest = store.read_since(market.id, {"status": 0, "incidents": 0}).batches
    if "status" in latest:
        then = status_at(latest["status"][-1:], history.quality.view, end_ns)
        history.ingest({"status": then}, end_ns)
    if "incidents" in latest:
        history.ingest({"incidents": incidents_at(latest["incidents"][-1:], end_ns)}, end_ns)
    return history


def _unseen(news: News, history: History) -> dict[str, Batch]:
    """The batches of news without what the history already has: loading and following overlap."""
    batches = dict(news.batches)
    parts = (("trade", history.trades), ("column", history.columns), ("quality", history.quality))
    for kind, held in parts:
        if kind in batches and len(held):
            seen = held.view["time_ns"][-1]
            batches[kind] = batches[kind][batches[kind]["time_ns"] > seen]
    if "gap" in batches and len(history.gaps):
        known = {gap.tobytes() for gap in history.gaps.view}
        keep = np.array([gap.tobytes() not in known for gap in batches["gap"]])
        batches["gap"] = batches["gap"][keep]
    return {kind: batch for kind, batch in batches.items() if len(batch)}
