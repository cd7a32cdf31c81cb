"""Draws the pictures of docs/metrics.md from a simulated market: `python docs/pictures/draw.py`."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from market import LEVELS, S_NS, Market, simulate  # type: ignore[import-not-found]
from svg import Chart  # type: ignore[import-not-found]

from app.compute import (
    bins,
    book,
    held_out,
    impact,
    integrated,
    markouts,
    prediction,
    scores,
    spread,
    trades,
    vpin,
)
from app.compute.catalogue import METRICS
from app.compute.decomposition import Decomposition, Removed, decompose, removed_by_event
from app.compute.live_micro import LiveMicro
from app.compute.ofi import event_ofi
from app.compute.states import BookStates, TradePrints
from app.records import MICRO_UNITS, NO_MICRO, ROW

HERE = Path(__file__).parent


def slug(name: str) -> str:
    """The file name of a metric's picture."""
    plain = name.lower().replace("λ", "lambda").replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


class World:
    """The simulated market and what several pictures need of it."""

    def __init__(self, m: Market):
        self.m = m
        self.e = event_ofi(m.price, m.size)
        self.t = m.time_ns[1:]
        self.bid, self.ask = m.price[:, 0, 0], m.price[:, 1, 0]
        self.qb, self.qa = m.size[:, 0, 0], m.size[:, 1, 0]
        self.mid = (self.bid + self.ask) / 2.0
        self.edge = bins.edges(0, int(m.time_ns[-1]) // (10 * S_NS) * 10 * S_NS, 10 * S_NS)
        self.end = self.edge[1:]
        self.sums = bins.sums(self.t, self.e, self.edge)
        self.traded = bins.sums(m.trade_ns, m.trade_size * m.trade_side, self.edge)
        at = np.maximum(bins.last_index(m.time_ns, self.edge), 0)
        self.move = np.diff(self.mid[at])
        ones = np.ones(len(m.time_ns), np.int64)
        sizes = bins.sums(m.time_ns, m.size.sum(axis=(1, 2)), self.edge)
        states = bins.sums(m.time_ns, ones, self.edge)
        self.queues = bins.sums(m.time_ns, m.size[:, :, 0].sum(axis=1), self.edge)
        self.counts = states
        self.normal = integrated.normalise(self.sums, sizes, states)
        self.integrated, self.explained = integrated.trailing(self.normal, states > 0)
        self.second = np.arange(60, int(m.time_ns[-1] // S_NS) - 60) * S_NS
        self.rolling = prediction.signal(self.t, self.e[:, 0], self.second, 10 * S_NS)
        self.parts, self.row_end, self.removed = self.decomposed(0)

    def decomposed(self, late_ns: int) -> tuple[Decomposition, np.ndarray, Removed]:
        """The decomposition by rows of 100 ms with prints so late, the ends of the rows, what left."""
        m = self.m
        row, printed = (-(-t // (S_NS // 10)) for t in (self.t, m.trade_ns + late_ns))
        every, index = np.unique(np.r_[row, printed], return_inverse=True)
        removed, added_bid, added_ask = removed_by_event(m.price[:, :, 0], m.size[:, :, 0], row)
        own = index[: len(row)]
        relabelled = type(removed)(np.r_[own, own], removed.side, removed.price, removed.size)
        parts = decompose(
            len(every), relabelled, added_bid, added_ask, own, index[len(row) :],
            m.trade_price, m.trade_size, m.trade_side,
        )  # fmt: skip
        return parts, every * (S_NS // 10), removed

    def states(self) -> BookStates:
        """The best quotes as a live stream gives them."""
        n = len(self.m.time_ns)
        market, none, known = np.zeros(n, np.int32), np.zeros(n, np.int64), np.ones(n, np.int32)
        price, size = self.m.price[:, :, :1], self.m.size[:, :, :1]
        return BookStates(market, self.m.time_ns, none, none, known, price, size)

    def mid_at(self, t_ns: np.ndarray) -> np.ndarray:
        """The last mid at each time; NaN past the end."""
        at = np.maximum(bins.last_index(self.m.time_ns, t_ns), 0)
        return np.where(t_ns <= self.m.time_ns[-1], self.mid[at], np.nan)

    def minutes(self, ns: np.ndarray) -> np.ndarray:
        """Nanoseconds as minutes."""
        return ns / S_NS / 60


def flow(w: World) -> dict[str, Chart]:
    """Pictures of the first part."""
    m, end = w.m, w.minutes(w.end)
    first = slice(0, 120)
    per_row = {
        n: bins.sums(w.row_end, getattr(w.parts, n), w.edge)
        for n in ("limit_bid", "cancel_bid", "market_sell")
    }
    minute = bins.edges(0, int(w.edge[-1]), 60 * S_NS)
    volume = np.maximum(bins.sums(m.trade_ns, m.trade_size, minute), 1)
    shares = []
    for late_ms in (0, 30, 90):
        parts, at, _ = w.decomposed(late_ms * 1_000_000)
        shares.append(bins.sums(at, parts.market_buy + parts.market_sell, minute) / volume)
    live = scores.LiveScore()
    score = [live.push(k, int(v)) for k, v in enumerate(w.rolling)]
    second = w.minutes(w.second)
    lost = bins.coverage(np.array([7, 31]) * 60 * S_NS, np.array([9, 32]) * 60 * S_NS, w.edge)
    fine = prediction.signal(w.t, w.e[:, 0], w.second[:240], 5 * S_NS)
    held = np.maximum(bins.last_index(m.time_ns, w.second[:240] // S_NS * S_NS), 0)
    coarse = event_ofi(m.price[held][:, :, :1], m.size[held][:, :, :1])[:, 0]
    sampled = np.convolve(coarse, np.ones(5), "full")[: len(coarse)]
    return {
        "Event contribution": Chart("event", "e, lots").add("bars", range(120), w.e[first, 0]),
        "OFI of the best quotes": Chart("minutes", "lots").add("bars", end, w.sums[:, 0]),
        "OFI by level": _lines(Chart("minutes", "lots"), end, w.sums[:, [0, 2, 6]], ("level 1", "level 3", "level 7")),
        "Multilevel OFI": Chart("minutes", "lots").add("bars", end, w.sums.sum(axis=1)),
        "Depth-normalised OFI": _lines(Chart("minutes", "ratio"), end, w.normal[:, [0, 4]], ("level 1", "level 5")),
        "Integrated OFI": Chart("minutes", "integrated").add("bars", end, w.integrated),
        "Decomposition": _lines(Chart("minutes", "lots, bid"), end, np.stack(list(per_row.values()), 1), ("added", "cancelled", "sold into")),
        "Matched share": _lines(Chart("minutes", "share"), w.minutes(minute[1:]), np.stack(shares, 1), ("prints at once", "30 ms late", "90 ms late")),
        "Standard score": Chart("minutes", "z").add("line", second, [np.nan if s.z is None else s.z for s in score]),
        "Percentile rank": Chart("minutes", "rank").add("line", second, [np.nan if s.percentile is None else s.percentile for s in score]),
        "Coverage": Chart("minutes", "share").add("steps", end, lost),
        "Fidelity": Chart("seconds", "OFI, lots").add("line", range(240), fine, "every event").add("line", range(1, 240), sampled, "sampled at 1 s"),
    }  # fmt: skip


def micro(w: World) -> tuple[np.ndarray, np.ndarray]:
    """Share of the bid in both queues and micro-price less mid, once a second of the last quarter hour."""
    m, states = w.m, w.states()
    end = np.arange(1, int(m.time_ns[-1] // S_NS)) * S_NS
    at = bins.last_index(m.time_ns, end)
    end, at = end[at >= 0], at[at >= 0]
    record = np.zeros(len(end), ROW)
    record["bid"], record["ask"] = w.bid[at], w.ask[at]
    record["bid_size"], record["ask_size"] = w.qb[at], w.qa[at]
    continues = np.arange(len(m.time_ns)) > 0
    LiveMicro(1, least=100).update(states, continues, end, np.zeros(len(end), np.int32), record)
    known = (record["micro"] != NO_MICRO) & (end > end[-1] - 900 * S_NS)
    lean = record["micro"] / MICRO_UNITS - w.mid[at]
    return (w.qb[at] / (w.qb[at] + w.qa[at]))[known], lean[known]


def books(w: World) -> dict[str, Chart]:
    """Pictures of the book."""
    m, some = w.m, slice(2000, 2200)
    t = (m.time_ns[some] - m.time_ns[2000]) / S_NS
    moment, lean = micro(w)
    weighted = book.weighted_mid(w.bid, w.qb, w.ask, w.qa)
    k = 5000
    notional = np.linspace(1, 0.95 * float((m.price[k, 1] * m.size[k, 1]).sum()), 60)
    costs = [
        book.slippage_bps(m.price[k, 1], m.size[k, 1], w.mid[k], n, 1.0, 1.0) for n in notional
    ]
    within = np.cumsum(m.size[k], axis=1)
    away = np.abs(m.price[k] - w.mid[k]) / w.mid[k] * 1e4
    fair = (
        Chart("seconds", "ticks")
        .add("steps", t, w.mid[some], "mid")
        .add("line", t, weighted[some], "weighted mid")
    )
    return {
        "Mid": Chart("minutes", "ticks").add("steps", w.minutes(m.time_ns[::20]), w.mid[::20]),
        "Queue imbalance": Chart("seconds", "−1..1").add("steps", t, book.queue_imbalance(w.qb, w.qa)[some]),
        "Depth imbalance": Chart("seconds", "−1..1").add("steps", t, book.depth_imbalance(m.size[:, 0], m.size[:, 1])[some]),
        "Weighted mid": fair,
        "Micro-price": Chart("share of the bid in both queues", "micro-price − mid, ticks").add("dots", moment, lean),
        "Spread": Chart("seconds", "ticks").add("steps", t, (w.ask - w.bid)[some]),
        "Depth within bands": Chart("bps from mid", "lots").add("steps", away[0], within[0], "bid").add("steps", away[1], within[1], "ask"),
        "Slippage": Chart("order, quote currency", "bps").add("line", notional, costs),
    }  # fmt: skip


def prints(w: World) -> dict[str, Chart]:
    """Pictures of the trades."""
    m, end = w.m, w.minutes(w.end)
    none = np.zeros(len(m.trade_ns), np.int8)
    market = np.zeros(len(m.trade_ns), np.int32)
    unsided = TradePrints(market, m.trade_ns, m.trade_price, m.trade_size, none)
    minute = bins.edges(0, int(w.edge[-1]), 60 * S_NS)
    count = np.maximum(bins.sums(m.trade_ns, np.ones(len(m.trade_ns), np.int64), minute), 1)
    right = []
    for late_ns in (0, S_NS):
        printed = replace(unsided, time_ns=m.trade_ns + late_ns)
        guessed = trades.LiveLeeReady(1).sides(w.states(), printed)
        right.append(
            bins.sums(m.trade_ns, (guessed == m.trade_side).astype(np.int64), minute) / count
        )
    late = m.trade_ns + 18_000_000
    _, volume = trades.trade_lag(
        w.removed, np.r_[w.t, w.t], late, m.trade_price, m.trade_size, m.trade_side, S_NS // 500
    )
    live, closed = vpin.Vpin(bucket_lots=int(m.trade_size.sum()) // 300), []
    for t, q, s in zip(
        m.trade_ns.tolist(), m.trade_size.tolist(), m.trade_side.tolist(), strict=True
    ):
        closed += live.add(t, q if s > 0 else 0, q if s < 0 else 0)
    known = [b for b in closed if b.vpin is not None]
    return {
        "Trade imbalance": Chart("minutes", "lots").add("bars", end, w.traded),
        "Cumulative volume delta": Chart("minutes", "lots").add("steps", w.minutes(m.trade_ns), trades.cvd(m.trade_size * m.trade_side)),
        "Side of the taker": _lines(Chart("minutes", "share right"), w.minutes(minute[1:]), np.stack(right, 1), ("prints at once", "1 s late")),
        "Trade lag": Chart("lag tried, ms (the prints are 18 ms late)", "matched lots").add("line", range(51), volume),
        "VPIN": Chart("minutes", "VPIN").add("steps", [b.end_ns / S_NS / 60 for b in known], [b.vpin for b in known]),
    }  # fmt: skip


def relations(w: World) -> dict[str, Chart]:
    """Pictures of impact and verification."""
    m, x = w.m, w.sums[:, 0]
    line = impact.fit(x, w.move)
    takers = impact.fit(w.traded, w.move)
    span = np.array([x.min(), x.max()])
    law = impact.law_points(w.end, x, w.move, w.queues, w.counts, 10 * S_NS, 120 * S_NS)
    fitted = impact.depth_law(law.beta, law.depth)
    good = law.beta > 0
    deep = np.log(law.depth[good])
    found = {
        h: prediction.predict(
            w.second,
            w.rolling,
            prediction.outcome(m.time_ns, w.mid, w.second, h * S_NS),
            h,
            10.0,
            600 * S_NS,
        )
        for h in prediction.HORIZONS_S
    }
    h = list(found)
    chance = Chart("horizon, s", "IC").add("line", h, [found[k].ic for k in h], "IC")
    ahead = [found[k].out_of_sample.r2 for k in h]
    chance.add("line", h, [found[k].chance.ic_low for k in h], "shifted, 2.5 %").add(
        "line", h, [found[k].chance.ic_high for k in h], "97.5 %"
    )
    ic = Chart("horizon, s", "IC").add("line", h, [found[k].ic for k in h], "IC")
    ic.add("line", h, [found[k].ic_low for k in h], "low").add(
        "line", h, [found[k].ic_high for k in h], "high"
    )
    common = (m.trade_ns, m.trade_price, m.trade_size, m.trade_side, m.time_ns, w.mid)
    parts = []
    for k in spread.HORIZONS_S:
        (total := spread.Totals()).add(*common, k, 1, int(m.time_ns[-1]))
        parts.append(total.parts(k))
    before = prediction.signal(w.t, w.e[:, 0], m.trade_ns - 1, 10 * S_NS)
    half = len(x) // 2
    past = impact.fit(x[:half], w.move[:half])
    worth = [
        held_out.expected_move(
            found[k].ic, prediction.outcome(m.time_ns, w.mid, w.second, k * S_NS)
        )
        for k in h
    ]
    path = np.stack([w.mid_at(m.trade_ns - 1 + k * S_NS) for k in markouts.CURVE_S])
    curve = markouts.curves(
        m.trade_ns, m.trade_side, m.trade_size.astype(float), before.astype(float), path
    )
    after = Chart("seconds after the trade", "bps")
    for k, name in ((0, "buys"), (1, "most flow"), (2, "sells"), (3, "most flow")):
        after.add("line", markouts.CURVE_S, curve.mean[k], name)
    return {
        "Contemporaneous impact": Chart("OFI of 10 s, lots", "Δmid, ticks").add("dots", x, w.move).add("line", span, line.intercept + line.beta * span, f"R² {line.r2:.2f}"),
        "Held-out impact": Chart("OFI of 10 s, lots; later half", "Δmid, ticks").add("dots", x[half:], w.move[half:]).add("line", span, past.intercept + past.beta * span, f"line of the earlier half, R² {held_out.held_out(x, w.move):.2f}"),
        "Depth law": Chart("log mean depth of 2 min", "log β").add("dots", deep, np.log(law.beta[good])).add("line", np.sort(deep), np.log(fitted.c) - fitted.exponent * np.sort(deep), f"λ {fitted.exponent:.2f}"),
        "Kyle's λ": Chart("bought − sold in 10 s, lots", "Δmid, ticks").add("dots", w.traded, w.move).add("line", span, takers.intercept + takers.beta * span, f"λ {takers.beta:.3f} ticks a lot"),
        "Information coefficient": ic,
        "Hit rate": Chart("horizon, s", "share").add("line", h, [found[k].hit_rate for k in h], "hit rate").add("line", h, [found[k].hit_low for k in h], "low").add("line", h, [found[k].hit_high for k in h], "high"),
        "Circular shifts": chance,
        "Out of sample": Chart("horizon, s", "R²").add("line", h, ahead),
        "Expected move": Chart("horizon, s", "bps").add("line", h, worth, "expected at one standard deviation"),
        "Spread decomposition": Chart("horizon, s", "bps").add("line", [p.horizon_s for p in parts], [p.effective for p in parts], "effective").add("line", [p.horizon_s for p in parts], [p.realised for p in parts], "realised").add("line", [p.horizon_s for p in parts], [p.adverse for p in parts], "adverse selection"),
        "Markout curve": after,
    }  # fmt: skip


def _lines(chart: Chart, x: np.ndarray, values: np.ndarray, names: tuple[str, ...]) -> Chart:
    for k, name in enumerate(names):
        chart.add("line", x, values[:, k], name)
    return chart


def main() -> None:
    """Draw all of them."""
    world = World(simulate())
    assert world.e.shape[1] == LEVELS
    parts: tuple[Callable[[World], dict[str, Chart]], ...] = (flow, books, prints, relations)
    charts = {name: chart for part in parts for name, chart in part(world).items()}
    assert charts.keys() == {metric.name for metric in METRICS}
    for name, chart in charts.items():
        chart.save(HERE / f"{slug(name)}.svg")


if __name__ == "__main__":
    main()
