"""What the newest records of a market would have said at a time gone by.

Of a market's status and incidents only the newest is stored; its rates, latencies and state are, every ten
seconds. What was not kept is not known: it is left out, never taken from the present.
"""

from typing import Final

import numpy as np

from app.records import QUALITY_NS, UNKNOWN_NS, Batch, State

_STILL_NS: Final = 2 * QUALITY_NS  # an older record does not tell of a time


def status_at(status: Batch, quality: Batch, end_ns: int) -> Batch:
    """A market's status `[1]` as of a time.

    Args:
        status: the newest, `[1]`; as it is where it was written before that time.
        quality: the records of ten seconds up to that time, oldest first, `[n]`.
        end_ns: the time.
    """
    if int(status["time_ns"][0]) <= end_ns:
        return status
    then = status.copy()
    then["time_ns"] = end_ns
    for name in ("since_ns", "received_ns", "next_try_ns", "stream_since_ns", "stream_received_ns"):
        then[name] = UNKNOWN_NS
    then["attempts"], then["detail"] = 0, b""
    for name in ("latency_p50_ms", "latency_p99_ms", "updates_per_s"):
        then[name] = -1
    told = quality[-1:] if len(quality) and end_ns - quality["time_ns"][-1] < _STILL_NS else None
    # Where nothing was told, rows and gaps alone say what was: the market counts as live between gaps.
    state = State.LIVE if told is None else State(int(told["state"][0]))
    then["state"] = state
    then["stream_state"] = np.where(then["stream_state"] < 0, -1, state)
    for name in ("p50_ms", "p99_ms", "per_s"):
        then[f"stream_{name}"] = -1.0 if told is None else told[name]
    return then


def incidents_at(incidents: Batch, end_ns: int) -> Batch:
    """The list of incidents `[1]` as of a time: those that had begun, open where they ended later."""
    then = incidents.copy()
    entries = then["list"][0, : int(then["count"][0])]
    begun = entries[entries["from_ns"] <= end_ns]
    begun["to_ns"][begun["to_ns"] > end_ns] = UNKNOWN_NS
    then["list"][0, : len(begun)] = begun
    then["count"] = len(begun)
    return then
