"""What a venue answers, held against the book where nothing else tells that it is right."""

import asyncio
from typing import Any

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.feeds.audit import Levels, Place, Tape, Top, says_nothing, suspects
from app.feeds.auditor import Auditor
from app.feeds.rules.families import DEFAULT, family_of
from app.feeds.venues import facts_of
from app.records import State
from tests.venues.books import Book, formats
from tests.venues.direct import Direct, Wire, direct

DIFFERED = frozenset({("bid", 10.0)})
BIDS, ASKS = [(10.0, 1.0), (9.0, 2.0)], [(11.0, 1.0), (12.0, 2.0)]


def test_answer_that_is_one_of_our_states_is_unsuspected() -> None:
    assert suspects((BIDS, ASKS), Tape([([(10.0, 5.0)], ASKS), (BIDS, ASKS)])) == frozenset()
    beyond = Tape([([*BIDS, (8.0, 1.0)], ASKS)])
    assert suspects((BIDS, ASKS), beyond) == frozenset()


def test_level_by_level_movement_is_allowed() -> None:
    ours = [([(10.0, 1.0), (9.0, 7.0)], ASKS), ([(10.0, 3.0), (9.0, 2.0)], ASKS)]
    assert suspects((BIDS, ASKS), Tape(ours)) == frozenset()


@pytest.mark.parametrize(
    ("ours", "place"),
    [
        (([(10.5, 4.0), *BIDS], ASKS), ("bid", 10.5)),  # a ghost
        ((BIDS[1:], ASKS), ("bid", 10.0)),  # one that we missed
        ((BIDS, [(11.0, 3.0), (12.0, 2.0)]), ("ask", 11.0)),  # another size
    ],
)
def test_ghosts_missing_levels_and_other_sizes_are_suspect(ours: Any, place: Any) -> None:
    assert suspects((BIDS, ASKS), Tape([ours, ours])) == {place}


def test_side_without_a_level_is_empty_and_an_answer_without_one_is_none() -> None:
    ours = Tape([(BIDS, ASKS)])
    one_sided = suspects((BIDS, []), ours)
    assert one_sided == {("ask", 11.0), ("ask", 12.0)}
    assert not says_nothing((BIDS, []), one_sided)
    assert says_nothing(([], []), suspects(([], []), ours))
    was_empty = Tape([(BIDS, ASKS), ([], [])])
    assert not says_nothing(([], []), suspects(([], []), was_empty))


@given(
    st.lists(st.dictionaries(st.integers(1, 9), st.integers(1, 3), min_size=1), min_size=1),
    st.data(),
)
def test_no_state_of_ours_is_ever_suspect(sides: list[dict[int, int]], data: st.DataObject) -> None:
    states = [
        (
            sorted(((float(p), float(q)) for p, q in side.items()), reverse=True),
            sorted((10.0 + p, float(q)) for p, q in side.items()),
        )
        for side in sides
    ]
    assert suspects(data.draw(st.sampled_from(states)), Tape(states)) == frozenset()


def by_definition(answer: Top, states: list[Top], proved: int) -> set[Place]:
    """The same by looking at each state as a whole."""
    found = set()
    for side, name, sign in ((0, "bid", -1.0), (1, "ask", 1.0)):
        told = dict(answer[side])
        held = [dict(state[side]) for state in states]
        best = {price for state in states for price, _ in state[side][:proved]}
        prices = set(told) | {p for each in held for p in each}
        for price in prices - best:
            judged = not told or sign * price <= max(sign * p for p in told)
            if judged and all(each.get(price, 0.0) != told.get(price, 0.0) for each in held):
                found.add((name, price))
    return found


@st.composite
def tops(draw: st.DrawFn) -> Top:
    bids, asks = (
        draw(st.dictionaries(st.integers(1, 6), st.integers(1, 3), max_size=5)) for _ in range(2)
    )
    low: Levels = sorted(((float(p), float(q)) for p, q in bids.items()), reverse=True)
    return low, sorted((10.0 + p, float(q)) for p, q in asks.items())


@given(tops(), st.lists(tops(), min_size=1, max_size=6), st.integers(0, 3))
def test_a_tape_says_what_looking_at_each_state_says(
    answer: Top, states: list[Top], proved: int
) -> None:
    tape = Tape(states, proved)
    assert suspects(answer, tape, proved=True) == by_definition(answer, states, proved)
    assert suspects(answer, tape) == by_definition(answer, states, 0)


