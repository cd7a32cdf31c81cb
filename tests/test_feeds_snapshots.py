"""Snapshots that are fetched: of a subscription that was given up meanwhile, and those that fail."""

import asyncio
from typing import Any

import ccxt
import pytest

from app.records import State, Stream
from tests.venues.books import Book, Format, formats
from tests.venues.direct import Direct, direct
from tests.venues.followed import answer, asked, wire

# Families whose books ccxt fetches.
FETCHED = ["kucoin", "gate futures", "binance", "binanceusdm"]


class Desk:
    """The venue's side of requests: each waits until it is answered here."""

    def __init__(self, made: Direct):
        self.waiting: list[asyncio.Future[Any]] = []
        exchange = made.venue.exchange

        async def fetch(symbol: str, *_: Any) -> Any:
            self.waiting.append(asyncio.get_running_loop().create_future())
            answer = await self.waiting[-1]
            return exchange.parse_order_book(answer, symbol) | {"nonce": answer["nonce"]}

        exchange.fetch_order_book = fetch


def _tell(made: Direct, form: Format, book: Book, times: int) -> None:
    for _ in range(times):
        made.push(form.change(book, book.apply({}, {})), wire(made, form))


async def _turns(count: int = 30) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", FETCHED)
@pytest.mark.parametrize("fails", [False, True])
async def test_answer_to_a_subscription_that_was_given_up_is_nobodys(
    name: str, fails: bool
) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        desk = Desk(made)
        feed = made.feeds[form.symbol]
        depth = feed.tracks[Stream.DEPTH]
        await made.turn(lambda: asked(made) >= 1)
        _tell(made, form, book, form.told)
        await made.turn(lambda: len(desk.waiting) == 1)
        first = {**book.best(), "nonce": book.last_id}
        book.apply({"99.90": "0"}, {})  # never sent
        before = asked(made)
        made.push(form.change(book, book.apply({}, {"100.10": "9.0000"})), wire(made, form))
        assert depth.fault is not None
        await made.turn(lambda: asked(made) > before and depth.fault is None)
        _tell(made, form, book, form.told)
        await made.turn(lambda: len(desk.waiting) == 2)
        if fails:
            desk.waiting[0].set_exception(ccxt.ExchangeNotAvailable("503"))
        else:
            desk.waiting[0].set_result(first)
        await _turns()
        assert depth.fault is None
        assert feed.book() is None
        assert feed.status.state is not State.LIVE
        desk.waiting[1].set_result({**book.best(), "nonce": book.last_id})
        await made.turn(lambda: depth.state is State.LIVE)
        assert made.top(form.symbol) == book.top()
        states = made.ring.depth.take()
        assert len(states.epoch) == 1  # nothing of the first answer was ever a state


@pytest.mark.parametrize("name", FETCHED)
async def test_failed_snapshot_touches_no_other_market_of_the_connection(name: str) -> None:
    form, book, theirs = formats()[name], Book(), Book()
    other = {key: value.replace("X", "Y") for key, value in form.market.items()}
    async with direct(form.exchange_id, [form.market, other], answer(form)) as made:
        failed: list[str] = []
        exchange = made.venue.exchange

        async def fetch(symbol: str, *_: Any) -> Any:
            if symbol == other["symbol"]:
                failed.append(symbol)
                raise ccxt.ExchangeNotAvailable("503")
            return exchange.parse_order_book(book.best(), symbol) | {"nonce": book.last_id}

        exchange.fetch_order_book = fetch
        feed, beside = made.feeds[form.symbol], made.feeds[other["symbol"]]
        await made.turn(lambda: asked(made) >= 2)
        _tell(made, form, book, form.told)
        await made.turn(lambda: feed.status.state is State.LIVE)
        dialled = len(made.wires)
        for attempt in range(1, 6):  # more than a connection may be in vain
            if "binance" not in name:
                await made.turn(lambda n=attempt: asked(made) > n)
                _tell_beside(made, form, theirs, form.told)
            await made.turn(lambda n=attempt: len(failed) >= n)
            await _turns(5)
            assert feed.status.state is State.LIVE
            assert not feed.tracks[Stream.DEPTH].in_gap
        assert beside.status.state is State.DOWN
        assert "not answering" in beside.status.detail
        assert len(made.wires) == dialled
        assert not any(wire.closed for wire in made.wires)
        assert not feed.status.gaps_by_reason


def _tell_beside(made: Direct, form: Format, book: Book, times: int) -> None:
    """The same changes, of the market beside."""
    for _ in range(times):
        frame = form.change(book, book.apply({}, {}))
        told = frame.get("data") or frame["result"]
        key = "symbol" if "symbol" in told else "s"
        told[key] = told[key].replace("X", "Y")
        if "topic" in frame:
            frame["topic"] = frame["topic"].replace("X", "Y")
        made.push(frame, wire(made, form))
