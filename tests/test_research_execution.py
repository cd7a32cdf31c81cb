"""Trade lag and spread decomposition from the archive: in pieces as in one."""

import numpy as np
import pytest

from app.archive import Archive, Reader
from app.compute import spread
from app.market import MarketId
from app.research import execution as module
from app.research.execution import execution
from tests.batch import spread_parts
from tests.recorded import recorded
from tests.research_help import ofi_json


def imported(tmp_path, name, market):
    ofi_json("import", "binance-raw", recorded(name), "--market", market, "--archive", tmp_path)
    return Reader(Archive(tmp_path), MarketId.parse(market))


def joined(batches, names):
    parts = list(batches)
    return [np.concatenate([getattr(b, n) for b in parts]) for n in names]


def test_pieces_leave_no_trace(tmp_path, monkeypatch):
    name = "binance_coinm_btcusd_perp_20240808.jsonl.gz"
    reader = imported(tmp_path, name, "binancecoinm:BTC/USD:BTC")
    whole = execution(reader, False)
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
    monkeypatch.setattr(module, "CHUNK_NS", 7 * 10**9)
    pieces = execution(reader, False)
    for h, parts in whole["spread"].items():
        assert pieces["spread"][h] == {k: pytest.approx(v, rel=1e-9) for k, v in parts.items()}


def test_wrong_clocks_are_noticed(tmp_path):
    """On the spot recording prints and quotes come by different ways: more than 5 % look negative."""
    reader = imported(tmp_path, "binance_spot_btcusdt_20240808.jsonl.gz", "binance:BTC/USDT")
    found = execution(reader, False)
    assert 0 <= found["trade_lag_ms"] <= 50
    assert found["spread"]["1s"]["effective"] is None
    assert found["spread"]["1s"]["negative_share"] > 0.05
