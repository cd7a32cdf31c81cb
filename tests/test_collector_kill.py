"""The collector is killed under load, again and again: what a reader saw stays, the loss is a gap."""

import signal

import numpy as np
import pytest

from app.clock import SystemClock
from app.market import MarketId
from app.records import NO_ASK, NO_BID, ROW_NS
from app.store import open_store
from tests.processes import demo_exchange, running, wait_for

KILLS = 20
MARKET = MarketId("demo", "BTC/USDT")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_row_that_was_read_is_there_after_a_kill(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}", clock=SystemClock(), readonly=True)
    arguments = ("app.cli", "collect", "--store", f"sqlite:///{tmp_path}", MARKET)

    def rows():
        return store.window(MARKET, "row", 0, 2**62) if MARKET in store.markets() else []

    with demo_exchange(speed=4.0) as (environ, _):
        seen = np.zeros(0)
        for _ in range(KILLS):
            with running(*arguments, environ=environ, stop=signal.SIGKILL):
                had = len(seen)
                seen = wait_for(
                    lambda had=had: [r] if len(r := rows()) > had + 5 else None, "new rows"
                )[0]
            after = rows()
            assert after[: len(seen)].tobytes() == seen.tobytes()
            seen = after
    gaps = store.window(MARKET, "gap", 0, 2**62)
    store.close()

    # Whole rows, each once, in order, with quotes that can be.
    assert (np.diff(seen["end_ns"]) > 0).all()
    assert (seen["end_ns"] % ROW_NS == 0).all()
    assert (seen["end_ns"] - seen["start_ns"] == ROW_NS).all()
    quoted = (seen["bid"] > NO_BID) & (seen["ask"] < NO_ASK)
    assert (seen["bid"] < seen["ask"])[quoted].all()
    parts = seen["added_bid"] - seen["removed_bid"] - seen["added_ask"] + seen["removed_ask"]
    assert (parts == seen["ofi_best"]).all()
    # Each of the nineteen restarts told of the time before it, for every stream.
    told = gaps[gaps["reason"] == b"collector restarted"]
    assert [int((told["stream"] == s).sum()) for s in range(3)] == [KILLS - 1] * 3
    for gap in told:
        inside = (seen["start_ns"] >= gap["from_ns"]) & (seen["end_ns"] <= gap["to_ns"])
        assert not inside.any()
