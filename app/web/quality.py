"""Data quality of a market as the page and the API say it: states, latencies, counts, coverage, incidents."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_MS, NS_PER_S
from app.market import Market, MarketId
from app.records import QUALITY_NS, REASONS, UNKNOWN_NS, Batch, Fidelity, State, Stream, empty
from app.store.base import HotStore
from app.web.asof import incidents_at
from app.web.clocks import SILENT_NS, CollectorClocks
from app.web.history import History
from app.web.spec import QUALITY, ViewSpec
from app.web.status import text_of

RECENT_NS: Final = 900 * NS_PER_S  # coverage and gaps are told of so long, and of the look-back
LOOKBACK_NS: Final = 1800 * NS_PER_S
MOST_INCIDENTS: Final = 200  # of all markets, in one answer
_FOREVER_NS: Final = 2**62
Part = tuple[dict[str, Any], dict[str, NDArray[Any]]]
_BAD: Final = (State.STALE, State.RESYNCING, State.THROTTLED, State.DOWN)


@dataclass(frozen=True)
class Times:
    """How times are written: `/live` has milliseconds, the API nanoseconds as text."""

    suffix: str

    def __call__(self, name: str, time_ns: int) -> dict[str, Any]:
        """A named time; null where it is not known."""
        if time_ns == UNKNOWN_NS:
            return {f"{name}_{self.suffix}": None}
        value = time_ns / NS_PER_MS if self.suffix == "ms" else str(time_ns)
        return {f"{name}_{self.suffix}": value}


LIVE: Final = Times("ms")
API: Final = Times("ns")


def quality_json(history: History, now_ns: int, lookback_ns: int, times: Times) -> dict[str, Any]:
    """The `quality` of docs/live.md, of one market.

    Args:
        history: the market, reaching back over the look-back; its rows may be absent.
        now_ns: the present.
        lookback_ns: the longer of the two stretches that are told of.
        times: how times are written.
    """
    market = str(history.market.id)
    state = history.state(now_ns).name.lower()
    if not len(history.status):
        return {"market": market, "state": state, "streams": [], "incidents": [], "left_out": 0}
    record = history.status[0]
    silent = now_ns - int(record["time_ns"]) > SILENT_NS
    return {
        "market": market,
        "state": state,
        "detail": "" if silent else text_of(record["detail"]),
        **times("since", int(record["time_ns"] if silent else record["since_ns"])),
        **times("begun", int(record["begun_ns"])),
        "lookback_s": lookback_ns // NS_PER_S,
        "clock_off": bool(record["clock_off"]),
        "clock_offset_ms": round(float(record["clock_offset_ms"]), 3),
        "streams": [_stream(history, s, now_ns, lookback_ns, times) for s in Stream],
        "gaps": _by_reason(record["gaps_by"]),
        "rejected": _by_reason(record["rejected_by"]),
        "audits": int(record["audits"]),
        "audit_differences": int(record["audit_differences"]),
        "audits_unanswered": int(record["audits_unanswered"]),
        "incidents": incidents_json(history.incidents, history.status, now_ns, times),
        "left_out": int(history.incidents["left_out"][0]) if len(history.incidents) else 0,
    }


def _by_reason(counts: Iterable[int]) -> dict[str, int]:
    """Counts that are not zero, by reason."""
    return {name: int(n) for name, n in zip(REASONS, counts, strict=True) if n}


def _fidelity(record: Any, stream: Stream) -> str:
    if stream is Stream.TRADES:
        return "event"
    value = int(record["fidelity_best" if stream is Stream.BEST else "fidelity_depth"])
    return "none" if value < 0 else Fidelity(value).name.lower()


def _stream(
    history: History, stream: Stream, now_ns: int, lookback_ns: int, times: Times
) -> dict[str, Any]:
    record = history.status[0]
    named: dict[str, Any] = {"stream": stream.name.lower()}
    state, received = int(record["stream_state"][stream]), int(record["stream_received_ns"][stream])
    if state < 0:
        return named | {"state": "none"}
    silent = history.state(now_ns) is State.DOWN
    known = getattr(history.known(now_ns), stream.name.lower())
    own = history.gaps.view
    own = own[own["stream"] == stream]
    figures: dict[str, Any] = {}
    for name, length_ns in (("15min", RECENT_NS), ("lookback", lookback_ns)):
        recent = own[own["to_ns"] > now_ns - length_ns]
        longest = int((recent["to_ns"] - recent["from_ns"]).max()) if len(recent) else 0
        figures |= {
            f"coverage_{name}": round(known.coverage(now_ns - length_ns, now_ns), 6),
            f"gaps_{name}": len(recent),
            f"longest_gap_{name}_ms": longest / NS_PER_MS,
        }
    return {
        **named,
        "state": "down" if silent else State(state).name.lower(),
        **times("since", int(record["stream_since_ns"][stream])),
        **times("received", received),
        "age_ms": max(0.0, (now_ns - received) / NS_PER_MS) if received else None,
        "fidelity": _fidelity(record, stream),
        "period_ms": 0.0 if stream is not Stream.DEPTH else float(record["period_ms"]),
        "latency_p50_ms": _figure(record["stream_p50_ms"][stream], not silent),
        "latency_p99_ms": _figure(record["stream_p99_ms"][stream], not silent),
        "updates_per_s": _figure(record["stream_per_s"][stream], not silent),
        "gaps": int(record["stream_gaps"][stream]),
        "reasons": _reasons(own[own["to_ns"] > now_ns - lookback_ns]),
        **figures,
    }


def _figure(value: float, known: bool) -> float | None:
    return round(float(value), 3) if known and value >= 0 else None


def _reasons(gaps: Batch) -> dict[str, int]:
    found, counts = np.unique(gaps["reason"], return_counts=True)
    return {text_of(name): int(n) for name, n in zip(found, counts, strict=True)}


def incidents_json(record: Batch, status: Batch, now_ns: int, times: Times) -> list[dict[str, Any]]:
    """The incidents of a market, newest first; with what the collector itself cannot tell of."""
    entries = record[-1]["list"][: int(record[-1]["count"])] if len(record) else []
    found = [_incident(entry, times) for entry in entries]
    if len(status):
        last = status[-1]
        written, state = int(last["time_ns"]), State(int(last["state"]))
        told = any(not int(entry["to_ns"]) for entry in entries)
        if now_ns - written > SILENT_NS:
            detail = "The collector has not reported since; is it running?"
            found.append(_made(written, State.DOWN, "collector", detail, 0, times))
        elif state in _BAD and not told:
            since, detail = int(last["since_ns"]), text_of(last["detail"])
            made = _made(since, state, "", detail, int(last["attempts"]), times)
            found.append(made | times("next_try", int(last["next_try_ns"])))
    return found[::-1]


def _made(
    from_ns: int, state: State, reason: str, detail: str, attempts: int, times: Times
) -> dict[str, Any]:
    return {
        **times("from", from_ns),
        **times("to", UNKNOWN_NS),
        "state": state.name.lower(),
        "streams": [s.name.lower() for s in Stream],
        "times": 1,
        "missed": None,
        "attempts": attempts,
        **times("next_try", UNKNOWN_NS),
        "reason": reason,
        "detail": detail,
    }


def _incident(entry: Any, times: Times) -> dict[str, Any]:
    missed, bits = int(entry["missed"]), int(entry["streams"])
    return {
        **times("from", int(entry["from_ns"])),
        **times("to", int(entry["to_ns"])),
        "state": State(int(entry["state"])).name.lower(),
        "streams": [s.name.lower() for s in Stream if bits >> s & 1],
        "times": int(entry["times"]),
        "missed": missed if missed >= 0 else None,
        "attempts": int(entry["attempts"]),
        **times("next_try", int(entry["next_try_ns"])),
        "reason": text_of(entry["reason"]),
        "detail": text_of(entry["detail"]),
    }


def quality_part(
    history: History, spec: ViewSpec, now_ns: int, end_ns: int, everywhere: list[dict[str, Any]]
) -> Part:
    """What a view of the tab gets once a second: fields of the header, and arrays over the times shown.

    Nothing for views of other tabs. `everywhere` are the incidents of all markets.
    """
    if spec.tab != QUALITY:
        return {}, {}
    own = quality_json(history, now_ns, spec.lookback_ns, LIVE)
    arrays = quality_arrays(history, end_ns - spec.range_ns, end_ns)
    return {"quality": own, "everywhere": everywhere}, arrays


def quality_arrays(history: History, start_ns: int, end_ns: int) -> dict[str, NDArray[Any]]:
    """Latency and rate through time: `q_t` [n], and `q_p50`, `q_p99`, `q_rate` [n, streams]; NaN unknown."""
    view = history.quality.view
    view = view[(view["time_ns"] > start_ns) & (view["time_ns"] <= end_ns)]
    arrays: dict[str, NDArray[Any]] = {"q_t": view["time_ns"] / NS_PER_MS}
    for name, part in (("q_p50", "p50_ms"), ("q_p99", "p99_ms"), ("q_rate", "per_s")):
        values = view[part].astype(np.float32)
        arrays[name] = np.where(values < 0, np.float32(np.nan), values)
    return arrays


def lean_history(store: HotStore, market: Market, now_ns: int, lookback_ns: int) -> History:
    """What `quality_json` needs of a market, without its rows.

    Raises:
        StoreError: the store failed.
    """
    history = History(market)
    start_ns = now_ns - max(lookback_ns, RECENT_NS)
    latest = store.read_since(market.id, {"status": 0, "incidents": 0}).batches
    batches = {k: b for k, b in latest.items() if len(b)}
    for kind in ("gap", "quality"):
        found = store.window(market.id, kind, start_ns, _FOREVER_NS)
        if len(found):
            batches[kind] = found
    history.ingest(batches, now_ns)
    history.begins_ns = _first_row_ns(store, history, start_ns, now_ns)
    return history


def _first_row_ns(store: HotStore, history: History, start_ns: int, now_ns: int) -> int:
    """When the first row since a time began, looked for where the ten-second records begin."""
    rows = store.window(history.market.id, "row", start_ns, start_ns + 2 * QUALITY_NS)
    if len(rows):
        return int(rows["start_ns"][0])
    told = history.quality.view["time_ns"]
    begun = int(history.status["begun_ns"][0]) if len(history.status) else now_ns
    guess = int(told[0]) if len(told) else begun
    since = max(start_ns, guess - 2 * QUALITY_NS)
    rows = store.window(history.market.id, "row", since, max(guess, since) + QUALITY_NS)
    return int(rows["start_ns"][0]) if len(rows) else guess


@dataclass
class IncidentBoard:
    """The incidents of all markets; reads what is new, keeps the last of each."""

    store: HotStore
    clocks: CollectorClocks = field(default_factory=CollectorClocks)
    _cursors: dict[MarketId, dict[str, int]] = field(default_factory=dict)
    _records: dict[MarketId, dict[str, Batch]] = field(default_factory=dict)

    def rows(
        self, markets: Mapping[MarketId, Market], now_ns: int, times: Times
    ) -> list[dict[str, Any]]:
        """Open ones first, then the newest; each names its market. At most `MOST_INCIDENTS`.

        Raises:
            StoreError: the store failed.
        """
        found: list[dict[str, Any]] = []
        for market_id in markets:
            cursors = self._cursors.get(market_id, {"incidents": 0, "status": 0})
            news = self.store.read_since(market_id, cursors)
            self._cursors[market_id] = dict(news.cursors)
            kept = self._records.setdefault(market_id, {})
            kept.update({kind: batch.copy() for kind, batch in news.batches.items()})
            incidents = kept.get("incidents", empty("incidents"))
            status = kept.get("status", empty("status"))
            if len(status):
                self.clocks.saw(market_id, "status", int(status["time_ns"][-1]), now_ns)
            at_ns = self.clocks.now_ns(market_id, now_ns)
            of_market = incidents_json(incidents, status, at_ns, times)
            found += [{"market": str(market_id), **one} for one in of_market]
        return _newest(found, times)


def past_incidents(
    store: HotStore, markets: Iterable[MarketId], end_ns: int, times: Times
) -> list[dict[str, Any]]:
    """The incidents of all markets as of a time, as `IncidentBoard.rows` gives those of now.

    Raises:
        StoreError: the store failed.
    """
    found: list[dict[str, Any]] = []
    for market_id in markets:
        record = store.read_since(market_id, {"incidents": 0}).batches.get("incidents")
        if record is not None:
            then = incidents_at(record[-1:], end_ns)
            of_market = incidents_json(then, empty("status"), end_ns, times)
            found += [{"market": str(market_id), **one} for one in of_market]
    return _newest(found, times)


def _newest(found: list[dict[str, Any]], times: Times) -> list[dict[str, Any]]:
    """Open ones first, then by when they began; not too many."""
    name = f"to_{times.suffix}", f"from_{times.suffix}"
    found.sort(key=lambda one: (one[name[0]] is None, int(one[name[1]])), reverse=True)
    return found[:MOST_INCIDENTS]
