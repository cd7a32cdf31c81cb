"""What the rules of each venue family make of its messages, one by one."""

from typing import Any
from zlib import crc32

import pytest

from app.feeds.rules import checksums
from app.feeds.rules.base import Hole, Update, Verdict
from app.feeds.rules.chain import Chains
from app.feeds.rules.exact import Exact, loads
from app.feeds.rules.families import FAMILIES, family_of

FOLLOWS, DUPLICATE, EARLY = Verdict.FOLLOWS, Verdict.DUPLICATE, Verdict.EARLY


def _judged(exchange_id: str, *messages: Any) -> list[Verdict | Hole]:
    family = FAMILIES[exchange_id]
    chains = Chains(family)
    return [chains.judge(update) for message in messages for update in family.read(message)]


# Chains


SHORT: dict[str, Any] = {"b": [], "a": []}
LONG: dict[str, Any] = {"bids": [], "asks": []}


def _depth(first: int, last: int, previous: int | None = None) -> dict[str, object]:
    update = {"e": "depthUpdate", "s": "X", "U": first, "u": last, **SHORT}
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


def test_an_update_without_id_among_numbered_ones_is_a_hole() -> None:
    chains = Chains(FAMILIES["okx"])
    assert [chains.judge(Update("X", k, k)) for k in (1, -1, 2)] == [FOLLOWS, Hole("X"), FOLLOWS]
    assert [chains.judge(Update("Y", k, k)) for k in (-1, -1, 2)] == [FOLLOWS] * 3

    def book(**data: Any) -> dict[str, Any]:
        arg = {"channel": "books", "instType": "SPOT", "instId": "X"}
        return {"arg": arg, "action": "update", "data": [{**data, **LONG}]}

    begun = {**book(seqId=5, seq=5), "action": "snapshot"}
    assert _judged("okx", begun, book()) == [FOLLOWS, Hole("X")]
    assert _judged("bitget", begun, book()) == [FOLLOWS, Hole("spot X")]


@pytest.mark.parametrize("exchange_id", sorted(FAMILIES))
def test_readers_leave_other_messages_alone(exchange_id: str) -> None:
    for message in (None, "pong", 3, [], [1], {}, {"event": "info"}, {"id": 1, "result": None}):
        assert list(FAMILIES[exchange_id].read(message)) == []


def test_deribit_chains_by_the_change_before() -> None:
    def book(change_id: int, previous: int | None = None) -> dict[str, Any]:
        data = {"instrument_name": "X", "change_id": change_id, "type": "snapshot", **LONG}
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
    grouped = {"instrument_name": "X", "change_id": 9, **LONG}  # whole books, no type
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


# Signs of a chain, family by family


def test_bybit_counts_by_one_and_a_snapshot_begins_anew() -> None:
    def book(u: int, kind: str = "delta") -> dict[str, Any]:
        return {"topic": "orderbook.50.X", "type": kind, "data": {"s": "X", "u": u, **SHORT}}

    messages = [book(8), book(9, "snapshot"), book(10), book(10), book(13)]
    assert _judged("bybit", *messages) == [EARLY, FOLLOWS, FOLLOWS, DUPLICATE, Hole("X", 2)]
    restart = [book(9, "snapshot"), book(1, "snapshot"), book(2)]
    assert _judged("bybit", *restart) == [FOLLOWS] * 3


def test_okx_chains_by_previous_id_through_silence_and_resets() -> None:
    def book(seq: int, prev: int, action: str = "update") -> dict[str, Any]:
        data = {"seqId": seq, "prevSeqId": prev, "checksum": 0, **LONG}
        return {"arg": {"channel": "books", "instId": "X"}, "action": action, "data": [data]}

    whole = book(10, -1, "snapshot")
    silence, reset = book(12, 12), book(3, 12)
    assert _judged("okx", whole, book(12, 10), silence, reset, book(5, 3)) == [FOLLOWS] * 5
    # A change that is lost where ids were reset: what follows is no duplicate.
    assert _judged("okx", whole, book(12, 10), book(5, 3))[-1] == Hole("X", -1)
    assert FAMILIES["okx"].read(whole)[0].checksum is None  # 0 says that there is none


