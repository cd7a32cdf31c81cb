"""Trade lag and spread decomposition from the archive: in pieces as in one."""

import numpy as np
import pytest

from app.archive import Archive, Reader
from app.compute import markouts, spread
from app.feeds.base import Gap
from app.market import MarketId
from app.records import Stream
from app.research import execution as module
from app.research.execution import execution
from tests.batch import spread_parts
from tests.recorded import recorded
from tests.research_help import ofi_json
from tests.test_research_features import T0, S, archived, events, world

LAG = 3_000_000


def imported(tmp_path, name, market):
    ofi_json("import", "binance-raw", recorded(name), "--market", market, "--archive", tmp_path)
    return Reader(Archive(tmp_path), MarketId.parse(market))


def joined(batches, names):
    parts = list(batches)
    return [np.concatenate([getattr(b, n) for b in parts]) for n in names]


def test_pieces_leave_no_trace(tmp_path, monkeypatch):
    name = "binance_coinm_btcusd_perp_20240808.jsonl.gz"
    reader = imported(tmp_path, name, "binancecoinm:BTC/USD:BTC")
    whole = execution(reader, False, 10 * 10**9)
    time_ns, price = joined(reader.best(), ("time_ns", "price"))
    trades = joined(reader.trades(), ("time_ns", "price", "size", "side"))
    mid = price[:, :, 0].sum(axis=1) / 2
    for h in spread.HORIZONS_S:
        lag_ns = round(whole["trade_lag_ms"] * 1e6)
        plain = spread_parts(*trades, time_ns, mid, h, lag_ns, reader.end_ns)
        found = whole["spread"][f"{h}s"]
        assert found["trades"] == plain.trades > 1000
        for part in ("effective", "realised", "adverse"):
            assert found[part] == pytest.approx(getattr(plain, part), rel=1e-9)
    monkeypatch.setattr(module, "_lag", lambda *_: round(whole["trade_lag_ms"] * 1e6))
    monkeypatch.setattr(module, "PIECE_NS", 60 * 10**9)
    pieces = execution(reader, False, 10 * 10**9)
    for h, parts in whole["spread"].items():
        assert pieces["spread"][h] == {k: pytest.approx(v, rel=1e-9) for k, v in parts.items()}
    for group in ("buys", "sells"):  # of all trades: the others are chosen piece by piece
        for name in ("mean", "low", "high"):
            assert pieces["markout"][group][name] == pytest.approx(whole["markout"][group][name])


def test_wrong_clocks_are_noticed(tmp_path):
    """On the spot recording prints and quotes come by different ways: more than 5 % look negative."""
    reader = imported(tmp_path, "binance_spot_btcusdt_20240808.jsonl.gz", "binance:BTC/USDT")
    found = execution(reader, False, 10 * 10**9)
    assert 0 <= found["trade_lag_ms"] <= 50
    assert found["spread"]["1s"]["effective"] is None
    assert found["spread"]["1s"]["negative_share"] > 0.05


def slow_path(t, mids, gaps, end):
    """Mid before a trade and at each later horizon, by looking through all of them; None: not known."""
    path = []
    for h in markouts.CURVE_S:
        at = t - LAG if h == 0 else t + h * S
        low, high = (at, t) if h == 0 else (t, at)
        before = [m for time, m in mids if time <= at]
        lost = any(a < high and b > low for a, b in gaps) or at > end
        path.append(None if lost or not before else before[-1])
    return path


def broken(tmp_path, monkeypatch):
    """Four minutes with a gap: the archive, its quotes and trades, the gap, and (time, mid) pairs."""
    best, depth, trades = ((T0 + (times - T0) * 6, *rest) for times, *rest in world(3))
    gap = Gap(Stream.BEST, T0 + 100 * S, T0 + 103 * S, "reconnect")
    reader = archived(tmp_path, best, depth, trades, [gap], T0 + 240 * S)
    monkeypatch.setattr(module, "_lag", lambda *_: LAG)
    mids = list(zip(best[0].tolist(), (best[2][:, :, 0].sum(axis=1) / 2).tolist(), strict=True))
    return reader, best, trades, gap, mids


def test_markouts_are_those_of_the_definition(tmp_path, monkeypatch):
    """Four minutes of quotes, trades and a gap, in one piece and by loops."""
    reader, best, trades, gap, mids = broken(tmp_path, monkeypatch)
    found = execution(reader, False, 10 * S)["markout"]
    flows, gaps = list(zip(*events(best), strict=True)), [(gap.from_ns, gap.to_ns)]
    kept = []
    for t, _, size, side in zip(*(x.tolist() for x in trades), strict=True):
        path = slow_path(t, mids, gaps, reader.end_ns)
        start = t - 1 - 10 * S
        blank = start < reader.start_ns or any(a < t - 1 and b > start for a, b in gaps)
        flow = None if blank else sum(e for time, e in flows if start < time <= t - 1)
        if None not in path:
            kept.append((t, size, side, flow, [(m / path[0] - 1) * 1e4 for m in path]))
    for group, sign in (("buys", 1), ("sells", -1)):
        mine = [k for k in kept if k[2] == sign]
        assert found[group]["trades"] == len(mine) > 50
        known = sorted(sign * k[3] for k in mine if k[3] is not None)
        edge = np.quantile(known, 0.8)
        high = [k for k in mine if k[3] is not None and sign * k[3] >= edge]
        name = {"buys": "buys_high", "sells": "sells_low"}[group]
        for trades_of, label in ((mine, group), (high, name)):
            volume = sum(k[1] for k in trades_of)
            assert found[label]["trades"] == len(trades_of)
            for h in range(len(markouts.CURVE_S)):
                mean = sum(k[1] * k[4][h] for k in trades_of) / volume
                shown = found[label]["mean"][h]
                assert (shown is None) == (len(trades_of) < markouts.LEAST_TRADES)
                assert shown is None or shown == pytest.approx(mean, abs=1e-9)
    assert found["horizons_s"] == list(markouts.CURVE_S)


def test_the_spread_is_not_taken_across_a_gap(tmp_path, monkeypatch):
    reader, _, trades, gap, mids = broken(tmp_path, monkeypatch)
    found = execution(reader, False, 10 * S)["spread"]
    lost = 0
    for h in spread.HORIZONS_S:
        effective = []
        for t, price, _, side in zip(*(x.tolist() for x in trades), strict=True):
            before = [m for time, m in mids if time <= t - LAG]
            if not before or not side or t + h * S > reader.end_ns:
                continue
            if gap.from_ns < t + h * S and gap.to_ns > t - LAG:
                lost += 1
            else:
                effective.append(side * (price - before[-1]))
        assert found[f"{h}s"]["trades"] == len(effective) > 100
        share = sum(e < 0 for e in effective) / len(effective)
        assert found[f"{h}s"]["negative_share"] == pytest.approx(share)
    assert lost > 0
