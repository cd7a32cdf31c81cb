"""Every venue family's frames through ccxt's own handlers, with one of every fault that it can show."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from app.feeds.rules.families import FAMILIES, family_of
from app.records import State, Stream
from tests.venues.books import Book, Format, formats
from tests.venues.direct import Direct, Wire, direct

NAMES = sorted(formats())
WITHOUT_IDS = (
    "hyperliquid",
    "kraken",
    "coinbase",
)  # have none of more than 53 bits
CHANGES = [
    ({"99.90": "7.0000"}, {}),
    ({}, {"100.10": "0", "100.15": "3.1000"}),
    ({"99.95": "1.0000", "99.80": "0"}, {"100.20": "9.0000"}),
]
# Families that cannot tell that something is missing: a whole book follows anyway.
WHOLE = {"hyperliquid"}


def _asked(made: Direct) -> int:
    """How often a book was subscribed."""
    told = [orjson.dumps(message).decode() for message in made.sent]
    words = ("book", "l2Book", "depth", "level2", "obu")
    return sum(any(word in text for word in words) and "nsub" not in text for text in told)


def _answer(form: Format) -> Callable[[Direct], None]:
    """Confirm subscriptions where ccxt waits for that, at the end of the loop's turn."""

    def prepare(made: Direct) -> None:
        exchange = made.venue.exchange
        if form.exchange_id == "kucoin":

            async def negotiated(*_: Any) -> str:
                return "wss://kucoin"

            exchange.negotiate = negotiated

        def said(wire: Wire, message: Any) -> None:
            if form.exchange_id == "kucoin" and message.get("type") == "subscribe":
                made.push({"id": message["id"], "type": "ack"}, wire)
            if form.exchange_id == "gate" and message.get("event") == "subscribe":
                reply = {"id": message["id"], "channel": message["channel"], "error": None}
                made.push({**reply, "event": "subscribe", "result": {"status": "success"}}, wire)
            if form.exchange_id == "mexc" and message.get("method") == "unsub.depth":
                made.push({"channel": "rs.unsub.depth", "data": "success"}, wire)
            if form.exchange_id.startswith("binance") and message.get("method") == "SUBSCRIBE":
                made.push({"result": None, "id": message["id"]}, wire)

        made.said = said

    return prepare


async def _begin(made: Direct, form: Format, book: Book, asked: int) -> None:
    """Once the book is subscribed, let it begin: by a snapshot that is sent, or one that is fetched."""
    feed = made.feeds[form.symbol]
    await made.turn(lambda: _asked(made) >= asked)
    if form.whole is not None:
        made.push(form.whole(book))
        return
    for _ in range(form.told):
        made.push(form.change(book, book.apply({}, {})), _wire(made, form))
    made.snapshots[form.symbol] = {**book.best(), "nonce": book.last_id}
    feed_depth = feed.tracks[Stream.DEPTH]
    await made.turn(lambda: feed_depth.state is State.LIVE and feed_depth.fault is None)


def _wire(made: Direct, form: Format) -> Wire:
    """The wire on which the book is."""
    names = [str(name).casefold() for name in form.market.values()]

    def about(wire: Wire) -> bool:
        text = orjson.dumps(wire.sent).decode().casefold()
        return any(name in text for name in names)

    return next(w for w in reversed(made.wires) if not w.closed and about(w))


async def _live(made: Direct, form: Format, book: Book) -> str:
    await _begin(made, form, book, 1)
    for bids, asks in CHANGES:
        made.push(form.change(book, book.apply(bids, asks)), _wire(made, form))
    assert made.feeds[form.symbol].status.state is State.LIVE
    assert made.top(form.symbol) == book.top()
    return form.symbol


def _hole_of(form: Format) -> str:
    """By what a missing change shows."""
    # Kraken sends no ids, and Bitget's only grow.
    return "checksum" if form.exchange_id in ("kraken", "bitget") else "sequence"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WHOLE])
async def test_book_is_followed_and_begun_anew_after_a_missing_change(name: str) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], _answer(form)) as made:
        symbol = await _live(made, form, book)
        status = made.feeds[symbol].status
        states = status.states_depth
        # Ids grow; the change itself was never sent.
        if form.exchange_id == "coinbase":
            form.change(book, book.apply({"99.93": "4.0000"}, {}))
        else:
            book.apply({"99.93": "4.0000"}, {})
        reason = _hole_of(form)
        made.push(form.change(book, book.apply({}, {"100.12": "2.0000"})), _wire(made, form))
        assert status.rejected == {reason: 1}
        assert made.feeds[symbol].book() is None
        assert status.states_depth == states
        made.push(form.change(book, book.apply({}, {"100.13": "2.0000"})), _wire(made, form))
        assert made.feeds[symbol].book() is None
        dialled = len(made.wires)
        if form.exchange_id == "coinbase":
            await made.turn(lambda: len(made.wires) > dialled)
            form = formats()[name]  # a new connection counts anew
        await _begin(made, form, book, 2)
        assert made.top(symbol) == book.top()
        assert status.gaps_by_reason[reason] >= 1
        if form.exchange_id != "coinbase":  # elsewhere the connection of the others goes on
            assert len(made.wires) == dialled
        made.push(form.change(book, book.apply({"99.97": "1.1000"}, {})), _wire(made, form))
        assert made.top(symbol) == book.top()
        epochs = made.ring.depth.take().epoch.tolist()
        assert epochs == sorted(epochs)
        assert len(set(epochs)) == 2


