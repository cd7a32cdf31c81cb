"""Stylised facts: how like a market the demo is, beside recorded traffic of a real one.

    python -m app.demo.facts --seeds 5 [--minutes 15] [--recorded DIR]

prints the table of `docs/demo.md`. The recorded column needs the directory of recorded data, from the
flag or from OFI_DATA.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.demo.tape import PROFILE_BPS, Tape, recorded, simulate
from app.errors import OfiError

RECORDED_FILE = "binance_spot_btcusdt_20240808.jsonl.gz"
HOLD_S = (1, 5, 10)
_FEWEST = 10  # round trips that a rule needs to be judged
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """The best of the trivial rules: what it earns per round trip after the spread."""

    name: str
    mean_bps: float
    t: float


@dataclass(frozen=True)
class Facts:
    """What the table shows of one tape; returns are of the mid over one second, in basis points."""

    name: str
    quotes_per_s: float
    trades_per_s: float
    spread_1: float  # share of time
    spread_3: float
    r2_ofi: float
    r2_trades: float
    sd_bps: float
    zeros: float
    kurtosis: float
    acf_1: float
    acf_abs: float  # of |return|, mean of lags 1..5
    acf_abs_far: float  # lags 6..30
    touch: float  # resting size per bp at the touch, against the peak behind it
    peak_bps: tuple[float, float]
    before_peak: float  # lowest density between touch and peak, against the peak
    after_peak: float  # density of the last bin, against the peak
    best_rule: Rule


def event_ofi(quotes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Event contributions of best quotes `[n, 4]`, in lots, `[n]`; the first is 0 (docs/metrics.md)."""
    e = np.zeros(len(quotes), dtype=np.int64)
    bid, bid_size, ask, ask_size = quotes.T
    e[1:] = (
        np.where(bid[1:] >= bid[:-1], bid_size[1:], 0)
        - np.where(bid[1:] <= bid[:-1], bid_size[:-1], 0)
        - np.where(ask[1:] <= ask[:-1], ask_size[1:], 0)
        + np.where(ask[1:] >= ask[:-1], ask_size[:-1], 0)
    )
    return e


def facts(tape: Tape) -> Facts:
    """Everything that the table shows."""
    grid = np.arange(np.ceil(tape.quote_s[0]), np.floor(tape.quote_s[-1]) + 1)
    at = np.searchsorted(tape.quote_s, grid, side="right") - 1
    quotes = tape.quotes[at]
    mid = (quotes[:, 0] + quotes[:, 2]) / 2
    change = np.diff(mid)
    ofi = _sums(tape.quote_s, event_ofi(tape.quotes).astype(np.float64), grid)
    signed = (tape.trades[:, 1] * tape.trades[:, 2]).astype(np.float64)
    flow = _sums(tape.trade_s, signed, grid)
    returns = change / mid[:-1] * 1e4
    spread = tape.quotes[:-1, 2] - tape.quotes[:-1, 0]
    held = np.diff(tape.quote_s)
    total_s = float(held.sum())
    absolute = np.abs(returns)
    peak, touch, before, after = _hump(tape.profile)
    return Facts(
        name=tape.name,
        quotes_per_s=len(tape.quote_s) / total_s,
        trades_per_s=len(tape.trade_s) / total_s,
        spread_1=float(held[spread <= 1].sum() / total_s),
        spread_3=float(held[spread <= 3].sum() / total_s),
        r2_ofi=_r2(ofi, change),
        r2_trades=_r2(flow, change),
        sd_bps=float(returns.std()),
        zeros=float((change == 0).mean()),
        kurtosis=_kurtosis(returns),
        acf_1=_acf(returns, 1),
        acf_abs=float(np.mean([_acf(absolute, k) for k in range(1, 6)])),
        acf_abs_far=float(np.mean([_acf(absolute, k) for k in range(6, 31)])),
        touch=touch,
        peak_bps=(float(PROFILE_BPS[peak]), float(PROFILE_BPS[peak + 1])),
        before_peak=before,
        after_peak=after,
        best_rule=_best_rule(quotes, {"OFI": ofi, "trades": flow, "return": change}),
    )


