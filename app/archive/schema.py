"""The tables of an archive. Prices are ticks, sizes lots, times ns since the epoch, as elsewhere.

A plain reader (DuckDB, polars, pandas) needs no more than this file: see `docs/archive.md`.
"""

from typing import Any, Final

import pyarrow as pa

VERSION: Final = 1
KEYFRAME_NS: Final = 60_000_000_000

# One row per changed price; `size` is what rests there after the change, 0 when nothing does. A state
# in which nothing visible changed has one row with side 0. Where `key` is set, the rows of the state
# are the whole book: forget what was before. Row groups begin with a keyframe.
DEPTH: Final = pa.schema(
    [
        ("time_ns", pa.int64()),
        ("venue_ms", pa.int64()),  # −1 unknown
        ("update_id", pa.int64()),  # −1 unknown
        ("state", pa.int64()),  # number of the state in its segment
        ("epoch", pa.int32()),  # states of one epoch follow each other without a gap
        ("known", pa.int32()),  # levels of each side that the source lets us know
        ("key", pa.bool_()),
        ("side", pa.int8()),  # +1 bid, −1 ask, 0 nothing changed
        ("price", pa.int64()),
        ("size", pa.int64()),
    ]
)

BEST: Final = pa.schema(
    [
        ("time_ns", pa.int64()),
        ("venue_ms", pa.int64()),
        ("update_id", pa.int64()),
        ("state", pa.int64()),
        ("epoch", pa.int32()),
        ("bid", pa.int64()),  # records.NO_BID when the side is empty
        ("bid_size", pa.int64()),
        ("ask", pa.int64()),
        ("ask_size", pa.int64()),
    ]
)

TRADES: Final = pa.schema(
    [
        ("time_ns", pa.int64()),
        ("venue_ms", pa.int64()),
        ("price", pa.int64()),
        ("size", pa.int64()),
        ("side", pa.int8()),  # +1 the taker bought, −1 sold, 0 unknown
        ("inferred", pa.bool_()),
        ("id", pa.int64()),
        ("state", pa.int64()),  # the state that the trade caused, where the source says so; else −1
    ]
)

GAPS: Final = pa.schema(
    [
        ("stream", pa.string()),  # best, depth, trades
        ("from_ns", pa.int64()),
        ("to_ns", pa.int64()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("missed", pa.int64()),
    ]
)

TABLES: Final[dict[str, Any]] = {"depth": DEPTH, "best": BEST, "trades": TRADES, "gaps": GAPS}

_DELTA: Final = "DELTA_BINARY_PACKED"
_ALWAYS_DICTIONARY: Final = {"side", "epoch", "known", "stream", "reason", "detail"}


def writer_options(table: str) -> dict[str, Any]:
    """How a table is encoded: deltas for what grows, dictionaries for what repeats, zstd over it."""
    schema = TABLES[table]
    dictionary = [f.name for f in schema if f.name in _ALWAYS_DICTIONARY]
    if table != "gaps":
        # Sizes repeat (round lots, the same order moving): a dictionary halves them.
        dictionary.append("size" if table != "best" else "bid_size")
    if table == "best":
        dictionary.append("ask_size")
    delta = {
        f.name: _DELTA for f in schema if f.type == pa.int64() and f.name not in set(dictionary)
    }
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": dictionary,
        "column_encoding": delta or None,
        "write_statistics": True,
    }
