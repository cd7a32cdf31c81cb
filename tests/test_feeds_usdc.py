"""Coinbase answers for X-USDC as for X-USD: whoever asked gets the book and the trades."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.records import State
from tests.venues.books import Book, Coinbase
from tests.venues.direct import Direct, direct

USD, USDC = {"id": "X-USD", "symbol": "X/USD"}, {"id": "X-USDC", "symbol": "X/USDC"}


class Venue:
    """Coinbase's frames about X, as X-USD."""

    def __init__(self, made: Direct):
        self.made, self._frames, self.book = made, Coinbase(), Book()

    def whole(self, product: str = "X-USD") -> None:
        """A snapshot comes."""
        self._push(self._frames.frame("snapshot")(self.book), product)

    def change(self, product: str = "X-USD", **bids: str) -> None:
        """The book changes, and the change comes."""
        sides = self.book.apply({"99.90": bids.get("size", "7.0000")}, {})
        self._push(self._frames.frame("update")(self.book, sides), product)

    def trade(self, number: int, *products: str) -> None:
        """A trade comes, of each product in one event."""
        trades = [
            {
                "trade_id": str(number),
                "product_id": product,
                "price": "100.0",
                "size": "0.5",
                "side": "BUY",
                "time": "2026-02-09T20:32:50.714964Z",
            }
            for product in products or ("X-USD",)
        ]
        frame = self._frames.frame("update")(self.book, {"bids": [], "asks": []})
        frame |= {"channel": "market_trades", "events": [{"type": "update", "trades": trades}]}
        self.made.push(frame)

    def _push(self, frame: Any, product: str) -> None:
        frame["events"][0]["product_id"] = product
        self.made.push(frame)


@asynccontextmanager
async def venue(*markets: dict[str, str]) -> AsyncIterator[Venue]:
    """Books and trades of the markets are asked for."""
    async with direct("coinbase", list(markets)) as made:
        await made.turn(lambda: len(made.sent) == 2 * len(markets))
        yield Venue(made)


@pytest.mark.parametrize("markets", [[USDC], [USD, USDC], [USD]])
async def test_market_in_usdc_lives_on_what_comes_as_usd(markets: list[dict[str, str]]) -> None:
    async with venue(*markets) as coinbase:
        coinbase.whole()
        coinbase.change()
        coinbase.trade(1)
        coinbase.trade(2)
        for market in markets:
            feed = coinbase.made.feeds[market["symbol"]]
            assert feed.status.state is State.LIVE
            assert coinbase.made.top(market["symbol"]) == coinbase.book.top()
            assert feed.status.states_depth == 2
            assert not feed.status.rejected
        trades = coinbase.made.ring.trades.take()
        assert sorted(trades.market.tolist()) == sorted(list(range(len(markets))) * 2)


async def test_trades_of_several_markets_in_one_event_keep_their_own() -> None:
    other = {"id": "Y-USD", "symbol": "Y/USD"}
    async with venue(USDC, other) as coinbase:
        coinbase.trade(1, "X-USD", "Y-USD")
        coinbase.trade(2, "Y-USD", "X-USD")
        trades = coinbase.made.ring.trades.take()
        assert sorted(trades.market.tolist()) == [0, 0, 1, 1]


async def test_what_comes_under_its_own_name_is_not_told_twice() -> None:
    async with venue(USD, USDC) as coinbase:
        coinbase.whole("X-USDC")
        coinbase.whole()
        coinbase.change("X-USDC")
        coinbase.change()
        statuses = [feed.status for feed in coinbase.made.feeds.values()]
        assert [status.states_depth for status in statuses] == [2, 2]
        assert not any(status.gaps_by_reason for status in statuses)


async def test_missing_message_is_a_fault_of_the_market_that_was_asked_for() -> None:
    async with venue(USDC) as coinbase:
        coinbase.whole()
        coinbase._frames.number += 1
        coinbase.change()
        assert coinbase.made.feeds["X/USDC"].status.rejected == {"sequence": 1}
        assert coinbase.made.top("X/USDC") is None
