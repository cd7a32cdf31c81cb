"""MEXC's spot stream is binary: protobuf, by ccxt's own descriptions of it."""

from typing import Any

from app.records import State, Stream
from tests.venues.books import Book
from tests.venues.direct import Direct, Wire, direct
from tests.venues.mexc import BOOK, TOLD, change, message

MARKET = {"id": "XUSDT", "symbol": "X/USDT"}
TRADES = "spot@public.aggre.deals.v3.api.pb@100ms@XUSDT"


def _change(book: Book, bids: dict[str, str], asks: dict[str, str], before: int = 0) -> bytes:
    return change(book, book.apply(bids, asks), before)


def _confirm(made: Direct) -> None:
    def said(wire: Wire, message: Any) -> None:
        if message.get("method") == "SUBSCRIPTION":
            made.push({"id": 0, "code": 0, "msg": message["params"][0]}, wire)

    made.said = said


async def test_book_and_trades_come_in_protobuf() -> None:
    book = Book()
    async with direct("mexc", [MARKET], _confirm) as made:
        feed = made.feeds["X/USDT"]
        await made.turn(lambda: len(made.sent) >= 2)
        for _ in range(TOLD):
            made.push(_change(book, {}, {}))
        made.snapshots["X/USDT"] = {**book.best(), "nonce": book.last_id}
        await made.turn(lambda: feed.status.state is State.LIVE)
        made.push(_change(book, {"99.95": "1.5000", "99.90": "0"}, {"100.10": "3.0000"}))
        assert made.top("X/USDT") == book.top()
        first = message(TRADES)
        first.publicAggreDeals.deals.add(
            price="100.1", quantity="0.5", tradeType=1, time=1_700_000_000_000
        )
        made.push(bytes(first.SerializeToString()))
        trades = made.ring.trades.take()
        assert (trades.price.tolist(), trades.size.tolist()) == ([100.1], [0.5])
        assert trades.side.tolist() == [1]
        assert not feed.status.rejected


async def test_frame_that_is_cut_short_is_a_fault_of_the_market_that_it_names() -> None:
    other, book = {"id": "YUSDT", "symbol": "Y/USDT"}, Book()
    async with direct("mexc", [MARKET, other], _confirm) as made:
        feed, beside = made.feeds["X/USDT"], made.feeds["Y/USDT"]
        await made.turn(lambda: len(made.sent) >= 4)
        for _ in range(TOLD):
            made.push(_change(book, {}, {}))
        made.snapshots["X/USDT"] = {**book.best(), "nonce": book.last_id}
        await made.turn(lambda: feed.status.state is State.LIVE)
        made.push(_change(book, {"99.95": "1.5000"}, {})[:-4])
        assert feed.status.rejected == {"handler": 1}
        assert feed.book() is None
        assert not beside.status.rejected


async def _live(made: Direct, book: Book) -> None:
    await made.turn(lambda: len(made.sent) >= 2)
    for _ in range(TOLD):
        made.push(_change(book, {}, {}))
    made.snapshots["X/USDT"] = {**book.best(), "nonce": book.last_id}
    await made.turn(lambda: made.feeds["X/USDT"].status.state is State.LIVE)


async def test_missing_change_is_a_hole() -> None:
    book = Book()
    async with direct("mexc", [MARKET], _confirm) as made:
        feed = made.feeds["X/USDT"]
        await _live(made, book)
        made.push(_change(book, {"99.95": "1.5000"}, {}, before=0))
        assert made.top("X/USDT") == book.top()
        book.apply({"99.96": "2.0000"}, {})  # never sent
        made.push(_change(book, {"99.97": "2.0000"}, {}))
        assert feed.status.rejected == {"sequence": 1}
        assert feed.book() is None
        sent = len(made.sent)
        await made.turn(lambda: any("UNSUBSCRIPTION" in str(m) for m in made.sent))
        made.push({"id": 0, "code": 0, "msg": BOOK})
        await made.turn(
            lambda: len(made.sent) >= sent + 2 and feed.tracks[Stream.DEPTH].fault is None
        )
        made.snapshots.clear()
        for _ in range(TOLD):
            made.push(_change(book, {}, {}))
        made.snapshots["X/USDT"] = {**book.best(), "nonce": book.last_id}
        await made.turn(lambda: feed.status.state is State.LIVE)
        assert made.top("X/USDT") == book.top()
        assert len(made.wires) == 1


async def test_update_in_the_midst_of_which_the_snapshot_was_made_is_not_lost() -> None:
    book = Book()
    async with direct("mexc", [MARKET], _confirm) as made:
        await made.turn(lambda: len(made.sent) >= 2)
        for _ in range(TOLD - 1):
            made.push(_change(book, {}, {}))
        book.apply({"99.96": "2.0000"}, {})
        snapshot = {**book.best(), "nonce": book.last_id}
        # It tells of the update before, which is in the snapshot, and of its own, which is not.
        made.push(_change(book, {"99.96": "2.0000", "99.97": "3.0000"}, {}, before=1))
        made.snapshots["X/USDT"] = snapshot
        await made.turn(lambda: made.feeds["X/USDT"].status.state is State.LIVE)
        assert made.top("X/USDT") == book.top()
