"""Nothing leaks from the future on the way from archive to verdict."""

from decimal import Decimal

import numpy as np
import pytest

from app.archive import Archive, SegmentWriter
from app.compute import prediction
from app.market import Grid, MarketId
from app.research import verification
from app.research.increments import market_of

S = 10**9
T0 = 1_700_000_000 * S
MARKET = market_of(MarketId.parse("test:WALK/USD"), Grid(Decimal(1), Decimal(1)))


def walk(folder, n=2400, seed=1):
    """Both quotes step up or down once a second, at its middle: the flow has the sign of the move."""
    rng = np.random.default_rng(seed)
    bid = 100_000 + np.cumsum(rng.choice([-1, 1], n))
    archive = Archive(folder)
    with SegmentWriter(archive, MARKET, T0 + 1, {}) as w:
        none = np.full(n, -1)
        w.best(
            {
                "time_ns": T0 + np.arange(n) * S + S // 2,
                "venue_ms": none,
                "update_id": none,
                "epoch": np.zeros(n, np.int64),
                "bid": bid,
                "bid_size": np.full(n, 10),
                "ask": bid + 1,
                "ask_size": np.full(n, 10),
            }
        )
        w.commit(T0 + n * S)
    return archive


def verified(archive):
    return verification.verify(archive, verification.Request(MARKET.id, S, 300 * S))


def test_flow_that_moves_the_price_at_once_foretells_nothing(tmp_path):
    found = verified(walk(tmp_path))
    assert found["best"]["r2"] == pytest.approx(1.0)  # contemporaneous, and said to be
    for p in found["prediction"].values():
        assert p["verdict"] == "no better than chance"
        assert abs(p["ic"]) < 0.12


def test_one_step_past_t_would_foretell_everything(tmp_path, monkeypatch):
    honest = prediction.signal

    def leaking(time_ns, e, grid_ns, window_ns):
        return honest(time_ns, e, grid_ns + S, window_ns)

    archive = walk(tmp_path)
    monkeypatch.setattr(prediction, "signal", leaking)
    assert verified(archive)["prediction"]["1s"]["ic"] > 0.95
