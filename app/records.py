"""The packed records that cross the rooms: feeds → compute → store → web.

Each kind is one numpy structured dtype, little-endian, without pickle: a batch is an array of it, its
encoding is its bytes. Prices are ticks, sizes lots (`Market.grid` turns them into decimals), times
nanoseconds since the epoch. A field that has no value carries the sentinel said beside it, never NaN.
"""

from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Raised whenever a dtype below changes; a store written with another version is set aside.
VERSION: Final = 3

LEVELS: Final = 20  # depth levels of a feature row
COLUMN_EXACT: Final = 50  # best levels of a heatmap column that are kept as they are
COLUMN_BUCKETS: Final = 150  # further depth per side, in buckets of one basis point
COLUMN_LEVELS: Final = COLUMN_EXACT + COLUMN_BUCKETS
BOOK_LEVELS: Final = 200
MAX_INCIDENTS: Final = 32  # of a market
QUALITY_NS: Final = 10_000_000_000
BANDS_BPS: Final = (5.0, 10.0, 25.0, 50.0)
ROW_NS: Final = 100_000_000

# An absent level has size 0 and these prices: below every bid, above every ask.
NO_BID: Final = -(2**62)
NO_ASK: Final = 2**62
UNKNOWN_NS: Final = 0  # a time that is not known or not over
MICRO_UNITS: Final = 10_000  # of a tick: the unit of a micro-price
NO_MID: Final = -(2**62)  # of twice a mid: the book was not valid, or nothing is known
NO_MICRO: Final = -(2**62)  # it is not available: the weighted mid stands in, under its own name


class Stream(IntEnum):
    """The streams of a market (docs/metrics.md)."""

    BEST = 0
    DEPTH = 1
    TRADES = 2


STREAMS: Final = len(Stream)


class State(IntEnum):
    """What the feed of a market is doing."""

    STARTING = 0
    LIVE = 1
    STALE = 2
    RESYNCING = 3
    THROTTLED = 4
    DOWN = 5


class Fidelity(IntEnum):
    """How much of what happened a stream can show (docs/metrics.md, Fidelity)."""

    EVENT = 0
    BATCHED = 1
    SAMPLED = 2


# Why a stream lost its thread, as gap records and counters name it.
REASONS: Final = (
    "start",
    "reconnect",
    "sequence",
    "checksum",
    "crossed",
    "empty",
    "unsorted",
    "non-finite",
    "snapshot",
    "ring full",
    "collector restarted",
    "machine slept",
    "grid changed",
    "throttled",
    "handler",
    "store",
    "audit",
)

ROW: Final = np.dtype(
    [
        ("start_ns", "<i8"),  # (start, end], whole multiples of ROW_NS
        ("end_ns", "<i8"),
        ("states_best", "<i4"),  # book states received in the row
        ("states_depth", "<i4"),
        (
            "levels",
            "<i4",
        ),  # depth levels known in both states of every event; the rest is unknown
        ("trades", "<i4"),
        ("ofi_best", "<i8"),  # Σe of the best stream (docs/metrics.md, Event contribution)
        ("ofi", "<i8", (LEVELS,)),  # Σe of the depth stream, by level
        ("added_bid", "<i8"),  # ΣA and ΣR of the best stream (docs/metrics.md, Decomposition)
        ("removed_bid", "<i8"),
        ("added_ask", "<i8"),
        ("removed_ask", "<i8"),
        ("matched_bid", "<i8"),  # of what was removed, what takers sold and bought at its price
        ("matched_ask", "<i8"),
        ("bid_size_sum", "<i8", (LEVELS,)),  # over the row's depth states, for exact means
        ("ask_size_sum", "<i8", (LEVELS,)),
        ("queue_sum", "<i8"),  # Σ(bid + ask size) over the row's best states
        ("bought", "<i8"),  # taker volume
        ("sold", "<i8"),
        ("bid", "<i8"),  # last best quotes; NO_BID, NO_ASK when a side is empty
        ("ask", "<i8"),
        ("bid_size", "<i8"),
        ("ask_size", "<i8"),
        ("micro", "<i8"),  # micro-price of these quotes, 1 / MICRO_UNITS ticks; or NO_MICRO
        ("band_bid", "<i8", (len(BANDS_BPS),)),  # depth within BANDS_BPS of mid; −1 beyond the book
        ("band_ask", "<i8", (len(BANDS_BPS),)),
        ("latency_us", "<i8"),  # receive minus venue time of the row's last state; −1 unknown
        ("received_ns", "<i8"),  # receive time of the row's last state
    ]
)

