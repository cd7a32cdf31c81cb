"""Status, gaps and times of a market as the page and the API say them."""

from typing import Any, Final

from app.clock import NS_PER_MS, NS_PER_S
from app.compute.windows import END
from app.records import UNKNOWN_NS, Batch, Fidelity, State, Stream
from app.web.clocks import SILENT_NS
from app.web.history import History

_UNKNOWN: Final = {
    "since_ms": None, "received_ms": None, "age_ms": None, "fidelity_best": "none",
    "fidelity_depth": "none", "period_ms": None, "latency_p50_ms": None, "latency_p99_ms": None,
    "updates_per_s": None, "gaps": None, "rejected": None, "attempts": None, "next_try_ms": None,
    "has_trades": None, "begun_ms": None, "linked_ms": None, "booked_ms": None, "book_levels": None,
    "progress": 0.0,
}  # fmt: skip
# Of a venue that does not answer they would be old.
_RATES: Final = ("latency_p50_ms", "latency_p99_ms", "updates_per_s")
MAX_GAPS: Final = 500  # in a frame, the newest


def _ms(time_ns: int) -> float | None:
    return None if time_ns == UNKNOWN_NS else time_ns / NS_PER_MS


def _number(value: float, digits: int = 3) -> float | None:
    return None if value < 0 else round(float(value), digits)


def _fidelity(value: int) -> str:
    return "none" if value < 0 else Fidelity(value).name.lower()


def text_of(field: Any) -> str:
    """A text field of a record; cut in the middle of a letter it loses that letter."""
    return bytes(field).decode("utf-8", "ignore")


def status_json(history: History, now_ns: int) -> dict[str, Any]:
    """The `status` of docs/live.md."""
    state = history.state(now_ns)
    if not len(history.status):
        detail = "No collector has reported on this market yet."
        return {"state": "starting", "detail": detail, **_UNKNOWN}
    record = history.status[0]
    since, detail = int(record["since_ns"]), text_of(record["detail"])
    written = int(record["time_ns"])
    if now_ns - written > SILENT_NS:
        since, age_s = written, (now_ns - written) // NS_PER_S
        detail = f"The collector has not reported for {age_s} s; is it running?"
    received = history.last_good_ns()
    return {
        "state": state.name.lower(),
        "detail": detail,
        "since_ms": _ms(since),
        "received_ms": _ms(received),
        "age_ms": max(0.0, (now_ns - received) / NS_PER_MS) if received else None,
        "fidelity_best": _fidelity(int(record["fidelity_best"])),
        "fidelity_depth": _fidelity(int(record["fidelity_depth"])),
        "period_ms": float(record["period_ms"]),
        **{name: _number(record[name]) if state is not State.DOWN else None for name in _RATES},
        "gaps": int(record["gaps"]),
        "rejected": int(record["rejected"]),
        "attempts": int(record["attempts"]),
        "next_try_ms": _ms(int(record["next_try_ns"])),
        "has_trades": bool(record["has_trades"]),
        "begun_ms": _ms(int(record["begun_ns"])),
        "linked_ms": _ms(int(record["linked_ns"])),
        "booked_ms": _ms(int(record["booked_ns"])),
        "book_levels": int(record["book_levels"]) or None,
        "progress": start_progress(record),
    }


def start_progress(record: Any) -> float:
    """How far a market has started, 0..1: a quarter each for taken up, connected, first book, live."""
    names = ("begun_ns", "linked_ns", "booked_ns")
    reached = max((k for k, n in enumerate(names, 1) if int(record[n]) != UNKNOWN_NS), default=0)
    if reached == len(names) and State(int(record["state"])) is not State.STARTING:
        return 1.0
    return reached / 4


def gaps_json(history: History, start_ns: int, now_ns: int) -> list[dict[str, Any]]:
    """Gaps since a time, and an open one for each stream that is not known at present."""
    gaps = history.gaps.view
    result = [_gap(gap) for gap in gaps[gaps["to_ns"] > start_ns][-MAX_GAPS:]]
    begins_ns = history.open_ns(now_ns)
    if min(begins_ns) < END and history.has_rows:
        status = status_json(history, now_ns)
        live = status["state"] == "live"  # by its book; a gap is no less one
        open_gap = {
            "to_ms": None,
            "reason": "resyncing" if live else status["state"],
            "detail": "" if live else status["detail"],
            "missed": None,
        }
        result += [
            {"stream": stream.name.lower(), "from_ms": begins_ns[stream] / NS_PER_MS, **open_gap}
            for stream in Stream
            if begins_ns[stream] < END
        ]
    return result


def _gap(gap: Batch) -> dict[str, Any]:
    missed = int(gap["missed"])
    return {
        "stream": Stream(int(gap["stream"])).name.lower(),
        "from_ms": int(gap["from_ns"]) / NS_PER_MS,
        "to_ms": int(gap["to_ns"]) / NS_PER_MS,
        "reason": text_of(gap["reason"]),
        "detail": text_of(gap["detail"]),
        "missed": None if missed < 0 else missed,
    }


def times_json(history: History, now_ns: int) -> dict[str, float | None]:
    """The parts of the latency of the newest row."""
    if not len(history.last_row):
        return dict.fromkeys(("venue_ms", "received_ms", "row_ms", "read_ms", "sent_ms"))
    row = history.last_row[0]
    received, latency = int(row["received_ns"]), int(row["latency_us"])
    return {
        "venue_ms": (received - latency * 1000) / NS_PER_MS if latency >= 0 else None,
        "received_ms": received / NS_PER_MS,
        "row_ms": int(row["end_ns"]) / NS_PER_MS,
        "read_ms": history.read_ns / NS_PER_MS,
        "sent_ms": now_ns / NS_PER_MS,
    }
