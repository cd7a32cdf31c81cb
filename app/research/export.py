"""`ofi export`: data of the archive in the venue's decimals, for tools that know nothing of grids."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from app.archive import Reader, StateBatch
from app.archive.schema import GAPS
from app.errors import InputError
from app.research.units import in_units


@dataclass(frozen=True)
class Plan:
    """What an export writes."""

    schema: Any
    tables: Iterator[Any]


def plan(reader: Reader, what: str, levels: int) -> Plan:
    """The export of one kind of data.

    Raises:
        InputError: the kind is unknown, or the archive has none of it.
    """
    kinds: dict[str, Callable[[], Plan]] = {
        "best": lambda: _states(reader, 1, reader.best()),
        "depth": lambda: _depth(reader, levels),
        "trades": lambda: _trades(reader),
        "gaps": lambda: _gaps(reader),
    }
    if what not in kinds:
        raise InputError(f"--what was {what!r}; it is one of {', '.join(kinds)}.")
    if what not in ("gaps", "best") and not reader.has(what):
        raise InputError(f"The archive has no {what} of {reader.market.id}.")
    return kinds[what]()


def _depth(reader: Reader, levels: int) -> Plan:
    levels = min(levels, reader.levels)
    return _states(reader, levels, reader.depth(levels))


def _states(reader: Reader, levels: int, batches: Iterator[StateBatch]) -> Plan:
    names = ["time_ns", "venue_ms", "update_id", "epoch"]
    numbers = [
        f"{side}{kind}_{m}"
        for m in range(1, levels + 1)
        for side in ("bid", "ask")
        for kind in ("", "_size")
    ]
    if levels == 1:
        numbers = ["bid", "bid_size", "ask", "ask_size"]
    schema = pa.schema([(n, pa.int64()) for n in names] + [(n, pa.float64()) for n in numbers])
    grid = reader.market.grid

    def tables() -> Iterator[Any]:
        for b in batches:
            columns = [pa.array(getattr(b, n)) for n in names]
            for m in range(levels):
                for side in (0, 1):
                    absent = b.size[:, side, m] == 0
                    price = in_units(np.where(absent, 0, b.price[:, side, m]), grid.tick)
                    size = in_units(b.size[:, side, m], grid.lot)
                    columns += [pa.array(price, mask=absent), pa.array(size)]
            yield pa.table(columns, schema=schema)

    return Plan(schema, tables())


def _trades(reader: Reader) -> Plan:
    schema = pa.schema(
        [
            ("time_ns", pa.int64()),
            ("venue_ms", pa.int64()),
            ("price", pa.float64()),
            ("size", pa.float64()),
            ("side", pa.int8()),
            ("inferred", pa.bool_()),
            ("id", pa.int64()),
        ]
    )
    grid = reader.market.grid

    def tables() -> Iterator[Any]:
        for b in reader.trades():
            price, size = in_units(b.price, grid.tick), in_units(b.size, grid.lot)
            columns = (b.time_ns, b.venue_ms, price, size, b.side, b.inferred, b.id)
            yield pa.table([pa.array(c) for c in columns], schema=schema)

    return Plan(schema, tables())


def _gaps(reader: Reader) -> Plan:
    rows = [
        {
            "stream": g.stream.name.lower(),
            "from_ns": g.from_ns,
            "to_ns": g.to_ns,
            "reason": g.reason,
            "detail": g.detail,
            "missed": g.missed,
        }
        for g in reader.gaps()
    ]
    return Plan(GAPS, iter([pa.Table.from_pylist(rows, schema=GAPS)]))
