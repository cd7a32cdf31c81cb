"""A fault of one market's book ends its subscription alone, where the venue confirms that it has ended."""

from collections.abc import Callable
from typing import Any

import pytest

from app.feeds import ccxt_stream
from app.feeds.leaving import is_farewell, is_subscription, turned
from app.feeds.rules.families import family_of
from app.feeds.track import Fault
from app.records import State, Stream
from tests.venues.books import Book, formats
from tests.venues.direct import Direct, Wire, direct
from tests.venues.followed import answer, asked, begin, live

X, Y = {"id": "X_USD", "symbol": "X/USD"}, {"id": "Y_USD", "symbol": "Y/USD"}
NUMBERED = {"event": "subscribe", "channel": "book", "symbol": "tX"}
TURNED = [
    ({"op": "subscribe", "args": ["a"]}, {"op": "unsubscribe", "args": ["a"]}),
    ({"method": "SUBSCRIBE", "id": 3}, {"method": "UNSUBSCRIBE", "id": 99}),
    ({"method": "public/subscribe", "id": "3"}, {"method": "public/unsubscribe", "id": "99"}),
    ({"event": "bts:subscribe"}, {"event": "bts:unsubscribe"}),
    ({"action": "subscribe", "channels": []}, {"action": "unsubscribe", "channels": []}),
    ({"request_type": "SUBSCRIBE"}, {"request_type": "UNSUBSCRIBE"}),
    ({"method": "SUBSCRIPTION", "params": []}, {"method": "UNSUBSCRIPTION", "params": []}),
    ({"method": "sub.depth"}, {"method": "unsub.depth"}),
    ({"sub": "market.x", "id": "1"}, {"unsub": "market.x", "id": "99"}),
    ({"event": "sub", "params": {}}, {"event": "unsub", "params": {}}),
    ({"event": "sub", "topic": "depth"}, {"event": "cancel", "topic": "depth"}),
    # The id is the market's, and no number of a request.
    ({"type": "subscribe", "id": "X-USD"}, {"type": "unsubscribe", "id": "X-USD"}),
    # These would end the subscriptions of all markets.
    ({"method": "orderbook.subscribe", "params": ["X"], "id": 1}, None),
    ({"method": "depth_subscribe", "params": ["X"], "id": 1}, None),
    ({"dataType": "X@depth", "id": "1"}, {"dataType": "X@depth", "id": "99"}),
    (NUMBERED, None),  # its channel has no number yet
]


@pytest.mark.parametrize(("sent", "end"), TURNED)
def test_subscription_is_turned_into_its_end(sent: dict[str, Any], end: Any) -> None:
    assert turned(sent, 99) == end
    assert is_subscription(sent) is ("dataType" not in sent)
    assert end is None or "dataType" in end or not is_subscription(end)


def test_channel_with_a_number_is_ended_by_it() -> None:
    notes = {
        "book:tX": {"checksum": True},
        "7": {"event": "subscribed", "channel": "book", "symbol": "tX", "chanId": 7},
        "8": {"event": "subscribed", "channel": "trades", "symbol": "tX", "chanId": 8},
    }
    assert turned(NUMBERED, 99, notes) == {"event": "unsubscribe", "chanId": 7}


def test_ends_are_known_in_many_wordings() -> None:
    assert is_farewell({"channel": "rs.unsub.depth", "data": "success"})
    assert not is_farewell({"channel": "rs.sub.depth", "data": "success"})
    for told in ("unsubscribed", "unsubscribe", "bts:unsubscription_succeeded", "UNSUBSCRIBED"):
        assert is_farewell({"event": told})
    assert not is_farewell({"event": "subscribed"})