def test_a_tape_keeps_levels_that_are_changed_in_place() -> None:
    tape, bids = Tape(), [[10.0, 1.0]]
    tape.note(bids, [])
    bids[0][1] = 3.0
    tape.note(bids, [])
    assert tape.sizes[0] == {10.0: {1.0, 3.0}}


# A venue without a row in the table of families


MARKET = {"id": "xusd", "symbol": "X/USD", "marketId": "xusd"}


def confirms(made: Direct) -> None:
    """The venue confirms each end of a subscription."""

    def said(wire: Wire, message: Any) -> None:
        if message.get("event") == "bts:unsubscribe":
            made.push({"event": "bts:unsubscription_succeeded", "channel": "", "data": {}}, wire)

    made.said = said


def differing() -> tuple[Book, Book]:
    """Ours, and the venue's own, which differs at one price."""
    book, theirs = Book(), Book()
    theirs.apply({"99.90": "77.0000"}, {})
    return book, theirs


async def _started(made: Direct, book: Book) -> Auditor:
    """The market live, its audits in our hands."""
    feed = made.feeds["X/USD"]
    confirms(made)
    await made.turn(lambda: made.wires and made.wires[-1].sent)
    ordered = made.venue.exchange.order_book({})
    made.venue.exchange.orderbooks["X/USD"] = ordered
    _push(made, book)
    assert feed.status.state is State.LIVE
    return Auditor(made.venue, made.clock, lambda: made.feeds.values(), facts_of("bitstamp"))


def _push(made: Direct, book: Book, symbol: str = "X/USD") -> None:
    """A state of the book comes, as after any message of the venue."""
    ordered = made.venue.exchange.orderbooks.get(symbol)
    if ordered is None:
        ordered = made.venue.exchange.orderbooks[symbol] = made.venue.exchange.order_book({})
    levels = {name: [[float(p), float(q)] for p, q in side] for name, side in book.best(30).items()}
    ordered.reset({**levels, "symbol": symbol})
    router = made.venue.router
    client = next(iter(made.venue.exchange.clients.values()))
    router.begin(client)
    router.resolved(client, ordered, f"orderbook:{symbol}")
    router.end(client)


def _answers(made: Direct, book: Book) -> list[int]:
    asked: list[int] = []

    async def fetch(symbol: str, limit: int | None = None, params: Any = None) -> Any:
        asked.append(limit or 0)
        await asyncio.sleep(0)
        sides = {
            n: [[float(p), float(q)] for p, q in s] for n, s in book.best(limit or 100).items()
        }
        return {**sides, "symbol": symbol}

    made.venue.exchange.fetch_order_book = fetch
    return asked


async def test_answer_without_a_level_is_no_verdict() -> None:
    async with direct("bitstamp", [MARKET]) as made:
        auditor, feed = await _started(made, Book()), made.feeds["X/USD"]

        async def nothing(*_: Any) -> Any:
            return {"bids": [], "asks": []}

        made.venue.exchange.fetch_order_book = nothing
        await auditor.audit(feed)
        status = feed.status
        assert (status.audits, status.audits_unanswered, status.audit_differences) == (0, 1, 0)
        assert status.state is State.LIVE


async def test_book_that_agrees_is_audited_once_a_turn() -> None:
    book = Book()
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        asked = _answers(made, book)
        await auditor.audit(made.feeds["X/USD"])
        status = made.feeds["X/USD"].status
        assert (status.audits, status.audit_differences, asked) == (1, 0, [20])
        assert status.state is State.LIVE
        assert auditor._next() is None  # its turn has been
        made.clock.advance(61.0)
        assert auditor._next() is made.feeds["X/USD"]
        made.venue.hold_until_ns = made.clock.now_ns() + 10**9
        assert auditor._next() is None  # the venue wants no request
        made.venue.hold_until_ns = 0
        made.venue.queued = 1
        assert auditor._next() is None  # a market that starts comes first


async def test_difference_that_passes_is_none() -> None:
    """The answer was ahead of us: the update comes while we ask again."""
    book, theirs = differing()
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, book)
        asked = _answers(made, theirs)
        feed = made.feeds["X/USD"]
        auditing = asyncio.ensure_future(auditor.audit(feed))
        await made.turn(lambda: len(asked) == 2)
        _push(made, theirs)
        await auditing
        assert (feed.status.audits, feed.status.audit_differences) == (1, 0)
        assert feed.status.state is State.LIVE


