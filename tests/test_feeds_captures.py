"""Recorded traffic of deribit and okx, through ccxt's own parsers and our rules, at the ring."""

import contextlib
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import orjson
import pytest

from app.feeds.ccxt_stream import CcxtVenue, open_venue
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import State, Stream
from app.settings import FeedSettings, VenueSettings
from tests.recorded import recorded
from tests.venues.binance_replay import ReplayClock
from tests.venues.capture import (
    Answer,
    CaptureServer,
    Frame,
    answers,
    deribit_server,
    frames,
    okx_server,
)
from tests.venues.rig import until

# Four: so many fetch their first book at a time, and the replay begins when all have subscribed.
DERIBIT = {
    "BTC/USD:BTC-210924-8000-P": ("BTC-24SEP21-8000-P", 30),
    "BTC/USD:BTC-211231-34000-P": ("BTC-31DEC21-34000-P", 3),
    "ETH/USD:ETH-210730-2800-C": ("ETH-30JUL21-2800-C", 1),
    "BTC/USD:BTC-220325-30000-C": ("BTC-25MAR22-30000-C", 0),
}
OKX = {
    "BTC/USD:BTC-220527": ("BTC-USD-220527", 98, 4),
    "BTC/USDT": ("BTC-USDT", 97, 69),
    "UNI/USD:UNI": ("UNI-USD-SWAP", 92, 1),
}


@dataclass
class Run:
    server: CaptureServer
    venue: CcxtVenue
    ring: Ring
    feeds: dict[str, CcxtMarketFeed] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def _run(
    exchange_id: str,
    symbols: Sequence[str],
    made: Callable[[ReplayClock], CaptureServer],
    urls: Callable[[int], dict[str, Any]],
) -> AsyncIterator[Run]:
    clock, ring = ReplayClock(1_600_000_000 * 10**9), Ring()
    server = made(clock)
    await server.start()
    table = {"urls": {"api": urls(server.port)}, "enableRateLimit": False}
    venue = open_venue(
        exchange_id, VenueSettings(ccxt=table), FeedSettings(), ring, clock, random.Random(1)
    )
    assert isinstance(venue, CcxtVenue)
    run = Run(server, venue, ring)
    try:
        await venue.open()
        for index, symbol in enumerate(symbols):
            run.feeds[symbol] = venue.add(MarketId(exchange_id, symbol), index)
        await until(server.finished.is_set, "the end of the capture", 60.0)
        yield run
    finally:
        await venue.close()
        await server.stop()


def _deribit(frames_: Sequence[Frame]) -> Any:
    # The list of currencies, which ccxt asks for as well, was not recorded; nothing here needs it.
    currencies = Answer("/api/v2/public/get_currencies", frozenset(), {"result": []})
    rest = [*answers(recorded("deribit_2021-07-22_rest.txt.gz")), currencies]
    for answer in rest:
        for item in answer.body["result"]:  # sent since; ccxt names nothing without
            item.setdefault("settlement_currency", item["base_currency"])
            item.setdefault("counter_currency", "USD")
    return _run(
        "deribit",
        list(DERIBIT),
        lambda clock: deribit_server(rest, frames_, 2 * len(DERIBIT), clock),
        lambda port: {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}/ws"},
    )


def _okx(frames_: Sequence[Frame]) -> Any:
    rest = answers(recorded("okx_2022-05-13_rest.txt.gz"))
    return _run(
        "okx",
        list(OKX),
        lambda clock: okx_server(rest, frames_, 3 * len(OKX), clock),
        lambda port: {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}/ws"},
    )


def _deribit_frames() -> list[Frame]:
    return frames(recorded("deribit_2021-07-22_ws.txt.gz"))


def _okx_frames() -> list[Frame]:
    return frames(recorded("okx_2022-05-13_ws.txt.gz"))


def _without(given: Sequence[Frame], number: int, *words: str) -> list[Frame]:
    """A capture from which the n-th frame with some words was lost."""
    with_words = [k for k, frame in enumerate(given) if all(word in frame.text for word in words)]
    return [frame for k, frame in enumerate(given) if k != with_words[number]]