# Venues without a row in the table of families: how each confirms an end
CONFIRMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "cryptocom": lambda m: {"id": -1, "method": "unsubscribe", "code": 0},
    "bitvavo": lambda m: {"event": "unsubscribed", "subscriptions": {}},
    "bitfinex": lambda m: {"event": "unsubscribed", "status": "OK", "chanId": m["chanId"]},
    "krakenfutures": lambda m: {"event": "unsubscribed", "feed": "book", "product_ids": ["X_USD"]},
    "bitstamp": lambda m: {"event": "bts:unsubscription_succeeded", "channel": "", "data": {}},
    "mexc": lambda m: {"id": 0, "code": 0, "msg": m["params"][0]},
    "hitbtc": lambda m: {"result": {"ch": "orderbook/full"}, "id": m["id"]},
}


def _leaves(message: Any) -> bool:
    return isinstance(message, dict) and "unsub" in str(message).lower()


def _books(made: Direct) -> list[Any]:
    """What was sent about the book of X."""
    names = ("book", "depth", "chanId")
    about = [m for m in made.sent if any(name in str(m) for name in names)]
    return [m for m in about if "X_USD" in str(m) or "chanId" in str(m)]


async def _begun(made: Direct, venue: str) -> Wire:
    """Both markets subscribed on one connection."""
    await made.turn(lambda: len(made.sent) >= 4)
    assert len(made.wires) == 1
    if venue == "bitfinex":
        told = {"event": "subscribed", "channel": "book", "symbol": "X_USD", "prec": "P0"}
        made.push({**told, "chanId": 7})
    for feed in made.feeds.values():
        feed.tracks[Stream.DEPTH].good(made.clock.now_ns())
    return made.wires[0]


@pytest.mark.parametrize("venue", CONFIRMS)
async def test_fault_of_one_book_is_mended_on_the_connection_that_others_share(venue: str) -> None:
    assert family_of(venue).drains

    def prepare(made: Direct) -> None:
        def said(wire: Wire, message: Any) -> None:
            if _leaves(message):
                made.push(CONFIRMS[venue](message), wire)

        made.said = said

    async with direct(venue, [X, Y], prepare) as made:
        wire = await _begun(made, venue)
        depth, beside = (made.feeds[s].tracks[Stream.DEPTH] for s in ("X/USD", "Y/USD"))
        for again in range(1, 4):  # a market whose book is bad each time it comes
            depth.fail(Fault("crossed"))
            await made.turn(lambda n=again: len(_books(made)) >= 1 + 2 * n and depth.fault is None)
            if venue == "bitfinex":
                told = {"event": "subscribed", "channel": "book", "symbol": "X_USD", "prec": "P0"}
                made.push({**told, "chanId": 7 + again})
            depth.good(made.clock.now_ns())
        assert [_leaves(m) for m in _books(made)] == [False, True, False, True, False, True, False]
        assert len(made.wires) == 1
        assert not wire.closed
        assert beside.state is State.LIVE
        assert not beside.in_gap
        assert not made.feeds["Y/USD"].status.rejected


