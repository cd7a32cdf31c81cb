"""Draws the pictures of docs/metrics.md from a simulated market: `python docs/pictures/draw.py`."""

import re
import sys
from collections.abc import Callable
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
    microprice,
    prediction,
    scores,
    spread,
    trades,
    vpin,
)
from app.compute.catalogue import METRICS
from app.compute.decomposition import decompose, removed_by_event
from app.compute.ofi import event_ofi

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
        self.traded = trades.imbalance(m.trade_ns, m.trade_size, m.trade_side, self.edge)
        at = np.maximum(bins.last_index(m.time_ns, self.edge), 0)
        self.move = np.diff(self.mid[at])
        ones = np.ones(len(m.time_ns), np.int64)
        sizes = bins.sums(m.time_ns, m.size.sum(axis=(1, 2)), self.edge)
        states = bins.sums(m.time_ns, ones, self.edge)
        self.normal = integrated.normalise(self.sums, sizes, states)
        self.integrated, self.explained = integrated.trailing(self.normal, states > 0)
        self.second = np.arange(60, int(m.time_ns[-1] // S_NS) - 60) * S_NS
        self.rolling = prediction.signal(self.t, self.e[:, 0], self.second, 10 * S_NS)
        row = -(-self.t // (S_NS // 10))
        every, index = np.unique(np.r_[row, -(-m.trade_ns // (S_NS // 10))], return_inverse=True)
        removed, added_bid, added_ask = removed_by_event(m.price[:, :, 0], m.size[:, :, 0], row)
        own = index[: len(row)]
        relabelled = type(removed)(np.r_[own, own], removed.side, removed.price, removed.size)
        self.removed = removed
        self.parts = decompose(
            len(every), relabelled, added_bid, added_ask, own, index[len(row) :],
            m.trade_price, m.trade_size, m.trade_side,
        )  # fmt: skip
        self.row_end = every * (S_NS // 10)

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
    matched = bins.sums(w.row_end, w.parts.market_buy + w.parts.market_sell, w.edge)
    volume = bins.sums(m.trade_ns, m.trade_size, w.edge)
    live = scores.LiveScore()
    score = [live.push(int(v)) for v in w.rolling]
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
        "Matched share": Chart("minutes", "share").add("steps", end, matched / np.maximum(volume, 1)),
        "Standard score": Chart("minutes", "z").add("line", second, [np.nan if s.z is None else s.z for s in score]),
        "Percentile rank": Chart("minutes", "rank").add("line", second, [np.nan if s.percentile is None else s.percentile for s in score]),
        "Coverage": Chart("minutes", "share").add("steps", end, lost),
        "Fidelity": Chart("seconds", "OFI, lots").add("line", range(240), fine, "every event").add("line", range(1, 240), sampled, "sampled at 1 s"),
    }  # fmt: skip


def books(w: World) -> dict[str, Chart]:
    """Pictures of the book."""
    m, some = w.m, slice(2000, 2200)
    t = (m.time_ns[some] - m.time_ns[2000]) / S_NS
    counts = microprice.count(w.bid, w.qb, w.ask, w.qa, np.ones(len(w.bid) - 1, bool))
    g = microprice.adjustments(counts, least=100)
    bucket = (np.arange(10) + 0.5) / 10
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
        "Micro-price": Chart("share of the bid in both queues", "g*, ticks").add("line", bucket, g.reshape(10, 4)[:, 0]),
        "Spread": Chart("seconds", "ticks").add("steps", t, (w.ask - w.bid)[some]),
        "Depth within bands": Chart("bps from mid", "lots").add("steps", away[0], within[0], "bid").add("steps", away[1], within[1], "ask"),
        "Slippage": Chart("order, quote currency", "bps").add("line", notional, costs),
    }  # fmt: skip


def prints(w: World) -> dict[str, Chart]:
    """Pictures of the trades."""
    m, end = w.m, w.minutes(w.end)
    quote = (m.time_ns, w.bid, w.ask)
    guessed = trades.lee_ready(m.trade_ns, m.trade_price, *quote)
    share = bins.sums(m.trade_ns, (guessed == m.trade_side).astype(np.int64), w.edge)
    count = bins.sums(m.trade_ns, np.ones(len(m.trade_ns), np.int64), w.edge)
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
        "Cumulative volume delta": Chart("minutes", "lots").add("steps", w.minutes(m.trade_ns), trades.cvd(trades.signed(m.trade_size, m.trade_side))),
        "Side of the taker": Chart("minutes", "share right").add("steps", end, share / np.maximum(count, 1)),
        "Trade lag": Chart("lag tried, ms (the prints are 18 ms late)", "matched lots").add("line", range(51), volume),
        "VPIN": Chart("minutes", "VPIN").add("steps", [b.end_ns / S_NS / 60 for b in known], [b.vpin for b in known]),
    }  # fmt: skip


def relations(w: World) -> dict[str, Chart]:
    """Pictures of impact and verification."""
    m, x = w.m, w.sums[:, 0]
    line = impact.fit(x, w.move)
    takers = impact.fit(w.traded, w.move)
    span = np.array([x.min(), x.max()])
    depth = np.geomspace(20, 400, 40)
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
    parts = [spread.decompose(*common, k, 1, int(m.time_ns[-1])) for k in spread.HORIZONS_S]
    before = prediction.signal(w.t, w.e[:, 0], m.trade_ns - 1, 10 * S_NS)
    half = len(x) // 2
    past = impact.fit(x[:half], w.move[:half])
    worth = [
        held_out.expected_move(
            found[k].ic, prediction.outcome(m.time_ns, w.mid, w.second, k * S_NS)
        )
        for k in h
    ]
    mark = spread.markout(
        m.trade_ns, m.trade_size, m.trade_side, before, m.time_ns, w.mid, 5, 1, int(m.time_ns[-1])
    )
    return {
        "Contemporaneous impact": Chart("OFI of 10 s, lots", "Δmid, ticks").add("dots", x, w.move).add("line", span, line.intercept + line.beta * span, f"R² {line.r2:.2f}"),
        "Held-out impact": Chart("OFI of 10 s, lots; later half", "Δmid, ticks").add("dots", x[half:], w.move[half:]).add("line", span, past.intercept + past.beta * span, f"line of the earlier half, R² {held_out.held_out(x, w.move):.2f}"),
        "Depth law": Chart("log mean depth", "log β").add("line", np.log(depth), np.log(0.5 / depth), "½ / depth"),
        "Kyle's λ": Chart("bought − sold in 10 s, lots", "Δmid, ticks").add("dots", w.traded, w.move).add("line", span, takers.intercept + takers.beta * span, f"λ {takers.beta:.3f} ticks a lot"),
        "Information coefficient": ic,
        "Hit rate": Chart("horizon, s", "share").add("line", h, [found[k].hit_rate for k in h], "hit rate").add("line", h, [found[k].hit_low for k in h], "low").add("line", h, [found[k].hit_high for k in h], "high"),
        "Circular shifts": chance,
        "Out of sample": Chart("horizon, s", "R²").add("line", h, ahead),
        "Expected move": Chart("horizon, s", "bps").add("line", h, worth, "expected at one standard deviation"),
        "Spread decomposition": Chart("horizon, s", "bps").add("line", [p.horizon_s for p in parts], [p.effective for p in parts], "effective").add("line", [p.horizon_s for p in parts], [p.realised for p in parts], "realised").add("line", [p.horizon_s for p in parts], [p.adverse for p in parts], "adverse selection"),
        "Markout curve": Chart("quantile of flow before the trade", "bps after 5 s").add("bars", range(1, 6), mark.mean_bps),
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
