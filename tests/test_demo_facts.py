import numpy as np
import pytest

from app.demo import facts as module
from app.demo.facts import RECORDED_FILE, event_ofi, facts, main, table
from app.demo.spec import BTC
from app.demo.tape import PROFILE_BPS, Tape, recorded, simulate
from app.errors import DataError
from tests.recorded import recorded as recorded_file


@pytest.fixture(scope="module")
def simulated():
    return simulate(seed=2, seconds=240)


def made_up(mid, size=100, trades=()):
    """A tape with a quote every 0.1 s around a given mid, one tick wide."""
    mid = np.asarray(mid)
    quotes = np.stack([mid, np.full_like(mid, size), mid + 1, np.full_like(mid, size)], axis=1)
    trades = np.array(trades, dtype=np.int64).reshape(-1, 3)
    return Tape(
        name="made up",
        quote_s=np.arange(len(mid)) * 0.1,
        quotes=quotes,
        trade_s=np.linspace(0, len(mid) * 0.1, len(trades)),
        trades=trades,
        profile=np.linspace(1, 2, len(PROFILE_BPS) - 1),
        tick_bps=0.01,
    )


def test_event_contributions_by_hand():
    """The hand-worked vector, in cents."""
    bids = [(9999, 10), (9999, 15), (10000, 8), (10000, 8), (10000, 8)]
    asks = [(10001, 10), (10001, 10), (10001, 10), (10002, 12), (10001, 5)]
    quotes = np.array([(*b, *a) for b, a in zip(bids, asks, strict=True)])
    assert event_ofi(quotes).tolist() == [0, 5, 8, 10, -5]


def test_recorded_traffic_gives_the_known_answers():
    tape = recorded(recorded_file(RECORDED_FILE))
    assert len(tape.quotes) == 28_040
    assert len(tape.trades) == 9_757
    assert event_ofi(tape.quotes).sum() == -9_947_148
    assert (tape.trades[:, 1] * tape.trades[:, 2]).sum() == -1_873_079
    found = facts(tape)
    assert found.r2_ofi == pytest.approx(0.3039, abs=5e-4)
    assert found.r2_trades == pytest.approx(0.4200, abs=5e-4)


def test_a_short_run_looks_like_a_market(simulated):
    found = facts(simulated)
    assert 0.2 < found.r2_ofi < 0.85
    assert 0.05 < found.r2_trades < found.r2_ofi + 0.1  # lower on most seeds, not on each
    assert found.spread_3 > 0.7
    assert found.kurtosis > 1
    assert 0.2 < found.sd_bps < 5
    assert found.acf_abs > 0
    assert found.best_rule.t < 4
    assert 1 <= found.peak_bps[0] <= 10
    assert found.before_peak < 0.9
    assert found.after_peak < 0.5


def test_a_profitable_rule_is_found():
    """A price that goes on in its direction for ten seconds: following it pays, fading does not."""
    rng = np.random.default_rng(1)
    legs = np.repeat(rng.choice((-1, 1), 60), 100) * rng.integers(1, 3, 6000)
    found = facts(made_up(1_000_000 + np.cumsum(legs)))
    assert found.best_rule.name.startswith("follow")
    assert found.best_rule.t > 3
    assert found.best_rule.mean_bps > 0


def test_no_rule_earns_on_a_price_that_stands_still():
    """A mid that flickers by a tick: every round trip pays the spread."""
    mid = 1_000_000 + np.random.default_rng(2).integers(0, 2, 3000)
    found = facts(made_up(mid, trades=[(1_000_000, 5, 1), (1_000_000, 5, -1)] * 500))
    assert found.best_rule.mean_bps < 0


def test_the_table_has_a_column_a_tape(simulated):
    found = facts(simulated)
    lines = table([found, found]).splitlines()
    assert lines[0] == "| | wanted | seed 2 | seed 2 |"
    assert len(lines) == 2 + len(module._ROWS)
    assert all(line.count("|") == 5 for line in lines)


def test_a_file_that_is_no_capture_is_named(tmp_path):
    file = tmp_path / "x.jsonl.gz"
    file.write_bytes(b"not gzip")
    with pytest.raises(DataError, match=r"x\.jsonl\.gz"):
        recorded(file)
    assert main(["--recorded", str(tmp_path), "--seeds", "0"]) == 2


def test_simulating_is_repeatable():
    first, again = (simulate(seed=3, seconds=5, spec=BTC, warm_s=2) for _ in range(2))
    assert np.array_equal(first.quotes, again.quotes)
    assert np.array_equal(first.profile, again.profile)
