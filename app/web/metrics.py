"""`/metrics`: what a monitoring system asks of this worker and of the store, for Prometheus to read."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.clock import NS_PER_S, Clock
from app.errors import InputError
from app.market import MarketId
from app.records import REASONS, State, Stream
from app.store.sqlite import SqliteStore
from app.web.clocks import SILENT_NS, CollectorClocks
from app.web.exposition import Family

ROWS_NS: Final = 10 * NS_PER_S
_FAMILIES: Final = (
    ("ofi_market_state", "gauge", "1 for the state that the market is in, 0 for the others."),
    ("ofi_market_age_seconds", "gauge", "Time since the last message of the market."),
    ("ofi_status_age_seconds", "gauge", "Time since its collector reported."),
    ("ofi_stream_state", "gauge", "1 for the state that the stream is in, 0 for the others."),
    (
        "ofi_stream_latency_seconds",
        "gauge",
        "Receive minus venue time, the venue's clock corrected.",
    ),
    ("ofi_stream_updates_per_second", "gauge", "States or trades taken."),
    ("ofi_states_total", "counter", "States or trades taken since the collector started."),
    ("ofi_gaps_total", "counter", "Gaps since the collector started, by reason."),
    ("ofi_rejected_total", "counter", "Rejected messages since the collector started, by reason."),
    ("ofi_audits_total", "counter", "Comparisons of the book with the venue's by request."),
    ("ofi_audit_differences_total", "counter", "Those that differed."),
    ("ofi_audits_unanswered_total", "counter", "Requests for one that brought no book."),
    ("ofi_clock_offset_seconds", "gauge", "How far the venue's clock is ahead, where corrected."),
    ("ofi_incidents_open", "gauge", "Incidents that go on."),
    ("ofi_rows", "gauge", "Feature rows stored of the last 10 s."),
    ("ofi_store_bytes", "gauge", "Size of the market's file."),
    ("ofi_worker_frames_total", "counter", "Frames that this worker made."),
    ("ofi_worker_clients", "gauge", "Pages connected to this worker."),
    ("ofi_worker_views", "gauge", "Views that this worker computes."),
)


@dataclass(frozen=True)
class Worker:
    """What a web worker knows of itself."""

    name: str
    frames: int
    clients: int
    views: int


def idle_worker() -> Worker:
    """A process that serves no pages."""
    return Worker(str(os.getpid()), 0, 0, 0)


@dataclass(frozen=True)
class Metrics:
    """Makes the answer anew at each request."""

    store: SqliteStore
    clock: Clock
    worker: Callable[[], Worker]
    clocks: CollectorClocks = field(default_factory=CollectorClocks)

    def text(self, query: Mapping[str, str]) -> str:
        """All families.

        Raises:
            InputError: a parameter was given.
            StoreError: the store failed.
        """
        if set(query) - {"token"}:
            raise InputError("/metrics takes no parameters.")
        families = {name: Family(name, kind, words) for name, kind, words in _FAMILIES}
        now_ns = self.clock.now_ns()
        sizes = self.store.sizes()
        for market in sorted(self.store.markets()):
            self._market(families, market, now_ns)
            families["ofi_store_bytes"].add(sizes.get(market, 0), {"market": str(market)})
        worker = self.worker()
        for name in ("frames", "clients", "views"):
            total = "_total" if name == "frames" else ""
            value = getattr(worker, name)
            families[f"ofi_worker_{name}{total}"].add(value, {"worker": worker.name})
        return "".join(family.text() for family in families.values())

    def _market(self, families: dict[str, Family], market: MarketId, now_ns: int) -> None:
        named = {"market": str(market)}
        batches = self.store.read_since(market, {"status": 0, "incidents": 0}).batches
        if "status" not in batches:
            return
        status = batches["status"][-1]
        self.clocks.saw(market, "status", int(status["time_ns"]), now_ns)
        now_ns = self.clocks.now_ns(market, now_ns)
        silent = now_ns - int(status["time_ns"]) > SILENT_NS
        state = State.DOWN if silent else State(int(status["state"]))
        rows = self.store.window(market, "row", now_ns - ROWS_NS, now_ns + NS_PER_S)
        received, written = int(status["received_ns"]), int(status["time_ns"])
        for one in State:
            label = named | {"state": one.name.lower()}
            families["ofi_market_state"].add(one is state, label)
        age_s = (now_ns - received) / NS_PER_S if received else float("nan")
        families["ofi_market_age_seconds"].add(age_s, named)
        families["ofi_status_age_seconds"].add((now_ns - written) / NS_PER_S, named)
        families["ofi_rows"].add(len(rows), named)
        for name in ("audits", "audit_differences", "audits_unanswered"):
            families[f"ofi_{name}_total"].add(int(status[name]), named)
        offset_s = float(status["clock_offset_ms"]) / 1000
        families["ofi_clock_offset_seconds"].add(offset_s, named)
        for kind, name in (("gaps_by", "ofi_gaps_total"), ("rejected_by", "ofi_rejected_total")):
            for reason, count in zip(REASONS, status[kind].tolist(), strict=True):
                if count:
                    families[name].add(count, named | {"reason": reason})
        if "incidents" in batches:
            record = batches["incidents"][-1]
            entries = record["list"][: int(record["count"])]
            families["ofi_incidents_open"].add(int((entries["to_ns"] == 0).sum()), named)
        for stream in Stream:
            _stream(families, named | {"stream": stream.name.lower()}, status, stream, silent)


def _stream(
    families: dict[str, Family], named: dict[str, str], status: Any, stream: Stream, silent: bool
) -> None:
    value = int(status["stream_state"][stream])
    if value < 0:
        return
    state = State.DOWN if silent else State(value)
    for one in State:
        families["ofi_stream_state"].add(one is state, named | {"state": one.name.lower()})
    counts = {Stream.BEST: "states_best", Stream.DEPTH: "states_depth", Stream.TRADES: "trades"}
    families["ofi_states_total"].add(int(status[counts[stream]]), named)
    if silent:
        return
    per_s = float(status["stream_per_s"][stream])
    families["ofi_stream_updates_per_second"].add(per_s, named)
    for quantile, part in (("0.5", "stream_p50_ms"), ("0.99", "stream_p99_ms")):
        latency_ms = float(status[part][stream])
        if latency_ms >= 0:
            label = named | {"quantile": quantile}
            families["ofi_stream_latency_seconds"].add(latency_ms / 1000, label)
