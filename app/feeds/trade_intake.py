"""The trades of one market as its stream tells them: held to the venue's numbers, and into the ring."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.feeds import words
from app.feeds.base import FeedStatus
from app.feeds.numbers import id_of, milliseconds
from app.feeds.prints import Prints
from app.feeds.ring import Ring
from app.feeds.rules.base import Hole, TradeReader, Verdict
from app.feeds.rules.chain import TradeChain
from app.feeds.track import Fault, Track
from app.feeds.validity import fault_of

_SIDES = {"buy": 1, "sell": -1}


class TradeIntake:
    """Takes each trade once, and marks where some are missing.

    Args:
        index: of the market in the ring.
        ring: where trades go.
        status: counts what is taken and what is not.
        track: of the stream.
        prints: told of everything that came.
        most: the highest price and size that the market's integers hold.
        read: the numbers of a trade, where the venue leaves none out.
        pushed: told of each trade: the track, receive and venue time, whether it fitted into the ring.
    """

    def __init__(
        self,
        index: int,
        ring: Ring,
        status: FeedStatus,
        track: Track,
        prints: Prints,
        most: tuple[float, float],
        read: TradeReader | None,
        pushed: Callable[[Track, int, int, bool], None],
    ):
        self._index, self._ring, self._status = index, ring, status
        self._track, self._prints, self._most, self._pushed = track, prints, most, pushed
        self._chain = TradeChain(read)
        self._history = False  # what comes next is history

    def begin(self, history: bool) -> None:
        """The stream is subscribed; `history`: it opens with trades from before that."""
        self._chain.begin()
        self._history = history

    def take(
        self, trades: Sequence[Mapping[str, Any]], now_ns: int, history: bool | None = None
    ) -> None:
        """Trades were printed, or are the `history` of the subscription; None: the first ones may be."""
        if self._track.fault is not None:
            return
        self._prints.told(trades, now_ns)
        if history is None:
            history, self._history = self._history, False
        before = self._chain.last
        judged = list(self._chain.judge(trades))
        if history:
            # It is no news; but where the subscription before had still spoken, it tells what that missed.
            self._miss(self._chain.grown(before))
            self._track.good(now_ns)
            return
        self._miss(sum(verdict.missed for _, verdict in judged if isinstance(verdict, Hole)))
        for trade, verdict in judged:
            if verdict is Verdict.DUPLICATE:
                self._status.rejected["duplicate"] += 1
            else:
                self._put(trade, now_ns)

    def _miss(self, missed: int) -> None:
        """Before anything of a message is taken: the gap begins at the last trade of another one."""
        if missed > 0:
            self._track.lose(Fault("sequence", words.trades_skipped(missed), missed))

    def _put(self, trade: Mapping[str, Any], now_ns: int) -> None:
        price, size, status = trade.get("price"), trade.get("amount"), self._status
        if price is None or size is None or fault_of([(price, size)], (), *self._most):
            status.rejected["non-finite"] += 1
            self._track.lose(Fault("non-finite"))
            return
        side = _SIDES.get(str(trade.get("side")), 0)
        venue_ms = milliseconds(trade.get("timestamp"))
        fits = self._ring.trades.push(
            self._index, now_ns, venue_ms, price, size, side, id_of(trade.get("id"))
        )
        self._pushed(self._track, now_ns, venue_ms, fits)
        status.trades += fits
