"""The rules of each venue family, on frames in the venue's own format, through ccxt's own handlers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import orjson
import pytest

from app.feeds.rules import checksums
from app.feeds.rules.base import Family, Hole, Update, Verdict
from app.feeds.rules.chain import Chains
from app.feeds.rules.exact import Exact, loads
from app.feeds.rules.families import FAMILIES
from app.records import State, Stream
from tests.venues.direct import Direct, direct

FOLLOWS, DUPLICATE, EARLY = Verdict.FOLLOWS, Verdict.DUPLICATE, Verdict.EARLY


def _judged(exchange_id: str, *messages: Any) -> list[Verdict | Hole]:
    family = FAMILIES[exchange_id]
    chains = Chains(family)
    return [chains.judge(update) for message in messages for update in family.read(message)]


# Chains


def _depth(first: int, last: int, previous: int | None = None) -> dict[str, object]:
    update = {"e": "depthUpdate", "s": "X", "U": first, "u": last}
    return {"data": update if previous is None else {**update, "pu": previous}}


def test_binance_chains_by_ids() -> None:
    messages = [_depth(5, 7), _depth(8, 8), _depth(6, 8), {"e": "trade", "s": "X"}, _depth(12, 13)]
    assert _judged("binance", *messages) == [FOLLOWS, FOLLOWS, DUPLICATE, Hole("X", 3)]
    assert _judged("binance", _depth(5, 7), _depth(7, 9)) == [FOLLOWS, Hole("X", -1)]  # overlaps


def test_binance_futures_chain_by_previous_id() -> None:
    messages = [_depth(5, 7, 3), _depth(20, 22, 7), _depth(23, 25, 21)]
    assert _judged("binanceusdm", *messages) == [FOLLOWS, FOLLOWS, Hole("X", -1)]


def test_a_chain_begins_anew_when_it_is_forgotten() -> None:
    chains = Chains(FAMILIES["binance"])
    assert chains.judge(Update("X", 5, 7)) is FOLLOWS
    chains.forget("X")
    assert chains.judge(Update("X", 100, 101)) is FOLLOWS


def test_a_late_update_is_a_hole_and_one_sent_again_is_none() -> None:
    chains = Chains(FAMILIES["binance"])
    verdicts = [chains.judge(Update("X", k, k)) for k in (1, 2, 3, 2, 5, 4)]
    assert verdicts == [
        FOLLOWS,
        FOLLOWS,
        FOLLOWS,
        DUPLICATE,
        Hole("X", 1),
        Hole("X", -1),
    ]


@pytest.mark.parametrize("exchange_id", sorted(FAMILIES))
def test_readers_leave_other_messages_alone(exchange_id: str) -> None:
    for message in (None, "pong", 3, [], [1], {}, {"event": "info"}, {"id": 1, "result": None}):
        assert list(FAMILIES[exchange_id].read(message)) == []


def test_deribit_chains_by_the_change_before() -> None:
    def book(change_id: int, previous: int | None = None) -> dict[str, Any]:
        data: dict[str, Any] = {"instrument_name": "X", "change_id": change_id, "type": "snapshot"}
        if previous is not None:
            data |= {"type": "change", "prev_change_id": previous}
        return {"method": "subscription", "params": {"channel": "book.X.100ms", "data": data}}

    early = [book(7, 6), book(8), book(20, 8), book(20, 8), book(31, 25)]
    assert _judged("deribit", *early) == [EARLY, FOLLOWS, FOLLOWS, DUPLICATE, Hole("X", -1)]
    huge = 2**53 + 1
    assert _judged("deribit", book(huge), book(huge + 1, huge), book(huge + 3, huge + 2)) == [
        FOLLOWS,
        FOLLOWS,
        Hole("X", -1),
    ]
    grouped = {"instrument_name": "X", "change_id": 9}  # whole books, no type
    message = {"method": "subscription", "params": {"channel": "book.X.none.10.100ms"}}
    message["params"]["data"] = grouped  # type: ignore[index]
    assert _judged("deribit", message) == [FOLLOWS]


# Checksums: the venues' own examples


def test_kraken_checksum_of_its_documentation() -> None:
    """The example of docs.kraken.com, Book checksum v2: as sent, with every zero."""
    bids = "45283.5 0.10000000,45283.4 1.54582015,45282.1 0.10000000,45281.0 0.10000000,"
    bids += "45280.3 1.54592586,45279.0 0.07990000,45277.6 0.03310103,45277.5 0.30000000,"
    bids += "45277.3 1.54602737,45276.6 0.15445238"
    asks = "45285.2 0.00100000,45286.4 1.54571953,45286.6 1.54571109,45289.6 1.54560911,"
    asks += "45290.2 0.15890660,45291.8 1.54553491,45294.7 0.04454749,45296.1 0.35380000,"
    asks += "45297.5 0.09945542,45299.5 0.18772827"
    sides = [
        [[Exact(number) for number in level.split()] for level in side.split(",")]
        for side in (bids, asks)
    ]
    assert checksums.kraken(*sides) == 3310070434


def test_digits_are_kept_as_they_were_sent() -> None:
    read = loads('{"price": 0.05000, "qty": 1.20, "n": 9007199254740993}')
    assert (read["price"].text, read["price"].digits, read["price"] * 2) == ("0.05000", "5000", 0.1)
    assert read["qty"].digits == "120"
    assert read["n"] == 2**53 + 1


# Through ccxt: snapshot, changes, and one of every fault that the family can show


@dataclass
class Script:
    """A venue's frames about a book: made from sides of (price, size) texts."""

    exchange_id: str
    market: dict[str, Any]
    snapshot: Callable[["Book"], Any]
    change: Callable[["Book", dict[str, Any]], Any]


