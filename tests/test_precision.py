"""Prices of 1e-8 and of 1e6, from the message to the answer: every decimal as the venue printed it."""

import csv
from decimal import ROUND_HALF_UP, Decimal

import ccxt
import httpx
import numpy as np
import pandas as pd
import pytest
from ccxt.base.decimal_to_precision import ROUND, decimal_to_precision
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from app.clock import SystemClock
from app.compute.quantise import values
from app.feeds.ccxt_markets import describe
from app.feeds.venues import DEFAULT
from app.market import MarketId
from app.research.units import in_units
from app.web.api import Api
from tests.research_help import ofi, ofi_json
from tests.test_collector_service import AAA, collected, rows_of
from tests.test_research_tardis import QUOTES, TRADES, write
from tests.venues import scripted
from tests.venues.binance_protocol import Symbol, settings_for
from tests.venues.rig import until
from tests.venues.scripted import ScriptedVenue

# Decimals of the tick, and the mid in ticks: bids from 1e-8 up, and prices about a million.
EXTREMES = {"1e-8": (8, 61), "1e6": (1, 10_000_000)}


@pytest.mark.parametrize("name", EXTREMES)
async def test_a_live_market_keeps_every_decimal(tmp_path, monkeypatch, name):
    decimals, mid = EXTREMES[name]
    monkeypatch.setattr(scripted, "TICK_DECIMALS", decimals)
    server = ScriptedVenue(1)
    server.symbols["AAAUSDT"] = Symbol("AAA", "USDT", f"{10.0**-decimals:.8f}", "0.00010000")
    book = server.books["AAAUSDT"] = scripted.Synthetic(
        server.symbols["AAAUSDT"], server.books["AAAUSDT"].rng, mid
    )
    async with collected(tmp_path, server, lambda: settings_for(server.port), AAA) as (store, _):
        await until(lambda: len(rows_of(store)), "first rows")
        for _ in range(30):
            await server.step("AAAUSDT", trade=True)
        await server.barrier()
        await until(lambda: rows_of(store)["trades"].sum() >= 30, "the trades")

        def same():
            held = store.read_since(AAA, {"book": 0}).batches.get("book")
            return held is not None and int(held[-1]["update_id"]) == book.last_id

        await until(same, "the last book")
        grid = store.markets()[AAA].grid
        assert (grid.tick, grid.exact) == (Decimal(1).scaleb(-decimals), True)
        app, api = FastAPI(), Api(store, SystemClock())
        api.add_routes(app)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as c:
            told = (await c.get("/api/v1/book", params={"market": str(AAA)})).json()
            rows = await c.get("/api/v1/features", params={"market": str(AAA), "limit": 500})
        api.close()
    sent = book.snapshot(200)
    for side in ("bids", "asks"):
        found = [[Decimal(p), Decimal(q)] for p, q in told[side]]
        assert found == [[Decimal(p), Decimal(q)] for p, q in sent[side]]
    if name == "1e-8":
        assert min(Decimal(p) for p, _ in told["bids"]) <= Decimal("2e-8")
    values = rows.json()
    last = dict(zip(values["columns"], values["rows"][-1], strict=True))
    assert Decimal(repr(last["bid"])) == Decimal(sent["bids"][0][0])
    assert last["ofi_best"] is not None


DECIMALS = {
    "1e-8": ["0.00000001", "0.00000002", "0.00000003", "0.00000007"],
    "1e6": ["1000000.5", "999999.5", "1000001", "1234567.5"],
}


