"""A made-up market as it moves: rows, columns, trades, books and statuses, record by record.

A seeded random walk with a book that has structure (walls at round prices, sizes that drift), and order flow
that leans the way the price goes.
"""

from decimal import Decimal

import numpy as np

from app.clock import NS_PER_MS, NS_PER_S
from app.market import Contract, Grid, Market, MarketId
from app.records import (
    BANDS_BPS,
    BOOK_LEVELS,
    COLUMN_BUCKETS,
    COLUMN_EXACT,
    LEVELS,
    MICRO_UNITS,
    QUALITY_NS,
    ROW_NS,
    Batch,
    Fidelity,
    State,
    empty,
)

FAR_BPS = 140  # how far the made-up venue's book goes


def market(text: str, tick: str, lot: str, contract: Contract = Contract.SPOT) -> Market:
    """A market by its id and increments."""
    market_id = MarketId.parse(text)
    base, quote = market_id.symbol.split(":")[0].split("/")
    return Market(market_id, base, quote, Grid(Decimal(tick), Decimal(lot)), contract)


MARKETS = (
    (market("binance:BTC/USDT", "0.01", "0.00001"), 67_500.0),
    (market("kraken:ETH/USD", "0.01", "0.0001"), 3_412.0),
    (market("bybit:SOL/USDT:USDT", "0.01", "0.1", Contract.LINEAR), 173.4),
    (market("okx:XRP/USDT", "0.0001", "0.01"), 0.5231),
)