def _sums(time_s: Floats, values: Floats, grid: Floats) -> Floats:
    """Sums over `(grid[k], grid[k + 1]]`."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    return np.diff(total[np.searchsorted(time_s, grid, side="right")])


def _r2(x: Floats, y: Floats) -> float:
    if not x.std() or not y.std():
        return np.nan
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def _kurtosis(x: Floats) -> float:
    """Excess kurtosis; 0 for a normal distribution."""
    centred = x - x.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2 - 3) if centred.any() else np.nan


def _acf(x: Floats, lag: int) -> float:
    centred = x - x.mean()
    if not centred.any():
        return np.nan
    return float((centred[lag:] * centred[:-lag]).mean() / (centred**2).mean())


def _hump(profile: Floats) -> tuple[int, float, float, float]:
    """The fullest bin behind the touch, and touch, dip before and tail after it, relative to it."""
    behind = profile[1:]
    peak = int(np.argmax(behind)) + 1
    top = profile[peak]
    return peak, profile[0] / top, float(profile[1 : peak + 1].min() / top), profile[-1] / top


def _best_rule(quotes: NDArray[np.int64], signals: dict[str, Floats]) -> Rule:
    """Follow or fade each signal of the last second when it is large; pay the spread both ways."""
    bid, bid_size, ask, ask_size = quotes.astype(np.float64).T
    queue = (bid_size - ask_size) / (bid_size + ask_size)
    every = {**{k: np.concatenate(([0.0], v)) for k, v in signals.items()}, "queue": queue}
    best = Rule("none", 0.0, -np.inf)
    for name, signal in every.items():
        large = np.abs(signal) > signal.std()
        for hold in HOLD_S:
            buy = (bid[hold:] - ask[:-hold]) / ask[:-hold] * 1e4
            sell = (bid[:-hold] - ask[hold:]) / bid[:-hold] * 1e4
            for word, sign in (("follow", 1), ("fade", -1)):
                gain = np.where(sign * signal[:-hold] > 0, buy, sell)[large[:-hold]]
                if len(gain) < _FEWEST or not gain.std():
                    continue
                rule = Rule(f"{word} {name} {hold} s", float(gain.mean()), _t(gain, hold))
                best = max(best, rule, key=lambda r: r.t)
    return best


def _t(gain: Floats, hold: int) -> float:
    """t of the mean; overlapping holdings count once."""
    return float(gain.mean() / gain.std() * (len(gain) / hold) ** 0.5)


_ROWS: list[tuple[str, str, Callable[[Facts], str]]] = [
    ("best quotes a second", "", lambda f: f"{f.quotes_per_s:.0f}"),
    ("trades a second", "", lambda f: f"{f.trades_per_s:.1f}"),
    ("spread of 1 tick, share of time", "", lambda f: f"{f.spread_1:.3f}"),
    ("spread of at most 3 ticks", "mostly", lambda f: f"{f.spread_3:.3f}"),
    ("R² of 1 s Δmid on best-level OFI", "0.2–0.75", lambda f: f"{f.r2_ofi:.2f}"),
    ("R² on trade imbalance", "lower, mostly", lambda f: f"{f.r2_trades:.2f}"),
    ("1 s return, standard deviation, bps", "", lambda f: f"{f.sd_bps:.2f}"),
    ("1 s returns that are zero", "", lambda f: f"{f.zeros:.2f}"),
    ("1 s excess kurtosis", "> 3", lambda f: f"{f.kurtosis:.1f}"),
    ("autocorrelation of returns, 1 s", "≈ 0", lambda f: f"{f.acf_1:+.2f}"),
    ("autocorrelation of absolute returns, 1–5 s", "> 0", lambda f: f"{f.acf_abs:+.2f}"),
    ("the same, 6–30 s", "> 0", lambda f: f"{f.acf_abs_far:+.2f}"),
    ("depth behind the touch peaks at, bps", "a hump", lambda f: "{:g}–{:g}".format(*f.peak_bps)),
    ("dip before the peak, share of it", "< 1", lambda f: f"{f.before_peak:.2f}"),
    ("depth at 25–30 bps, share of the peak", "< 1", lambda f: f"{f.after_peak:.2f}"),
    ("best trivial rule", "", lambda f: f.best_rule.name),
    ("its gain after the spread, bps", "", lambda f: f"{f.best_rule.mean_bps:+.3f}"),
    ("its t", "< 3", lambda f: f"{f.best_rule.t:+.1f}"),
]


def table(columns: list[Facts]) -> str:
    """The facts as a Markdown table, one column a tape."""
    lines = [
        "| | wanted | " + " | ".join(f.name for f in columns) + " |",
        "| --- | --- |" + " ---: |" * len(columns),
    ]
    for label, wanted, text in _ROWS:
        lines.append(f"| {label} | {wanted} | " + " | ".join(text(f) for f in columns) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m app.demo.facts",
        description="Stylised facts of the demo's BTC/USDT beside recorded Binance traffic.",
        epilog="example: python -m app.demo.facts --seeds 5 --recorded ../data",
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=15.0, help="simulated, per seed")
    parser.add_argument("--recorded", type=Path, default=os.environ.get("OFI_DATA"))
    options = parser.parse_args(arguments)
    columns = []
    if options.recorded:
        file = Path(options.recorded) / RECORDED_FILE
        try:
            columns.append(facts(recorded(file)))
        except OfiError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        columns[0] = Facts(**{**vars(columns[0]), "name": "Binance, recorded"})
    for seed in range(1, options.seeds + 1):
        sys.stderr.write(f"seed {seed} of {options.seeds}…\n")
        columns.append(facts(simulate(seed, options.minutes * 60)))
    sys.stdout.write(table(columns) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