@pytest.mark.parametrize("name", DECIMALS)
def test_a_recorded_market_keeps_every_decimal(tmp_path, name):
    bids, lot = DECIMALS[name], "0.00000001" if name == "1e6" else "1000"
    step = Decimal("1e-8") if name == "1e-8" else Decimal("0.5")
    asks = [f"{Decimal(b) + step:f}" for b in bids]
    sizes = [f"{Decimal(lot) * k:f}" for k in (3, 1, 10**9, 7)]
    quotes = [
        (k * 10**6, f"{q},{a},{b},{q}")
        for k, (a, b, q) in enumerate(zip(asks, bids, sizes, strict=True))
    ]
    prints = [
        (k * 10**6 + 1, f"{k},buy,{a},{q}")
        for k, (a, q) in enumerate(zip(asks, sizes, strict=True))
    ]
    files = write(tmp_path / "q.csv", QUOTES, quotes), write(tmp_path / "t.csv", TRADES, prints)
    where = ("--market", "x:AAA/BTC", "--archive", tmp_path / "a")
    said = ofi_json("import", "tardis", *files, *where)["market"]
    assert (Decimal(said["tick"]), Decimal(said["lot"])) == (step, Decimal(lot))
    for what, columns in (
        ("best", {"bid": bids, "ask": asks, "bid_size": sizes}),
        ("trades", {"price": asks, "size": sizes}),
    ):
        out = tmp_path / f"{what}.csv"
        ofi("export", *where, "--what", what, "--out", out)
        rows = list(csv.DictReader(out.read_text().splitlines()))
        for column, wanted in columns.items():
            assert [Decimal(row[column]) for row in rows] == [Decimal(v) for v in wanted]
    out = tmp_path / "f.parquet"
    ofi("compute", *where, "--bin", "1s", "--levels", "1", "--out", out)
    frame = pd.read_parquet(out)
    shown = frame["bid"].dropna().drop_duplicates()
    assert [Decimal(repr(v)) for v in shown] == [Decimal(b) for b in dict.fromkeys(bids)]
    # Every state has other prices: on both sides what rests comes, or what rested goes.
    e = [0]
    for k in range(1, 4):
        up, q, q0 = (
            Decimal(bids[k]) > Decimal(bids[k - 1]),
            Decimal(sizes[k]),
            Decimal(sizes[k - 1]),
        )
        e.append(q + q0 if up else -q0 - q)
    e.append(0)  # the last bin holds the last trade alone
    assert [Decimal(repr(v)) for v in frame["ofi_best"]] == [Decimal(v) for v in e]
    assert frame["spread"].dropna().map(repr).map(Decimal).eq(step).all()


prices = st.decimals("0.00000001", "2000000", places=8)


@settings(max_examples=200, deadline=None)
@given(
    prices,
    st.integers(0, 8),
    st.integers(1, 8),
    st.sampled_from(["0.5", "0.01", "2.5e-7", "1e-8", "10"]),
)
def test_what_ccxt_prints_in_each_of_its_modes_comes_back(price, places, digits, tick):
    """Decimal places, significant digits, tick size: by ccxt's own function for each."""
    text = f"{price:f}"
    for mode, precision in (
        (ccxt.DECIMAL_PLACES, places),
        (ccxt.SIGNIFICANT_DIGITS, digits),
        (ccxt.TICK_SIZE, tick),
    ):
        number = precision if mode != ccxt.TICK_SIZE else float(precision)
        raw = {"base": "A", "quote": "B", "precision": {"price": number, "amount": number}}
        grid = describe(MarketId("v", "A/B"), raw, mode, DEFAULT).grid
        assert grid.exact is (mode != ccxt.SIGNIFICANT_DIGITS)
        printed = Decimal(decimal_to_precision(text, ROUND, precision, mode))
        units, off = values(np.array([float(printed)]), np.array([float(grid.tick)]))
        # Significant digits name no increment: 1e-8, made finer where a price needs it.
        assert not off[0]
        assert grid.price(int(units[0])) == printed
        assert in_units(units, grid.tick)[0] == float(printed)


def test_the_modes_by_hand():
    def tick(value, mode):
        raw = {"base": "A", "quote": "B", "precision": {"price": value, "amount": value}}
        return describe(MarketId("v", "A/B"), raw, mode, DEFAULT).grid

    assert tick(8, ccxt.DECIMAL_PLACES).tick == Decimal("1e-8")
    assert tick(0.05, ccxt.TICK_SIZE).tick == Decimal("0.05")
    fine = tick(5, ccxt.SIGNIFICANT_DIGITS)
    assert not fine.exact
    # 1.2345e-8 has five significant digits, and lies between the increments: they become finer.
    finer = fine.finer(1.2345e-8, 1.0)
    assert finer.tick == Decimal("1e-12")
    assert finer.price(12345) == Decimal("1.2345e-8").quantize(Decimal("1e-12"), ROUND_HALF_UP)
