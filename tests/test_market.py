"""Market ids and integer grids."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MarketError
from app.market import Contract, Grid, Market, MarketId, off_grid


@pytest.mark.parametrize(
    ("text", "venue", "symbol"),
    [
        ("binance:BTC/USDT", "binance", "BTC/USDT"),
        ("binanceusdm:BTC/USDT:USDT", "binanceusdm", "BTC/USDT:USDT"),
        (" kraken:BTC/USD ", "kraken", "BTC/USD"),
    ],
)
def test_id_is_split_at_the_first_colon(text, venue, symbol):
    market_id = MarketId.parse(text)
    assert (market_id.venue, market_id.symbol) == (venue, symbol)


@pytest.mark.parametrize(
    "text",
    ["", "binance", "binance:", ":BTC/USDT", "Binance:BTC/USDT", "a b:X", "x:" + "B" * 99, "x:\n"],
)
def test_what_is_not_an_id_is_refused_with_an_example(text):
    with pytest.raises(MarketError, match="binance:BTC/USDT"):
        MarketId.parse(text)


@given(st.from_regex(r"[a-z0-9_-]{1,12}", fullmatch=True), st.text(min_size=1, max_size=60))
def test_file_names_are_safe_and_come_back(venue, symbol):
    try:
        market_id = MarketId.parse(f"{venue}:{symbol}")
    except MarketError:
        return
    name = market_id.file_name
    assert "/" not in name
    assert name not in (".", "..")
    assert MarketId.from_file_name(name) == market_id


def test_grid_gives_the_venues_own_decimals():
    grid = Grid(Decimal("0.01"), Decimal("0.00001"))
    assert grid.to_ticks(np.array([61837.63, 0.01])).tolist() == [6183763, 1]
    assert grid.to_lots(np.array([3.78826])).tolist() == [378826]
    assert str(grid.price(6183763)) == "61837.63"
    assert str(grid.size(-1)) == "-0.00001"
    assert (grid.price_decimals, grid.size_decimals) == (2, 5)


@pytest.mark.parametrize("tick", ["1e-8", "0.00000001", "0.5", "0.25", "5", "10", "1000"])
def test_extreme_increments_are_exact(tick):
    step = Decimal(tick)
    grid = Grid(step, Decimal(1))
    for units in (1, 7, 123_456_789):
        price = float(units * step)
        assert grid.to_ticks(np.array([price]))[0] == units
        assert grid.price(units) == units * step


@given(st.integers(1, 10**12), st.sampled_from(["0.01", "0.0001", "1e-8", "0.5", "2.5"]))
def test_multiples_are_on_the_grid(units, step):
    assert not off_grid(np.array([float(units * Decimal(step))]), Decimal(step))[0]


def test_a_finer_value_refines_by_powers_of_ten():
    grid = Grid(Decimal("0.1"), Decimal(1))
    assert grid.finer(100.25, 2.0) == Grid(Decimal("0.01"), Decimal(1))
    assert grid.finer(100.2, 0.001) == Grid(Decimal("0.1"), Decimal("0.001"))
    assert not grid.finer(1 / 3, 1.0).exact


def test_inverse_contracts_are_worth_less_base_as_the_price_rises():
    market = Market(
        MarketId.parse("binancecoinm:BTC/USD:BTC"),
        "BTC",
        "USD",
        Grid(Decimal("0.1"), Decimal(1)),
        Contract.INVERSE,
        Decimal(100),
    )
    assert market.size_unit == "contracts"
    assert market.base_value(50.0, 50_000.0) == pytest.approx(0.1)
    assert np.isnan(market.base_value(50.0, 0.0))


def test_description_survives_the_store():
    market = Market(
        MarketId.parse("kraken:BTC/USD"), "BTC", "USD", Grid(Decimal("0.1"), Decimal("1e-8"))
    )
    assert Market.from_json(market.to_json()) == market