@pytest.mark.parametrize("refuses", [False, True])
async def test_end_that_is_not_confirmed_costs_the_connection_and_blames_nobody(
    refuses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes that go on would pass for the new book's."""
    monkeypatch.setattr(ccxt_stream, "_PARTING_S", 30.0 if refuses else 0.01)

    def prepare(made: Direct) -> None:
        def said(wire: Wire, message: Any) -> None:
            if refuses and _leaves(message):
                made.push({"event": "error", "error": "unknown action"}, wire)

        made.said = said

    async with direct("bitvavo", [X, Y], prepare) as made:
        wire = await _begun(made, "bitvavo")
        beside = made.feeds["Y/USD"].status
        made.feeds["X/USD"].tracks[Stream.DEPTH].fail(Fault("crossed"))
        await made.turn(lambda: wire.closed)
        await made.turn(lambda: made.feeds["Y/USD"].tracks[Stream.DEPTH].in_gap)
        assert not beside.rejected
        assert "refused" not in beside.detail
        assert "other markets are not affected" not in beside.detail


async def test_refused_end_of_trades_costs_nothing_and_blames_nobody() -> None:
    def prepare(made: Direct) -> None:
        def said(wire: Wire, message: Any) -> None:
            if _leaves(message):
                made.push({"event": "error", "error": "unknown action"}, wire)

        made.said = said

    async with direct("bitvavo", [X, Y], prepare) as made:
        wire = await _begun(made, "bitvavo")
        trades = made.feeds["X/USD"].tracks[Stream.TRADES]
        trades.fail(Fault("reconnect", stale=True))
        await made.turn(lambda: sum("trades" in str(m) for m in made.sent) >= 4)
        await made.turn(lambda: trades.fault is None)
        assert not wire.closed
        epochs = {
            (symbol, stream.name): track.epoch
            for symbol, feed in made.feeds.items()
            for stream, track in feed.tracks.items()
            if track is not trades
        }
        assert set(epochs.values()) == {1}, epochs


def _cryptocom(kind: str, number: int, bids: list[Any], asks: list[Any]) -> dict[str, Any]:
    sides = {"bids": bids, "asks": asks}
    data = {"t": 1_700_000_000_000, "tt": 1_700_000_000_000, "u": number, "pu": number - 1}
    data |= sides if kind == "book" else {"update": sides}  # type: ignore[operator]
    result = {"instrument_name": "X_USD", "subscription": "book.X_USD.50", "depth": 50}
    return {
        "id": -1,
        "method": "subscribe",
        "code": 0,
        "result": {**result, "channel": kind, "data": [data]},
    }


async def test_change_on_its_way_of_the_old_subscription_is_no_book() -> None:
    async with direct("cryptocom", [X, Y]) as made:
        wire = await _begun(made, "cryptocom")
        feed = made.feeds["X/USD"]
        made.push(_cryptocom("book", 1, [["99", "1", "1"], ["98", "1", "1"]], [["101", "1", "1"]]))
        assert made.top("X/USD") == ([(99.0, 1.0), (98.0, 1.0)], [(101.0, 1.0)])
        states = feed.status.states_depth
        made.push(_cryptocom("book.update", 2, [["102", "1", "1"]], []))  # crossed
        assert feed.status.rejected == {"crossed": 1}
        await made.turn(lambda: any(_leaves(m) for m in made.sent))
        made.push(_cryptocom("book.update", 3, [["97", "5", "1"]], [["103", "1", "1"]]))
        assert feed.book() is None
        subscribed = len(_books(made))
        made.push(CONFIRMS["cryptocom"]({}))
        await made.turn(lambda: len(_books(made)) > subscribed)
        assert feed.book() is None
        assert feed.status.states_depth == states
        made.push(_cryptocom("book", 4, [["98.5", "2", "1"]], [["100", "3", "1"]]))
        assert made.top("X/USD") == ([(98.5, 2.0)], [(100.0, 3.0)])
        assert feed.status.state is State.LIVE
        assert not wire.closed
        assert not made.feeds["Y/USD"].status.rejected


@pytest.mark.parametrize("name", ["kucoin", "gate futures", "mexc futures", "bybit"])
async def test_market_that_comes_back_to_a_shared_connection_begins_a_new_chain(name: str) -> None:
    form, book = formats()[name], Book()
    other = {key: str(value).replace("X", "Y") for key, value in form.market.items()}
    async with direct(form.exchange_id, [form.market, other], answer(form)) as made:
        symbol, market_id = await live(made, form, book), made.feeds[form.symbol].market.id
        before = asked(made, form)
        (client,) = made.venue.exchange.clients.values()
        await made.venue.remove(market_id)
        assert not client.dead
        made.push(form.change(book, book.apply({"99.93": "4.0000"}, {})))  # it was on its way
        assert not client.chains._recent
        book.apply({"99.92": "4.0000"}, {})  # what happens while nobody asks for the market
        made.snapshots.clear()
        made.feeds[symbol] = made.venue.add(market_id, 2)
        await begin(made, form, book, before + 1)
        assert made.top(symbol) == book.top()
        assert not made.feeds[symbol].status.rejected
