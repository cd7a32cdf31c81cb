"""The web server: our routes, the page, and the access rules around both.

`gunicorn -k app.web.worker.LeavingWorker app.web.server:server` serves it beside a running collector.
Nothing is opened before a worker starts: `server` reads the settings when it is first called, after the fork.
"""

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from typing import Any, Final

from dash import Dash
from dash.fingerprint import check_fingerprint
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from app import log
from app import settings as all_settings
from app.clock import NS_PER_S, Clock, SystemClock
from app.errors import OfiError, StoreError
from app.garbage import settle
from app.market import Market, MarketId
from app.settings import Settings
from app.store import SqliteStore, open_store
from app.web import live
from app.web.access import Access, Sessions, check_binding, refusal
from app.web.api import Api
from app.web.docs import Documents
from app.web.hub import Hub
from app.web.login import Login
from app.web.metrics import Worker

NOTHING_HERE: Final = "There is nothing at this address."
_SUITES: Final = "/_dash-component-suites/"
_MARKETS_NS: Final = 2 * NS_PER_S
_INLINE: Final = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_log = log.get("web")


class Server:
    """The outermost ASGI app: starts and ends the hub, everything else passes the access rules."""

    def __init__(self, guarded: ASGIApp, hub: Hub, api: Api, store: SqliteStore):
        self.guarded = guarded
        self.hub = hub
        self.api = api
        self.store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Dash never sees the lifespan: at its start it would answer every path with the page."""
        if scope["type"] != "lifespan":
            await self.guarded(scope, receive, send)
            return
        await receive()
        settle()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.hub.close()
        self.api.close()
        self.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    def dismiss(self) -> None:
        """The process is about to end: pages shall leave and come again."""
        self.hub.dismiss()


def create_app(settings: Settings, clock: Clock) -> Server:
    """The whole web side as an ASGI app.

    Raises:
        ServerError: the settings would let others in without a token.
        StoreError: the store's URL names no store.
    """
    check_binding(settings)
    store = open_store(settings.store.location, clock=clock, readonly=True)
    hub = Hub(store, clock)
    api = Api(store, clock, hub.engine.desk, lambda: worker_of(hub))
    token = settings.web.token.get_secret_value() if settings.web.token else ""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    _add_routes(app, settings, clock, hub, Login(Sessions(token) if token else None, clock))
    api.add_routes(app)
    Documents().add_routes(app)
    page = _page(app, settings, markets_of(store, clock))
    # Dash would do it at the first request: the first page would wait, the list of scripts be empty.
    page._setup_server()
    guarded = Access(known_suites(app, page), settings, clock, content_policy(page))
    return Server(guarded, hub, api, store)


def _add_routes(app: FastAPI, settings: Settings, clock: Clock, hub: Hub, login: Login) -> None:
    run = secrets.token_hex(4)

    async def serve_live(socket: WebSocket) -> None:
        await live.serve(socket, hub, clock, settings.web, run)

    async def failed(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        sentences = {
            404: NOTHING_HERE,
            405: "This address does not take that.",
        }
        return refusal(status, sentences.get(status, "The server failed; its log says why."))

    app.add_api_websocket_route("/live", serve_live)
    app.add_route("/login", login.page, methods=["GET"])
    app.add_route("/login", login.enter, methods=["POST"])
    app.add_exception_handler(HTTPException, failed)
    app.add_exception_handler(500, failed)


def worker_of(hub: Hub) -> Worker:
    """What this worker does for its viewers; each worker has a name of its own."""
    return Worker(str(os.getpid()), hub.frames, len(hub.clients), len(hub.watchers))


def markets_of(store: SqliteStore, clock: Clock) -> Callable[[], dict[MarketId, Market]]:
    """What the store holds, looked up every few seconds; while it fails, what it held last."""
    held: dict[MarketId, Market] = {}
    looked_ns = -(2**62)

    def markets() -> dict[MarketId, Market]:
        nonlocal held, looked_ns
        now_ns = clock.now_ns()
        if now_ns - looked_ns >= _MARKETS_NS:
            looked_ns = now_ns
            try:
                held = store.markets()
            except StoreError as error:
                _log.warning("markets unknown", reason=str(error))
        return held

    return markets


def _page(app: FastAPI, settings: Settings, markets: Callable[[], dict[MarketId, Market]]) -> Dash:
    from app.web.page import create_page

    return create_page(app, settings, markets)


def known_suites(app: ASGIApp, page: Dash) -> ASGIApp:
    """The app, but with 404 for scripts that no component has: Dash answers those with 500."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(_SUITES) and page.registered_paths:
            package, _, name = path.removeprefix(_SUITES).partition("/")
            known = page.registered_paths.get(package, ())
            if name not in known and check_fingerprint(name)[0] not in known:
                await refusal(404, NOTHING_HERE)(scope, receive, send)
                return
        await app(scope, receive, send)

    return checked


def content_policy(page: Dash) -> str:
    """The content security policy: our scripts, and the inline ones of Dash by their hashes.

    Plotly and Mantine set styles from scripts; plotly makes images and workers of blobs.
    """
    inline = [*page.csp_hashes(), *(_hash(code) for code in _INLINE.findall(page.index_string))]
    scripts = " ".join(dict.fromkeys(inline))
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def _hash(code: str) -> str:
    digest = hashlib.sha256(code.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


class Lazy:
    """`create_app` of the settings in force, made at the first call: after gunicorn's fork."""

    def __init__(self) -> None:
        self._app: Server | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if self._app is None:
            try:
                settings = all_settings.load()
                log.configure(settings.log.level)
                self._app = create_app(settings, SystemClock())
            except OfiError as error:
                await _refuse_to_start(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def dismiss(self) -> None:
        """See `Server.dismiss`."""
        if self._app is not None:
            self._app.dismiss()


async def _refuse_to_start(error: OfiError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "lifespan":
        raise error
    await receive()
    message: dict[str, Any] = {"type": "lifespan.startup.failed", "message": str(error)}
    await send(message)


server: ASGIApp = Lazy()