@pytest.mark.parametrize("name", NAMES)
async def test_change_sent_again_changes_nothing(name: str) -> None:
    form, book = formats()[name], Book()
    async with direct(form.exchange_id, [form.market], _answer(form)) as made:
        symbol = await _live(made, form, book)
        again = form.change(book, book.apply({"99.97": "1.1000"}, {}))
        made.push(again, _wire(made, form))
        made.push(again, _wire(made, form))
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
    async with direct(form.exchange_id, [form.market], _answer(form)) as made:
        symbol = await _live(made, form, book)
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
    async with direct(form.exchange_id, [form.market], _answer(form)) as made:
        symbol = await _live(made, form, book)
        good = {side: dict(getattr(book, side)) for side in ("bids", "asks")}
        book.bids |= bids
        made.push(form.change(book, book.apply(bids, asks)), _wire(made, form))
        assert made.feeds[symbol].status.rejected == {reason: 1}
        assert made.feeds[symbol].book() is None
        book.bids, book.asks = good["bids"], good["asks"]
        await _begin(made, form, book, 2)
        assert made.top(symbol) == book.top()
        assert made.feeds[symbol].status.gaps_by_reason[reason] == 1


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
    async with direct(form.exchange_id, [form.market], _answer(form)) as made:
        symbol = await _live(made, form, book)
        frame = orjson.loads(orjson.dumps(form.change(book, book.apply({"99.97": "1.1000"}, {}))))
        assert (held := _sides_in(frame))
        for node, key in held:
            node.pop(key) if missing == "left out" else node.update({key: None})
        made.push(frame, _wire(made, form))
        status = made.feeds[symbol].status
        assert status.rejected == {"handler": 1}
        assert made.feeds[symbol].book() is None
        dialled = len(made.wires)
        if form.exchange_id == "coinbase":  # it was not counted: the next message is one too far
            return
        await _begin(made, form, book, 2)
        assert made.top(symbol) == book.top()
        assert status.gaps_by_reason["handler"] == 1
        assert len(made.wires) == dialled


@pytest.mark.parametrize("name", NAMES)
async def test_truncated_frame_is_a_fault_of_the_market_that_it_names(name: str) -> None:
    form, book = formats()[name], Book()
    swapped = {key: str(value).replace("X", "Y") for key, value in form.market.items()}
    other = {**swapped, "id": swapped["id"] if "Y" in swapped["id"] else "1"}
    async with direct(form.exchange_id, [form.market, other], _answer(form)) as made:
        symbol = await _live(made, form, book)
        text = orjson.dumps(form.change(book, book.apply({"99.97": "1.1000"}, {}))).decode()
        before = made.feeds[other["symbol"]].tracks[Stream.DEPTH].epoch
        made.push(text[: len(text) - 8], _wire(made, form))
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
    async with direct(form.exchange_id, [form.market], _answer(form)) as made:
        symbol = await _live(made, form, book)
        assert not made.feeds[symbol].status.rejected
        assert made.ring.depth.take().update_id[-1] == book.last_id
        book.apply({}, {})  # one that is lost: through float its id would equal its neighbour's
        made.push(form.change(book, book.apply({"99.97": "1.1000"}, {})), _wire(made, form))
        bitget = form.exchange_id == "bitget"  # there ids only grow
        assert made.feeds[symbol].status.rejected == ({} if bitget else {"sequence": 1})


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
        _answer(form)(made)
        accept = made.said

        def refuse(wire: Wire, message: dict[str, Any]) -> None:
            nonlocal refusals
            if _asked(made) and not refusals:
                refusals += 1
                made.push(REFUSALS[name](message), wire)
            else:
                accept(wire, message)

        made.said = refuse

    async with direct(form.exchange_id, [form.market], prepare) as made:
        status = made.feeds[form.symbol].status
        shown: list[str] = []
        await made.turn(lambda: shown.append(status.detail) or _asked(made) == 2)
        assert any("no book" in detail for detail in shown)
        await _begin(made, form, book, 2)
        assert made.top(form.symbol) == book.top()
        assert len(made.wires) == 1


async def test_every_family_is_tested() -> None:
    tested = {family_of(form.exchange_id).read for form in formats().values()}
    assert {family.read for family in FAMILIES.values()} == tested
