"""Slow, obvious readings of docs/metrics.md in plain Python: loops and fractions, nothing of the product."""

import itertools
from collections import defaultdict
from fractions import Fraction
from math import sqrt


def contribution(before, after):
    """The event contribution with its indicators; a state is (bid, bid size, ask, ask size)."""
    pb0, qb0, pa0, qa0 = before
    pb, qb, pa, qa = after
    e = 0
    if pb >= pb0:
        e += qb
    if pb <= pb0:
        e -= qb0
    if pa <= pa0:
        e -= qa
    if pa >= pa0:
        e += qa0
    return e


def added_removed(price_before, size_before, price, size):
    """A and R of one side, better meaning higher."""
    if price > price_before:
        return size, 0
    if price < price_before:
        return 0, size_before
    return max(size - size_before, 0), max(size_before - size, 0)


def decomposition(states, rows, trades, trade_rows):
    """The decomposition of docs/metrics.md by dictionaries: row → parts.

    states: (bid, bid size, ask, ask size); rows: row of each event; trades: (price, size, side).
    """
    removed, sold = defaultdict(int), defaultdict(int)
    parts = defaultdict(lambda: dict.fromkeys(("Lb", "La", "Cb", "Ca", "Mb", "Ms", "Ub", "Us"), 0))
    for k, row in enumerate(rows):
        pb0, qb0, pa0, qa0 = states[k]
        pb, qb, pa, qa = states[k + 1]
        a, r = added_removed(pb0, qb0, pb, qb)
        parts[row]["Lb"] += a
        removed[row, "bid", pb0] += r
        a, r = added_removed(-pa0, qa0, -pa, qa)
        parts[row]["La"] += a
        removed[row, "ask", pa0] += r
    for (price, size, side), row in zip(trades, trade_rows, strict=True):
        if side:
            sold[row, "ask" if side > 0 else "bid", price] += size
    for key in set(removed) | set(sold):
        row, side, _ = key
        matched = min(removed[key], sold[key])
        cancel, market, rest = ("Cb", "Ms", "Us") if side == "bid" else ("Ca", "Mb", "Ub")
        parts[row][market] += matched
        parts[row][cancel] += removed[key] - matched
        parts[row][rest] += sold[key] - matched
    return dict(parts)


def score(value, past):
    """The standard score of docs/metrics.md in fractions: z (n − 1) and percentile rank."""
    n = len(past)
    mean = Fraction(sum(past), n)
    variance = sum((x - mean) ** 2 for x in past) / (n - 1)
    rank = Fraction(2 * sum(x < value for x in past) + sum(x == value for x in past), 2 * n)
    z = float(value - mean) / sqrt(variance) if variance else None
    return z, float(rank)


def ols_hc1(x, y):
    """Intercept, slope, HC1 error of the slope and R², from the sums of the textbook."""
    n = len(x)
    x, y = [Fraction(v) for v in x], [Fraction(v) for v in y]
    mx, my = sum(x) / n, sum(y) / n
    sxx = sum((v - mx) ** 2 for v in x)
    slope = sum((v - mx) * (w - my) for v, w in zip(x, y, strict=True)) / sxx
    intercept = my - slope * mx
    residual = [w - intercept - slope * v for v, w in zip(x, y, strict=True)]
    meat = sum(((v - mx) * e) ** 2 for v, e in zip(x, residual, strict=True))
    error = sqrt(Fraction(n, n - 2) * meat / sxx**2)
    r2 = 1 - sum(e * e for e in residual) / sum((w - my) ** 2 for w in y)
    return float(intercept), float(slope), error, float(r2)


def newey_west(x, y, lag):
    """Error of the slope of y on x with a constant: the double sum of Newey, West (1987)."""
    n = len(x)
    mx, my = sum(x) / n, sum(y) / n
    sxx = sum((v - mx) ** 2 for v in x)
    slope = sum((v - mx) * (w - my) for v, w in zip(x, y, strict=True)) / sxx
    u = [(v - mx) * (w - my - slope * (v - mx)) for v, w in zip(x, y, strict=True)]
    total = sum(v * v for v in u)
    for j in range(1, lag + 1):
        weight = 1 - j / (lag + 1)
        total += 2 * weight * sum(u[k] * u[k - j] for k in range(j, n))
    return sqrt(total) / sxx


def bin_sums(times, values, edges):
    """Sum of the values with start < time ≤ end, for each bin."""
    pairs = list(zip(times, values, strict=True))
    ends = itertools.pairwise(edges)
    return [sum(v for t, v in pairs if a < t <= b) for a, b in ends]


def covered(gaps, start, end):
    """1 − share of the nanoseconds of (start, end] inside some gap, nanosecond by nanosecond."""
    lost = sum(any(a < t <= b for a, b in gaps) for t in range(start + 1, end + 1))
    return 1 - lost / (end - start)


def vpin(trades, volume, buckets=50):
    """Unit by unit: every lot of a trade falls into the open bucket; VPIN after each full one."""
    done, bought, sold, result = [], 0, 0, []
    for size, side in trades:
        for _ in range(size):
            bought, sold = bought + (side > 0), sold + (side < 0)
            if bought + sold == volume:
                done.append(abs(bought - sold))
                bought = sold = 0
                last = done[-buckets:]
                full = len(last) == buckets
                result.append(sum(last) / (buckets * volume) if full else None)
    return result


def micro_adjustment(counts, moves, steps=2000):
    """Stoikov's g* by stepping the chain: expected next moves of mid, one event after the other.

    counts: {(state, next state, move): times}; the mirrored transitions are expected to be in it.
    """
    states = sorted({s for s, _, _ in counts} | {t for _, t, _ in counts})
    total = {s: sum(n for (a, _, _), n in counts.items() if a == s) for s in states}
    value = dict.fromkeys(states, 0.0)
    for _ in range(steps):  # E[sum of all further moves], by value iteration
        value = {
            s: sum(n / total[s] * (move + value[t]) for (a, t, move), n in counts.items() if a == s)
            for s in states
        }
    return {s: v for s, v in value.items() if s in moves}