COLUMN: Final = np.dtype(
    [
        ("time_ns", "<i8"),
        ("base", "<i8"),  # ticks that the offsets count from: the mid, rounded down
        ("reach_bps", "<f4"),  # how far the visible book goes from mid, the nearer side
        ("bids", "<i4"),  # entries in use on each side
        ("asks", "<i4"),
        ("exact_bids", "<i4"),  # of these so many are single levels; the rest are buckets
        ("exact_asks", "<i4"),
        ("bucket", "<i4"),  # width of a bucket in ticks: one basis point of the mid, at least 1
        ("bid_offset", "<i4", (COLUMN_LEVELS,)),  # level, or lowest tick of the bucket, from base
        ("ask_offset", "<i4", (COLUMN_LEVELS,)),
        ("bid_size", "<f4", (COLUMN_LEVELS,)),  # lots
        ("ask_size", "<f4", (COLUMN_LEVELS,)),
    ]
)

TRADE: Final = np.dtype(
    [
        ("time_ns", "<i8"),  # received
        ("venue_ms", "<i8"),  # −1 unknown
        ("price", "<i8"),
        ("size", "<i8"),
        ("side", "<i1"),  # +1 the taker bought, −1 sold
        ("inferred", "?"),  # side by Lee–Ready, not from the venue
        ("id", "<i8"),  # the venue's, where it is a number below 2^53; else −1
        ("twice_mid", "<i8"),  # half ticks: the mid `trade_lag` before the print; or NO_MID
    ]
)

GAP: Final = np.dtype(
    [
        ("stream", "<i4"),
        ("from_ns", "<i8"),  # the last good state
        ("to_ns", "<i8"),  # the first good state after it
        ("missed", "<i8"),  # updates known to be missing; −1 unknown
        ("reason", "S24"),
        ("detail", "S160"),
    ]
)

STATUS: Final = np.dtype(
    [
        ("time_ns", "<i8"),
        ("since_ns", "<i8"),  # when the state began
        ("state", "<i4"),
        ("fidelity_best", "<i4"),  # −1: the venue has no best stream
        ("fidelity_depth", "<i4"),
        ("period_ms", "<f4"),  # of a batched or sampled depth stream; 0 for events
        ("received_ns", "<i8"),  # the last message of the market
        ("latency_p50_ms", "<f4"),  # −1 unknown
        ("latency_p99_ms", "<f4"),
        ("updates_per_s", "<f4"),
        ("states_best", "<i8"),  # counters since the collector started
        ("states_depth", "<i8"),
        ("trades", "<i8"),
        ("gaps", "<i8"),
        ("rejected", "<i8"),
        ("attempts", "<i4"),  # reconnects tried in this outage
        ("next_try_ns", "<i8"),  # UNKNOWN_NS when none is planned
        ("has_trades", "?"),
        ("detail", "S240"),  # one sentence for the user
        ("begun_ns", "<i8"),  # since when the collector has counted
        ("linked_ns", "<i8"),  # when the connection was up; UNKNOWN_NS before
        ("booked_ns", "<i8"),  # when the first book came; UNKNOWN_NS before
        ("book_levels", "<i4"),  # of the deeper side of that book
        ("clock_offset_ms", "<f8"),  # how far the venue's clock is ahead of ours, where corrected
        ("clock_off", "?"),  # whether latencies are corrected by it
        ("audits", "<i8"),  # comparisons with the venue's book by request
        ("audit_differences", "<i8"),
        ("audits_unanswered", "<i8"),
        ("gaps_by", "<i4", (len(REASONS),)),  # since `begun_ns`, in the order of REASONS
        ("rejected_by", "<i4", (len(REASONS),)),
        ("stream_state", "<i4", (STREAMS,)),  # in the order of Stream; −1: there is no such stream
        ("stream_since_ns", "<i8", (STREAMS,)),
        ("stream_received_ns", "<i8", (STREAMS,)),  # what was taken last; UNKNOWN_NS before it
        ("stream_p50_ms", "<f4", (STREAMS,)),  # latency; −1 unknown
        ("stream_p99_ms", "<f4", (STREAMS,)),
        ("stream_per_s", "<f4", (STREAMS,)),  # states or trades
        ("stream_gaps", "<i4", (STREAMS,)),
    ]
)

QUALITY: Final = np.dtype(
    [
        ("time_ns", "<i8"),  # end of the QUALITY_NS that it tells of
        ("state", "<i4"),
        ("p50_ms", "<f4", (STREAMS,)),  # latency; −1 unknown
        ("p99_ms", "<f4", (STREAMS,)),
        ("per_s", "<f4", (STREAMS,)),
    ]
)

