"""One market of a ccxt venue: takes what the hook reports, judges it, copies it into the ring."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from app.clock import NS_PER_S, Clock
from app.feeds import words
from app.feeds.audit import Tape, Top
from app.feeds.base import BookView, FeedStatus
from app.feeds.ccxt_hook import WatchedBook
from app.feeds.dispute import Dispute
from app.feeds.doubt import Doubt
from app.feeds.emptiness import Emptiness
from app.feeds.numbers import RAW, UNKNOWN, copied, id_of, levels_of, milliseconds, quote_side
from app.feeds.pace import Pace
from app.feeds.prints import Prints
from app.feeds.ring import Ring
from app.feeds.rules.base import Family, Side, Update
from app.feeds.rules.families import DEFAULT
from app.feeds.track import Fault, Track
from app.feeds.trade_intake import TradeIntake
from app.feeds.validity import fault_of
from app.feeds.venues import VenueFacts
from app.market import Market
from app.records import LEVELS, State, Stream

_COUNTED = 2.0**58  # increments that int64 holds, also when the levels of a side are summed
_HELD = 40  # levels of a book that is held, twice what a question asks for
_TELLING = 20  # changes on one stream that the other cannot have missed
# States that any stream of a market lends to the market, the gravest first.
_GRAVE = (State.DOWN, State.THROTTLED, State.STALE)


class CcxtMarketFeed:
    """Implements `base.MarketFeed`; its `on_…` methods run inside ccxt's receive loop."""

    def __init__(
        self,
        market: Market,
        index: int,
        ring: Ring,
        clock: Clock,
        facts: VenueFacts,
        family: Family = DEFAULT,
    ):
        self.market, self.index = market, index
        self.status = FeedStatus(since_ns=clock.now_ns(), fidelity_best=facts.best)
        self.status.fidelity_depth, self.status.period_ms = facts.depth, facts.period_ms
        self._ring, self._clock, self._facts = ring, clock, facts
        self.tracks = {s: Track(s, self.status, self._aggregate) for s in Stream}
        self.tracks[Stream.BEST] = Track(
            Stream.BEST, self.status, self._aggregate, self._end_quotes
        )
        self.symbol = market.id.symbol
        self.ordered_book: WatchedBook | None = None
        self.venue_ids: tuple[str, ...] = ()  # what the venue's messages call the market
        self.pace = Pace()
        self.prints = Prints()
        self.dispute: Dispute | None = None  # since the book differed from the venue's own
        self._checksum = family.checksum
        self._most = float(market.grid.tick) * _COUNTED, float(market.grid.lot) * _COUNTED
        self._trades = TradeIntake(
            index,
            ring,
            self.status,
            self.tracks[Stream.TRADES],
            self.prints,
            self._most,
            family.trade,
            self._pushed,
        )
        self._trades.begin(facts.trades_begin_with_history)
        self._tape: Tape | None = None
        self._tape_levels = 0
        self.checked = False  # the last update carried a checksum, and it held
        self._summed = False  # updates carry them
        self._book_ns = 0
        self._seen: dict[Stream, tuple[int, str]] = {}
        self._whole = False  # the state before was a whole book too
        self._widest = 0
        self._emptiness = Emptiness()
        self._doubt = Doubt()
        # What one of best and depth saw since the other last spoke.
        self._quotes = 0
        self._tops = 0
        self._top: tuple[Any, Any] = ((), ())

    # What the collector asks

    def book(self) -> BookView | None:
        """The present book, or None while there is none that can be trusted."""
        book, depth = self.ordered_book, self.tracks[Stream.DEPTH]
        if book is None or depth.fault is not None or depth.in_gap or not depth.last_ns:
            return None
        bids, asks = levels_of(book, None)
        return BookView(
            self._book_ns,
            milliseconds(book.get("timestamp")),
            id_of(book.get("nonce"), RAW),
            bids,
            asks,
        )

    def break_epoch(self, reason: str, detail: str = "") -> None:
        """Call the next state of each stream a beginning: something was lost on our side."""
        for track in self.tracks.values():
            track.lose(Fault(reason, detail))
        self._await_quote(reason, self._clock.now_ns())

    @contextmanager
    def taped(self, levels: int, proved: int) -> Iterator[Tape]:
        """Keep every state of the book, from the present one on, as its best levels."""
        tape, view = Tape(proved=proved), self.book()
        if view is not None:
            tape.note(view.bids[:levels], view.asks[:levels])
        self._tape, self._tape_levels = tape, levels
        try:
            yield tape
        finally:
            self._tape = None

    # What the hook reports

    def on_book(
        self,
        book: WatchedBook,
        key: tuple[int, str],
        now_ns: int,
        claim: Update | None,
        fetched: bool = False,
    ) -> bool:
        """An update was applied to the book, or a snapshot that was `fetched`; whether it is the one that
        `claim` tells of."""
        track = self.tracks[Stream.DEPTH]
        if track.fault is not None or self._repeated(Stream.DEPTH, key):
            return False
        fresh, book.fresh = book.fresh, False
        bids, asks = levels_of(book, LEVELS)
        reason = self._fault(book, bids, asks, fresh, claim)
        if reason is not None:
            track.fail(Fault(reason))
            return True
        if self._doubt.holds(fetched):
            self._hold(book, now_ns)
            return True
        if fresh and not self._whole and track.last_ns and not track.in_gap:
            # A whole book in place of a change, outside of any fault that we know of.
            track.lose(Fault("snapshot", "The venue sent a new snapshot."))
        self._whole = fresh
        venue_ms = milliseconds(book.get("timestamp"))
        raw_id = UNKNOWN if claim is None else claim.last
        update_id = raw_id if raw_id != UNKNOWN else id_of(book.get("nonce"), RAW)
        known = self._known(len(bids), len(asks))
        fits = self._ring.depth.push(
            self.index, now_ns, venue_ms, update_id, track.epoch, known, bids, asks
        )
        self.ordered_book, self._book_ns = book, now_ns
        self.pace.spoke(now_ns, fresh)
        if self._tape is not None:
            self._tape.note(*levels_of(book, self._tape_levels))
        if not self.status.booked_ns:
            self._began(book, now_ns)
        top = (bids[0][:2] if bids else (), asks[0][:2] if asks else ())
        told = top != self._top and self.tracks[Stream.BEST].subscribed.is_set()
        self._quotes, self._tops, self._top = 0, self._tops + told, top
        self._pushed(track, now_ns, venue_ms, fits)
        self.status.states_depth += fits
        if self._emptiness.present:
            self._no_quotes(now_ns, venue_ms, update_id)
        return True

    def heard(self) -> None:
        """An update of the book's stream has come, be it before the book."""
        self._doubt.end()

    @property
    def held(self) -> Top | None:
        """After a silence: the book that was fetched and waits for the stream to speak."""
        return self._doubt.held

    def _hold(self, book: WatchedBook, now_ns: int) -> None:
        """Figures would come from one snapshot while the stream is as silent as before."""
        book.fresh = True  # the book begins with the update that is awaited
        bids, asks = levels_of(book, None)
        self._doubt.held = copied(bids[:_HELD]), copied(asks[:_HELD])
        self.pace.spoke(now_ns, beginning=True)
        self.tracks[Stream.DEPTH].enter(State.STALE, words.unproved(), now_ns)

    def _fault(
        self, book: WatchedBook, bids: Side, asks: Side, fresh: bool, claim: Update | None
    ) -> str | None:
        """Why a state cannot be true, or None."""
        reason = fault_of(bids, asks, *self._most)
        if reason == "empty":
            if not self._emptiness.believes(book, fresh, claim):
                return "snapshot" if fresh else reason
        elif reason is None:
            self._emptiness.ended(len(bids) + len(asks))
        else:
            return reason
        return self._broken(book, claim)

    def _broken(self, book: WatchedBook, claim: Update | None) -> str | None:
        """Whether the book differs from what the venue took its checksum of, or cannot be held against it.

        A venue that leaves checksums out from now on is believed after one beginning.
        """
        if self._checksum is None or claim is None:
            self.checked = False
            return None
        if claim.checksum is None:
            if claim.whole:
                return None
            missing, self._summed, self.checked = self._summed, False, False
            return "checksum" if missing else None
        self._summed = True
        self.checked = self._checksum(book["bids"], book["asks"]) == claim.checksum
        return None if self.checked else "checksum"

    def _began(self, book: WatchedBook, now_ns: int) -> None:
        """The first book has come."""
        status = self.status
        status.booked_ns, status.linked_ns = now_ns, status.linked_ns or now_ns
        status.book_levels = max(len(book["bids"]), len(book["asks"]))

    def _no_quotes(self, now_ns: int, venue_ms: int, update_id: int) -> None:
        """Venues send no best quotes of an empty book: the last ones must not stand on."""
        best = self.tracks[Stream.BEST]
        if best.last_ns and best.fault is None:
            self._ring.best.push(self.index, now_ns, venue_ms, update_id, best.epoch, 1, (), ())

    def on_quote(self, quote: dict[str, Any], key: tuple[int, str], now_ns: int) -> None:
        """The best quotes changed."""
        track = self.tracks[Stream.BEST]
        if track.fault is not None or self._repeated(Stream.BEST, key):
            return
        bids = quote_side(quote.get("bid"), quote.get("bidVolume"))
        asks = quote_side(quote.get("ask"), quote.get("askVolume"))
        reason = fault_of(bids, asks, *self._most)
        if reason is not None and not (reason == "empty" and self._emptiness.present):
            # Each quote is whole: the next good one ends the gap, nothing is fetched.
            self.status.rejected[reason] += 1
            track.lose(Fault(reason))
            self._await_quote(reason, now_ns)
            return
        venue_ms = milliseconds(quote.get("timestamp"))
        info = quote.get("info")
        update_id = id_of(info.get("u"), RAW) if isinstance(info, dict) else UNKNOWN
        fits = self._ring.best.push(
            self.index, now_ns, venue_ms, update_id, track.epoch, 1, bids, asks
        )
        self._quotes, self._tops = self._quotes + 1, 0
        self._pushed(track, now_ns, venue_ms, fits)
        self.status.states_best += fits

    def _await_quote(self, reason: str, now_ns: int) -> None:
        """The best quotes are not known before the next good one: nobody may take the market for whole."""
        track = self.tracks[Stream.BEST]
        if track.in_gap and track.state is State.LIVE:
            track.enter(State.RESYNCING, words.awaiting_quote(reason), now_ns)

    def _end_quotes(self) -> None:
        """A gap of the best quotes has begun: rows must not carry the last ones on. Differs from nothing."""
        track, now_ns = self.tracks[Stream.BEST], self._clock.now_ns()
        self._ring.best.push(self.index, now_ns, UNKNOWN, UNKNOWN, track.epoch, 1, (), ())
        track.epoch += 1

    def on_trades(
        self, trades: Sequence[dict[str, Any]], now_ns: int, history: bool | None = None
    ) -> None:
        """Trades were printed, or are the `history` of a subscription; None: not told apart."""
        self._trades.take(trades, now_ns, history)

    def compare_streams(self, stale_ns: int) -> None:
        """Find a subscription that the venue lost without a word: the other stream goes on.

        Best quotes are judged from their subscription on, also when they never spoke or only nonsense.
        """
        best, depth = self.tracks[Stream.BEST], self.tracks[Stream.DEPTH]
        if not depth.whole:
            return
        ahead_ns = best.last_ns - depth.last_ns
        if best.state is State.LIVE and ahead_ns > stale_ns and self._quotes >= _TELLING:
            depth.fail(
                Fault("reconnect", words.one_silent("book", ahead_ns / NS_PER_S), stale=True)
            )
        if best.fault is not None or not best.subscribed.is_set():
            return
        silent_ns = depth.last_ns - max(best.last_ns, best.subscribed_ns)
        if silent_ns > stale_ns and self._tops >= _TELLING:
            best.fail(
                Fault("reconnect", words.one_silent("quote", silent_ns / NS_PER_S), stale=True)
            )

    def begin_anew(self, stream: Stream) -> None:
        """A stream is about to be subscribed again."""
        track = self.tracks[stream]
        if stream is Stream.TRADES:
            self._trades.begin(self._facts.trades_begin_with_history)
        if stream is Stream.BEST:
            self._tops = 0
        if stream is Stream.DEPTH:
            self._doubt_trades(track)
            self._whole = False
            self._doubt.begin(track.fault)
        track.ready()

    def _repeated(self, stream: Stream, key: tuple[int, str]) -> bool:
        """Whether this resolve tells again, under another hash, of an update already taken."""
        message, message_hash = self._seen.get(stream, (UNKNOWN, ""))
        if key[0] == message and key[1] != message_hash:
            return True
        self._seen[stream] = key
        return False

    def _known(self, bids: int, asks: int) -> int:
        if self._facts.depth_documented:
            return self._facts.known_levels
        # An undocumented depth: as many levels as were ever seen are surely sent.
        self._widest = min(LEVELS, max(self._widest, bids, asks))
        return self._widest

    def _pushed(self, track: Track, now_ns: int, venue_ms: int, fits: bool) -> None:
        status = self.status
        status.received_ns = track.told.received_ns = now_ns
        if venue_ms > 0:
            track.told.delays_ms.append(now_ns / 1e6 - venue_ms)
        track.told.states += fits
        if fits:
            track.good(now_ns)
            if track.stream is Stream.DEPTH:
                self._trades_are_back(now_ns)
        else:
            track.lose(Fault("ring full"))

    def _trades_are_back(self, now_ns: int) -> None:
        """No trade has to come for trades to be whole again: the link and the subscription do."""
        trades = self.tracks[Stream.TRADES]
        if trades.mute:
            return  # it was silent on a link that lived: the link proves nothing
        if trades.in_gap and trades.subscribed.is_set() and trades.fault is None:
            trades.good(now_ns)
            self.prints.newest_ms = None  # what is listed now may have been missed in the gap

    def _doubt_trades(self, depth: Track) -> None:
        """The book fell silent by itself, and trades have said nothing since: they may be missing too."""
        fault, trades = depth.fault, self.tracks[Stream.TRADES]
        if fault is None or not fault.stale or fault.link or trades.last_ns > depth.last_ns:
            return
        if trades.subscribed.is_set() and trades.fault is None:
            trades.lose(Fault(fault.reason, fault.detail))

    def _aggregate(self) -> None:
        """The market is in the gravest state of its streams; depth decides among the mild ones, and best
        quotes that were there and are not."""
        best, depth = self.tracks[Stream.BEST], self.tracks[Stream.DEPTH]
        grave = [t for state in _GRAVE for t in self.tracks.values() if t.state is state]
        lacks = best.last_ns and best.state is not State.LIVE and depth.state is State.LIVE
        shown = grave[0] if grave else best if lacks else depth
        status = self.status
        if shown.state is not status.state:
            status.since_ns = self._clock.now_ns()
        status.state, status.detail = shown.state, shown.detail
        status.attempts, status.next_try_ns = shown.attempts, shown.next_try_ns
