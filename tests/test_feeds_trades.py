"""A market's trades are held to the numbers that its venue gives them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import NS_PER_S, FakeClock
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.ring import Ring
from app.feeds.rules.base import Hole, Verdict
from app.feeds.rules.chain import TradeChain
from app.feeds.rules.families import FAMILIES, family_of
from app.feeds.venues import facts_of
from app.market import Grid, Market, MarketId
from app.records import Stream

FOLLOWS, DUPLICATE = Verdict.FOLLOWS, Verdict.DUPLICATE
KRAKEN = FAMILIES["kraken"]


def _trade(number: int, time_ms: int | None = None) -> dict[str, Any]:
    return {
        "price": 1.5,
        "amount": 2.0,
        "side": "buy",
        "timestamp": number if time_ms is None else time_ms,
        "id": str(number),
        "info": {"trade_id": number},
    }


def _verdicts(*messages: list[int]) -> list[Verdict | Hole]:
    chain = TradeChain(KRAKEN.trade)
    return [v for message in messages for _, v in chain.judge([_trade(n) for n in message])]


def test_numbers_follow_are_missing_or_come_again() -> None:
    assert _verdicts([7], [8, 9], [9], [12]) == [FOLLOWS, FOLLOWS, FOLLOWS, DUPLICATE, Hole("", 2)]


def test_trades_of_one_message_are_put_in_the_venues_order() -> None:
    """ccxt sorts what happened at once by the text of its id: 10 before 9."""
    chain = TradeChain(KRAKEN.trade)
    judged = [(t["id"], v) for t, v in chain.judge([_trade(10), _trade(8), _trade(9)])]
    assert judged == [("8", FOLLOWS), ("9", FOLLOWS), ("10", FOLLOWS)]


def test_a_trade_that_was_overtaken_is_taken_once_after_its_hole() -> None:
    assert _verdicts([1], [3], [2], [2], [4]) == [
        FOLLOWS,
        Hole("", 1),
        FOLLOWS,
        DUPLICATE,
        FOLLOWS,
    ]
    assert _verdicts([7], [5], [6], [5]) == [FOLLOWS, FOLLOWS, FOLLOWS, DUPLICATE]


def test_what_comes_late_may_bear_a_later_time() -> None:
    chain = TradeChain(KRAKEN.trade)
    told = ((1, 1000), (3, 1000), (2, 1001), (3, 1000))
    verdicts = [v for trade in told for _, v in chain.judge([_trade(*trade)])]
    assert verdicts == [FOLLOWS, Hole("", 1), FOLLOWS, DUPLICATE]


def test_without_times_only_what_is_out_of_reach_is_numbered_anew() -> None:
    chain = TradeChain(KRAKEN.trade)
    told = [_trade(n, 0) for n in (5_000_000, 7, 8, 10, 9, 9)]
    verdicts = [v for trade in told for _, v in chain.judge([trade])]
    assert verdicts == [FOLLOWS, FOLLOWS, FOLLOWS, Hole("", 1), FOLLOWS, DUPLICATE]


def test_a_long_message_that_comes_again_is_dropped_whole() -> None:
    message = list(range(1, 501))
    assert _verdicts(message, message) == [FOLLOWS] * 500 + [DUPLICATE] * 500


@pytest.mark.parametrize("before", [50, 500_000, 5_000_000])
def test_a_venue_that_numbers_anew_has_lost_nothing(before: int) -> None:
    """It goes back, or beyond what a float holds; from then on the new numbers count."""
    for begin in (1, 2**53 + 11):
        chain = TradeChain(KRAKEN.trade)
        told = ((before, 1000), (begin, 3000), (begin + 1, 3000), (begin + 3, 9000))
        verdicts = [v for trade in told for _, v in chain.judge([_trade(*trade)])]
        assert verdicts == [FOLLOWS, FOLLOWS, FOLLOWS, Hole("", 1)]


def test_one_wild_number_blinds_for_no_longer_than_itself() -> None:
    chain = TradeChain(KRAKEN.trade)
    told = ((50, 1000), (900_000, 2000), (51, 4000), (52, 4000), (55, 5000))
    verdicts = [v for trade in told for _, v in chain.judge([_trade(*trade)])]
    assert verdicts == [FOLLOWS, Hole("", 899_949), FOLLOWS, FOLLOWS, Hole("", 2)]


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.integers(0, 2**60))
def test_every_missing_number_is_counted_once(present: list[bool], base: int) -> None:
    told = [base + k for k, there in enumerate(present) if there]
    holes = sum(v.missed for v in _verdicts(*([n] for n in told)) if isinstance(v, Hole))
    assert holes == (told[-1] - told[0] + 1 - len(told) if told else 0)


@pytest.mark.parametrize(
    ("venue", "info", "numbers"),
    [
        ("binance", {"e": "trade", "t": 5, "M": True}, (5, 5)),
        ("binance", {"e": "aggTrade", "a": 9, "f": 5, "l": 7, "M": True}, (5, 7)),
        ("binanceus", {"e": "trade", "t": 5, "M": True}, (5, 5)),
        ("kraken", {"trade_id": 2**60}, (2**60, 2**60)),
        ("deribit", {"trade_seq": 4, "trade_id": "77"}, (4, 4)),
    ],
)
def test_families_number_their_trades(
    venue: str, info: dict[str, Any], numbers: tuple[int, int]
) -> None:
    read = family_of(venue).trade
    assert read is not None
    assert read(info) == numbers


@pytest.mark.parametrize(
    ("venue", "info"),
    [
        ("binanceusdm", {"e": "trade", "t": 5, "X": "MARKET"}),  # insurance funds trade too
        ("kraken", {}),
        ("deribit", {"trade_seq": "?"}),
        ("deribit", {"trade_seq": float("inf")}),
        ("bybit", {"i": "5"}),
    ],
)
def test_trades_without_such_numbers_are_taken_as_they_come(
    venue: str, info: dict[str, Any]
) -> None:
    chain = TradeChain(family_of(venue).trade)
    assert [v for _, v in chain.judge([{"info": info}, {"info": info}])] == [FOLLOWS, FOLLOWS]


def _feed(venue: str) -> tuple[Ring, FakeClock, CcxtMarketFeed]:
    ring, clock = Ring(), FakeClock()
    market = Market(MarketId("v", "A/B"), "A", "B", Grid(Decimal("0.01"), Decimal("0.01")))
    feed = CcxtMarketFeed(market, 0, ring, clock, facts_of(venue), family_of(venue))
    feed.tracks[Stream.TRADES].asked(1)
    return ring, clock, feed


def test_a_hole_is_a_gap_from_the_trade_before_it_to_the_one_after() -> None:
    ring, _, feed = _feed("deribit")
    for second, number in ((1, 5), (2, 6), (5, 9), (6, 9), (7, 10)):
        info = {"trade_seq": number}
        feed.status.received_ns = second * NS_PER_S - 1  # the book goes on meanwhile
        feed.on_trades([{**_trade(number), "info": info}], second * NS_PER_S)
    (gap,) = feed.status.new_gaps
    assert (gap.from_ns, gap.to_ns) == (2 * NS_PER_S, 5 * NS_PER_S)
    assert (gap.stream, gap.reason, gap.missed) == (Stream.TRADES, "sequence", 2)
    assert gap.detail == "2 trades are missing by the venue's own numbers."
    assert ring.trades.take().id.tolist() == [5, 6, 9, 10]
    assert feed.status.rejected == {"duplicate": 1}


def test_history_begins_the_chain_and_a_new_subscription_begins_another() -> None:
    ring, _, feed = _feed("kraken")
    feed.on_trades([_trade(n) for n in range(1, 51)], 1)
    feed.on_trades([_trade(51)], 2)
    assert not feed.status.new_gaps
    feed.on_trades([_trade(53)], 3)
    assert [gap.missed for gap in feed.status.new_gaps] == [1]
    feed.begin_anew(Stream.TRADES)
    feed.on_trades([_trade(n) for n in range(60, 110)], 4)
    feed.on_trades([_trade(110)], 5)
    assert len(feed.status.new_gaps) == 1
    assert ring.trades.take().id.tolist() == [51, 53, 110]


def test_history_is_told_apart_from_what_still_comes_of_the_subscription_before() -> None:
    """And tells what was missed between the two."""
    ring, _, feed = _feed("kraken")
    feed.on_trades([_trade(n) for n in range(1, 51)], NS_PER_S, True)
    feed.on_trades([_trade(51)], 2 * NS_PER_S, False)
    feed.begin_anew(Stream.TRADES)
    feed.on_trades([_trade(52)], 3 * NS_PER_S, False)
    feed.on_trades([_trade(n) for n in range(10, 56)], 5 * NS_PER_S, True)
    feed.on_trades([_trade(56)], 6 * NS_PER_S, False)
    assert ring.trades.take().id.tolist() == [51, 52, 56]
    (gap,) = feed.status.new_gaps
    assert (gap.from_ns, gap.to_ns, gap.missed) == (3 * NS_PER_S, 5 * NS_PER_S, 3)


def test_only_kraken_says_what_is_history() -> None:
    history = KRAKEN.history
    assert history is not None
    told = {"channel": "trade", "type": "snapshot", "data": []}
    assert history(told)
    assert not history(told | {"type": "update"})
    assert not history(told | {"channel": "book"})
    assert not history([1, 2])


def test_a_hole_within_one_message_begins_with_the_message_before() -> None:
    ring, _, feed = _feed("kraken")
    feed.begin_anew(Stream.TRADES)
    feed.tracks[Stream.TRADES].asked(1)
    feed.on_trades([_trade(5)], NS_PER_S)  # history
    feed.on_trades([_trade(6)], 2 * NS_PER_S)
    feed.on_trades([_trade(7), _trade(10), _trade(12)], 3 * NS_PER_S)
    (gap,) = feed.status.new_gaps
    assert (gap.from_ns, gap.to_ns, gap.missed) == (2 * NS_PER_S, 3 * NS_PER_S, 3)
    assert ring.trades.take().id.tolist() == [6, 7, 10, 12]
