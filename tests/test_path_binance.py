"""The known answers of recorded Binance spot, through ccxt, collector, store and API, to the last digit."""

import asyncio
from decimal import Decimal
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from app.clock import SystemClock
from app.store import open_store
from tests.recorded import recorded
from tests.recorded_path import MARKET_ID, play
from tests.research_help import ofi_json
from tests.venues.binance_replay import FILE
from tests.web_server import running_server

LOT = Decimal("0.00001")
LEVEL_SUMS = (
    "-87.42089 4.52942 4.36345 -22.78542 1.29104 2.90726 -4.55959 -2.29785 -2.79847 11.69565"
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The store after the capture, and what the venue sent."""
    recorded(FILE)
    directory = tmp_path_factory.mktemp("hot")
    sent = asyncio.run(play(directory))
    store = open_store(f"sqlite:///{directory}", clock=SystemClock(), readonly=True)
    yield store, sent
    store.close()


def window(store, kind):
    return store.window(MARKET_ID, kind, 0, 2**62)


def in_units(lots):
    return [str(int(value) * LOT) for value in np.atleast_1d(lots)]


def test_every_state_of_both_streams_is_counted(path):
    store, sent = path
    rows = window(store, "row")
    assert rows["states_best"].sum() == 28_040 == sent["btcusdt@bookTicker"]
    # The snapshot with its straddling update is the first state; 3,448 updates follow it.
    assert rows["states_depth"].sum() == 1 + 3_448


def test_the_sums_of_both_streams(path):
    rows = window(path[0], "row")
    assert in_units(rows["ofi_best"].sum()) == ["-99.47148"]
    assert in_units(rows["ofi"][:, :10].sum(axis=0)) == LEVEL_SUMS.split()


def test_the_trades(path):
    store, _ = path
    trades, rows = window(store, "trade"), window(store, "row")
    assert len(trades) == 9_757 == rows["trades"].sum()
    net = (trades["size"] * trades["side"]).sum()
    assert in_units(net) == ["-18.73079"] == in_units(rows["bought"].sum() - rows["sold"].sum())
    assert in_units(trades["size"].sum()) == ["212.03315"]


def test_a_healthy_capture_has_no_gap(path):
    assert not len(window(path[0], "gap"))


def test_the_book_is_the_venues(path):
    book = path[0].read_since(MARKET_ID, {"book": 0}).batches["book"][-1]
    rows = window(path[0], "row")
    assert (book["bids"], book["asks"]) == (200, 200)
    assert book["bid_price"][0] < book["ask_price"][0]
    # Depth at 100 ms follows the best quotes within one period.
    assert abs(int(book["bid_price"][0]) - int(rows["bid"][-1])) < 100


def test_the_api_gives_the_known_regression(path):
    """What a researcher computes from `/api/v1/features` are the published figures of the capture."""
    store, _ = path
    end = int(window(store, "row")["end_ns"][-1])
    with running_server(Path(store.directory), workers=1) as base:
        query = {"market": str(MARKET_ID), "bin": "1s", "limit": 10_000, "end": end + 10**9}
        query["start"] = end - 400 * 10**9
        answer = httpx.get(f"{base}/api/v1/features", params=query, timeout=30).json()
    table = pd.DataFrame(answer["rows"], columns=answer["columns"])
    assert f"{table['ofi_best'].sum():.5f}" == "-99.47148"
    assert [f"{table[f'ofi_{m}'].sum():.5f}" for m in range(1, 11)] == LEVEL_SUMS.split()
    assert f"{table['bought'].sum() - table['sold'].sum():.5f}" == "-18.73079"
    # Whole bins whose mid is known at both edges: the capture begins and ends inside a second.
    whole = table[pd.to_numeric(table["end"]) <= int(window(store, "row")["received_ns"][-1])]
    change = (whole["mid"].diff() / 0.01)[1:]
    for column, beta, t, r2 in (
        ("ofi_best", 33.18634, 8.758, 0.3039),
        ("trade_imbalance", 318.41594, 3.446, 0.4200),
    ):
        fit = sm.OLS(change, sm.add_constant(whole[column][1:])).fit(cov_type="HC1")
        assert len(change) == 344
        assert fit.params[column] == pytest.approx(beta, abs=6e-6)
        assert fit.tvalues[column] == pytest.approx(t, abs=6e-4)
        assert fit.rsquared == pytest.approx(r2, abs=6e-5)


def test_verification_gives_the_known_answers(path, tmp_path):
    """`/api/v1/verification` over the live path: the published fits, and what `ofi verify` says."""
    store, _ = path
    # The capture ends inside a second: up to the last whole one.
    last = int(window(store, "row")["received_ns"][-1]) // 10**9
    with running_server(Path(store.directory), workers=1) as base:
        query = {"market": str(MARKET_ID), "bin": "1s", "lookback": "10min", "end": last * 10**9}
        found = httpx.get(f"{base}/api/v1/verification", params=query, timeout=60).json()
    for name, beta, t, r2 in (
        ("best", 33.18634, 8.758, 0.3039),
        ("trade_imbalance", 318.41594, 3.446, 0.4200),
    ):
        fit = found["explains"][name]
        assert fit["bins"] == 344
        assert fit["beta"] == pytest.approx(beta, abs=6e-6)
        assert fit["t"] == pytest.approx(t, abs=6e-4)
        assert fit["r2"] == pytest.approx(r2, abs=6e-5)
    ofi_json(
        "import", "binance-raw", recorded(FILE), "--market", MARKET_ID, "--archive", tmp_path
    )  # fmt: skip
    where = ("--archive", tmp_path, "--market", MARKET_ID)
    # A sixth of the look-back is the calendar window of the forecasts out of sample.
    told = ofi_json("verify", *where, "--bin", "1s", "--window", "100s")
    for name in ("best", "multilevel", "trade_imbalance"):
        for part in ("bins", "intercept", "beta", "t", "r2"):
            assert found["explains"][name][part] == pytest.approx(told[name][part], rel=1e-9), name
    assert found["explains"]["trade_imbalance"]["kyle_lambda"] == pytest.approx(
        told["trade_imbalance"]["kyle_lambda"], rel=1e-9
    )
    for horizon, mine in found["prediction"].items():
        its = told["prediction"][f"{horizon}s"]
        for part in ("pairs", "ic", "ic_low", "ic_high", "n_eff", "hit_rate", "zero_share"):
            assert mine[part] == pytest.approx(its[part], rel=1e-9), (horizon, part)
        for name, part in (("chance", "ic_p"), ("out_of_sample", "ic")):
            # At a minute six minutes are too short to be shifted in a circle.
            assert (mine[name] is None) == (its[name] is None)
            if its[name] is not None:
                assert mine[name][part] == pytest.approx(its[name][part], rel=1e-9), horizon
