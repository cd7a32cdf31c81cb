"""Who may come in: an outer layer over everything the server answers, WebSockets included.

Dash's own request hooks see neither WebSockets nor assets, so the rules stand outside of it:

- the `Host` must be one of ours (a page of another name that resolves here is DNS rebinding);
- the `Origin` of WebSockets and of anything that is not a plain read must be ours;
- without a token only a loopback address answers; with one, everything but the login page and the two
  health checks asks for it: `Authorization: Bearer`, the login's cookie, or `?token=` once.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.clock import NS_PER_S, Clock
from app.errors import ServerError
from app.settings import Settings, WebSettings

COOKIE: Final = "ofi_session"
SESSION_S: Final = 30 * 24 * 3600
MAX_BODY: Final = 1 << 20
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/login"})
_WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  recognised, not bound
_READS: Final = frozenset({"GET", "HEAD"})
_MIN_TOKEN: Final = 8


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine only."""
    if host.lower() in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_binding(settings: Settings) -> None:
    """Refuse to serve others than this machine without a token.

    Raises:
        ServerError: says which setting is missing.
    """
    web = settings.web
    token = web.token.get_secret_value() if web.token else ""
    if token and len(token) < _MIN_TOKEN:
        raise ServerError(
            f"The token has {len(token)} characters; set OFI_WEB__TOKEN to at least {_MIN_TOKEN}, "
            "for example to the output of: openssl rand -hex 16."
        )
    if not token and not is_loopback(web.host):
        raise ServerError(
            f"Listening on {web.host} lets others in: set OFI_WEB__TOKEN to a secret of your choice, "
            "or listen on 127.0.0.1."
        )


@dataclass(frozen=True)
class Hosts:
    """The names under which this server answers."""

    names: frozenset[str]
    suffixes: tuple[str, ...]
    any_address: bool  # bound to all addresses: every IP literal is one of ours

    @classmethod
    def of(cls, web: WebSettings) -> "Hosts":
        """Loopback names, the address that is bound, and those of the settings."""
        configured = [name.strip().lower() for name in web.allowed_hosts]
        plain = {name.strip("[]") for name in configured if not name.startswith("*.")}
        bound = set() if web.host in _WILDCARDS else {web.host.lower()}
        suffixes = tuple(name[1:] for name in configured if name.startswith("*."))
        return cls(LOOPBACK | plain | bound, suffixes, web.host in _WILDCARDS)

    def allow(self, host: str) -> bool:
        """Whether a `Host` header (with or without port) names this server."""
        name = host_name(host)
        if self.known(name):
            return True
        if not self.any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def known(self, name: str) -> bool:
        """Whether a name was given to this server: by the settings, as its address, or is loopback's."""
        return bool(name) and (name in self.names or name.endswith(self.suffixes))