async def test_refused_audit_holds_requests_and_judges_nothing() -> None:
    async with direct("bitstamp", [MARKET]) as made:
        auditor = await _started(made, Book())

        async def refuse(*_: Any) -> Any:
            error = ccxt.RateLimitExceeded("x")
            error.retry_after_s = 30.0
            raise error

        made.venue.exchange.fetch_order_book = refuse
        feed = made.feeds["X/USD"]
        await auditor.audit(feed)
        assert feed.status.audits == 0
        assert feed.status.state is State.LIVE
        assert made.venue.hold_until_ns == 0  # the market itself may go on asking
        auditor._audited_ns.clear()
        made.clock.advance(29.0)
        assert auditor._next() is None
        made.clock.advance(1.5)
        assert auditor._next() is feed


def test_only_what_nothing_proves_is_audited() -> None:
    assert family_of("bitstamp") is DEFAULT
    assert DEFAULT.audit is not None
    assert family_of("binance").audit is None
    assert family_of("hyperliquid").audit is not None
    kraken, bitget = family_of("kraken").audit, family_of("bitget").audit
    assert kraken is not None
    assert bitget is not None
    assert kraken.proved == 10 < kraken.compared  # its checksum is of ten levels
    assert bitget.proved == 25 > bitget.compared  # of all, where one is sent


def test_levels_that_a_checksum_proves_are_spared() -> None:
    ours = ([(10.0, 9.0), (9.0, 2.0), (8.0, 3.0)], ASKS)
    assert suspects((BIDS, ASKS), Tape([ours])) == {("bid", 10.0)}
    assert suspects((BIDS, ASKS), Tape([ours], proved=1), proved=True) == frozenset()
    again = suspects((BIDS, ASKS), Tape([ours], proved=1), proved=True, open_=DIFFERED)
    assert again == {("bid", 10.0)}  # where it differed before, what proves it is asked too
    deep = Tape([([(10.0, 1.0), (9.5, 2.0)], ASKS)], proved=1)
    assert suspects((BIDS, ASKS), deep, proved=True) == {("bid", 9.5), ("bid", 9.0)}


@pytest.mark.parametrize("sent", [True, False])
async def test_bitget_is_audited_where_it_sends_no_checksum(sent: bool) -> None:
    form, book = formats()["bitget"], Book()
    assert form.whole is not None

    def frame(message: Any) -> Any:
        if not sent:
            message["data"][0]["checksum"] = 0
        return message

    async with direct(form.exchange_id, [form.market]) as made:
        await made.turn(lambda: made.wires and made.wires[-1].sent)
        made.push(frame(form.whole(book)))
        made.push(frame(form.change(book, book.apply({"99.90": "5.0000"}, {}))))
        feed = made.feeds[form.symbol]
        assert feed.status.state is State.LIVE
        made.clock.advance(61.0)
        assert (made.venue._auditor._next() is feed) is not sent
        asked = _answers(made, book)
        if not sent:
            await made.venue._auditor.audit(feed)
            assert (feed.status.audits, feed.status.audit_differences, asked) == (1, 0, [50])


def test_price_that_moved_between_two_samples_may_have_had_any_size() -> None:
    ours = Tape([([(10.0, 5.0), (9.0, 2.0)], ASKS), ([(10.0, 6.0), (9.0, 2.0), (8.0, 1.0)], ASKS)])
    answer = ([(10.0, 1.0), (9.0, 3.0), (8.0, 4.0)], ASKS)
    assert suspects(answer, ours, sampled=True) == {("bid", 9.0)}
    assert suspects(answer, ours) == {("bid", 10.0), ("bid", 9.0), ("bid", 8.0)}


async def test_hyperliquid_is_audited_by_what_stands_still() -> None:
    form, book, theirs = formats()["hyperliquid"], Book(), Book()
    assert form.whole is not None
    async with direct(form.exchange_id, [form.market]) as made:
        await made.turn(lambda: made.wires and made.wires[-1].sent)
        made.push(form.whole(book))
        feed, auditor = made.feeds[form.symbol], made.venue._auditor
        assert auditor.run in made.venue._work()
        assert auditor._next() is feed
        asked = _answers(made, theirs)
        auditor._margin_s = 0.0  # the clock stands still here
        theirs.apply({"99.90": "77.0000"}, {})
        await auditor.audit(feed)
        assert (feed.status.audits, feed.status.audit_differences, len(asked)) == (1, 1, 3)
        assert feed.status.rejected == {"audit": 1}
