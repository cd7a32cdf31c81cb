"""The HTTP API: read-only, JSON unless asked otherwise; docs/api.md describes it.

Every address from outside is hostile until read: parameters are checked one by one, a wrong one is
answered with 400 and a sentence, and none of it reaches a file name, a query or HTML.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app import log
from app.clock import NS_PER_MS, NS_PER_S, Clock
from app.compute.evidence import Question
from app.compute.follow import LOOKBACK_S
from app.errors import InputError, MarketError, StoreError
from app.market import Market, MarketId
from app.records import BOOK_LEVELS, LEVELS, ROW_NS, State
from app.store import SqliteStore
from app.web import features as tables
from app.web.clocks import SILENT_NS
from app.web.desk import Desk
from app.web.exposition import MEDIA_TYPE
from app.web.frames import json_bytes
from app.web.history import History
from app.web.metrics import Metrics, Worker, idle_worker
from app.web.options import MAX_NOTIONAL, NOTIONAL
from app.web.quality import API, LOOKBACK_NS, lean_history, quality_json
from app.web.query import MAX_TEXT, moment, only, seconds, whole
from app.web.spec import LOOKBACK_BOUNDS_S
from app.web.trades import order_cost
from app.web.watch import WatchList
from components.words import BINS_S

FRESH_NS: Final = 15 * NS_PER_S  # the newest row of some live market must be younger
NEWEST_NS: Final = 600 * NS_PER_S  # rows asked for without a start are looked for so far back
_COLUMN_NS: Final = 60 * NS_PER_S  # an older book is no present one
_MAX_LOOKBACK_NS: Final = 4 * 3600 * NS_PER_S
MAX_LISTINGS: Final = 200
_JSON: Final = "application/json"
_log = log.get("web")


class NotHereError(InputError):
    """What was asked for does not exist: 404."""


@dataclass(frozen=True)
class Reply:
    """The body of an answer."""

    body: bytes
    media_type: str = _JSON
    status: int = 200


@dataclass
class Api:
    """The addresses and what they answer; long queries wait for each other, not for short ones."""

    store: SqliteStore
    clock: Clock
    desk: Desk | None = None  # of the worker; without one every verification is worked out anew
    worker: Callable[[], Worker] = idle_worker
    _quick: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "api"))
    _long: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "features"))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _verdict: tuple[int, Reply | None] = (0, None)

    def __post_init__(self) -> None:
        self._desk = self.desk or Desk(self.store, self.clock)
        self._clocks = self._desk.clocks
        self._watch = WatchList(self.store, self._clocks)

    def add_routes(self, app: FastAPI) -> None:
        """Put the addresses on the server."""
        for path, work, pool in (
            ("/readyz", self.ready, self._quick),
            ("/api/v1/markets", self.markets, self._quick),
            ("/api/v1/book", self.book, self._quick),
            ("/api/v1/catalogue", self.catalogue, self._quick),
            ("/api/v1/slippage", self.slippage, self._quick),
            ("/api/v1/features", self.features, self._long),
            ("/api/v1/verification", self.verification, self._long),
            ("/api/v1/quality", self.quality, self._long),
            ("/metrics", self.monitored, self._long),
        ):
            app.add_route(path, self._endpoint(work, pool), methods=["GET"])
        app.add_route("/healthz", self.healthy, methods=["GET"])

    def close(self) -> None:
        """End the threads."""
        for pool in (self._quick, self._long):
            pool.shutdown(wait=True, cancel_futures=True)

    async def healthy(self, _: Request) -> Response:
        """`/healthz`: this process answers."""
        return Response(b'{"status":"ok"}', media_type=_JSON)

    def ready(self, _: Mapping[str, str]) -> Reply:
        """`/readyz`: some market is live and its data fresh. No details: it is open to all.

        A verdict stands for a second, so that strangers cannot make the store work.
        """
        now_ns = self.clock.now_ns()
        with self._lock:
            at_ns, verdict = self._verdict
            if verdict is None or not 0 <= now_ns - at_ns < NS_PER_S:
                verdict = self._judge(now_ns)
                self._verdict = now_ns, verdict
        return verdict

    def _judge(self, now_ns: int) -> Reply:
        try:
            fresh = any(self._fresh(market, now_ns) for market in self.store.markets())
        except StoreError:
            return _sentence("The store cannot be read.", 503)
        if fresh:
            return Reply(b'{"status":"ready"}')
        return _sentence("No market is live with fresh data; is a collector running?", 503)

    def markets(self, query: Mapping[str, str]) -> Reply:
        """`/api/v1/markets`: what is held, with the last summary of each."""
        only(query, ())
        with self._lock:
            described = self.store.markets()
            now_ns = self.clock.now_ns()
            rows = self._watch.rows(described, now_ns)
            rows = [row | {"progress": self._watch.progress(row, now_ns)} for row in rows]
        full = [described[MarketId.parse(row["market"])].to_json() | row for row in rows]
        return Reply(json_bytes({"markets": full}))

    def catalogue(self, query: Mapping[str, str]) -> Reply:
        """`/api/v1/catalogue`: markets of open venues that fit a few words, collected or not."""
        only(query, ("q", "limit"))
        limit = whole(query, "limit", 50, 1, MAX_LISTINGS)
        text = query.get("q", "")
        if len(text) > MAX_TEXT:
            raise InputError(f"q has at most {MAX_TEXT} characters.")
        with self._lock:
            held = self.store.markets()
            found = self.store.catalogue(text, limit)
        markets = [
            {
                "market": str(listing.id),
                "base": listing.base,
                "quote": listing.quote,
                "kind": listing.kind,
                "contract": str(listing.contract),
                "held": listing.id in held,
            }
            for listing in found
        ]
        return Reply(json_bytes({"markets": markets}))

    def features(self, query: Mapping[str, str]) -> Reply:
        """`/api/v1/features`: rows or bins of a market."""
        only(query, ("market", "start", "end", "bin", "levels", "limit", "format"))
        kind = query.get("format", "json")
        if kind not in ("json", "csv", "arrow"):
            raise InputError("format must be json, csv or arrow.")
        market = self._market(query)
        table = tables.features(self.store, market, self._query(query, self._now_ns(market)))
        if kind == "csv":
            return Reply(tables.to_csv(table), "text/csv; charset=utf-8")
        if kind == "arrow":
            body = tables.to_arrow(market, table)
            return Reply(body, "application/vnd.apache.arrow.stream")
        return Reply(tables.to_json(market, table))

    def verification(self, query: Mapping[str, str]) -> Reply:
        """`/api/v1/verification`: what the tab *evidence* shows of a market."""
        only(query, ("market", "bin", "lookback", "levels", "end"))
        bin_s = seconds(query, "bin", 10)
        if bin_s not in BINS_S:
            raise InputError(f"bin must be one of {', '.join(f'{s}s' for s in BINS_S)}.")
        low, high = LOOKBACK_BOUNDS_S
        lookback_s = seconds(query, "lookback", LOOKBACK_S)
        if lookback_s is None or not low <= lookback_s <= high or lookback_s % 60:
            raise InputError("lookback must be whole minutes from 10min to 2h.")
        question = Question(bin_s, lookback_s, whole(query, "levels", 10, 1, LEVELS))
        market = self._market(query)
        end_ns = moment(query, "end", 0) // NS_PER_S * NS_PER_S or None
        if end_ns is not None and end_ns > self._now_ns(market):
            raise InputError("end must not lie in the future.")
        found = self._desk.answer(market, question, end_ns)
        series = {name: values.tolist() for name, values in found.arrays.items()}
        head = {"market": str(market.id), "unit": market.size_unit, "tick": float(market.grid.tick)}
        return Reply(json_bytes(head | found.values | {"series": series}))

    def quality(self, query: Mapping[str, str]) -> Reply:
        """`/api/v1/quality`: states, latencies, counts, coverage and incidents of a market, or of all."""
        only(query, ("market", "lookback"))
        lookback_ns = LOOKBACK_NS
        if "lookback" in query:
            lookback_ns = tables.duration_ns(query["lookback"]) or 0
            if not NS_PER_S <= lookback_ns <= _MAX_LOOKBACK_NS:
                raise InputError("lookback must be a length from 1s to 4h: for example 30min.")
        if "market" in query:
            return Reply(json_bytes(self._quality(self._market(query), lookback_ns)))
        held = sorted(self.store.markets().items())
        every = [self._quality(market, lookback_ns) for _, market in held]
        return Reply(json_bytes({"markets": every}))

    def _quality(self, market: Market, lookback_ns: int) -> dict[str, Any]:
        now_ns = self._now_ns(market)
        history = lean_history(self.store, market, now_ns, lookback_ns)
        return quality_json(history, now_ns, lookback_ns, API)

    def monitored(self, query: Mapping[str, str]) -> Reply:
        """`/metrics`: for Prometheus."""
        metrics = Metrics(self.store, self.clock, self.worker, self._clocks)
        return Reply(metrics.text(query).encode(), MEDIA_TYPE)

    def book(self, query: Mapping[str, str]) -> Reply:
        """`/api/v1/book`: the present book, exact decimals."""
        only(query, ("market", "levels"))
        levels = whole(query, "levels", BOOK_LEVELS, 1, BOOK_LEVELS)
        market = self._market(query)
        batches = self.store.read_since(market.id, {"book": 0}).batches
        history, now_ns = self._lately(market)
        state = history.state(now_ns).name.lower()
        value: dict[str, Any] = {"market": str(market.id), "time_ns": None, "state": state}
        value |= {"bids": [], "asks": []}
        # What is no longer true must not look present: a market that is not live has no book.
        if "book" in batches and history.present(now_ns):
            book = batches["book"][-1]
            value["time_ns"] = str(int(book["time_ns"]))
            for side in ("bid", "ask"):
                n = min(levels, int(book[f"{side}s"]))
                prices, sizes = (
                    book[f"{side}_price"][:n].tolist(),
                    book[f"{side}_size"][:n].tolist(),
                )
                value[f"{side}s"] = [
                    [f"{market.grid.price(p):f}", f"{market.grid.size(q):f}"]
                    for p, q in zip(prices, sizes, strict=True)
                ]
        return Reply(json_bytes(value))

    def slippage(self, query: Mapping[str, str]) -> Reply:
        """`/api/v1/slippage`: what a market order would cost now."""
        only(query, ("market", "notional"))
        notional = whole(query, "notional", NOTIONAL, 1, MAX_NOTIONAL)
        market = self._market(query)
        history, now_ns = self._lately(market)
        since = now_ns - _COLUMN_NS
        columns = self.store.window(market.id, "column", since, since + 2 * _COLUMN_NS)
        books = self.store.read_since(market.id, {"book": 0}).batches.get("book")
        cost = None
        if len(columns) and history.present(now_ns):
            cost = order_cost(market, columns[-1], None if books is None else books[-1], notional)
        blank = dict.fromkeys(("time_ms", "mid", "buy", "sell"))
        value = cost or {"notional": notional, **blank}
        return Reply(json_bytes({"market": str(market.id), **value}))

    def _now_ns(self, market: Market) -> int:
        """The present by the clock of the market's collector."""
        return self._clocks.look(self.store, market.id, self.clock.now_ns())[1]

    def _lately(self, market: Market) -> tuple[History, int]:
        """A market's history with its status alone, and the present: whether what it shows is of now."""
        history = History(market)
        status, now_ns = self._clocks.look(self.store, market.id, self.clock.now_ns())
        history.ingest({} if status is None else {"status": status}, now_ns)
        return history, now_ns

    def _endpoint(
        self, work: Callable[[Mapping[str, str]], Reply], pool: ThreadPoolExecutor
    ) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            loop = asyncio.get_running_loop()
            query = dict(request.query_params)
            reply = await loop.run_in_executor(pool, _answer, work, query)
            headers = {"Cache-Control": "no-store"}
            return Response(reply.body, reply.status, headers, reply.media_type)

        return endpoint

    def _fresh(self, market: MarketId, now_ns: int) -> bool:
        status, now_ns = self._clocks.look(self.store, market, now_ns)
        if status is None or now_ns - int(status["time_ns"][-1]) > SILENT_NS:
            return False
        if int(status["state"][-1]) != State.LIVE:
            return False
        return len(self.store.window(market, "row", now_ns - FRESH_NS, now_ns + NS_PER_S)) > 0

    def _market(self, query: Mapping[str, str]) -> Market:
        text = query.get("market")
        if text is None:
            raise InputError(
                "The parameter market is missing, for example market=binance:BTC/USDT."
            )
        try:
            market_id = MarketId.parse(text[:MAX_TEXT])
        except MarketError as error:
            raise InputError(str(error)) from None
        held = self.store.markets()
        if market_id in held:
            return held[market_id]
        names = sorted(map(str, held))
        near = get_close_matches(str(market_id), names, n=3, cutoff=0.4)
        hint = f"the nearest are {', '.join(near)}." if near else "/api/v1/markets lists them."
        raise NotHereError(f"The market {str(market_id)!r} is not collected here; {hint}")

    def _query(self, query: Mapping[str, str], now_ns: int) -> tables.Query:
        levels = whole(query, "levels", 10, 0, LEVELS)
        limit = whole(query, "limit", 1000, 1, tables.MAX_ROWS)
        bin_ns = 0
        if "bin" in query:
            bin_ns = tables.duration_ns(query["bin"]) or 0
            if bin_ns < ROW_NS or (bin_ns % ROW_NS and bin_ns != 250 * NS_PER_MS):
                raise InputError(
                    "bin must be a multiple of 100ms, or 250ms: for example 1s or 10s."
                )
        end_ns = moment(query, "end", now_ns)
        # Stored rows are missing where nothing happened: the newest ones may reach back further.
        span = limit * bin_ns if bin_ns else 2 * limit * ROW_NS + NEWEST_NS
        begin = max(0, end_ns - min(span, tables.MAX_RANGE_NS))
        start_ns = moment(query, "start", begin)
        if start_ns >= end_ns:
            raise InputError("start must lie before end.")
        if end_ns - start_ns > tables.MAX_RANGE_NS:
            raise InputError("A query covers at most 24 hours; ask for one part after the other.")
        return tables.Query(start_ns, end_ns, bin_ns, levels, limit, newest="start" not in query)


def _answer(work: Callable[[Mapping[str, str]], Reply], query: Mapping[str, str]) -> Reply:
    try:
        return work(query)
    except NotHereError as error:
        return _sentence(str(error), 404)
    except InputError as error:
        return _sentence(str(error), 400)
    except StoreError as error:
        _log.warning("query failed", reason=str(error))
        return _sentence(str(error), 503)


def _sentence(text: str, status: int) -> Reply:
    return Reply(json_bytes({"error": text}), status=status)
