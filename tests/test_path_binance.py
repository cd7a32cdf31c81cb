"""The known answers of recorded Binance spot, through ccxt, collector and store, to the last digit."""

import asyncio
from decimal import Decimal

import numpy as np
import pytest

from app.clock import SystemClock
from app.store import open_store
from tests.recorded import recorded
from tests.recorded_path import MARKET_ID, play
from tests.venues.binance_replay import FILE

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
