"""Markets of one venue that share an id, each with its own book."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from app.feeds.named import Names
from app.feeds.owners import Owners
from app.feeds.rules.families import FAMILIES
from app.records import State, Stream
from tests.venues.books import Book, Sides, formats
from tests.venues.direct import Direct, direct

SPOT, SWAP = "X/USDT", "X/USDT:USDT"
KINDS = {SPOT: "SPOT", SWAP: "USDT-FUTURES"}


class Pair:
    """Bitget's spot and swap of one id on one connection; `summed`: with checksums."""

    def __init__(self, made: Direct, summed: bool):
        self.made, self.summed, self._form = made, summed, formats()["bitget"]
        self.books = {SPOT: Book(90_000), SWAP: Book(5_000, 4_999)}

    def whole(self, symbol: str) -> None:
        """A snapshot comes."""
        assert self._form.whole is not None
        self._push(symbol, self._form.whole(self.books[symbol]))

    def change(self, symbol: str, bids: dict[str, str]) -> None:
        """The book changes, and the change comes."""
        self._push(symbol, self._form.change(self.books[symbol], self.lose(symbol, bids)))

    def lose(self, symbol: str, bids: dict[str, str]) -> Sides:
        """The book changes."""
        return self.books[symbol].apply(bids, {})

    def _push(self, symbol: str, frame: Any) -> None:
        frame["arg"]["instType"] = KINDS[symbol]
        if not self.summed:
            frame["data"][0]["checksum"] = 0
        self.made.push(frame, self.made.wires[0])

    def true(self, symbol: str) -> bool:
        """Whether the book that is served is the venue's."""
        return self.made.top(symbol) == self.books[symbol].top()


@asynccontextmanager
async def pair(summed: bool = True) -> AsyncIterator[Pair]:
    """Both with their snapshots."""
    swap = {"id": "XUSDT", "symbol": SWAP}
    async with direct("bitget", [formats()["bitget"].market, swap]) as made:
        asked = '"channel":"books"'
        await made.turn(lambda: orjson.dumps(made.sent).decode().count(asked) == len(KINDS))
        assert len(made.wires) == 1
        both = Pair(made, summed)
        for symbol in KINDS:
            both.whole(symbol)
        yield both


@pytest.mark.parametrize("summed", [True, False])
async def test_spot_and_swap_of_one_id_have_each_their_own_book(summed: bool) -> None:
    async with pair(summed) as both:
        for k in range(1, 4):
            for symbol in KINDS:
                both.change(symbol, {"99.90": f"{k}.1000", "99.95": f"{len(symbol)}.0000"})
                assert both.true(SPOT)
                assert both.true(SWAP)
        for feed in both.made.feeds.values():
            assert feed.status.state is State.LIVE
            assert not feed.status.rejected
            assert feed.tracks[Stream.DEPTH].epoch == 1


async def test_lost_change_is_found_in_the_market_that_lost_it() -> None:
    async with pair() as both:
        both.lose(SWAP, {"99.85": "1.0000"})
        both.change(SWAP, {"99.80": "8.0000"})
        both.change(SPOT, {"99.80": "7.0000"})
        assert both.made.feeds[SWAP].status.rejected == {"checksum": 1}
        assert both.made.top(SWAP) is None
        assert not both.made.feeds[SPOT].status.rejected
        assert both.true(SPOT)


async def test_update_without_the_checksum_that_others_had_is_believed_after_one_beginning() -> (
    None
):
    """Ids only grow: a loss before it would never be found."""
    async with pair() as both:
        spot = both.made.feeds[SPOT]
        both.change(SPOT, {"99.90": "1.1000"})
        both.lose(SPOT, {"99.85": "1.0000"})
        both.summed = False
        both.change(SPOT, {"99.80": "8.0000"})
        assert spot.status.rejected == {"checksum": 1}
        assert both.made.top(SPOT) is None
        await both.made.turn(lambda: spot.tracks[Stream.DEPTH].fault is None)
        both.whole(SPOT)
        await both.made.turn(lambda: spot.book() is not None)
        both.change(SPOT, {"99.80": "9.0000"})
        assert both.true(SPOT)
        assert spot.status.rejected == {"checksum": 1}


async def test_frame_that_cannot_be_read_is_a_fault_of_those_that_its_id_names() -> None:
    other = {"id": "YUSDT", "symbol": "Y/USDT"}
    swap = {"id": "XUSDT", "symbol": SWAP}
    async with direct("bitget", [formats()["bitget"].market, swap, other]) as made:
        await made.turn(lambda: orjson.dumps(made.sent).decode().count("books") == 3)
        made.push('{"action":"update","arg":{"instType":"SPOT","channel":"books","instId":"XUSDT"')
        rejected = {symbol: dict(feed.status.rejected) for symbol, feed in made.feeds.items()}
        assert rejected == {SPOT: {"handler": 1}, SWAP: {"handler": 1}, "Y/USDT": {}}


@pytest.mark.parametrize(
    ("named", "faulty"),
    [
        ("btcusd", {"btcusd"}),
        ("wbtcusd", {"wbtcusd"}),
        ("w_btcusd", {"btcusd", "wbtcusd", "w_btcusd"}),  # or btcusd of a channel that ends with _w
    ],
)
async def test_id_at_the_end_of_a_channel_names_a_market_if_it_is_in_no_other_id(
    named: str, faulty: set[str]
) -> None:
    ids = ("btcusd", "wbtcusd", "w_btcusd")
    async with direct("bitstamp", [{"id": each, "symbol": each.upper()} for each in ids]) as made:
        await made.turn(lambda: orjson.dumps(made.sent).decode().count("diff_order_book") == 3)
        made.push(f'{{"event": "data", "channel": "diff_order_book_{named}", "data": <}}')
        told = {s.lower() for s, feed in made.feeds.items() if feed.status.rejected["handler"]}
        assert told == faulty


def test_hyperliquid_spot_does_not_go_by_the_name_of_its_coin() -> None:
    names = FAMILIES["hyperliquid"].names
    assert names({"id": "@107", "baseName": "HYPE", "spot": True, "swap": False}) == ("@107",)
    assert names({"id": "159", "baseName": "HYPE", "spot": False, "swap": True}) == ("HYPE",)


def test_markets_of_a_connection_are_counted_once_for_all_updates_and_again_when_they_change() -> (
    None
):
    @dataclass(eq=False)
    class Waiting:
        name: str
        asked_for: int = 0

        @property
        def market(self) -> str:
            self.asked_for += 1
            return self.name

    owners, names = Owners(), Names()
    client: Any = SimpleNamespace(owners=owners)
    spot, swap = (
        SimpleNamespace(market=SimpleNamespace(id=f"v:{symbol}")) for symbol in (SPOT, SWAP)
    )
    for feed in (spot, swap):
        names.add(feed, ["XUSDT"])  # type: ignore[arg-type]
    assert names.find("XUSDT", client) is None
    waiting: Any = Waiting(f"v:{SWAP}")
    owners["book"] = waiting
    assert {id(names.find("XUSDT", client)) for _ in range(100)} == {id(swap)}
    assert waiting.asked_for == 1
    del owners["book"]
    assert names.find("XUSDT", client) is None
    owners["book"] = Waiting(f"v:{SPOT}")  # type: ignore[assignment]
    assert names.find("XUSDT", client) is spot
    owners.clear()
    assert names.find("XUSDT", client) is None