class Book:
    """What the venue has: sides of price text to size text, and its update ids."""

    def __init__(self, first_id: int = 100) -> None:
        self.bids = {f"{100 - k / 10:.2f}": f"{k}.5000" for k in range(1, 31)}
        self.asks = {f"{100 + k / 10:.2f}": f"{k}.2500" for k in range(1, 31)}
        self.last_id, self.previous_id = first_id, first_id - 1

    def apply(self, bids: dict[str, str], asks: dict[str, str]) -> dict[str, dict[str, str]]:
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, size in changes.items():
                if float(size):
                    side[price] = size
                else:
                    side.pop(price, None)
        self.previous_id, self.last_id = self.last_id, self.last_id + 1
        return {"bids": bids, "asks": asks}

    def best(self, levels: int = 1000) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))[:levels]
        return bids, sorted(self.asks.items(), key=lambda level: float(level[0]))[:levels]

    def top(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        sides = [[(float(p), float(q)) for p, q in side] for side in self.best(20)]
        return sides[0], sides[1]


def _deribit_frame(book: Book, kind: str, sides: dict[str, Any], actions: bool) -> Any:
    data = {
        "type": kind,
        "timestamp": 1_700_000_000_000,
        "instrument_name": "X-PERPETUAL",
        "change_id": book.last_id,
    }
    if actions:
        data["prev_change_id"] = book.previous_id
    for name, side in sides.items():
        data[name] = [
            ["new" if float(q) else "delete", float(p), float(q)] for p, q in dict(side).items()
        ]
    return {
        "jsonrpc": "2.0",
        "method": "subscription",
        "params": {"channel": "book.X-PERPETUAL.100ms", "data": data},
    }


def _whole(book: Book) -> dict[str, Any]:
    bids, asks = book.best()
    return {"bids": bids, "asks": asks}


def _kraken_frame(book: Book, kind: str, sides: dict[str, Any]) -> str:
    bids, asks = book.best(10)
    digits = "".join(n.replace(".", "").lstrip("0") for level in (*asks, *bids) for n in level)
    data = {
        name: [{"price": orjson.Fragment(p), "qty": orjson.Fragment(q)} for p, q in dict(s).items()]
        for name, s in sides.items()
    }
    data |= {"symbol": "X/USD", "checksum": crc32(digits.encode())}
    return orjson.dumps({"channel": "book", "type": kind, "data": [data]}).decode()


SCRIPTS = {
    "deribit": Script(
        "deribit",
        {"id": "X-PERPETUAL", "symbol": "X/USD:X"},
        lambda book: _deribit_frame(book, "snapshot", _whole(book), False),
        lambda book, sides: _deribit_frame(book, "change", sides, True),
    ),
    "kraken": Script(
        "kraken",
        {"id": "XUSD", "symbol": "X/USD"},
        lambda book: _kraken_frame(book, "snapshot", _whole(book)),
        lambda book, sides: _kraken_frame(book, "update", sides),
    ),
}
CHANGES = [
    ({"99.90": "7.0000"}, {}),
    ({}, {"100.10": "0", "100.15": "3.1000"}),
    ({"99.95": "1.0000", "99.80": "0"}, {"100.20": "9.0000"}),
]


async def _live(made: Direct, script: Script, book: Book) -> str:
    symbol = script.market["symbol"]
    await made.turn(lambda: _asked(made))
    made.push(script.snapshot(book))
    for bids, asks in CHANGES:
        made.push(script.change(book, book.apply(bids, asks)))
    assert made.feeds[symbol].status.state is State.LIVE
    assert made.top(symbol) == book.top()
    return symbol


def _asked(made: Direct) -> int:
    """How often a book was subscribed."""
    told = [orjson.dumps(message).decode() for message in made.sent]
    return sum("book" in text and "unsubscribe" not in text for text in told)


@pytest.mark.parametrize("name", SCRIPTS)
async def test_book_is_followed_and_begun_anew_after_a_missing_change(name: str) -> None:
    script, book = SCRIPTS[name], Book()
    async with direct(script.exchange_id, [script.market]) as made:
        symbol = await _live(made, script, book)
        status = made.feeds[symbol].status
        assert status.states_depth == 4
        book.apply({"99.93": "4.0000"}, {})  # not sent
        made.push(script.change(book, book.apply({}, {"100.12": "2.0000"})))
        reason = "checksum" if FAMILIES[name].checksum else "sequence"
        assert status.rejected == {reason: 1}
        assert made.feeds[symbol].book() is None
        made.push(script.change(book, book.apply({}, {"100.13": "2.0000"})))  # of the old book
        await made.turn(lambda: _asked(made) == 2)
        made.push(script.change(book, book.apply({}, {"100.14": "2.0000"})))  # still
        assert made.feeds[symbol].book() is None
        made.push(script.snapshot(book))
        assert made.top(symbol) == book.top()
        assert status.gaps_by_reason == {reason: 1}
        assert len(made.wires) == 1  # other markets on the connection are not touched
        made.push(script.change(book, book.apply({"99.97": "1.1000"}, {})))
        assert made.top(symbol) == book.top()
        epochs = made.ring.depth.take().epoch.tolist()
        assert epochs == [1, 1, 1, 1, 2, 2]


@pytest.mark.parametrize("name", SCRIPTS)
async def test_change_sent_again_is_counted_and_changes_nothing(name: str) -> None:
    script, book = SCRIPTS[name], Book()
    async with direct(script.exchange_id, [script.market]) as made:
        symbol = await _live(made, script, book)
        again = script.change(book, book.apply({"99.97": "1.1000"}, {}))
        made.push(again)
        made.push(again)
        assert made.top(symbol) == book.top()
        status = made.feeds[symbol].status
        assert status.state is State.LIVE
        assert not status.gaps_by_reason
        assert status.rejected["duplicate"] == (not FAMILIES[name].checksum)


@pytest.mark.parametrize("name", SCRIPTS)
async def test_snapshot_replaces_the_book_in_a_new_epoch(name: str) -> None:
    script, book = SCRIPTS[name], Book()
    async with direct(script.exchange_id, [script.market]) as made:
        symbol = await _live(made, script, book)
        other = Book(900)
        other.apply(dict.fromkeys(list(other.bids)[:9], "0"), {})
        made.push(script.snapshot(other))
        assert made.top(symbol) == other.top()  # nothing of the book before is left
        assert made.feeds[symbol].status.gaps_by_reason == {"snapshot": 1}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize(
    ("bids", "asks", "reason"),
    [
        ({"101.00": "1.0000"}, {}, "crossed"),
        ({"99.90": "-1.0000"}, {}, "non-finite"),
    ],
)
async def test_impossible_book_is_rejected_and_begun_anew(
    name: str, bids: dict[str, str], asks: dict[str, str], reason: str
) -> None:
    script, book = SCRIPTS[name], Book()
    async with direct(script.exchange_id, [script.market]) as made:
        symbol = await _live(made, script, book)
        good = {side: dict(getattr(book, side)) for side in ("bids", "asks")}
        made.push(script.change(book, book.apply(bids, asks)))
        assert made.feeds[symbol].status.rejected == {reason: 1}
        assert made.feeds[symbol].book() is None
        await made.turn(lambda: _asked(made) == 2)
        book.bids, book.asks = good["bids"], good["asks"]
        made.push(script.snapshot(book))
        assert made.top(symbol) == book.top()
        assert len(made.wires) == 1


@pytest.mark.parametrize("name", SCRIPTS)
async def test_truncated_frame_is_a_fault_of_the_market_that_it_names(name: str) -> None:
    script, book = SCRIPTS[name], Book()
    other = {
        **script.market,
        "id": "Y-PERPETUAL",
        "symbol": script.market["symbol"].replace("X", "Y"),
    }
    async with direct(script.exchange_id, [script.market, other]) as made:
        symbol = await _live(made, script, book)
        frame = script.change(book, book.apply({"99.97": "1.1000"}, {}))
        text = frame if isinstance(frame, str) else orjson.dumps(frame).decode()
        cut = max(text.rindex("X") + 12, len(text) - 20)
        made.push(text[:cut])
        status = made.feeds[symbol].status
        assert status.rejected == {"handler": 1}
        await made.turn(lambda: _asked(made) >= 3)
        made.push(script.snapshot(book))
        assert made.top(symbol) == book.top()
        assert status.gaps_by_reason["handler"] >= 1
        assert made.feeds[other["symbol"]].tracks[Stream.DEPTH].fault is None
        assert len(made.wires) == 1


@pytest.mark.parametrize("name", SCRIPTS)
async def test_refused_subscription_is_told_at_once(name: str) -> None:
    script, book = SCRIPTS[name], Book()
    refusals = 0

    def refuse(wire: Any, message: dict[str, Any]) -> None:
        nonlocal refusals
        if "book" in str(message.get("params")) and not refusals:
            refusals += 1
            key = "id" if "id" in message else "req_id"
            made.push({key: message[key], "error": "no such book", "method": "subscribe"}, wire)

    async with direct(
        script.exchange_id, [script.market], lambda d: setattr(d, "said", refuse)
    ) as made:
        status = made.feeds[script.market["symbol"]].status
        await made.turn(lambda: refusals)
        await made.turn(lambda: status.state is State.DOWN)
        assert "no such book" in status.detail
        await made.turn(lambda: _asked(made) == 2)
        await _live(made, script, book)


async def test_unknown_family_lets_everything_through() -> None:
    assert "nowhere" not in FAMILIES
    assert Family(lambda message: ()).checksum is None
