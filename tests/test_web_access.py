"""Who may come in: the rules by themselves, over an app that answers everything."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.clock import FakeClock
from app.errors import ServerError
from app.settings import Settings, load
from app.web.access import COOKIE, Access, Sessions, check_binding, host_name, local_path
from app.web.login import Attempts, Login

TOKEN = "correct horse battery"
HTML = {"accept": "text/html"}


def settings(**web: Any) -> Settings:
    return load({"web": web}, environ={})


async def everything(request: Request) -> Response:
    return PlainTextResponse(f"inside {request.url.path} {len(await request.body())}")


def guarded(clock: FakeClock | None = None, **web: Any) -> Access:
    clock = clock or FakeClock()
    given_token = web.get("token")
    login = Login(Sessions(given_token) if given_token else None, clock)
    routes = [
        Route("/login", login.page, methods=["GET"]),
        Route("/login", login.enter, methods=["POST"]),
        Route("/{rest:path}", everything, methods=["GET", "POST"]),
    ]
    return Access(Starlette(routes=routes), settings(**web), clock, "default-src 'none'")


def client(app: Access, host: str = "127.0.0.1:8050") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}")


@pytest.fixture
async def locked() -> AsyncIterator[httpx.AsyncClient]:
    async with client(guarded(token=TOKEN)) as page:
        yield page


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_loopback_needs_no_token(host: str) -> None:
    check_binding(settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_others_are_not_let_in_without_a_token(host: str) -> None:
    with pytest.raises(ServerError, match="OFI_WEB__TOKEN"):
        check_binding(settings(host=host))
    check_binding(settings(host=host, token=TOKEN))


def test_a_token_that_is_easily_guessed_is_refused() -> None:
    with pytest.raises(ServerError, match="at least 8"):
        check_binding(settings(host="0.0.0.0", token="abc"))


@pytest.mark.parametrize(
    ("host", "web", "allowed"),
    [
        ("127.0.0.1:8050", {}, True),
        ("localhost", {}, True),
        ("LOCALHOST:1", {}, True),
        ("[::1]:8050", {}, True),
        ("localhost.", {}, True),
        ("evil.example", {}, False),
        ("127.0.0.1.evil.example", {}, False),
        ("", {}, False),
        ("[", {}, False),
        ("192.168.1.9", {}, False),
        ("ofi.example.org", {"allowed_hosts": ["ofi.example.org"]}, True),
        ("a.example.org", {"allowed_hosts": ["*.example.org"]}, True),
        ("example.org.evil", {"allowed_hosts": ["*.example.org"]}, False),
        ("192.168.1.9:80", {"host": "0.0.0.0"}, True),
        ("evil.example", {"host": "0.0.0.0"}, False),
        ("desk.lan", {"host": "desk.lan"}, True),
    ],
)
async def test_only_our_own_names_are_answered(
    host: str, web: dict[str, Any], allowed: bool
) -> None:
    async with client(guarded(token=TOKEN, **web)) as page:
        answer = await page.get("/login", headers={"host": host})
    if allowed:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 421
        assert answer.json()["error"].count(".") >= 1


async def test_a_hostile_host_is_named_harmlessly() -> None:
    async with client(guarded()) as page:
        answer = await page.get("/", headers={"host": "<script>alert(1)</script>"})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_without_a_token_only_this_machine_is_answered() -> None:
    app = guarded()
    statuses = []
    for server in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "192.168.1.4"):
        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http", "method": "GET", "path": "/", "query_string": b"", "scheme": "http",
            "headers": [(b"host", b"localhost")], "server": (server, 8050), "root_path": "",
            "client": ("1.2.3.4", 5), "http_version": "1.1",
        }  # fmt: skip
        await app(scope, receive, send)
        statuses.append(sent[0]["status"])
    assert statuses == [200, 200, 200, 403]


async def test_everything_asks_for_the_token_but_login_and_health(
    locked: httpx.AsyncClient,
) -> None:
    for path in (
        "/",
        "/assets/app.css",
        "/_dash-layout",
        "/api/v1/markets",
        "/metrics",
        "//login",
        "/login/x",
    ):
        answer = await locked.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "inside" not in answer.text
    for path in ("/healthz", "/readyz"):
        assert (await locked.get(path)).status_code == 200
    assert "inside" not in (await locked.get("/login")).text
    assert (await locked.post("/anything")).status_code == 401


async def test_the_bearer_token_opens(locked: httpx.AsyncClient) -> None:
    for header, status in (
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer", 401),
        ("Bearer \xff\xfe", 401),
        (f"Basic {TOKEN}", 401),
    ):
        answer = await locked.get("/", headers={"authorization": header.encode("latin-1")})
        assert answer.status_code == status, header


async def test_logging_in_leads_back_to_where_one_wanted_to_go(locked: httpx.AsyncClient) -> None:
    answer = await locked.get("/?m=binance:BTC/USDT&depth=5", headers=HTML)
    assert answer.status_code == 303
    target = parse_qs(urlsplit(answer.headers["location"]).query)["next"][0]
    assert urlsplit(target).path == "/"
    page = await locked.get(answer.headers["location"])
    assert page.status_code == 200
    wrong = await locked.post("/login", data={"token": "guess", "next": target})
    assert wrong.status_code == 401
    assert COOKIE not in wrong.cookies
    entered = await locked.post("/login", data={"token": TOKEN, "next": target})
    assert entered.status_code == 303
    assert parse_qs(urlsplit(entered.headers["location"]).query) == {
        "m": ["binance:BTC/USDT"],
        "depth": ["5"],
    }
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert (await locked.get("/", headers=HTML)).text == "inside / 0"


async def test_a_token_in_the_address_is_taken_out_of_it(locked: httpx.AsyncClient) -> None:
    answer = await locked.get("/?m=a:B%2FC&token=" + TOKEN.replace(" ", "%20"), headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?m=a%3AB%2FC"
    assert (await locked.get("/", headers=HTML)).status_code == 200
    async with client(guarded(token=TOKEN)) as other:
        wrong = await other.get("/?token=nope", headers=HTML)
        assert wrong.headers["location"].startswith("/login?next=")
        assert "nope" not in wrong.headers["location"]


async def test_a_link_from_elsewhere_is_loaded_once_more_from_here(
    locked: httpx.AsyncClient,
) -> None:
    answer = await locked.get("/", headers=HTML | {"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "inside" not in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/ok\r\nSet-Cookie: a=b",
    ],
)
async def test_the_way_back_never_leads_elsewhere(locked: httpx.AsyncClient, target: str) -> None:
    entered = await locked.post("/login", data={"token": TOKEN, "next": target})
    assert entered.headers["location"] == "/"
    page = await locked.get("/login", params={"next": target})
    assert 'name="next" value="/"' in page.text


async def test_nothing_of_an_address_reaches_the_login_page_unescaped(
    locked: httpx.AsyncClient,
) -> None:
    page = await locked.get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script" not in page.text
    again = await locked.post("/login", data={"token": "<b>", "next": '/"><img src=x>'})
    assert "<b>" not in again.text
    assert "<img" not in again.text


async def test_guessing_is_slow(locked: httpx.AsyncClient) -> None:
    for _ in range(10):
        assert (await locked.post("/login", data={"token": "guess"})).status_code == 401
    answer = await locked.post("/login", data={"token": TOKEN})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"


def test_attempts_are_forgotten_after_a_minute() -> None:
    attempts, now = Attempts(), 10**18
    assert sum(attempts.allow("a", now) for _ in range(30)) == 10
    assert attempts.allow("b", now)
    assert attempts.allow("a", now + 61 * 10**9)
    assert sum(attempts.allow(str(k), now + 200 * 10**9) for k in range(500)) == 100


async def test_a_large_form_is_not_read(locked: httpx.AsyncClient) -> None:
    assert (await locked.post("/login", data={"token": "x" * 5000})).status_code == 413


def test_sessions_are_the_same_for_every_worker_and_end() -> None:
    now = 1_700_000_000 * 10**9
    cookie = Sessions(TOKEN).make(now)
    assert Sessions(TOKEN).valid(cookie, now)
    assert not Sessions("another token").valid(cookie, now)
    assert not Sessions(TOKEN).valid(cookie, now + 31 * 86_400 * 10**9)
    end, code = cookie.split(".")
    assert not Sessions(TOKEN).valid(f"{int(end) + 1}.{code}", now)


@given(st.text(max_size=60))
def test_no_other_text_is_a_session(cookie: str) -> None:
    assert not Sessions(TOKEN).valid(cookie, 0)
    assert Sessions(TOKEN).is_token(cookie) == (cookie == TOKEN)


@given(st.text(max_size=40))
def test_hosts_and_paths_of_any_text_are_judged_without_an_error(text: str) -> None:
    assert isinstance(host_name(text), str)
    path = local_path(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (None, True),
        ("http://127.0.0.1:8050", True),
        ("http://127.0.0.1:9999", False),
        ("http://evil.example", False),
        ("null", False),
        ("http://[", False),
        ("file://", False),
    ],
)
async def test_pages_of_other_sites_may_not_change_or_listen(
    origin: str | None, passes: bool
) -> None:
    headers = {} if origin is None else {"origin": origin}
    async with client(guarded()) as page:
        assert (await page.get("/", headers=headers)).status_code == 200
        answer = await page.post("/_dash-update-component", headers=headers)
    assert answer.status_code == (200 if passes else 403)
    assert await handshake(guarded(), headers) == passes


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        ("http://192.0.2.7:8050", True),  # its own
        ("http://192.0.2.7:9999", False),
        ("http://198.51.100.9", False),  # some other address
        ("https://flow.example.com", True),  # a proxy's name, which the settings allow
    ],
)
async def test_bound_to_all_addresses_pages_of_other_addresses_stay_out(
    origin: str, passes: bool
) -> None:
    app = guarded(host="0.0.0.0", token=TOKEN, allowed_hosts=("flow.example.com",))
    known = {"authorization": f"Bearer {TOKEN}"}
    async with client(app, "192.0.2.7:8050") as page:
        answer = await page.post("/a", headers=known | {"origin": origin})
    assert answer.status_code == (200 if passes else 403)
    assert await handshake(app, known | {"host": "192.0.2.7:8050", "origin": origin}) == passes


async def test_sockets_ask_for_the_token_too() -> None:
    app = guarded(token=TOKEN)
    assert not await handshake(app, {})
    assert not await handshake(app, {}, query=f"token={TOKEN}".encode())
    assert not await handshake(app, {"host": "evil.example", "authorization": f"Bearer {TOKEN}"})
    assert await handshake(app, {"authorization": f"Bearer {TOKEN}"})
    cookie = Sessions(TOKEN).make(FakeClock().now_ns())
    assert await handshake(app, {"cookie": f"{COOKIE}={cookie}"})


async def handshake(app: Access, headers: dict[str, str], query: bytes = b"") -> bool:
    """Whether a WebSocket gets past the rules to the app behind them."""
    reached: list[str] = []

    async def inner(scope: Any, _receive: Callable[[], Awaitable[Any]], _send: Any) -> None:
        reached.append(scope["path"])

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    app.app = inner
    given_headers = {"host": "127.0.0.1:8050"} | headers
    scope = {
        "type": "websocket", "path": "/live", "query_string": query, "scheme": "ws",
        "headers": [(k.encode(), v.encode()) for k, v in given_headers.items()],
        "server": ("127.0.0.1", 8050), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    assert bool(reached) != bool(sent)
    return bool(reached)


async def test_large_bodies_are_refused_with_and_without_a_length() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    async with client(guarded()) as page:
        assert (await page.post("/a", content=b"x" * (1 << 21))).status_code == 413
        assert (await page.post("/a", content=b"x" * 1000)).text == "inside /a 1000"
        for length in (b"-1", b"\xb2", b"1e3"):  # the second is a digit, but no number
            assert (await page.post("/a", headers={"content-length": length})).status_code == 413
        with pytest.raises(ClientDisconnect):  # what the app is told
            await page.post("/a", content=chunks())


async def test_every_answer_carries_the_security_headers(locked: httpx.AsyncClient) -> None:
    for path in ("/", "/login", "/healthz"):
        headers = (await locked.get(path)).headers
        assert headers["content-security-policy"] == "default-src 'none'"
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