def test_coinbase_counts_the_messages_of_the_connection() -> None:
    def message(number: int, channel: str, kind: str = "update") -> dict[str, Any]:
        event = {"type": kind, "product_id": "X-USD", "updates": []}
        return {"channel": channel, "sequence_num": number, "events": [event]}

    messages = [
        message(0, "l2_data", "snapshot"),
        message(1, "market_trades"),
        message(2, "heartbeats"),
        message(4, "l2_data"),
    ]
    assert _judged("coinbase", *messages) == [
        FOLLOWS,  # the connection
        FOLLOWS,  # the book
        FOLLOWS,
        FOLLOWS,
        Hole("", 1),
        FOLLOWS,
    ]


def test_coinbase_message_without_its_channel_is_refused() -> None:
    """It would count as seen, and ccxt would pass over it."""
    with pytest.raises(KeyError, match="channel"):
        FAMILIES["coinbase"].read({"sequence_num": 4, "events": []})


def test_gate_spot_opens_whole_and_futures_do_not() -> None:
    def spot(first: int, last: int, full: bool = False) -> dict[str, Any]:
        result = {"s": "ob.X_USDT.50", "U": first, "u": last, "full": full, **SHORT}
        return {"channel": "spot.obu", "event": "update", "result": result}

    def future(first: int, last: int) -> dict[str, Any]:
        result = {"s": "X_USDT", "U": first, "u": last, **SHORT}
        return {"channel": "futures.order_book_update", "event": "update", "result": result}

    spots = [spot(4, 5), spot(1, 9, True), spot(10, 12), spot(15, 15)]
    assert _judged("gate", *spots) == [EARLY, FOLLOWS, FOLLOWS, Hole("X_USDT", 2)]
    futures = [future(4, 5), future(6, 6), future(8, 9)]
    assert _judged("gate", *futures) == [FOLLOWS, FOLLOWS, Hole("X_USDT", 1)]


def test_gate_spot_leaves_out_what_has_not_changed() -> None:
    only_ids = {"s": "ob.X_USDT.50", "U": 7, "u": 9}
    messages = [{"channel": "spot.obu", "result": only_ids | sides} for sides in ({}, {"b": []})]
    for message in messages:
        assert FAMILIES["gate"].read(message) == (Update("X_USDT", 7, 9, streamed=True),)
    with pytest.raises(ValueError, match="'a' of an update is None: a list was expected"):
        FAMILIES["gate"].read({"channel": "spot.obu", "result": {**only_ids, "a": None}})
    with pytest.raises(KeyError, match="U"):
        FAMILIES["gate"].read({"channel": "spot.obu", "result": {"s": "ob.X_USDT.50", "u": 9}})


def test_kucoin_numbers_ranges_on_spot_and_single_changes_on_futures() -> None:
    def spot(start: int, end: int) -> dict[str, Any]:
        data: dict[str, Any] = {"sequenceStart": start, "sequenceEnd": end, "symbol": "X-USDT"}
        data["changes"] = LONG
        return {
            "type": "message",
            "subject": "trade.l2update",
            "topic": "/market/level2:X-USDT",
            "data": data,
        }

    def future(sequence: int) -> dict[str, Any]:
        data = {"sequence": sequence, "change": "1,buy,2"}
        topic = "/contractMarket/level2:XUSDTM"
        return {"type": "message", "subject": "level2", "topic": topic, "data": data}

    assert _judged("kucoin", spot(4, 5), spot(6, 6), spot(8, 9))[-1] == Hole("X-USDT", 1)
    assert _judged("kucoin", future(4), future(5), future(8))[-1] == Hole("XUSDTM", 2)
    # ccxt passes over what bears other words: it must not count as seen.
    for word in ("type", "subject"):
        with pytest.raises(ValueError, match="was expected"):
            FAMILIES["kucoin"].read({**spot(4, 5), word: None})
    with pytest.raises(ValueError, match="a change is of the side 'x'"):
        FAMILIES["kucoin"].read({**future(4), "data": {"sequence": 4, "change": "1,x,2"}})


