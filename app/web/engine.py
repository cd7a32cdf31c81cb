"""What a worker computes for its viewers; owned by one thread, so nothing in it is locked.

The hub calls `tick` about fifty times a second with the wishes that came in since; it looks at the
store, takes in what is new, and returns the frames that are due. A store that fails takes down the
views of the markets that it holds, with a sentence; everything else goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from app import log
from app.clock import NS_PER_S, Clock
from app.errors import StoreError
from app.market import Market, MarketId
from app.store.sqlite import SqliteStore
from app.web.clocks import CollectorClocks
from app.web.desk import Desk
from app.web.histories import Followed, Histories
from app.web.quality import LIVE, IncidentBoard
from app.web.spec import QUALITY, ViewSpec
from app.web.turns import Turns
from app.web.views import View
from app.web.watch import WatchList
from app.web.wishes import Close, Frame, Open, Snap, Trouble, Wish

RETRY_NS: Final = 2 * NS_PER_S
LOOK_NS: Final = NS_PER_S // 2  # between two looks for a market that starts
GRACE_NS: Final = 15 * NS_PER_S  # a collector that opens its venues answers a wish later
REQUEST_NS: Final = 10 * NS_PER_S
REQUEST_TTL_S: Final = 30.0
TIDY_NS: Final = 10 * NS_PER_S
QUIET_NS: Final = NS_PER_S  # without a wish, before markets that may be next are read
MARKETS_NS: Final = 3 * NS_PER_S
_FAILED: Final = "{} cannot be shown: the server failed; its log says why."
_log = log.get("web")


@dataclass
class Engine:
    """See the module's first lines."""

    store: SqliteStore
    clock: Clock
    views: dict[str, View | None] = field(default_factory=dict)  # None: cannot be shown yet
    specs: dict[str, ViewSpec] = field(default_factory=dict)
    retry_ns: dict[MarketId, int] = field(default_factory=dict)
    trouble: dict[str, Trouble] = field(default_factory=dict)
    # Views that failed: until when they rest, how often they did.
    broken: dict[str, tuple[int, int]] = field(default_factory=dict)
    absent_ns: dict[MarketId, int] = field(default_factory=dict)  # since when it was looked for
    wanted: set[str] = field(default_factory=set)
    foreseen: set[str] = field(default_factory=set)  # views that nobody has asked for
    snapshots: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    everywhere: list[dict[str, Any]] = field(default_factory=list)  # incidents of all markets
    everywhere_ns: int = 0
    markets_ns: int = -(2**62)
    known: dict[MarketId, Market] = field(default_factory=dict)
    tidied_ns: int = 0
    turns: Turns = field(default_factory=Turns)
    requested_ns: int = 0
    wished_ns: int = 0

    def __post_init__(self) -> None:
        self.clocks = CollectorClocks()
        self.histories = Histories(self.store, self.clocks)
        self.watch = WatchList(self.store, self.clocks)
        self.desk = Desk(self.store, self.clock, self.clocks)
        self.board = IncidentBoard(self.store, self.clocks)

    def tick(self, wishes: Sequence[Wish]) -> list[Frame | Trouble]:
        """Do what is due and return what is to be sent, in order."""
        now_ns = self.clock.now_ns()
        self.turns.look()
        for wish in wishes:
            self._take(wish)
        out: list[Frame | Trouble] = []
        for market in {spec.market for spec in self.specs.values()}:
            keys = [key for key, spec in self.specs.items() if spec.market == market]
            try:
                out += self._serve(market, keys, now_ns)
            except StoreError as error:
                out += self._fail(market, keys, str(error), now_ns)
            except Exception:
                _log.exception("market failed", market=str(market))
                out += self._fail(market, keys, _FAILED.format(market), now_ns)
        if now_ns - self.requested_ns >= REQUEST_NS:
            self.requested_ns = now_ns
            self._request()
        if now_ns - self.tidied_ns >= TIDY_NS:
            self.tidied_ns = now_ns
            self._tidy(now_ns)
        if wishes:
            self.wished_ns = now_ns
        elif not out and now_ns - self.wished_ns >= QUIET_NS:
            self.histories.rest(self.known, self.specs.values(), now_ns)
        return out

    def watch_rows(self) -> list[dict[str, Any]]:
        """The summaries of all markets.

        Raises:
            StoreError: the store failed.
        """
        now_ns = self.clock.now_ns()
        return self.watch.rows(self.markets(now_ns), now_ns)

    def markets(self, now_ns: int) -> dict[MarketId, Market]:
        """What the store holds, looked up every few seconds.

        Raises:
            StoreError: the store failed.
        """
        if now_ns - self.markets_ns >= MARKETS_NS:
            self.known = self.store.markets()
            self.markets_ns = now_ns
        return self.known

    def _take(self, wish: Wish) -> None:
        match wish:
            case Open(key, spec, foreseen):
                self.specs[key] = spec
                self.views.setdefault(key, None)
                if foreseen:
                    self.foreseen.add(key)
                else:
                    self._asked(key)
            case Close(key):
                for part in (self.specs, self.views, self.trouble, self.snapshots, self.broken):
                    part.pop(key, None)
                self.wanted.discard(key)
                self.foreseen.discard(key)
            case Snap(key) if key in self.specs:
                self.wanted.add(key)
                if key in self.foreseen:
                    self.foreseen.discard(key)
                    self._asked(key)
            case _:
                pass

    def _asked(self, key: str) -> None:
        """Somebody looks at a view: its collector hears of it at once."""
        self.retry_ns.pop(self.specs[key].market, None)
        self.requested_ns = 0

    def _serve(self, market: MarketId, keys: list[str], own_ns: int) -> list[Frame | Trouble]:
        if own_ns < self.retry_ns.get(market, 0):
            return self._repeat_trouble(keys)
        described = self.markets(own_ns).get(market)
        if described is None:
            return self._absent(market, keys, own_ns)
        self.absent_ns.pop(market, None)
        now_ns = self.histories.present_ns(market, own_ns)
        followed = self._follow(described, keys, now_ns, own_ns)
        out: list[Frame | Trouble] = []
        for key in keys:
            until_ns, times = self.broken.get(key, (0, 0))
            if own_ns < until_ns:
                out += self._repeat_trouble([key])
                continue
            try:
                out += self._frames(key, followed, own_ns, now_ns)
            except StoreError:
                raise
            except Exception:  # of one view: the others of the market go on
                _log.exception("view failed", market=str(market), tab=self.specs[key].tab)
                if times:
                    # What it is made of may be to blame: it is read anew.
                    self.histories.held.pop(market, None)
                self.broken[key] = own_ns + (RETRY_NS << min(times, 4)), times + 1
                out += self._say(_FAILED.format(market), [key])
        return out

    def _frames(self, key: str, followed: Followed, own_ns: int, now_ns: int) -> list[Frame]:
        """What is due of one view."""
        out: list[Frame] = []
        begins = self.views[key] is None
        view = self.views[key] or View(key, self.specs[key], followed.history)
        self.views[key] = view
        if view.spec.tab == QUALITY:
            view.everywhere = self._incidents(own_ns)
        if begins:
            view.start(self.store, now_ns)
            self.snapshots.pop(key, None)
            self.wanted.discard(key)
            self._consult(view)
            out.append(Frame(key, self._snapshot(view, now_ns), True, True))
            self.trouble.pop(key, None)
        elif self._consult(view).due(now_ns, self._turn_of(view, followed)):
            data, snapshot = view.update(self.store, now_ns)
            out.append(Frame(key, data, snapshot, True))
            self.broken.pop(key, None)
            if snapshot:
                self.wanted.discard(key)
        if key in self.wanted:
            self.wanted.discard(key)
            out.append(Frame(key, self._snapshot(view, now_ns), True, False))
        return out

    def _turn_of(self, view: View, followed: Followed) -> bool:
        ends_ns = followed.history.rows_end.view
        return self.turns.take(view.turn, ends_ns, view.spec.period_ns, followed.behind_ns)

    def _consult(self, view: View) -> View:
        """Give a view the newest answer to its question, if it has one."""
        if (question := view.spec.question) is not None:
            view.tell(self.desk.ask(view.spec.market, question))
        return view

    def _incidents(self, now_ns: int) -> list[dict[str, Any]]:
        """Of all markets, read once a second for all who look at them."""
        if not 0 <= now_ns - self.everywhere_ns < NS_PER_S:
            self.everywhere_ns = now_ns
            self.everywhere = self.board.rows(self.markets(now_ns), now_ns, LIVE)
        return self.everywhere

    def _follow(self, market: Market, keys: list[str], now_ns: int, own_ns: int) -> Followed:
        """The market's history by now, and what is new of it told to its views."""
        specs = [self.specs[key] for key in keys]
        before = self.histories.held.get(market.id)
        followed, changes = self.histories.follow(market, specs, now_ns, own_ns)
        followed.used_ns = own_ns
        # Of another clock all times are others, and with other increments all figures.
        other = before is not None and (
            before.behind_ns != followed.behind_ns or before.history.market != market
        )
        for key in keys:
            if other:
                self.views[key] = None
            elif (view := self.views[key]) is not None:
                view.history = followed.history
                # Also without news: a collector that has fallen silent is a change of state.
                view.note(changes, now_ns)
        return followed

    def _snapshot(self, view: View, now_ns: int) -> bytes:
        cached = self.snapshots.get(view.key)
        if cached is None or cached[0] != view.seq:
            cached = (view.seq, view.snapshot(now_ns))
            self.snapshots[view.key] = cached
        return cached[1]

    def _fail(
        self,
        market: MarketId,
        keys: list[str],
        message: str,
        now_ns: int,
        progress: float | None = None,
    ) -> list[Frame | Trouble]:
        self.retry_ns[market] = now_ns + (RETRY_NS if progress is None else LOOK_NS)
        self.histories.held.pop(market, None)
        self.markets_ns = min(self.markets_ns, now_ns - MARKETS_NS)
        return self._say(message, keys, progress)

    def _say(
        self, message: str, keys: list[str], progress: float | None = None
    ) -> list[Frame | Trouble]:
        """Views begin anew later; until then a sentence stands in their place."""
        found = {key: Trouble(key, message, progress) for key in keys}
        news = [trouble for key, trouble in found.items() if self.trouble.get(key) != trouble]
        for key in keys:
            self.views[key] = None
        self.trouble |= found
        self.wanted.difference_update(trouble.key for trouble in news)
        return [*news, *self._repeat_trouble(keys)]

    def _repeat_trouble(self, keys: list[str]) -> list[Frame | Trouble]:
        """Those who came after the sentence was said hear it too."""
        asked = [key for key in keys if key in self.wanted and key in self.trouble]
        self.wanted.difference_update(asked)
        return [self.trouble[key] for key in asked]

    def _absent(self, market: MarketId, keys: list[str], now_ns: int) -> list[Frame | Trouble]:
        """A market that is not stored: it starts when a collector takes it up, or there is none."""
        if answer := self.store.answered(market):
            return self._fail(market, keys, answer, now_ns)
        since_ns = self.absent_ns.setdefault(market, now_ns)
        if any(one.id == market for one in self.store.catalogue(str(market), 5)):
            message = f"{market} is offered by its venue; the collector takes it up."
            return self._fail(market, keys, message, now_ns, progress=0.1)
        if 0 <= now_ns - since_ns < GRACE_NS:
            message = f"The collector was asked for {market} and has not answered yet."
            return self._fail(market, keys, message, now_ns, progress=0.0)
        names = sorted(map(str, self.markets(now_ns)))
        near = get_close_matches(str(market), names, n=2, cutoff=0.5)
        held = f" The nearest that is: {' and '.join(near)}." if near else ""
        wish = "a collector takes it in if it knows the venue and the symbol."
        return self._fail(market, keys, f"{market} is not collected; {wish}{held}", now_ns)

    def _request(self) -> None:
        looked = [spec for key, spec in self.specs.items() if key not in self.foreseen]
        for market in {spec.market for spec in looked if spec.end_ns is None}:
            try:
                self.store.request(market, REQUEST_TTL_S)
            except StoreError as error:
                _log.warning("request failed", market=str(market), reason=str(error))

    def _tidy(self, now_ns: int) -> None:
        """Forget what no view needs any longer."""
        self.turns.forget()
        used = {spec.market for spec in self.specs.values()}
        self.absent_ns = {m: since for m, since in self.absent_ns.items() if m in used}
        self.histories.tidy(self.specs.values(), now_ns)
