"""What a restarted collector takes up again from the store of the run before."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from app.clock import SystemClock
from app.collector.resume import continued, last_vpin
from app.compute.vpin import LiveVpin
from app.market import Grid, Market, MarketId
from app.records import GAP, Stream
from app.store import open_store
from tests.test_compute_vpin import prints

MARKET = Market(MarketId("demo", "BTC/USDT"), "BTC", "USDT", Grid(Decimal("0.1"), Decimal("0.01")))
S = 10**9


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}", clock=SystemClock())
    opened.acquire(MARKET.id, 15.0)
    opened.put_market(MARKET)
    yield opened
    opened.close()


def gap(from_ns, to_ns, reason, stream=Stream.TRADES):
    record = np.zeros(1, GAP)
    record["stream"], record["from_ns"], record["to_ns"] = stream, from_ns, to_ns
    record["reason"] = reason
    return record


def earlier_run(store, trades, lost):
    live = LiveVpin()
    buckets = live.add(trades, [lost])
    batches = {"trade": trades, "bucket": buckets, "gap": gap(*lost, b"reconnect")}
    store.append(MARKET.id, batches)
    return live


def test_vpin_and_its_percentile_go_on(store):
    trades = prints(5, 60_000, 30_000)
    first, rest = trades[:40_000], trades[40_000:]
    end = int(first["time_ns"][-1])
    earlier = earlier_run(store, first, (end - 900 * S, end - 850 * S))
    again = last_vpin(store, MARKET.id, end, end + 5 * S)
    assert again.last == earlier.last
    assert again.last.percentile is not None
    down = (end, int(rest["time_ns"][0]))
    assert again.add(rest, [down]).tobytes() == earlier.add(rest, [down]).tobytes()


def test_nothing_is_taken_over_from_other_increments(store):
    trades = prints(6, 20_000, 10_000)
    end = int(trades["time_ns"][-1])
    earlier_run(store, trades, (end - 900 * S, end - 850 * S))
    store.append(MARKET.id, {"gap": gap(end, end + 1, b"grid changed", Stream.BEST)})
    assert last_vpin(store, MARKET.id, end + 1, end + 5 * S).last is None
    assert last_vpin(store, MARKET.id, 0, end).last is None


def test_increments_that_an_earlier_run_found_stay():
    finer = MARKET.with_grid(Grid(Decimal("0.01"), Decimal("0.001")))
    other = MARKET.with_grid(Grid(Decimal("0.25"), Decimal("0.01")))
    unsure = MARKET.with_grid(replace(finer.grid, exact=False))
    assert continued(MARKET, None) == (MARKET, False)
    assert continued(MARKET, MARKET) == (MARKET, False)
    assert continued(MARKET, finer) == (finer, False)
    assert continued(finer, MARKET) == (finer, True)
    assert continued(other, MARKET) == (other, True)
    assert continued(MARKET, unsure) == (MARKET, True)
