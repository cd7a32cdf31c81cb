"""The whole book at the ends of bins: bands and slippage by hand, by a slow walk, and as in the API."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.archive import Archive, Books, Reader, SegmentWriter
from app.compute.columns import Book, bands, book_record, column
from app.market import Grid, MarketId
from app.records import BANDS_BPS, NO_ASK, NO_BID
from app.research import binning, features
from app.research.binning import Binner
from app.research.increments import market_of
from app.web.trades import order_cost
from tests.research_help import ofi_json
from tests.test_research_features import T0, S, archived, world

GRID = Grid(Decimal("0.01"), Decimal("0.001"))
SPOT = market_of(MarketId.parse("test:AAA/USD"), GRID)
INVERSE = market_of(MarketId.parse("test:AAA/USD:AAA"), GRID, Decimal(100))
LEVELS = 60


def states(seed, count=40):
    """Books `[n, 2, L]` with holes, one second apart; now and then a side is empty or short."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.integers(1, 9, (count, 2, LEVELS)), axis=2)
    price = 10_000 + rng.integers(-9, 10, (count, 1, 1)) + steps * np.array([-1, 1])[:, None]
    size = rng.integers(1, 5_000, (count, 2, LEVELS))
    there = np.where(rng.random((count, 2)) < 0.3, rng.integers(0, LEVELS, (count, 2)), LEVELS)
    absent = np.arange(LEVELS) >= there[:, :, None]
    size[absent] = 0
    price = np.where(absent, np.array([NO_BID, NO_ASK])[:, None], price)
    return T0 + np.arange(1, count + 1) * S, price, size


def written(folder, market, time_ns, price, size):
    with SegmentWriter(Archive(folder), market, int(time_ns[0]), {}) as w:
        w.depth_states(time_ns, np.zeros(len(time_ns), np.int64), LEVELS, price, size)
        w.commit(int(time_ns[-1]))
    return Reader(Archive(folder), market.id)


def book_of(time_ns, price, size):
    """One state as a book."""
    sides = [(price[s][size[s] > 0], size[s][size[s] > 0]) for s in (0, 1)]
    return Book(int(time_ns), *sides[0], *sides[1])


def walk(market, book, side, notional):
    """Slippage in fractions, level by level; None beyond the visible book."""
    tick, lot = (
        Fraction(market.grid.tick),
        Fraction(market.grid.lot) * Fraction(market.contract_size),
    )
    mid = Fraction(int(book.bid_price[0]) + int(book.ask_price[0]), 2) * tick
    price, size = getattr(book, f"{side}_price"), getattr(book, f"{side}_size")
    paid, base = Fraction(0), Fraction(0)
    for p, q in zip(price.tolist(), size.tolist(), strict=True):
        cost = p * tick
        amount = q * lot / cost if market is INVERSE else q * lot
        take = min(amount, (notional - paid) / cost)
        paid, base = paid + take * cost, base + take
        if paid == notional:
            return float(abs(paid / base - mid) / mid * 10_000)
    return None


def tables(reader, levels, notionals=(), bin_ns=S):
    binner = Binner(reader, bin_ns, levels)
    parts = features.tables(binner, reader.market, bin_ns, notionals)
    return pd.concat([part.to_pandas() for part in parts], ignore_index=True)


