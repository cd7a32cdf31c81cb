"""Rolling windows as differences of running sums: one row serves every window and depth.

Rows are summed once, in integers, when they arrive; the sum over any `(t − W, t]` is then two look-ups
(docs/metrics.md, Flow). A value is blank where its window touches a gap or reaches back before the
first data: nothing is filled.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.records import BANDS_BPS, LEVELS, NO_ASK, NO_BID, NO_MICRO, ROW, ROW_NS, Batch

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BEGINNING: Final = -(2**62)
END: Final = 2**62

# Columns of the running sums.
OFI_BEST: Final = 0
BOUGHT: Final = 1
SOLD: Final = 2
STATES_BEST: Final = 3
STATES_DEPTH: Final = 4
TRADES: Final = 5
ADDED: Final = slice(6, 8)  # ΣA of bid and ask
REMOVED: Final = slice(8, 10)
MATCHED: Final = slice(10, 12)  # of what was removed, what takers traded there
OFI: Final = slice(12, 12 + LEVELS)
SIZE: Final = slice(
    12 + LEVELS, 12 + 2 * LEVELS
)  # Σ (bid + ask size) of the depth states, by level
UNKNOWN: Final = slice(12 + 2 * LEVELS, 12 + 3 * LEVELS)  # rows in which the level was not known
BIDS: Final = slice(12 + 3 * LEVELS, 12 + 4 * LEVELS)  # the bid's part of SIZE
QUEUE: Final = 12 + 4 * LEVELS  # Σ (bid + ask size) of the best states
SUMS: Final = QUEUE + 1

# The values at a row's end that the page shows.
QUOTES: Final = np.dtype(
    [
        ("bid", "<i8"),
        ("ask", "<i8"),
        ("bid_size", "<i8"),
        ("ask_size", "<i8"),
        ("near_bid", "<i8"),  # depth within 10 bps of mid; −1 beyond the visible book
        ("near_ask", "<i8"),
        ("micro", "<i8"),  # micro-price, 1 / MICRO_UNITS ticks; or NO_MICRO
        ("bands", "<i8", (2, len(BANDS_BPS))),  # the same within each of BANDS_BPS, bid and ask
    ]
)


@dataclass(frozen=True)
class RowSums:
    """Rows as running sums. Entry 0 is the beginning: it ends where the first row starts.

    Attributes:
        end_ns: `[n]` end of each row, strictly increasing.
        sums: `[n, SUMS]` lots and counts through each row.
        quotes: `[n]` QUOTES at each row's end, ticks and lots.
    """

    end_ns: Ints
    sums: Ints
    quotes: Batch

    def index(self, t_ns: Ints) -> Ints:
        """The last entry that ends at or before each time; 0 for times before the beginning."""
        return np.maximum(np.searchsorted(self.end_ns, t_ns, side="right") - 1, 0)

    def between(self, start_ns: Ints, end_ns: Ints) -> Ints:
        """Sums over `(start, end]`, `[k, SUMS]`."""
        return self.sums[self.index(end_ns)] - self.sums[self.index(start_ns)]


def increments(rows: Batch, first: Ints | None = None) -> Ints:
    """What each row adds to the running sums, `[n, SUMS]`; or what each stretch of rows adds that begins at
    one of the indices `first`, which rise from 0."""
    known = np.where(rows["states_depth"] > 0, rows["levels"], LEVELS)
    unknown = np.arange(LEVELS) >= known[:, None]
    if first is not None:
        unknown = np.add.reduceat(unknown, first, axis=0, dtype=np.int64)
        rows = _added(rows, first)
    out = np.empty((len(rows), SUMS), np.int64)
    for column, name in (
        (OFI_BEST, "ofi_best"),
        (BOUGHT, "bought"),
        (SOLD, "sold"),
        (STATES_BEST, "states_best"),
        (STATES_DEPTH, "states_depth"),
        (TRADES, "trades"),
        (QUEUE, "queue_sum"),
    ):
        out[:, column] = rows[name]
    for part, name in ((ADDED, "added"), (REMOVED, "removed"), (MATCHED, "matched")):
        out[:, part.start], out[:, part.start + 1] = rows[f"{name}_bid"], rows[f"{name}_ask"]
    out[:, OFI] = rows["ofi"]
    out[:, SIZE] = rows["bid_size_sum"] + rows["ask_size_sum"]
    out[:, BIDS] = rows["bid_size_sum"]
    out[:, UNKNOWN] = unknown
    return out


def _added(rows: Batch, first: Ints) -> Batch:
    """Stretches of rows, each as one row with the sums of its numbers."""
    total = rows[first]
    offsets = {name: field[1] for name, field in (ROW.fields or {}).items()}
    # All fields of a type at once: one by one each row would come from memory as often.
    for dtype, size, begin, end in (
        ("<i4", 4, "states_best", "ofi_best"),
        ("<i8", 8, "ofi_best", "bid"),
    ):
        fields = slice(offsets[begin] // size, offsets[end] // size)
        whole, parts = (batch.view(dtype).reshape(len(batch), -1) for batch in (rows, total))
        parts[:, fields] = np.add.reduceat(whole[:, fields], first, axis=0)
    return total


def quotes_of(rows: Batch, band: int) -> Batch:
    """The QUOTES of rows; `band` is the index of 10 bps in `records.BANDS_BPS`."""
    out = np.empty(len(rows), QUOTES)
    for name in ("bid", "ask", "bid_size", "ask_size", "micro"):
        out[name] = rows[name]
    out["near_bid"], out["near_ask"] = rows["band_bid"][:, band], rows["band_ask"][:, band]
    out["bands"][:, 0], out["bands"][:, 1] = rows["band_bid"], rows["band_ask"]
    return out


def nothing(end_ns: int) -> Batch:
    """QUOTES of the beginning: nothing known."""
    out = np.zeros(1, QUOTES)
    out["bid"], out["ask"], out["near_bid"], out["near_ask"] = NO_BID, NO_ASK, -1, -1
    out["micro"] = NO_MICRO
    out["bands"] = -1
    return out


@dataclass(frozen=True)
class Intervals:
    """Disjoint open stretches of time, sorted; `from_ns` and `to_ns` are `[k]`."""

    from_ns: Ints
    to_ns: Ints

    def touch(self, start_ns: Ints, end_ns: Ints) -> Mask:
        """Which of the windows `(start, end]` share time with a stretch."""
        first = np.searchsorted(self.to_ns, start_ns, side="right")  # the first that ends after
        padded = np.append(self.from_ns, END)
        return np.asarray(padded[first] < end_ns)

    def overlap_ns(self, start_ns: int, end_ns: int) -> int:
        """How much of a window lies in the stretches."""
        shared = np.minimum(self.to_ns, end_ns) - np.maximum(self.from_ns, start_ns)
        return int(np.maximum(shared, 0).sum())

    def coverage(self, start_ns: int, end_ns: int) -> float:
        """Share of a window outside the stretches (docs/metrics.md, Coverage), 0..1."""
        return 1.0 - self.overlap_ns(start_ns, end_ns) / max(1, end_ns - start_ns)


def merged(from_ns: Ints, to_ns: Ints) -> Intervals:
    """Stretches that may overlap, as disjoint ones."""
    keep = to_ns > from_ns
    from_ns, to_ns = from_ns[keep], to_ns[keep]
    order = np.argsort(from_ns, kind="stable")
    start, reach = from_ns[order], np.maximum.accumulate(to_ns[order])
    first = np.flatnonzero(np.append(True, start[1:] > reach[:-1])) if len(start) else order
    last = np.append(first[1:] - 1, len(start) - 1) if len(start) else order
    return Intervals(start[first].astype(np.int64), reach[last].astype(np.int64))


def rolling_best(rows: RowSums, gaps: Intervals, t_ns: Ints, window_ns: int) -> Floats:
    """Rolling `OFI_best` over `(t − W, t]` in lots (docs/metrics.md); NaN where it is not full."""
    edge = t_ns // ROW_NS * ROW_NS
    total = (
        rows.sums[rows.index(edge), OFI_BEST] - rows.sums[rows.index(edge - window_ns), OFI_BEST]
    )
    return np.where(gaps.touch(edge - window_ns, t_ns), np.nan, total)


@dataclass(frozen=True)
class Depth:
    """Rolling figures of the depth stream; NaN where unknown or not full.

    Attributes:
        ofi: `[k, M]` rolling OFI by level, lots.
        normalised: `[k, M]` the same divided by `Q` (docs/metrics.md, Depth-normalised OFI).
        multi: `[k]` the plain sum over the levels that are known, lots.
    """

    ofi: Floats
    normalised: Floats
    multi: Floats


def rolling_depth(rows: RowSums, gaps: Intervals, t_ns: Ints, window_ns: int, levels: int) -> Depth:
    """Rolling OFI of the best `levels` levels over `(t − W, t]` (docs/metrics.md, OFI by level)."""
    edge = t_ns // ROW_NS * ROW_NS
    total = rows.between(edge - window_ns, edge)
    ofi = total[:, OFI][:, :levels].astype(np.float64)
    size = total[:, SIZE][:, :levels]
    known = total[:, UNKNOWN][:, :levels] == 0
    known &= ~gaps.touch(edge - window_ns, t_ns)[:, None]
    count = known.sum(axis=1)
    ofi[~known] = np.nan
    states = total[:, STATES_DEPTH] * count
    depth = np.where(known, size, 0).sum(axis=1) / 2.0
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(states > 0, depth / states, np.nan)
        normalised = np.where((mean > 0)[:, None], ofi / mean[:, None], np.nan)
    multi = np.where(count > 0, np.where(known, total[:, OFI][:, :levels], 0).sum(axis=1), np.nan)
    return Depth(ofi, normalised, multi)


def taker_flow(rows: RowSums, gaps: Intervals, start_ns: Ints, end_ns: Ints) -> Floats:
    """Taker volume bought − sold in `(start, end]`, lots; NaN where a gap of the trades is touched."""
    total = rows.between(start_ns, end_ns)
    return np.where(gaps.touch(start_ns, end_ns), np.nan, total[:, BOUGHT] - total[:, SOLD])


def quotes_at(rows: RowSums, gaps: Intervals, t_ns: Ints) -> tuple[Floats, Floats]:
    """Best bid and ask in ticks at each time; NaN where the book is not known or a side is empty.

    A quote stands until the next one, but not across the beginning of a gap.
    """
    index = rows.index(t_ns)
    since = rows.end_ns[index]
    known = ~gaps.touch(np.minimum(since, t_ns), t_ns) & ~gaps.touch(t_ns - 1, t_ns)
    bid, ask = rows.quotes["bid"][index], rows.quotes["ask"][index]
    return (
        np.where(known & (bid > NO_BID), bid, np.nan),
        np.where(known & (ask < NO_ASK), ask, np.nan),
    )
