"""Every venue family's frames through ccxt's own handlers, with one of every fault that it can show."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from app.feeds.rules.families import FAMILIES
from app.records import State, Stream
from tests.venues.books import Book, formats
from tests.venues.direct import Direct, Wire, direct, structure
from tests.venues.followed import answer, asked, begin, live, wire

NAMES = sorted(formats())
WITHOUT_IDS = (
    "hyperliquid",
    "kraken",
    "coinbase",
)  # have none of more than 53 bits
# Families that cannot tell that something is missing: a whole book follows anyway.
WHOLE = {"hyperliquid"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WHOLE])
async def test_book_is_followed_and_begun_anew_after_a_missing_change(name: str) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        status = made.feeds[symbol].status
        states = status.states_depth
        # Ids grow; the change itself was never sent.
        if form.exchange_id == "coinbase":
            form.change(book, book.apply({"99.93": "4.0000"}, {}))
        else:
            book.apply({"99.93": "4.0000"}, {})
        reason = form.hole
        made.push(form.change(book, book.apply({}, {"100.12": "2.0000"})), wire(made, form))
        assert status.rejected == {reason: 1}
        assert made.feeds[symbol].book() is None
        assert status.states_depth == states
        made.push(form.change(book, book.apply({}, {"100.13": "2.0000"})), wire(made, form))
        assert made.feeds[symbol].book() is None
        dialled = len(made.wires)
        if form.exchange_id == "coinbase":
            await made.turn(lambda: len(made.wires) > dialled)
            form = formats()[name]  # a new connection counts anew
        await begin(made, form, book, 2)
        assert made.top(symbol) == book.top()
        assert status.gaps_by_reason[reason] >= 1
        if form.exchange_id != "coinbase":  # elsewhere the connection of the others goes on
            assert len(made.wires) == dialled
        made.push(form.change(book, book.apply({"99.97": "1.1000"}, {})), wire(made, form))
        assert made.top(symbol) == book.top()
        epochs = made.ring.depth.take().epoch.tolist()
        assert epochs == sorted(epochs)
        assert len(set(epochs)) == 2


@pytest.mark.parametrize("name", NAMES)
async def test_change_sent_again_changes_nothing(name: str) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        again = form.change(book, book.apply({"99.97": "1.1000"}, {}))
        made.push(again, wire(made, form))
        made.push(again, wire(made, form))
        assert made.top(symbol) == book.top()
        status = made.feeds[symbol].status
        assert status.state is State.LIVE
        assert not status.gaps_by_reason
        if form.exchange_id not in ("kraken", "coinbase", "hyperliquid"):
            assert status.rejected == {"duplicate": 1}


@pytest.mark.parametrize(
    "name", [name for name in NAMES if formats()[name].whole and name not in WHOLE]
)
async def test_snapshot_replaces_the_book_in_a_new_epoch(name: str) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        other = Book(900)
        other.apply(dict.fromkeys(list(other.bids)[:9], "0"), {})
        assert form.whole is not None
        made.push(form.whole(other))
        assert made.top(symbol) == other.top()  # nothing of the book before is left
        assert made.feeds[symbol].status.gaps_by_reason == {"snapshot": 1}


IMPOSSIBLE = {
    "crossed": ({"101.00": "1.0000"}, {}, "crossed"),
    "negative": ({"99.90": "-1.0000"}, {}, "non-finite"),
}


@pytest.mark.parametrize("fault", IMPOSSIBLE)
@pytest.mark.parametrize("name", NAMES)
async def test_impossible_book_is_rejected_and_begun_anew(name: str, fault: str) -> None:
    bids, asks, reason = IMPOSSIBLE[fault]
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        good = {side: dict(getattr(book, side)) for side in ("bids", "asks")}
        book.bids |= bids
        made.push(form.change(book, book.apply(bids, asks)), wire(made, form))
        assert made.feeds[symbol].status.rejected == {reason: 1}
        assert made.feeds[symbol].book() is None
        book.bids, book.asks = good["bids"], good["asks"]
        await begin(made, form, book, 2)
        assert made.top(symbol) == book.top()
        assert made.feeds[symbol].status.gaps_by_reason[reason] == 1


@pytest.mark.parametrize("name", NAMES)
async def test_truncated_frame_is_a_fault_of_the_market_that_it_names(name: str) -> None:
    form, book = formats()[name], Book()
    swapped = {key: str(value).replace("X", "Y") for key, value in form.market.items()}
    other = {**swapped, "id": swapped["id"] if "Y" in swapped["id"] else "1"}
    async with direct(form.exchange_id, [form.market, other], answer(form)) as made:
        symbol = await live(made, form, book)
        text = orjson.dumps(form.change(book, book.apply({"99.97": "1.1000"}, {}))).decode()
        before = made.feeds[other["symbol"]].tracks[Stream.DEPTH].epoch
        made.push(text[: len(text) - 8], wire(made, form))
        status = made.feeds[symbol].status
        assert status.rejected == {"handler": 1}
        assert made.feeds[symbol].book() is None
        assert made.feeds[other["symbol"]].tracks[Stream.DEPTH].epoch == before
        assert not made.feeds[other["symbol"]].status.rejected


@pytest.mark.parametrize(
    "name", [name for name in NAMES if formats()[name].exchange_id not in WITHOUT_IDS]
)
async def test_ids_above_2_to_the_53_are_held_to_their_chain(name: str) -> None:
    form, book = formats()[name], Book(2**53 + 1, 2**53)
    async with direct(form.exchange_id, [form.market], answer(form)) as made:
        symbol = await live(made, form, book)
        assert not made.feeds[symbol].status.rejected
        assert made.ring.depth.take().update_id[-1] == book.last_id
        book.apply({}, {})  # one that is lost: through float its id would equal its neighbour's
        made.push(form.change(book, book.apply({"99.97": "1.1000"}, {})), wire(made, form))
        grows = form.hole == "checksum"  # ids only grow, and the book is as its checksum says
        assert made.feeds[symbol].status.rejected == ({} if grows else {"sequence": 1})


REFUSALS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bybit": lambda m: {
        "success": False,
        "ret_msg": "no book",
        "op": "subscribe",
        "req_id": m["req_id"],
    },
    "okx": lambda m: {
        "event": "error",
        "code": "60018",
        "msg": "no book,instId:X-USDT",
        "connId": "a",
    },
    "kraken": lambda m: {
        "method": "subscribe",
        "success": False,
        "error": "no book",
        "req_id": m["req_id"],
    },
    "coinbase": lambda m: {"type": "error", "message": "no book"},
    "deribit": lambda m: {
        "jsonrpc": "2.0",
        "id": m["id"],
        "error": {"code": 1, "message": "no book"},
    },
    "gate": lambda m: {
        "id": m["id"],
        "event": "subscribe",
        "channel": "spot.obu",
        "error": {"code": 2, "message": "no book"},
    },
    "kucoin": lambda m: {"id": m["id"], "type": "error", "code": 404, "data": "no book"},
    "bitget": lambda m: {"event": "error", "code": 30001, "msg": "no book", "op": "subscribe"},
    "hyperliquid": lambda m: {"channel": "error", "data": "no book"},
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_refused_subscription_is_told_and_asked_again(name: str) -> None:
    form, book = formats()[name], Book()
    refusals = 0

    def prepare(made: Direct) -> None:
        answer(form)(made)
        accept = made.said

        def refuse(wire: Wire, message: dict[str, Any]) -> None:
            nonlocal refusals
            if asked(made) and not refusals:
                refusals += 1
                made.push(REFUSALS[name](message), wire)
            else:
                accept(wire, message)

        made.said = refuse

    async with direct(form.exchange_id, [form.market], prepare) as made:
        status = made.feeds[form.symbol].status
        shown: list[str] = []
        await made.turn(lambda: shown.append(status.detail) or asked(made) == 2)
        assert any("no book" in detail for detail in shown)
        await begin(made, form, book, 2)
        assert made.top(form.symbol) == book.top()
        assert len(made.wires) == 1


# The market types whose messages differ within a family, as the formats have them.
TYPES = {
    "binance": {"spot"},
    "binanceus": {"spot"},
    "binanceusdm": {"swap"},
    "binancecoinm": {"swap"},
    "bitget": {"spot", "swap"},
    "bybit": {"spot"},
    "coinbase": {"spot"},
    "deribit": {"swap"},
    "gate": {"spot", "swap"},
    "hyperliquid": {"swap"},
    "kraken": {"spot"},
    "kucoin": {"spot"},
    "kucoinfutures": {"swap"},
    "mexc": {"swap"},  # spot sends protobuf: test_feeds_mexc
    "okx": {"spot"},
}


def test_every_family_is_tested() -> None:
    tested: dict[str, set[str]] = {}
    for form in formats().values():
        tested.setdefault(form.exchange_id, set()).add(structure(form.market)["type"])
    assert tested == TYPES
    assert set(TYPES) == set(FAMILIES)
