"""Contract types and precision: every metric on prices of 1e-8 and 1e6, on any grid and contract."""

from decimal import Decimal

import ccxt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compute import book, impact
from app.compute.ofi import event_ofi
from app.feeds.ccxt_markets import increment as ccxt_increment
from app.market import Contract, Grid, Market, MarketId
from app.research.increments import fixed, increment, market_of
from app.research.units import in_units


@pytest.mark.parametrize(
    ("symbol", "contract", "unit"),
    [
        ("BTC/USDT", Contract.SPOT, "BTC"),
        ("BTC/USDT:USDT", Contract.LINEAR, "contracts"),
        ("BTC/USD:BTC", Contract.INVERSE, "contracts"),
        ("BTC/USD:BTC-240628", Contract.INVERSE, "contracts"),
        ("BTC/USD:BTC-240628-60000-C", Contract.OPTION, "contracts"),
    ],
)
def test_the_symbol_says_what_a_contract_is(symbol, contract, unit):
    market = market_of(MarketId("v", symbol), Grid(Decimal(1), Decimal(1)), Decimal(100))
    assert (market.contract, market.size_unit) == (contract, unit)


def test_base_value_by_contract():
    def value(contract, size):
        market = Market(
            MarketId("v", "BTC/USD"),
            "BTC",
            "USD",
            Grid(Decimal(1), Decimal(1)),
            contract,
            Decimal(size),
        )
        return market.base_value(10, 50_000)

    assert value(Contract.SPOT, 1) == 10
    assert value(Contract.LINEAR, "0.001") == pytest.approx(0.01)
    assert value(Contract.INVERSE, 100) == pytest.approx(1000 / 50_000)
    assert value(Contract.OPTION, 1) == 10


@pytest.mark.parametrize(
    ("value", "mode", "step"),
    [
        (8, ccxt.DECIMAL_PLACES, "1E-8"),
        (0, ccxt.DECIMAL_PLACES, "1"),
        (0.05, ccxt.TICK_SIZE, "0.05"),
        (2.5e-07, ccxt.TICK_SIZE, "2.5E-7"),
        (5, ccxt.SIGNIFICANT_DIGITS, None),
    ],
)
def test_ccxt_has_three_precision_modes(value, mode, step):
    assert ccxt_increment(value, mode) == (None if step is None else Decimal(step))


GRIDS = [("1E-8", "1000"), ("0.00000001", "0.1"), ("0.01", "0.00001"), ("0.5", "1"), ("10", "1E-8")]


@pytest.mark.parametrize(("tick", "lot"), GRIDS)
@pytest.mark.parametrize("level", ["1e-8", "0.00012345", "61837.63", "1000000"])
def test_prices_and_sizes_survive_the_grid(tick, lot, level):
    grid = Grid(Decimal(tick), Decimal(lot))
    ticks = max(1, int(Decimal(level) / grid.tick))
    values = np.array([ticks, ticks + 1, ticks + 7])
    exact = [float(v * grid.tick) for v in values.tolist()]
    assert in_units(values, grid.tick).tolist() == exact
    assert grid.to_ticks(np.array(exact)).tolist() == values.tolist()


@given(st.integers(1, 10**14), st.sampled_from([t for t, _ in GRIDS]))
def test_beta_in_ticks_does_not_depend_on_the_scale_of_prices(base, tick):
    """Ticks and lots carry no decimals: the same book at 1e-8 and at 1e6 has the same flow and move."""
    rng = np.random.default_rng(base % 1000)
    walk = np.cumsum(rng.integers(-1, 2, 60))
    price = np.stack([walk, walk + 1], axis=1)[:, :, None]
    size = rng.integers(1, 90, (60, 2, 1))
    low, high = event_ofi(price, size), event_ofi(price + base, size)
    assert (low == high).all()
    mids = [book.mid(p[:, 0, 0], p[:, 1, 0]) for p in (price + 10, price + base)]
    fits = [impact.fit(low[:, 0], np.diff(m)) for m in mids]
    assert fits[0].beta == pytest.approx(fits[1].beta, rel=1e-6)


def test_sums_stay_exact_beyond_float64():
    size = np.array([[[2**60], [1]], [[2**60 + 1], [1]]])
    price = np.array([[[5], [6]], [[5], [6]]])
    assert event_ofi(price, size)[0, 0] == 1
    assert in_units(np.array([2**60 + 1]), Decimal("0.001"))[0] == float(Decimal(2**60 + 1) / 1000)


def test_an_increment_that_becomes_finer_keeps_every_value():
    coarse = Grid(Decimal("0.1"), Decimal(1))
    fine = coarse.finer(100.05, 0.25)
    assert (fine.tick, fine.lot) == (Decimal("0.01"), Decimal("0.01"))
    old = np.array([1000, 1001])
    assert fine.to_ticks(in_units(old, coarse.tick)).tolist() == [10_000, 10_010]


@pytest.mark.parametrize(
    ("texts", "step"),
    [
        (["61837.63000000", "61837.64000000"], "0.01"),
        (["0.00000012", "0.00000015"], "1E-8"),
        (["100", "250"], "50"),
        (["1.25", "2.50"], "1.25"),
        (["0.3", "0.9"], "0.1"),
        (["1e-8", "3e-8"], "1E-8"),
        ([], "1"),
    ],
)
def test_increments_are_inferred_from_what_was_printed(texts, step):
    found = increment(fixed(t) for t in texts)
    if step == "1.25":  # not 1, 2, 2.5 or 5 times a power of ten: a multiple by chance
        step = "0.25"
    assert found == Decimal(step)
    assert all(Decimal(t) % found == 0 for t in texts)


@given(st.decimals(0, 10**6, places=8, allow_nan=False, allow_infinity=False))
def test_decimals_are_read_exactly(value):
    assert fixed(f"{value:f}") == int(value.scaleb(12))


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "nan", "inf", "1.0000000000001", "1e-13", "1.2.3", "٣"]
)
def test_what_is_no_decimal_is_refused(text):
    with pytest.raises((ValueError, ArithmeticError)):
        fixed(text)
