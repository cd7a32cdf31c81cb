"""Flow and book through time, and the cost of an order: by hand, and against the full book."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compute import liquidity
from app.compute.book import slippage_bps
from app.compute.columns import Book, book_record, column
from app.compute.view import Gaps, Scale, Steps
from app.compute.windows import Intervals
from app.records import LEVELS, ROW_NS, Batch, empty
from tests.batch import sums_of

S = 10 * ROW_NS
NONE = Intervals(np.zeros(0, np.int64), np.zeros(0, np.int64))
SCALE = Scale(Decimal("0.5"), Decimal("0.1"))


def rows(count: int, seed: int = 1) -> Batch:
    """Rows back to back with everything drawn at random."""
    rng = np.random.default_rng(seed)
    made = empty("row", count)
    made["end_ns"] = (np.arange(count) + 1) * ROW_NS
    made["start_ns"] = made["end_ns"] - ROW_NS
    for name in ("added_bid", "added_ask", "bought", "sold"):
        made[name] = rng.integers(0, 50, count)
    for side, volume in (("bid", "sold"), ("ask", "bought")):
        made[f"matched_{side}"] = made[volume] // 2
        made[f"removed_{side}"] = made[f"matched_{side}"] + rng.integers(0, 50, count)
    made["ofi_best"] = (
        made["added_bid"] - made["removed_bid"] - made["added_ask"] + made["removed_ask"]
    )
    made["states_depth"], made["levels"] = rng.integers(1, 3, count), LEVELS
    made["bid_size_sum"] = rng.integers(1, 90, (count, LEVELS))
    made["ask_size_sum"] = rng.integers(1, 90, (count, LEVELS))
    made["bid"] = rng.integers(900, 1000, count)
    made["ask"] = made["bid"] + rng.integers(1, 4, count)
    made["bid_size"], made["ask_size"] = rng.integers(1, 50, (2, count))
    made["band_bid"] = np.arange(4) * 100 + 7
    made["band_ask"] = [5, 6, -1, -1]
    return made


def made(batch: Batch, gaps: Gaps, ends: np.ndarray, window_ns: int = 3 * ROW_NS) -> dict:
    now = int(batch["end_ns"][-1])
    return liquidity.lines(
        Steps(sums_of(batch, 1), gaps, ends, now, 2 * ROW_NS, window_ns, 3, SCALE)
    )


def test_every_line_by_hand() -> None:
    batch, ends = rows(6), np.array([4, 6]) * ROW_NS
    found = made(batch, Gaps(NONE, NONE, NONE), ends)
    step, window = batch[4:6], batch[3:6]
    assert found["bought"][1] == pytest.approx(step["bought"].sum() * 0.1)
    assert found["sold"][1] == pytest.approx(step["sold"].sum() * 0.1)
    sums = {
        name: int(window[name].sum())
        for name in window.dtype.names
        if "_bid" in name or "_ask" in name
    }
    parts = np.array([
        sums["added_bid"], sums["removed_ask"] - sums["matched_ask"], sums["matched_ask"],
        sums["added_ask"], sums["removed_bid"] - sums["matched_bid"], sums["matched_bid"],
    ])  # fmt: skip
    assert found["parts"][1] == pytest.approx(parts * 0.1)
    traded = window["bought"].sum() + window["sold"].sum()
    assert found["matched"][1] == pytest.approx((parts[2] + parts[5]) / traded)
    last = batch[5]
    both = int(last["bid_size"]) + int(last["ask_size"])
    assert found["queue"][1] == pytest.approx(
        (int(last["bid_size"]) - int(last["ask_size"])) / both
    )
    bids, asks = step["bid_size_sum"][:, :3].sum(), step["ask_size_sum"][:, :3].sum()
    assert found["depth_imbalance"][1] == pytest.approx((bids - asks) / (bids + asks))
    ticks = int(last["ask"]) - int(last["bid"])
    assert found["spread_ticks"][1] == ticks
    assert found["spread_bps"][1] == pytest.approx(
        ticks / (int(last["ask"]) + int(last["bid"])) * 2e4
    )
    assert found["band_bid"][1] == pytest.approx([0.7, 10.7, 20.7, 30.7])
    assert found["band_ask"][1, :2] == pytest.approx([0.5, 0.6])
    assert np.isnan(found["band_ask"][1, 2:]).all()


@given(st.integers(1, 40), st.integers(1, 20))
def test_parts_make_the_rolling_ofi_exactly(seed: int, window: int) -> None:
    batch = rows(40, seed)
    parts = made(batch, Gaps(NONE, NONE, NONE), batch["end_ns"][20:], window * ROW_NS)["parts"]
    for k, end in enumerate(range(21, 41)):
        ofi = batch["ofi_best"][end - window : end].sum() if end >= window else None
        if ofi is not None:
            assert parts[k, :3].sum() - parts[k, 3:].sum() == pytest.approx(ofi * 0.1, abs=1e-9)


def test_a_gap_blanks_what_rests_on_its_stream_and_nothing_else() -> None:
    batch, ends = rows(10), (np.arange(5) + 1) * 2 * ROW_NS
    hole = Intervals(np.array([3 * ROW_NS]), np.array([4 * ROW_NS]))
    found = made(batch, Gaps(NONE, NONE, hole), ends)
    assert np.isnan(found["bought"]).tolist() == [False, True, False, False, False]
    assert np.isnan(found["parts"][:, 0]).tolist() == [False, True, True, False, False]
    assert not np.isnan(found["queue"]).any()
    found = made(batch, Gaps(hole, hole, NONE), ends)
    assert np.isnan(found["depth_imbalance"]).tolist() == [False, True, False, False, False]
    assert not np.isnan(found["bought"]).any()
    assert np.isnan(found["spread_ticks"])[1]


def test_the_delta_goes_on_behind_a_gap() -> None:
    batch = rows(6)
    batch[2:4]["bought"] = batch[2:4]["sold"] = 0
    net = np.cumsum(batch["bought"] - batch["sold"])
    found = liquidity.volume_delta(sums_of(batch, 1), 0, batch["end_ns"])
    assert found.tolist() == net.tolist()


def full_book(seed: int, depth: int = 3000) -> Book:
    rng = np.random.default_rng(seed)
    bid = 675_000 - np.cumsum(rng.integers(1, 6, depth))
    ask = 675_000 + np.cumsum(rng.integers(1, 6, depth))
    return Book(5, bid, rng.integers(1, 5000, depth), ask, rng.integers(1, 5000, depth))


@pytest.mark.parametrize("name", ["bid", "ask"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_ladder_holds_the_whole_book_once(name: str, deep: bool) -> None:
    book = full_book(3)
    side = liquidity.ladder(column(book)[0], book_record(book, 0, 0)[0] if deep else None, name)
    price, size = getattr(book, f"{name}_price"), getattr(book, f"{name}_size")
    assert side.exact == (200 if deep else 50)
    assert side.price[: side.exact].tolist() == price[: side.exact].tolist()
    away = np.abs(side.price - side.price[0])
    assert (np.diff(away) > 0).all()
    # Up to the end of the buckets nothing is lost and nothing counted twice.
    reached = np.abs(price - price[0]) <= away[-1] + 34
    assert side.size.sum() == pytest.approx(size[reached].sum(), rel=0.01)


@pytest.mark.parametrize("name", ["bid", "ask"])
def test_the_cost_of_an_order_is_that_of_the_full_book(name: str) -> None:
    book, tick, lot = full_book(5), 0.1, 0.001
    price, size = getattr(book, f"{name}_price"), getattr(book, f"{name}_size")
    side = liquidity.ladder(column(book)[0], book_record(book, 0, 0)[0], name)
    worth = np.cumsum(price * tick * size * lot)
    for share in (0.001, 0.01, 0.05, 0.2, 0.5):
        notional = float(worth[-1] * share)
        true = slippage_bps(price, size, book.mid, notional, tick, lot)
        found = liquidity.fill(side, book.mid, notional, tick, lot)
        assert found.bps is not None
        if notional <= worth[199]:
            assert found.exact
            assert found.bps == pytest.approx(true, rel=1e-9)
        else:
            assert not found.exact
            assert abs(found.bps - true) < 0.5
        sign = 1 if name == "ask" else -1
        assert found.average == pytest.approx(book.mid * tick * (1 + sign * found.bps * 1e-4))


def test_more_than_the_visible_book_is_said_and_not_guessed() -> None:
    book = full_book(7, 60)
    side = liquidity.ladder(column(book)[0], None, "ask")
    worth = float((book.ask_price * 0.1 * book.ask_size * 0.001).sum())
    assert liquidity.fill(side, book.mid, worth * 0.99, 0.1, 0.001).bps is not None
    found = liquidity.fill(side, book.mid, worth * 1.01, 0.1, 0.001)
    assert found.bps is None
    assert found.average is None
    assert found.visible == pytest.approx(worth, rel=1e-3)


def test_an_inverse_contract_costs_as_many_dollars_as_it_says() -> None:
    """One contract is 100 USD: an order of 1,000 USD takes ten of them, whatever the price."""
    book = Book(5, np.array([999]), np.array([10]), np.array([1001, 1011]), np.array([5, 50]))
    side = liquidity.ladder(column(book)[0], None, "ask")
    found = liquidity.fill(side, book.mid, 1000.0, 1.0, 100.0 / side.price)
    average = 1000.0 / (500.0 / 1001 + 500.0 / 1011)
    assert found.average == pytest.approx(average)
