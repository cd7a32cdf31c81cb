"""Feature rows for the API: as stored, or summed exactly into bins; one table, three formats."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from app.clock import NS_PER_S
from app.compute import book, windows
from app.compute.liquidity import depth_imbalance
from app.compute.view import in_unit, micro_in_unit
from app.compute.windows import Intervals, Ints, RowSums
from app.market import Market
from app.records import BANDS_BPS, NO_ASK, NO_BID, NO_MICRO, Batch
from app.store.base import HotStore
from app.web.history import History

MAX_ROWS: Final = 10_000
MAX_RANGE_NS: Final = 24 * 3600 * NS_PER_S
_CHUNK_NS: Final = 300 * NS_PER_S
_BEFORE_NS: Final = 60 * NS_PER_S  # how far back the quotes at the first edge are looked for
_TIMES: Final = ("start", "end")

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Query:
    """What to read: `(start, end]`, in bins or, where `bin_ns` is 0, the stored rows."""

    start_ns: int
    end_ns: int
    bin_ns: int
    levels: int
    limit: int
    newest: bool = False  # of more stored rows than the limit: the newest, not the oldest


@dataclass(frozen=True)
class Table:
    """Columns of equal length; `next_ns` is where to go on when the limit cut it off."""

    columns: Columns
    next_ns: int | None

    def __len__(self) -> int:
        return len(self.columns["end"])


def features(store: HotStore, market: Market, query: Query) -> Table:
    """The table of a query; columns as `ofi compute` names them, in the venue's units.

    Raises:
        StoreError: the store failed.
    """
    rows, end_ns = _read(store, market, query)
    history = History(market)
    since = query.start_ns - _BEFORE_NS
    gaps = store.window(market.id, "gap", since, windows.END)
    status = store.read_since(market.id, {"status": 0}).batches
    history.ingest({k: b for k, b in {"gap": gaps, **status}.items() if len(b)}, end_ns)
    if len(rows):
        history.ingest({"row": rows}, end_ns)
    if query.bin_ns:
        return _binned(history, query, end_ns)
    inside = rows[rows["end_ns"] > query.start_ns]
    if query.newest:
        return Table(_stored(history, inside[-query.limit :], query.levels), None)
    cut = inside[: query.limit]
    values = _stored(history, cut, query.levels)
    return Table(values, int(cut["end_ns"][-1]) if len(cut) < len(inside) else None)


def _read(store: HotStore, market: Market, query: Query) -> tuple[Batch, int]:
    """Rows from somewhat before the start; stops when the limit is sure to be reached."""
    end_ns, enough = query.end_ns, query.limit + 1
    if query.bin_ns:
        first = query.start_ns // query.bin_ns
        end_ns = min(end_ns, (first + query.limit) * query.bin_ns)
    parts: list[Batch] = []
    for t in _starts(query.start_ns - _BEFORE_NS, end_ns):
        rows = store.window(market.id, "row", t, min(t + _CHUNK_NS, end_ns))
        parts.append(rows)
        enough -= int((rows["end_ns"] > query.start_ns).sum())
        if enough <= 0 and not query.bin_ns and not query.newest:
            break
    return np.concatenate(parts), end_ns


def _starts(start_ns: int, end_ns: int) -> Iterator[int]:
    return iter(range(start_ns, max(end_ns, start_ns + 1), _CHUNK_NS))


def _stored(history: History, rows: Batch, levels: int) -> Columns:
    starts, ends = rows["start_ns"].astype(np.int64), rows["end_ns"].astype(np.int64)
    sums = windows.increments(rows)
    quotes = windows.quotes_of(rows, 0)
    return _table(history, starts, ends, sums, quotes, levels)


def _binned(history: History, query: Query, end_ns: int) -> Table:
    first, last = query.start_ns // query.bin_ns, -(-end_ns // query.bin_ns)
    edges = np.arange(first, max(last, first) + 1, dtype=np.int64) * query.bin_ns
    next_ns = int(edges[-1]) if edges[-1] < query.end_ns else None
    if not history.has_rows:
        none = np.zeros(0, np.int64)
        nothing = windows.nothing(0)[:0]
        empty = np.zeros((0, windows.SUMS), np.int64)
        return Table(_table(history, none, none, empty, nothing, query.levels), None)
    rows = history.rows
    # Bins before the first data, and after the last, would be rows of nothing.
    edges = edges[np.append(edges[1:] > rows.end_ns[0], True)]
    starts, ends = edges[:-1], edges[1:]
    quotes = _standing(rows, history.known(end_ns).best, ends)
    return Table(
        _table(history, starts, ends, rows.between(starts, ends), quotes, query.levels), next_ns
    )


def _standing(rows: RowSums, gaps: Intervals, t_ns: Ints) -> Batch:
    """The quotes at each time; those of the beginning where they are not known."""
    quotes = rows.quotes[rows.index(t_ns)].copy()
    bid, ask = windows.quotes_at(rows, gaps, t_ns)
    quotes[np.isnan(bid) & np.isnan(ask)] = windows.nothing(0)
    return quotes


def _table(
    history: History, starts: Ints, ends: Ints, sums: Ints, quotes: Batch, levels: int
) -> Columns:
    tick, lot = history.market.grid.tick, history.market.grid.lot
    bid, ask = quotes["bid"].astype(np.float64), quotes["ask"].astype(np.float64)
    both = (quotes["bid"] > NO_BID) & (quotes["ask"] < NO_ASK)
    bid, ask = np.where(both, bid, np.nan), np.where(both, ask, np.nan)
    sizes = [np.where(both, quotes[name], np.nan) for name in ("bid_size", "ask_size")]
    unknown = sums[:, windows.UNKNOWN][:, :levels] > 0
    ofi = np.where(unknown, np.nan, sums[:, windows.OFI][:, :levels])
    bought, sold = sums[:, windows.BOUGHT], sums[:, windows.SOLD]
    imbalance = book.queue_imbalance(quotes["bid_size"], quotes["ask_size"])
    spread = book.spread(quotes["bid"], quotes["ask"], float(tick))
    bands = np.where(both[:, None, None] & (quotes["bands"] >= 0), quotes["bands"], np.nan)
    weighted = book.weighted_mid(
        quotes["bid"], quotes["bid_size"], quotes["ask"], quotes["ask_size"]
    )
    return {
        "start": starts,
        "end": ends,
        "states_best": sums[:, windows.STATES_BEST],
        "states_depth": sums[:, windows.STATES_DEPTH],
        "coverage": _coverage(history, starts, ends),
        "bid": in_unit(bid, tick),
        "ask": in_unit(ask, tick),
        "mid": in_unit(bid + ask, tick / 2),
        "spread": in_unit(spread.ticks, tick),
        "bid_size": in_unit(sizes[0], lot),
        "ask_size": in_unit(sizes[1], lot),
        "queue_imbalance": np.where(both, imbalance, np.nan),
        "depth_imbalance": depth_imbalance(sums, np.zeros(len(ends), np.bool_), levels),
        "spread_bps": spread.bps,
        "weighted_mid": in_unit(weighted, tick),
        "micro_price": micro_in_unit(np.where(both, quotes["micro"], NO_MICRO), tick),
        **{
            f"depth_{side}_{bps:g}bps": in_unit(bands[:, k, n], lot)
            for k, side in enumerate(("bid", "ask"))
            for n, bps in enumerate(BANDS_BPS)
        },
        "ofi_best": in_unit(sums[:, windows.OFI_BEST], lot),
        **{f"ofi_{m + 1}": in_unit(ofi[:, m], lot) for m in range(levels)},
        "ofi_multilevel": in_unit(ofi.sum(axis=1), lot) if levels else np.full(len(ends), np.nan),
        "trades": sums[:, windows.TRADES],
        "bought": in_unit(bought, lot),
        "sold": in_unit(sold, lot),
        "trade_imbalance": in_unit(bought - sold, lot),
        **{name: in_unit(lots, lot) for name, lots in _parts(sums).items()},
    }


def _parts(sums: Ints) -> dict[str, Ints]:
    """The decomposition of OFI_best (docs/metrics.md), lots; the names are those of `ofi compute`."""
    added, removed = sums[:, windows.ADDED], sums[:, windows.REMOVED]
    matched = sums[:, windows.MATCHED]
    cancelled = removed - matched
    return {
        "limit_bid": added[:, 0],
        "limit_ask": added[:, 1],
        "cancel_bid": cancelled[:, 0],
        "cancel_ask": cancelled[:, 1],
        "market_buy": matched[:, 1],
        "market_sell": matched[:, 0],
        "unmatched_buy": sums[:, windows.BOUGHT] - matched[:, 1],
        "unmatched_sell": sums[:, windows.SOLD] - matched[:, 0],
    }


def _coverage(history: History, starts: Ints, ends: Ints) -> NDArray[np.float64]:
    """The smaller share of best and depth that is known in each interval (docs/metrics.md, Coverage)."""
    if not len(ends):
        return np.zeros(0)
    gaps = history.known(int(ends[-1]))
    both = [_covered(part, starts, ends) for part in (gaps.best, gaps.depth)]
    return np.minimum(*both)


def _covered(gaps: Intervals, starts: Ints, ends: Ints) -> NDArray[np.float64]:
    """`Intervals.coverage` of many windows: the time in gaps up to each edge, and differences."""
    low, high = int(starts[0]), int(ends[-1])
    begin = np.clip(gaps.from_ns, low, high)
    length = np.clip(gaps.to_ns, low, high) - begin
    before = np.append(0, np.cumsum(length))

    def lost(t: Ints) -> Ints:
        index = np.searchsorted(begin, t, side="right")
        last = np.maximum(index - 1, 0)
        if not len(begin):
            return np.zeros(len(t), np.int64)
        inside = np.clip(t - begin[last], 0, length[last])
        return np.where(index > 0, before[last] + inside, 0).astype(np.int64)

    return 1.0 - (lost(ends) - lost(starts)) / (ends - starts)


def to_json(market: Market, table: Table) -> bytes:
    """`{"market", "columns", "rows"}`; times are strings of nanoseconds, what is unknown is null."""
    lists = [
        [str(t) for t in values.tolist()] if name in _TIMES else _plain(values)
        for name, values in table.columns.items()
    ]
    value: dict[str, Any] = {
        "market": str(market.id),
        "columns": list(table.columns),
        "rows": list(zip(*lists, strict=True)),
    }
    if table.next_ns is not None:
        value["next"] = str(table.next_ns)
    return orjson.dumps(value)


def _plain(values: NDArray[Any]) -> list[Any]:
    # orjson writes NaN as null.
    return list(values.tolist())


def to_csv(table: Table) -> bytes:
    """Comma-separated, with a header; unknown is empty."""
    return pd.DataFrame(table.columns).to_csv(index=False, lineterminator="\n").encode()


def to_arrow(market: Market, table: Table) -> bytes:
    """An Arrow IPC stream; unknown is null, the market stands in the schema's metadata."""
    arrays = {
        name: pa.array(values, mask=np.isnan(values) if values.dtype.kind == "f" else None)
        for name, values in table.columns.items()
    }
    data = pa.table(arrays).replace_schema_metadata({"market": str(market.id)})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, data.schema) as writer:
        writer.write_table(data)
    return out.getvalue()


def duration_ns(text: str) -> int | None:
    """`250ms`, `1s`, `5min`, `1h` as nanoseconds; None when it is none of these."""
    units = {"ms": NS_PER_S // 1000, "s": NS_PER_S, "min": 60 * NS_PER_S, "h": 3600 * NS_PER_S}
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = units.get(text[len(number) :])
    known = unit is not None and number.isascii() and number.isdigit() and len(number) <= 9
    return int(number) * unit if known and unit is not None else None
