"""Frames of every format with something missing in them or impossible, through ccxt's own handlers."""

from typing import Any

import orjson
import pytest

from app.feeds.rules.exact import loads
from app.records import State
from tests.venues.books import Book, formats
from tests.venues.direct import direct
from tests.venues.followed import answer, begin, live, wire
from tests.venues.frame_faults import without_times

NAMES = sorted(formats())


def dumped(message: Any) -> str:
    """JSON with the digits that numbers came with."""
    return orjson.dumps(
        message,
        default=lambda number: orjson.Fragment(number.text),
        option=orjson.OPT_PASSTHROUGH_SUBCLASS,
    ).decode()


IMPOSSIBLE_NUMBERS = {
    "size true": (1, True),
    "price true": (0, True),
    "price false": (0, False),
    "negative price": (0, -99.97),
    "NaN": (1, "NaN"),
}


def _with_level(frame: Any, place: int, value: Any) -> Any:
    """A frame whose first level has another price (0) or size (1), in the form of the one that was there."""
    frame = orjson.loads(orjson.dumps(frame))
    holder, key = _first_level(frame)
    level = holder[key]
    if isinstance(level, str):  # kucoin futures: price,side,size
        parts = level.split(",")
        parts[place * 2] = str(value)
        holder[key] = ",".join(parts)
        return frame
    names = [name for name in ("p", "px", "price", "price_level", 0) if _has(level, name)]
    sizes = [name for name in ("s", "sz", "qty", "new_quantity", 1) if _has(level, name)]
    at = (names, sizes)[place][0]
    if level[0 if at in (0, 1) else at] == "new":  # deribit: action, price, size
        at += 1
    text = isinstance(level[at], str) and not isinstance(value, bool)
    level[at] = str(value) if text else value
    return frame


def _has(level: Any, name: Any) -> bool:
    return name in level if isinstance(level, dict) else isinstance(name, int)


def _first_level(node: Any) -> tuple[Any, Any]:
    """The container of the first level of a frame, and its key."""
    for held, key in _sides_in(node):
        side = held[key]
        if isinstance(side, str):
            return held, key
        if isinstance(side, list) and side:
            nested = isinstance(side[0], list) and side[0] and isinstance(side[0][0], dict)
            return (side[0], 0) if nested else (side, 0)
    raise AssertionError("the frame has no level")


@pytest.mark.parametrize("wrong", IMPOSSIBLE_NUMBERS)
@pytest.mark.parametrize("name", NAMES)
async def test_number_that_no_book_can_hold_is_refused(name: str, wrong: str) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        frame = form.change(book, book.apply({"99.97": "1.1000"}, {}))
        made.push(_with_level(frame, *IMPOSSIBLE_NUMBERS[wrong]), wire(made, form))
        status = made.feeds[symbol].status
        # Where sizes are numbers, the word is none at all.
        reasons = ("non-finite", "handler") if wrong == "NaN" else ("non-finite",)
        assert status.rejected in [{reason: 1} for reason in reasons]
        assert made.feeds[symbol].book() is None


async def test_combination_of_deribit_can_have_a_price_below_zero() -> None:
    form, book = formats()["deribit"], Book()
    market = {**form.market, "info": {"kind": "future_combo"}}
    async with direct("deribit", [market], answer(form)) as made:
        symbol = await live(made, form, book)
        made.push(form.change(book, book.apply({"-99.97": "1.1000"}, {})))
        assert not made.feeds[symbol].status.rejected
        assert made.top(symbol, 50) == book.top(50)


# Where the sides of an update are, of whatever venue.
SIDES = ("b", "a", "bids", "asks", "updates", "changes", "change", "levels")
# It leaves out a side without change.
SPARSE = {"gate"}


def _sides_in(node: Any) -> list[tuple[Any, Any]]:
    """Each container of a side, with its key."""
    items = list(node.items() if isinstance(node, dict) else enumerate(node))
    held = [(node, key) for key, _ in items if key in SIDES]
    return held + [
        each for _, inner in items if isinstance(inner, dict | list) for each in _sides_in(inner)
    ]


@pytest.mark.parametrize("missing", ["left out", "null"])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SPARSE])
async def test_update_without_its_sides_is_rejected(name: str, missing: str) -> None:
    """ccxt would take it for one that changes nothing."""
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        frame = orjson.loads(orjson.dumps(form.change(book, book.apply({"99.97": "1.1000"}, {}))))
        for node, key in _sides_in(frame):
            if missing == "null":
                node[key] = None
            else:
                del node[key]
        made.push(frame, wire(made, form))
        status = made.feeds[symbol].status
        assert status.rejected == {"handler": 1}
        assert made.feeds[symbol].book() is None
        dialled = len(made.wires)
        if form.exchange_id == "coinbase":  # it was not counted: the next message is one too far
            return
        await begin(made, form, book, 2)
        assert made.top(symbol) == book.top()
        assert status.gaps_by_reason["handler"] == 1
        assert len(made.wires) == dialled


@pytest.mark.parametrize("name", NAMES)
async def test_changes_in_the_wrong_order_are_rejected(name: str) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        first = form.change(book, book.apply({"99.97": "1.1000"}, {}))
        second = form.change(book, book.apply({"99.96": "2.1000"}, {}))
        for frame in (second, first):
            made.push(frame, wire(made, form))
        status = made.feeds[symbol].status
        assert status.rejected == {form.hole: 1}
        assert made.feeds[symbol].book() is None


@pytest.mark.parametrize("name", NAMES)
async def test_side_that_is_taken_away_is_true_and_a_book_that_is_may_be(name: str) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        for price in list(book.asks):
            made.push(form.change(book, book.apply({}, {price: "0"})), wire(made, form))
        assert made.top(symbol) == book.top()
        assert made.feeds[symbol].status.state is State.LIVE
        assert not made.feeds[symbol].status.rejected
        for price in list(book.bids):
            made.push(form.change(book, book.apply({price: "0"}, {})), wire(made, form))
        assert made.top(symbol) in (None, ([], []))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hyperliquid"])
async def test_book_without_times_is_followed(name: str) -> None:
    """Hyperliquid alone orders its books by them."""
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        made.ring.depth.take()
        change = form.change(book, book.apply({"99.97": "1.1000"}, {}))
        frame = without_times(loads(orjson.dumps(change).decode()))
        made.push(dumped(frame), wire(made, form))
        assert made.top(symbol) == book.top()
        assert not made.feeds[symbol].status.rejected
        assert made.ring.depth.take().venue_ms.tolist() == [-1]