async def test_deribit_capture_is_followed_with_unbroken_change_ids() -> None:
    given = _deribit_frames()
    async with _deribit(given) as run:
        for symbol, (market_id, changes) in DERIBIT.items():
            status = run.feeds[symbol].status
            assert run.server.sent[f"book.{market_id}.100ms"] == changes + 1
            assert (status.states_depth, status.state, status.detail) == (
                changes + 1,
                State.LIVE,
                "",
            )
            assert not status.rejected
            assert not status.gaps_by_reason
        depth = run.ring.depth.take()
        assert set(depth.epoch.tolist()) == {1}
        for index, (market_id, _) in enumerate(DERIBIT.values()):
            ids = [
                frame.message["params"]["data"]["change_id"]
                for frame in given
                if f'"book.{market_id}.' in frame.text and '"method":"subscription"' in frame.text
            ]
            assert depth.update_id[depth.market == index].tolist() == ids
        assert str(run.feeds["BTC/USD:BTC-210924-8000-P"].market.grid.tick) == "0.0005"


async def test_deribit_capture_ends_in_the_book_of_its_changes() -> None:
    """The book by another hand: the capture's tuples applied one by one to a dictionary."""
    given = _deribit_frames()
    sides: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
    for frame in given:
        params = frame.message.get("params")
        if params is None or params.get("channel") != "book.BTC-24SEP21-8000-P.raw":
            continue
        for name, side in sides.items():
            for action, price, amount in params["data"][name]:
                side[price] = amount
                if action == "delete":
                    del side[price]
    async with _deribit(given) as run:
        view = run.feeds["BTC/USD:BTC-210924-8000-P"].book()
        assert view is not None
        assert [(level[0], level[1]) for level in view.bids] == sorted(
            sides["bids"].items(), reverse=True
        )
        assert [(level[0], level[1]) for level in view.asks] == sorted(sides["asks"].items())


async def test_deribit_change_that_was_lost_is_missed() -> None:
    given = _without(_deribit_frames(), 10, "book.BTC-24SEP21-8000-P", '"type":"change"')
    async with _deribit(given) as run:
        lost, *others = (run.feeds[symbol] for symbol in DERIBIT)
        assert lost.status.rejected == {"sequence": 1}
        assert lost.book() is None  # and no snapshot came any more
        assert lost.status.states_depth == 11
        assert all(feed.status.state is State.LIVE for feed in others)
        assert not any(feed.status.rejected for feed in others)


async def test_okx_capture_is_followed_with_every_checksum_good() -> None:
    given = _okx_frames()
    checksums = [
        frame.message["data"][0]["checksum"]
        for frame in given
        if '"channel":"books"' in frame.text and '"data"' in frame.text
    ]
    assert len(checksums) == 290
    assert all(checksums)
    async with _okx(given) as run:
        for symbol, (market_id, changes, trades) in OKX.items():
            status = run.feeds[symbol].status
            assert run.server.sent[f"books:{market_id}"] == changes + 1
            assert (status.states_depth, status.trades) == (changes + 1, trades)
            assert not status.rejected
            assert not status.gaps_by_reason
            view = run.feeds[symbol].book()
            assert view is not None
            last = [f for f in given if market_id in f.text and '"action":"update"' in f.text][-1]
            # Not by our code: the venue's checksum over the digits that the book holds at the end.
            parts = [
                text
                for bid, ask in zip(view.bids[:25], view.asks[:25], strict=True)
                for level in (bid, ask)
                for text in (level[0].text, level[1].text)  # type: ignore[attr-defined]
            ]
            unsigned = last.message["data"][0]["checksum"] % 2**32
            assert crc32(":".join(parts).encode()) == unsigned
        assert set(run.ring.depth.take().epoch.tolist()) == {1}


@pytest.mark.parametrize("number", [0, 40, 90])
async def test_okx_change_that_was_lost_fails_its_checksum(number: int) -> None:
    given = _without(_okx_frames(), number, '"instId":"BTC-USDT"', '"action":"update"')
    async with _okx(given) as run:
        feed = run.feeds["BTC/USDT"]
        assert feed.status.rejected == {"checksum": 1}
        assert feed.tracks[Stream.DEPTH].fault is not None or feed.book() is None
        assert number + 1 <= feed.status.states_depth < 97
        for symbol in ("BTC/USD:BTC-220527", "UNI/USD:UNI"):
            assert not run.feeds[symbol].status.rejected


async def test_okx_change_with_other_digits_fails_its_checksum() -> None:
    given = _okx_frames()
    place = next(
        k
        for k, frame in enumerate(given)
        if '"action":"update"' in frame.text and re.search(r'"bids":\[\["\d', frame.text)
    )
    message = given[place].message
    message["data"][0]["bids"][0][1] = "123456"
    given[place] = Frame(given[place].time_ns, orjson.dumps(message).decode())
    async with _okx(given) as run:
        symbol = next(s for s, row in OKX.items() if row[0] == message["arg"]["instId"])
        assert run.feeds[symbol].status.rejected == {"checksum": 1}
