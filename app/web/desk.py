"""Who works out the evidence: one thread of a worker, away from the one that sends ten frames a second.

It keeps its own histories, because a look-back twice as long in tenths of a second is of no use to a
view, and because nothing that the engine's thread owns is locked. Each distinct question is answered
once however many look at it, and not more often than its answer can change.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from app import log
from app.clock import NS_PER_S, Clock
from app.compute.evidence import Question
from app.errors import OfiError, StoreError
from app.market import Market, MarketId
from app.store import SqliteStore
from app.store.base import HotStore
from app.web.clocks import CollectorClocks
from app.web.evidence import Finding, find, step_ns
from app.web.history import History
from app.web.loading import Kept, load, past

MARGIN_NS: Final = 120 * NS_PER_S  # quotes before the first edge, and of trades a minute before it
SETTLED_NS: Final = 700_000_000  # after its end a bin is surely complete
RETRY_NS: Final = 2 * NS_PER_S
LINGER_NS: Final = 30 * NS_PER_S  # a question that nobody asks any longer is forgotten after this
_log = log.get("web")
Key = tuple[MarketId, Question]


@dataclass
class Desk:
    """See the module's first lines. `ask` is cheap and never waits; `answer` works in its caller."""

    store: SqliteStore
    clock: Clock
    clocks: CollectorClocks = field(default_factory=CollectorClocks)
    computed: int = 0
    _found: dict[Key, Finding] = field(default_factory=dict)
    _asked_ns: dict[Key, int] = field(default_factory=dict)
    _next_ns: dict[Key, int] = field(default_factory=dict)  # when it is worth looking again
    _followed: dict[MarketId, Kept] = field(default_factory=dict)
    _busy: "Future[None] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "evidence")

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def ask(self, market: MarketId, question: Question) -> Finding | None:
        """The newest answer there is; sees to it that a newer one is worked out when it is due."""
        now_ns, key = self.clock.now_ns(), (market, question)
        self._asked_ns[key] = now_ns
        if self._next_ns.get(key, 0) <= now_ns and (self._busy is None or self._busy.done()):
            self._busy = self._thread.submit(self._work)
        return self._found.get(key)

    def wait(self) -> None:
        """Until the work that was begun is done, for tests."""
        if self._busy is not None:
            self._busy.result()

    def answer(self, market: Market, question: Question, end_ns: int | None) -> Finding:
        """The answer as of a time, or the newest; worked out here where nobody follows it.

        Raises:
            StoreError: the store failed.
        """
        found = self._found.get((market.id, question))
        _, now_ns = self.clocks.look(self.store, market.id, self.clock.now_ns())
        if found is not None and end_ns in (None, found.end_ns):
            recent = now_ns - found.end_ns < 2 * step_ns(question) + 2 * NS_PER_S
            if end_ns is not None or recent:
                return found
        if end_ns is None:
            begin = now_ns - question.reach_ns - MARGIN_NS - step_ns(question)
            fine = now_ns - question.lookback_ns - MARGIN_NS
            history = load(self.store, market, begin, fine, now_ns).history
            end_ns = whole_end(history.advance(now_ns), question)
            return find(self.store, history, question, end_ns, now_ns)
        return find_past(self.store, market, question, end_ns)

    def _work(self) -> None:
        """Answer every question that is due; runs in the desk's thread."""
        self._forget(self.clock.now_ns())
        for key in list(self._asked_ns):
            now_ns = self.clock.now_ns()  # anew for each: an answer takes its time
            if self._next_ns.get(key, 0) > now_ns:
                continue
            self._next_ns[key] = now_ns + RETRY_NS
            try:
                self._answer(key, now_ns)
            except OfiError as error:
                _log.warning("evidence failed", market=str(key[0]), reason=str(error))
                self._followed.pop(key[0], None)
            except Exception:
                _log.exception("evidence failed", market=str(key[0]))
                self._followed.pop(key[0], None)

    def _answer(self, key: Key, own_ns: int) -> None:
        market_id, question = key
        _, now_ns = self.clocks.look(self.store, market_id, own_ns)
        behind_ns = own_ns - now_ns
        market = self.store.market(market_id)
        if market is None:
            raise StoreError(f"{market_id} is not collected.")
        history = self._follow(market, now_ns, behind_ns)
        end_ns = whole_end(history.advance(now_ns), question)
        before = self._found.get(key)
        if before is None or before.end_ns != end_ns:
            self._found[key] = find(self.store, history, question, end_ns, now_ns)
            self.computed += 1
        # The horizon is a little behind the present.
        due_ns = end_ns + step_ns(question) + SETTLED_NS
        self._next_ns[key] = max(due_ns, now_ns + SETTLED_NS) + behind_ns

    def _follow(self, market: Market, now_ns: int, behind_ns: int) -> History:
        questions = [q for m, q in list(self._asked_ns) if m == market.id]
        reach = max(q.reach_ns for q in questions) + MARGIN_NS + 10 * NS_PER_S
        fine = max(q.lookback_ns for q in questions) + MARGIN_NS + 10 * NS_PER_S
        followed = self._followed.get(market.id)
        if followed is None or not followed.serves(market, reach, fine, behind_ns):
            loaded = load(self.store, market, now_ns - reach, now_ns - fine, now_ns)
            followed = self._followed[market.id] = Kept(loaded, reach, fine, behind_ns)
        followed.reach_ns, followed.fine_ns = reach, fine
        history = followed.history
        history.keep_followers(set(questions))
        history.ingest(followed.loaded.news(self.store), now_ns)
        history.forget(now_ns - reach, now_ns - fine)
        return history

    def _forget(self, now_ns: int) -> None:
        for key, asked_ns in list(self._asked_ns.items()):
            if now_ns - asked_ns > LINGER_NS:
                for part in (self._asked_ns, self._next_ns, self._found):
                    part.pop(key, None)
        markets = {market for market, _ in list(self._asked_ns)}
        for market in set(self._followed) - markets:
            del self._followed[market]


def find_past(store: HotStore, market: Market, question: Question, end_ns: int) -> Finding:
    """The answer as of a time gone by.

    Raises:
        StoreError: the store failed.
    """
    begin = end_ns - question.reach_ns - MARGIN_NS
    history = past(store, market, begin, end_ns - question.lookback_ns - MARGIN_NS, end_ns)
    return find(store, history, question, end_ns, end_ns)


def whole_end(time_ns: int, question: Question) -> int:
    """The last time at or before one as of which a question is answered."""
    return time_ns - time_ns % step_ns(question)