INCIDENT: Final = np.dtype(
    [
        ("from_ns", "<i8"),  # the last good state
        ("to_ns", "<i8"),  # UNKNOWN_NS while it goes on
        ("state", "<i4"),  # the gravest State on the way
        ("streams", "<i4"),  # bit 1 << Stream of each that was affected
        ("times", "<i4"),  # so many of the same kind, shortly after each other
        ("missed", "<i8"),  # updates known to be missing; −1 unknown
        ("attempts", "<i4"),
        ("next_try_ns", "<i8"),  # UNKNOWN_NS when none is planned
        ("reason", "S24"),
        ("detail", "S200"),
    ]
)

INCIDENTS: Final = np.dtype(
    [
        ("time_ns", "<i8"),
        ("count", "<i4"),  # entries in use, oldest first
        ("left_out", "<i4"),  # of the last hour, for want of room
        ("list", INCIDENT, (MAX_INCIDENTS,)),
    ]
)

BOOK: Final = np.dtype(
    [
        ("time_ns", "<i8"),
        ("venue_ms", "<i8"),
        ("update_id", "<i8"),  # −1 unknown
        ("bids", "<i4"),
        ("asks", "<i4"),
        ("bid_price", "<i8", (BOOK_LEVELS,)),
        ("bid_size", "<i8", (BOOK_LEVELS,)),
        ("ask_price", "<i8", (BOOK_LEVELS,)),
        ("ask_size", "<i8", (BOOK_LEVELS,)),
    ]
)

SUMMARY: Final = np.dtype(
    [
        ("time_ns", "<i8"),
        ("state", "<i4"),
        ("bid", "<i8"),
        ("ask", "<i8"),
        ("ofi", "<i8"),  # best, default window; lots
        ("score", "<f4"),  # standard score; the sentinel NO_SCORE before 5 min
        ("percentile", "<f4"),  # 0..1; −1 not available
        ("queue_imbalance", "<f4"),  # −1..1; −2 not available
        ("band_bid", "<i8"),  # depth within 10 bps; −1 beyond the book
        ("band_ask", "<i8"),
        ("change", "<f4"),  # of mid over 15 min, as a share; NO_SCORE not available
        ("vpin", "<f8"),  # 0..1 as of the last full bucket; −1 not available
        ("vpin_percentile", "<f8"),  # of the 24 h before, 0..1; −1 not available
        ("micro", "<i8"),  # as of the last row
        ("explained", "<f8"),  # R² of 10 s moves of mid on their OFI_best; −1 not available
        ("explained_n", "<i4"),  # bins that it rests on
        ("trade_lag_ms", "<i4"),  # of prints behind quotes; −1 while nothing was matched
    ]
)
NO_SCORE: Final = -1e9

BUCKET: Final = np.dtype(
    [
        ("end_ns", "<i8"),  # a full bucket of VPIN: when it was filled
        ("volume", "<i8"),  # lots
        ("bought", "<i8"),
        ("sold", "<i8"),
        ("vpin", "<f8"),  # of the fifty that end with it, 0..1; −1 not available
        ("percentile", "<f8"),  # of the 24 h before, 0..1; −1 not available
    ]
)

KINDS: Final[dict[str, np.dtype[Any]]] = {
    "row": ROW,
    "column": COLUMN,  # every 250 ms, kept for ten minutes
    "column_1s": COLUMN,  # every second, kept as long as rows
    "trade": TRADE,
    "bucket": BUCKET,  # kept for a day at least
    "gap": GAP,
    "status": STATUS,
    "book": BOOK,
    "summary": SUMMARY,
    "quality": QUALITY,  # every ten seconds
    "incidents": INCIDENTS,
}
# Of these only the newest record matters; the store keeps no history.
LATEST_ONLY: Final = frozenset({"status", "book", "incidents"})
# The field that orders a kind in time.
TIME_FIELD: Final = dict.fromkeys(KINDS, "time_ns") | {
    "row": "end_ns",
    "gap": "to_ns",
    "bucket": "end_ns",
}

Batch = NDArray[np.void]


def empty(kind: str, n: int = 0) -> Batch:
    """`n` zeroed records of a kind."""
    return np.zeros(n, dtype=KINDS[kind])


def decode(kind: str, data: bytes | memoryview) -> Batch:
    """Bytes of the store back to records, without a copy; read-only.

    Raises:
        ValueError: the length is not a whole number of records.
    """
    return np.frombuffer(data, dtype=KINDS[kind])