def test_bitget_chains_by_pseq_or_only_grows() -> None:
    def book(action: str, **data: Any) -> dict[str, Any]:
        arg = {"instType": "SPOT", "channel": "books", "instId": "X"}
        return {"action": action, "arg": arg, "data": [{**data, **LONG, "checksum": 7}]}

    chained = [book("snapshot", seq="5", pseq=0), book("update", seq="9", pseq="5")]
    assert _judged("bitget", *chained, book("update", seq="12", pseq="10"))[-1] == Hole(
        "spot X", -1
    )
    # Once updates name the one before, a larger id alone does not tell that nothing is missing.
    unnamed = [*chained, book("update", seq="12")]
    assert _judged("bitget", *unnamed)[-1] == Hole("spot X", -1)
    assert _judged("bitget", *chained, book("update", seq="9"))[-1] == DUPLICATE
    stock = book("snapshot", seq=5)
    stock["data"] = stock["data"][0]
    assert FAMILIES["bitget"].read(stock)[0].last == 5
    growing = [book("snapshot", seq=5), book("update", seq=9), book("update", seq=7)]
    assert _judged("bitget", *growing) == [FOLLOWS, FOLLOWS, Hole("spot X", -1)]
    assert FAMILIES["bitget"].read(growing[0])[0].checksum is None  # a snapshot carries none
    assert FAMILIES["bitget"].read(growing[1])[0].checksum == 7


def test_hyperliquid_books_are_whole_and_in_the_order_of_their_time() -> None:
    def book(time_ms: int) -> dict[str, Any]:
        return {"channel": "l2Book", "data": {"coin": "X", "time": time_ms, "levels": [[], []]}}

    assert _judged("hyperliquid", book(5), book(9), book(9), book(7)) == [
        FOLLOWS,
        FOLLOWS,
        FOLLOWS,
        Hole("X", -1),
    ]


@pytest.mark.parametrize(
    ("exchange_id", "message"),
    [
        ("bybit", {"topic": "orderbook.50.X", "data": {"s": "X", "u": 8, **SHORT}}),
        ("okx", {"arg": {"channel": "books", "instId": "X"}, "data": [LONG]}),
        ("kraken", {"channel": "book", "data": [{"symbol": "X", "checksum": 1, **LONG}]}),
        (
            "coinbase",
            {
                "channel": "l2_data",
                "sequence_num": 1,
                "events": [{"product_id": "X", "updates": []}],
            },
        ),
        (
            "bitget",
            {"arg": {"channel": "books", "instType": "SPOT", "instId": "X"}, "data": [LONG]},
        ),
    ],
)
def test_word_that_is_not_the_venues_is_refused(exchange_id: str, message: dict[str, Any]) -> None:
    """What neither begins a book nor changes it: ccxt would take it for one of both."""
    told = dict.fromkeys(("action", "type"), "other")
    events = [{**event, **told} for event in message.get("events", [])]
    with pytest.raises(ValueError, match="an update is called 'other'"):
        FAMILIES[exchange_id].read({**message, **told, "events": events})


def test_deribit_change_without_its_type_is_no_snapshot() -> None:
    data = {"instrument_name": "X", "change_id": 8, "prev_change_id": 7, **LONG}
    with pytest.raises(KeyError, match="type"):
        FAMILIES["deribit"].read(
            {"method": "subscription", "params": {"channel": "book.X.100ms", "data": data}}
        )


def test_hyperliquid_book_with_one_side_is_refused() -> None:
    data = {"coin": "X", "time": 5, "levels": [[]]}
    with pytest.raises(ValueError, match="not enough values"):
        FAMILIES["hyperliquid"].read({"channel": "l2Book", "data": data})


def test_okx_checksum_of_its_documentation() -> None:
    """The two examples of the API guide: equal sides, and bids shorter than asks."""
    assert checksums.okx(
        [[Exact("3366.1"), Exact("7")], [Exact("3366"), Exact("6")]],
        [[Exact("3366.8"), Exact("9")], [Exact("3368"), Exact("8")]],
    ) == _signed("3366.1:7:3366.8:9:3366:6:3368:8")
    assert checksums.okx(
        [[Exact("3366.1"), Exact("7")]],
        [[Exact("3366.8"), Exact("9")], [Exact("3368"), Exact("8")], [Exact("3372"), Exact("8")]],
    ) == _signed("3366.1:7:3366.8:9:3368:8:3372:8")


def _signed(text: str) -> int:
    return int.from_bytes(crc32(text.encode()).to_bytes(4, "big"), "big", signed=True)


def test_a_venue_without_a_row_is_let_through() -> None:
    assert family_of("nowhere").read({"e": "depthUpdate"}) == ()