def host_name(host: str) -> str:
    """The name in a `Host` header: without port, brackets and closing dot, in small letters."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    return name.rstrip(".")


@dataclass(frozen=True)
class Sessions:
    """Cookies that any worker can check: an end, and a code made of it with the token."""

    token: str

    def make(self, now_ns: int) -> str:
        """A cookie for a month."""
        end = now_ns // NS_PER_S + SESSION_S
        return f"{end}.{self._code(end)}"

    def valid(self, cookie: str, now_ns: int) -> bool:
        """Whether a cookie is one of ours and not over."""
        end, _, code = cookie.partition(".")
        if not (end.isascii() and end.isdigit() and len(end) <= 12):
            return False
        return self.same(code, self._code(int(end))) and int(end) * NS_PER_S > now_ns

    def is_token(self, text: str) -> bool:
        """Whether a text is the token, in a time that says nothing about it."""
        return self.same(text, self.token)

    @staticmethod
    def same(one: str, other: str) -> bool:
        """Constant-time equality of texts of any length."""
        digest = [hashlib.sha256(t.encode("utf-8", "surrogatepass")).digest() for t in (one, other)]
        return hmac.compare_digest(*digest)

    def _code(self, end: int) -> str:
        return hmac.new(self.token.encode(), f"ofi session {end}".encode(), "sha256").hexdigest()

    def set_on(self, response: Response, now_ns: int, *, secure: bool) -> None:
        """Give a response the cookie."""
        response.set_cookie(
            COOKIE, self.make(now_ns), max_age=SESSION_S, httponly=True, samesite="strict",
            secure=secure, path="/",
        )  # fmt: skip


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """One sentence as JSON."""
    return JSONResponse({"error": sentence}, status, headers)


class Access:
    """The outer layer; see the module's first lines."""

    def __init__(self, app: ASGIApp, settings: Settings, clock: Clock, policy: str):
        self.app = app
        self.clock = clock
        self.hosts = Hosts.of(settings.web)
        token = settings.web.token.get_secret_value() if settings.web.token else ""
        self.sessions = Sessions(token) if token else None
        self.headers = security_headers(policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        response = self.judge(HTTPConnection(scope), scope)
        if scope["type"] == "websocket":
            if response is not None:
                # Closing before accepting refuses the handshake with 403.
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return
        guarded = self._with_headers(send)
        if response is not None:
            await response(scope, receive, guarded)
            return
        await self.app(scope, _limited(receive), guarded)

    def judge(self, request: HTTPConnection, scope: Scope) -> Response | None:
        """The answer to what may not pass; None lets it through."""
        host = request.headers.get("host", "")
        if not self.hosts.allow(host):
            shown = host_name(host)[:80] or "no name"
            return refusal(
                421,
                f"This server does not answer to {shown!r}; add the name to OFI_WEB__ALLOWED_HOSTS.",
            )
        changes = scope["type"] == "websocket" or scope["method"] not in _READS
        if changes and not self._own_origin(request.headers.get("origin"), host):
            return refusal(403, "This came from a page of another site, which may not speak here.")
        length = request.headers.get("content-length", "0")
        # Latin-1 has digits that are no numbers, such as ².
        if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY:
            return refusal(413, "The request is too large; at most 1 MB is read.")
        if self.sessions is None:
            return self._unguarded(scope)
        if scope["path"] in OPEN_PATHS or self._knows(request, self.sessions):
            return None
        return self._stranger(request, scope, self.sessions)

    def _unguarded(self, scope: Scope) -> Response | None:
        """Without a token only this machine is served, whatever gunicorn was told to bind."""
        server = scope.get("server")
        if server and server[0] and not is_loopback(server[0].removeprefix("::ffff:")):
            return refusal(
                403, "This server listens to others but has no token; set OFI_WEB__TOKEN."
            )
        return None

    def _own_origin(self, origin: str | None, host: str) -> bool:
        if origin is None:
            # Browsers always send it; a program that does not is not a page of another site.
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https"):
            return False
        if parts.netloc.lower() == host.lower():
            return True
        # A proxy may speak to us under another name than the one in the browser. Addresses do not
        # count here: where all are ours as a host, a page of any address would pass for our own.
        name = host_name(parts.netloc)
        return name not in LOOPBACK and self.hosts.known(name)

    def _knows(self, request: HTTPConnection, sessions: Sessions) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and sessions.is_token(given.strip()):
            return True
        cookie = request.cookies.get(COOKIE)
        return cookie is not None and sessions.valid(cookie, self.clock.now_ns())

    def _stranger(self, request: HTTPConnection, scope: Scope, sessions: Sessions) -> Response:
        query = scope.get("query_string", b"").decode("latin-1")
        pairs = parse_qsl(query, keep_blank_values=True)
        given = next((value for name, value in pairs if name == "token"), None)
        path = quote(scope["path"], safe="/:")
        rest = urlencode([pair for pair in pairs if pair[0] != "token"])
        here = local_path(path + (f"?{rest}" if rest else ""))
        reads = scope["type"] == "http" and scope["method"] in _READS
        if given is not None and reads and sessions.is_token(given):
            response: Response = RedirectResponse(here, 303)
            sessions.set_on(response, self.clock.now_ns(), secure=scope["scheme"] == "https")
            return response
        if not reads or "text/html" not in request.headers.get("accept", ""):
            return refusal(
                401,
                "This server asks for its token: send Authorization: Bearer, or log in at /login.",
                {"WWW-Authenticate": "Bearer"},
            )
        if request.headers.get("sec-fetch-site") == "cross-site":
            # A link from elsewhere comes without the strict cookie; from here it comes with it.
            return HTMLResponse('<!DOCTYPE html><meta http-equiv="refresh" content="0">')
        return RedirectResponse(f"/login?next={quote(here, safe='')}", 303)

    def _with_headers(self, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                have = {name.lower() for name, _ in headers}
                headers += [pair for pair in self.headers if pair[0] not in have]
                message = {**message, "headers": headers}
            await send(message)

        return guarded


def local_path(path: str) -> str:
    """A path on this server: what could lead elsewhere becomes the page itself."""
    elsewhere = not path.startswith("/") or path.startswith(("//", "/\\"))
    return "/" if elsewhere or any(ord(c) < 32 for c in path) else path


def _limited(receive: Receive) -> Receive:
    """The same, ending a body without a length that grows too large."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= MAX_BODY else {"type": "http.disconnect"}

    return limited


def security_headers(policy: str) -> Iterable[tuple[bytes, bytes]]:
    """What every answer carries."""
    return tuple(
        (name.encode(), value.encode())
        for name, value in (
            ("content-security-policy", policy),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()"),
        )
    )
