"""Opening a venue: what is wrong with a name, a symbol or a way is said in one sentence."""

import random

import pytest

from app.clock import SystemClock
from app.errors import FeedError, MarketError, VenueDownError
from app.feeds.base import VenueFeed
from app.feeds.ccxt_exchange import config_of
from app.feeds.ccxt_poll import PolledVenue
from app.feeds.ccxt_stream import CcxtVenue, open_venue
from app.feeds.ring import Ring
from app.feeds.rules.families import family_of
from app.feeds.venues import FACTS, facts_of
from app.market import MarketId
from app.settings import FeedSettings, VenueSettings, deep_merge
from app.supervisor import free_port
from tests.venues.binance_protocol import settings_for
from tests.venues.rig import rig

FEED = FeedSettings(open_timeout_s=5.0)


def _open(name: str, **table: object) -> VenueFeed:
    settings = VenueSettings.model_validate(table)
    return open_venue(name, settings, FEED, Ring(), SystemClock(), random.Random(1))


def test_unknown_exchange_names_the_nearest() -> None:
    with pytest.raises(MarketError, match=r"'binanse'.*does not know.*binance"):
        _open("binanse")


def test_unknown_exchange_of_a_named_venue_names_the_setting() -> None:
    with pytest.raises(MarketError, match=r"\[venues\.mine\].*'krakn'.*kraken"):
        _open("mine", exchange="krakn")


def test_exchange_without_a_stream_is_asked_instead() -> None:
    assert isinstance(_open("btcmarkets"), PolledVenue)
    assert isinstance(_open("kraken", poll=True), PolledVenue)
    assert isinstance(_open("kraken"), CcxtVenue)


def test_exchange_without_any_book_says_so() -> None:
    with pytest.raises(FeedError, match=r"^mudrex gives .* neither as a stream nor by request"):
        _open("mudrex")


async def test_venue_that_is_down_is_one_sentence_with_its_name() -> None:
    venue = _open("binance", **settings_for(free_port()))
    with pytest.raises(VenueDownError, match=r"^Binance is not answering \(.+\)\.$"):
        await venue.open()
    await venue.close()


async def test_name_that_does_not_resolve_is_a_venue_that_is_down() -> None:
    table = settings_for(1, host="no-such-host.invalid")
    venue = _open("binance", **table)
    with pytest.raises(VenueDownError, match=r"^Binance is not answering"):
        await venue.open()
    await venue.close()


async def test_venue_that_was_down_can_be_opened_later() -> None:
    async with rig(1, add=False) as r:
        port = r.server.port
        venue = _open("loop", **settings_for(port))
        await r.server.stop()
        with pytest.raises(VenueDownError):
            await venue.open()
        await r.server.start(port)
        await venue.open()
        assert venue.resolve(MarketId("loop", "AAA/USDT")).base == "AAA"
        await venue.close()


@pytest.mark.parametrize("wrong", ["AAB/USD", "AABUSDT", "aab/usdt", "AAB"])
async def test_wrong_symbol_names_the_nearest(wrong: str) -> None:
    async with rig(4, add=False) as r:
        with pytest.raises(MarketError, match=r"loop has no market .*loop:AAB/USDT"):
            r.venue.resolve(MarketId("loop", wrong))
        with pytest.raises(MarketError, match="AAB/USDT"):
            r.venue.add(MarketId("loop", wrong), 0)


async def test_market_is_added_once() -> None:
    async with rig(1) as r:
        with pytest.raises(MarketError, match="already collected"):
            r.venue.add(MarketId("loop", "AAA/USDT"), 1)


def test_users_table_is_merged_deeply_over_ours() -> None:
    user = {"enableRateLimit": False, "options": {"ws": {"cost": 1}}, "urls": {"api": {"x": "y"}}}
    config = config_of(VenueSettings(ccxt=user), FEED, facts_of("binance"), family_of("binance"))
    assert config["enableRateLimit"] is False
    assert config["options"]["ws"]["cost"] == 1
    assert config["options"]["ws"]["keepAlive"] <= 15_000
    assert config["options"]["watchOrderBook"]["maxRetries"] == 1
    assert config["urls"] == {"api": {"x": "y"}}


def test_deep_merge_leaves_its_arguments_alone() -> None:
    low, high = {"a": {"b": 1, "c": [1]}}, {"a": {"c": [2]}}
    assert deep_merge(low, high) == {"a": {"b": 1, "c": [2]}}
    assert low == {"a": {"b": 1, "c": [1]}}


@pytest.mark.parametrize("exchange_id", sorted(FACTS))
def test_every_venue_with_facts_can_be_constructed(exchange_id: str) -> None:
    assert _open(exchange_id).name == exchange_id
