"""What the tests of the store share: markets, records that tell whether they are torn, a plain model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import numpy as np

from app import records
from app.clock import FakeClock
from app.market import Grid, Market, MarketId
from app.records import Batch
from app.store import SqliteStore, files, open_store

BTC = MarketId("binance", "BTC/USDT")
ETH = MarketId("kraken", "ETH/USD:USD")
S_NS = 1_000_000_000


def market(market_id: MarketId = BTC, tick: str = "0.01") -> Market:
    return Market(market_id, "BTC", "USDT", Grid(Decimal(tick), Decimal("0.00001")))


@contextmanager
def opened(
    directory: Path, clock: FakeClock | None = None, **options: object
) -> Iterator[SqliteStore]:
    store = open_store(f"sqlite:///{directory}", clock=clock or FakeClock(), **options)  # type: ignore[arg-type]
    try:
        yield store
    finally:
        store.close()


def batch(kind: str, times_ns: list[int], serial: int = 0) -> Batch:
    """Records at these times; every byte but the time's follows from `serial`, so a torn one shows."""
    out = records.empty(kind, len(times_ns))
    raw = out.view(np.uint8).reshape(len(times_ns), out.itemsize)
    for k in range(len(times_ns)):
        raw[k] = np.arange(raw.shape[1], dtype=np.uint64) * 7 + (serial + k) * 31
    for name in out.dtype.names or ():
        if out.dtype[name].kind == "b":
            out[name] = False  # other bytes are no booleans
    out[records.TIME_FIELD[kind]] = times_ns
    return out


def numbered(kind: str, serial: int, time_ns: int) -> Batch:
    return batch(kind, [time_ns], serial)


def file_of(directory: Path, market_id: MarketId = BTC) -> Path:
    return files.market_path(directory, market_id)


def same(left: Batch, right: Batch) -> bool:
    return left.dtype == right.dtype and left.tobytes() == right.tobytes()


class Model:
    """The store as a plain dict of lists."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[int, Batch]]] = {kind: [] for kind in records.KINDS}

    def append(self, batch_id: int, batches: Mapping[str, Batch]) -> None:
        for kind, value in batches.items():
            if len(value) == 0:
                continue
            if kind in records.LATEST_ONLY:
                self.rows[kind] = [(batch_id, value[-1:])]
            else:
                self.rows[kind].append((batch_id, value))

    def since(self, kind: str, cursor: int) -> Batch:
        return self._all(kind, [value for i, value in self.rows[kind] if i > cursor])

    def window(self, kind: str, start_ns: int, end_ns: int) -> Batch:
        whole = self._all(kind, [value for _, value in self.rows[kind]])
        times = whole[records.TIME_FIELD[kind]]
        inside = whole[(times > start_ns) & (times <= end_ns)]
        return inside[np.argsort(inside[records.TIME_FIELD[kind]], kind="stable")]

    def _all(self, kind: str, parts: list[Batch]) -> Batch:
        return np.concatenate([records.empty(kind), *parts])


class Heard:
    """In place of a module's logger: the sentences that it was given."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.errors: list[str] = []

    def warning(self, sentence: str, **_: object) -> None:
        self.warnings.append(sentence)

    def error(self, sentence: str, **_: object) -> None:
        self.errors.append(sentence)

    def info(self, sentence: str, **_: object) -> None:
        pass