@pytest.mark.parametrize("market", [SPOT, INVERSE], ids=["spot", "inverse"])
def test_slippage_equals_a_slow_walk_and_the_api(tmp_path, market):
    time_ns, price, size = states(1)
    worth = 60_000 if market is SPOT else 14_000
    notionals = (1, worth // 100, worth // 10, worth)
    # Two levels are asked for: the cost is of the whole book all the same.
    frame = tables(written(tmp_path, market, time_ns, price, size), 2, notionals)
    assert frame["end"].tolist() == time_ns.tolist()
    given = missing = 0
    for k in range(len(time_ns)):
        book = book_of(time_ns[k], price[k], size[k])
        for notional in notionals:
            found = {a: frame[f"slippage_{a}_{notional}_bps"][k] for a in ("buy", "sell")}
            if not book.valid:
                assert np.isnan(list(found.values())).all()
                continue
            api = order_cost(market, column(book)[0], book_record(book, -1, -1)[0], notional)
            for action, side in (("buy", "ask"), ("sell", "bid")):
                want = walk(market, book, side, notional)
                assert found[action] == pytest.approx(want or np.nan, rel=1e-9, nan_ok=True)
                said = api[action]["bps"]
                assert found[action] == pytest.approx(
                    np.nan if said is None else said, rel=1e-12, nan_ok=True
                )
                given, missing = given + (want is not None), missing + (want is None)
    assert given > 100
    assert missing > 10


def test_slippage_by_hand_from_the_command_line(tmp_path):
    """Mid 100; asks 0.5 at 101 and 1 at 102, bids 1 at 99: 101.5 buys one at 101.5 on average."""
    price = np.array([[[9900, 9800], [10100, 10200]]])
    size = np.array([[[1000, 1000], [500, 1000]]])
    book = np.pad(price, ((0, 0), (0, 0), (0, LEVELS - 2)), constant_values=0)
    book[:, 0, 2:], book[:, 1, 2:] = NO_BID, NO_ASK
    size = np.pad(size, ((0, 0), (0, 0), (0, LEVELS - 2)))
    written(tmp_path, SPOT, np.array([T0 + S]), book, size)
    out = tmp_path / "f.csv"
    where = ("--archive", tmp_path, "--market", SPOT.id, "--bin", "1s", "--levels", "1")
    orders = ("--notional", "101", "--notional", "152", "--notional", "153")
    said = ofi_json("compute", *where, "--out", out, *orders)
    frame = pd.read_csv(out)
    assert list(frame.columns) == said["columns"]
    # 101 buys 0.5 at 101 (50.5) and 50.5/102 at 102; 152 leaves half a dollar of the asks' 152.5.
    average = 101 / (0.5 + 50.5 / 102)
    assert frame["slippage_buy_101_bps"][0] == pytest.approx((average - 100) * 100)
    # 101 sells 1 at 99 and 2/98 at 98.
    assert frame["slippage_sell_101_bps"][0] == pytest.approx((100 - 101 / (1 + 2 / 98)) * 100)
    assert frame["slippage_buy_152_bps"][0] == pytest.approx(
        (152 / (0.5 + 101.5 / 102) - 100) * 100
    )
    assert np.isnan(frame["slippage_buy_153_bps"][0])  # more than the visible book
    assert frame["slippage_sell_153_bps"].notna().all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(-S, 42 * S), min_size=1, max_size=30))
def test_a_book_at_any_moment_is_that_of_the_last_state(tmp_path_factory, seed, moments):
    best, depth, trades = world(seed, sided=True)
    reader = archived(tmp_path_factory.mktemp("a"), best, depth, trades)
    books, (time_ns, _, price, size) = Books(reader), depth
    for moment in sorted(moments):
        found = books.at(T0 + moment)
        k = int(np.searchsorted(time_ns, T0 + moment, side="right")) - 1
        if k < 0:
            assert found is None
            continue
        want = book_of(T0 + moment, price[k], size[k])
        for name in ("bid_price", "bid_size", "ask_price", "ask_size"):
            assert getattr(found, name).tolist() == getattr(want, name).tolist()
        assert books.at(T0 + moment) is found


def test_a_range_begins_with_its_own_first_state(tmp_path):
    time_ns, price, size = states(3)
    written(tmp_path, SPOT, time_ns, price, size)
    start = int(time_ns[7]) + S // 2  # the keyframe lies before the range
    books = Books(Reader(Archive(tmp_path), SPOT.id, start, int(time_ns[20])))
    assert books.at(start + S // 4) is None
    assert (
        books.at(int(time_ns[8])).ask_price.tolist()
        == book_of(0, price[8], size[8]).ask_price.tolist()
    )
    last = book_of(0, price[20], size[20])
    assert books.at(int(time_ns[30])).bid_size.tolist() == last.bid_size.tolist()


def test_bands_are_of_the_whole_book_whatever_the_levels(tmp_path, monkeypatch):
    time_ns, price, size = states(2)
    reader = written(tmp_path, SPOT, time_ns, price, size)
    frame = tables(reader, 1)
    for k in range(len(time_ns)):
        want = bands(book_of(time_ns[k], price[k], size[k]))
        for side, name in enumerate(("bid", "ask")):
            for b, bps in enumerate(BANDS_BPS):
                lots = want[side, b]
                shown = frame[f"depth_{name}_{bps:g}bps"][k]
                assert shown == pytest.approx(np.nan if lots < 0 else lots / 1000, nan_ok=True)
    assert frame["depth_bid_25bps"].notna().sum() > 10
    monkeypatch.setattr(binning, "CHUNK_NS", 7 * S)
    pd.testing.assert_frame_equal(tables(reader, 1), frame)


@pytest.mark.parametrize("notional", ["0", "-5", "much"])
def test_an_order_is_worth_something(tmp_path, notional):
    from typer.testing import CliRunner

    from tests.research_help import APP

    args = [
        "compute",
        "--market",
        "a:B/C",
        "--out",
        str(tmp_path / "f.csv"),
        "--notional",
        notional,
    ]
    result = CliRunner().invoke(APP, args)
    assert result.exit_code == 2
    assert "--notional" in result.output