class Walk:
    """One market moving; each `step` is the 100 ms that end at the given time."""

    def __init__(self, start: Market, price: float, seed: int = 1):
        self.market = start
        self.rng = np.random.default_rng(seed)
        self.mid = round(price / float(start.grid.tick))  # ticks, of the best bid
        self.bp = max(1.0, self.mid * 1e-4)
        self.unit = max(1.0, 20_000 / price / float(start.grid.lot))  # lots of a usual level
        self.sizes = self.rng.exponential(self.unit, (2, LEVELS)).astype(np.int64) + 1
        self.drift = 0.0
        self.trend = 0.0
        self.spread = 1
        self.counts = {"best": 0, "depth": 0, "trades": 0}
        self.prints = True  # False: the venue sends no public trades
        self.trades_per_step = 0.7

    def step(self, end_ns: int) -> dict[str, Batch]:
        """Row and trades of `(end − 100 ms, end]`; about one interval in twenty is silent."""
        rng = self.rng
        self.trend += 0.02 * rng.standard_normal() - 0.004 * self.trend
        self.drift += self.trend * 0.3 + rng.standard_normal() * 0.35
        move = int(np.trunc(self.drift * self.bp * 0.02)) if abs(self.drift) > 1 else 0
        self.drift -= self.drift if move else 0.0
        self.mid += move
        self.spread = 1 + int(rng.random() < 0.15) * int(rng.integers(1, 4))
        if rng.random() < 0.05:
            return {}
        change = (rng.standard_normal((2, LEVELS)) * self.unit * 0.25).astype(np.int64)
        lean = int(move / self.bp * self.unit * 40)
        self.sizes = np.maximum(1, self.sizes + change)
        self.sizes += ((self.unit - self.sizes) * 0.02).astype(np.int64)
        row = self._row(end_ns, change, lean)
        trades = self._trades(end_ns, move)[: None if self.prints else 0]
        row["bought"] = trades["size"][trades["side"] > 0].sum()
        row["sold"] = trades["size"][trades["side"] < 0].sum()
        row["trades"] = len(trades)
        for traded, side in (("sold", "bid"), ("bought", "ask")):
            row[f"matched_{side}"] = np.minimum(row[traded] * 2 // 3, row[f"removed_{side}"])
        self.counts["best"] += int(row["states_best"][0])
        self.counts["depth"] += int(row["states_depth"][0])
        self.counts["trades"] += len(trades)
        return {"row": row} | ({"trade": trades} if len(trades) else {})

    def _row(self, end_ns: int, change: np.ndarray, lean: int) -> Batch:
        rng, row = self.rng, empty("row", 1)
        row["start_ns"], row["end_ns"] = end_ns - ROW_NS, end_ns
        row["states_best"] = rng.integers(1, 9)
        row["states_depth"] = states = rng.integers(1, 3)
        row["levels"] = LEVELS
        flow = change[0] - change[1]
        row["ofi"] = flow + (lean * np.linspace(1, 0.2, LEVELS)).astype(np.int64)
        added = rng.integers(0, int(self.unit) + 1, 2) + np.maximum([lean, -lean], 0)
        row["added_bid"], row["added_ask"] = added
        row["removed_bid"], row["removed_ask"] = removed = np.maximum(0, added - change[:, 0])
        row["ofi_best"] = added[0] - removed[0] - added[1] + removed[1]
        row["bid_size_sum"], row["ask_size_sum"] = self.sizes[0] * states, self.sizes[1] * states
        row["queue_sum"] = self.sizes[:, 0].sum() * row["states_best"]
        row["bid"], row["ask"] = self.mid, self.mid + self.spread
        row["bid_size"], row["ask_size"] = self.sizes[:, 0]
        row["micro"] = (2 * self.mid + self.spread) * MICRO_UNITS // 2 + 1234
        for k, bps in enumerate(BANDS_BPS):
            row["band_bid"][0, k] = int(self.sizes[0].sum() * bps * 0.6)
            row["band_ask"][0, k] = int(self.sizes[1].sum() * bps * 0.6)
        row["latency_us"] = int(rng.gamma(4.0, 3000.0))
        row["received_ns"] = end_ns - int(rng.integers(1, ROW_NS))
        return row

    def _trades(self, end_ns: int, move: int) -> Batch:
        n = int(self.rng.poisson(self.trades_per_step))
        trades = empty("trade", n)
        times = np.sort(self.rng.integers(end_ns - ROW_NS + 1, end_ns + 1, n))
        buy = self.rng.random(n) < 0.5 + 0.3 * np.sign(move)
        trades["time_ns"], trades["venue_ms"] = times, times // NS_PER_MS - 12
        trades["side"] = np.where(buy, 1, -1)
        trades["price"] = np.where(buy, self.mid + self.spread, self.mid)
        trades["size"] = 1 + (self.rng.pareto(1.6, n) * self.unit * 0.1).astype(np.int64)
        trades["twice_mid"] = 2 * self.mid + self.spread
        trades["id"] = np.arange(n) + self.counts["trades"]
        return trades

    def resting(self, side: int, ticks: np.ndarray, time_ns: int) -> np.ndarray:
        """Lots resting at prices, as a smooth made-up function of price and time."""
        away = np.abs(ticks - self.mid) / self.bp
        bump = 0.5 + 0.5 * np.sin(
            ticks / (self.bp * 1.7) + (time_ns // (20 * NS_PER_S)) * 0.4 * side
        )
        wall = (ticks % max(1, round(self.bp * 5)) < max(1, round(self.bp * 0.15))) * 6.0
        return self.unit * (0.3 + bump + wall) * (1.0 + away * 0.08)

    def column(self, time_ns: int) -> Batch:
        """The book as a heatmap column: 50 exact levels, then buckets of one bp to `FAR_BPS`."""
        column = empty("column", 1)
        base = self.mid + self.spread // 2
        bucket = max(1, round(self.bp))
        column["time_ns"], column["base"], column["reach_bps"] = time_ns, base, FAR_BPS
        column["bucket"] = bucket
        for side, name, best in ((-1, "bid", self.mid), (1, "ask", self.mid + self.spread)):
            exact = best + side * np.arange(COLUMN_EXACT)
            first = (abs(int(exact[-1]) - base) + 1) // bucket
            near = np.arange(first, min(first + COLUMN_BUCKETS, FAR_BPS)) * bucket
            low = base + near if side > 0 else base - near - (bucket - 1)
            ticks = np.concatenate([exact, low])
            size = self.resting(side, ticks.astype(float), time_ns)
            size[:LEVELS] = self.sizes[0 if side < 0 else 1]
            size[COLUMN_EXACT:] *= bucket
            n = len(ticks)
            column[f"{name}s"], column[f"exact_{name}s"] = n, COLUMN_EXACT
            column[f"{name}_offset"][0, :n] = ticks - base
            column[f"{name}_size"][0, :n] = size
        return column

    def book(self, time_ns: int) -> Batch:
        """The present book, exact."""
        book = empty("book", 1)
        book["time_ns"], book["venue_ms"] = time_ns, time_ns // NS_PER_MS - 12
        book["update_id"] = book["bids"] = book["asks"] = BOOK_LEVELS
        book["update_id"] = time_ns // ROW_NS
        for side, name, best in ((-1, "bid", self.mid), (1, "ask", self.mid + self.spread)):
            ticks = best + side * np.arange(BOOK_LEVELS)
            size = np.maximum(1, self.resting(side, ticks.astype(float), time_ns)).astype(np.int64)
            size[:LEVELS] = self.sizes[0 if side < 0 else 1]
            book[f"{name}_price"], book[f"{name}_size"] = ticks, size
        return book

    def status(
        self, time_ns: int, since_ns: int, state: State = State.LIVE, detail: str = ""
    ) -> Batch:
        """What the feed says of itself."""
        status = empty("status", 1)
        status["time_ns"], status["since_ns"], status["state"] = time_ns, since_ns, state
        status["fidelity_best"], status["fidelity_depth"] = Fidelity.EVENT, Fidelity.BATCHED
        status["period_ms"] = 100.0
        status["received_ns"] = time_ns if state == State.LIVE else since_ns
        status["latency_p50_ms"], status["latency_p99_ms"] = 11.0, 34.0
        status["updates_per_s"] = 48.0
        status["states_best"], status["states_depth"] = self.counts["best"], self.counts["depth"]
        status["trades"], status["has_trades"] = self.counts["trades"], self.prints
        status["detail"] = detail.encode()
        status["begun_ns"] = status["linked_ns"] = status["booked_ns"] = since_ns
        status["book_levels"] = BOOK_LEVELS
        status["stream_state"], status["stream_since_ns"] = state, since_ns
        status["stream_received_ns"] = status["received_ns"]
        status["stream_p50_ms"], status["stream_p99_ms"] = (11.0, 12.0, 13.0), (34.0, 35.0, 36.0)
        status["stream_per_s"] = (40.0, 8.0, 7.0)
        return status

    def quality(self, time_ns: int) -> Batch:
        """Latencies and rates of ten seconds."""
        quality = empty("quality", 1)
        quality["time_ns"], quality["state"] = time_ns, State.LIVE
        turn = time_ns // QUALITY_NS % 7
        quality["p50_ms"] = 10 + turn, 12 + turn, 13
        quality["p99_ms"] = 30 + 3 * turn, 35 + 2 * turn, 36
        quality["per_s"] = 40 + turn, 8, 7 - turn
        return quality

    def summary(self, time_ns: int) -> Batch:
        """What the watch list shows."""
        summary = empty("summary", 1)
        summary["time_ns"], summary["state"] = time_ns, State.LIVE
        summary["bid"], summary["ask"] = self.mid, self.mid + self.spread
        summary["ofi"] = int(self.trend * self.unit * 20)
        summary["score"], summary["percentile"] = self.trend * 10, 0.5
        bid, ask = self.sizes[:, 0]
        summary["queue_imbalance"] = (bid - ask) / (bid + ask)
        summary["band_bid"], summary["band_ask"] = self.sizes.sum(1) * 6
        summary["change"] = 0.0012
        summary["micro"] = (2 * self.mid + self.spread) * MICRO_UNITS // 2 + 1234
        summary["trade_lag_ms"] = 7
        summary["explained"], summary["explained_n"] = 0.41, 120
        summary["vpin"], summary["vpin_percentile"] = 0.25 + time_ns // NS_PER_S % 100 / 1000, -1.0
        return summary

    def bucket(self, summary: Batch) -> Batch:
        """The bucket of VPIN that was full when a summary was made: one a second."""
        bucket = empty("bucket", 1)
        bucket["end_ns"], bucket["vpin"] = summary["time_ns"], summary["vpin"]
        bucket["percentile"] = summary["vpin_percentile"]
        bucket["volume"] = bucket["bought"] = 100
        return bucket


def walks(count: int, seed: int = 1) -> list[Walk]:
    """The first so many made-up markets."""
    return [Walk(m, price, seed + k) for k, (m, price) in enumerate(MARKETS[:count])]
