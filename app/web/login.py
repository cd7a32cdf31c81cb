"""The login page: one field, no script, nothing of the product behind it."""

from dataclasses import dataclass, field
from html import escape
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.clock import NS_PER_S, Clock
from app.web.access import Sessions, local_path

_ATTEMPTS: Final = 10  # of one address, and ten times as many of all, in a minute
_WINDOW_NS: Final = 60 * NS_PER_S
_MAX_FORM: Final = 4096

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · Order flow</title>
<style>
:root {{ color-scheme: dark light; --bg: #0A0D12; --panel: #10141B; --line: #303A48; --text: #E9EDF3;
  --soft: #A9B3C1; --down: #FF6B81 }}
@media (prefers-color-scheme: light) {{ :root {{ --bg: #F3F5F7; --panel: #FFFFFF; --line: #C6CED8;
  --text: #10151C; --soft: #47525F; --down: #C41F3A }} }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--bg);
  color: var(--text); font: 14px/20px Inter, system-ui, sans-serif }}
form {{ width: min(320px, calc(100vw - 32px)); box-sizing: border-box; padding: 24px;
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px }}
h1 {{ font-size: 19px; line-height: 26px; margin: 0 0 4px; font-weight: 600 }}
p {{ margin: 0 0 16px; color: var(--soft) }}
p.wrong {{ color: var(--down) }}
label {{ display: block; margin-bottom: 4px }}
input, button {{ font: inherit; width: 100%; box-sizing: border-box; height: 44px; padding: 0 12px;
  border-radius: 6px; border: 1px solid var(--line) }}
input {{ background: var(--bg); color: var(--text); margin-bottom: 16px }}
button {{ background: var(--text); color: var(--panel); cursor: pointer; font-weight: 600 }}
:focus-visible {{ outline: 2px solid var(--text); outline-offset: 2px }}
</style>
</head>
<body>
<main><form method="post" action="/login">
<h1>Order flow</h1>
{note}
<input type="hidden" name="next" value="{next}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
</form></main>
</body>
</html>"""


@dataclass
class Attempts:
    """How often each address has guessed lately."""

    seen: dict[str, list[int]] = field(default_factory=dict)

    def allow(self, address: str, now_ns: int) -> bool:
        """Count a guess; False when there were too many."""
        for key in list(self.seen):
            self.seen[key] = [t for t in self.seen[key] if now_ns - t < _WINDOW_NS]
            if not self.seen[key]:
                del self.seen[key]
        mine, total = self.seen.get(address, []), sum(map(len, self.seen.values()))
        if len(mine) >= _ATTEMPTS or total >= 10 * _ATTEMPTS:
            return False
        self.seen[address] = [*mine, now_ns]
        return True


@dataclass
class Login:
    """The two requests of the login page; without a token there is nothing to log in to."""

    sessions: Sessions | None
    clock: Clock
    attempts: Attempts = field(default_factory=Attempts)

    async def page(self, request: Request) -> Response:
        """`GET /login?next=`."""
        target = local_path(request.query_params.get("next", "/"))
        if self.sessions is None:
            return RedirectResponse(target, 303)
        note = "<p>This server asks for its token.</p>"
        return HTMLResponse(_PAGE.format(note=note, next=escape(target, quote=True)))

    async def enter(self, request: Request) -> Response:
        """`POST /login` with `token` and `next`."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MAX_FORM:
                return HTMLResponse("The form is too large.", 413)
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
        target = local_path(form.get("next", ["/"])[0])
        if self.sessions is None:
            return RedirectResponse(target, 303)
        now_ns = self.clock.now_ns()
        address = request.client.host if request.client else ""
        if not self.attempts.allow(address, now_ns):
            return self._again(target, "Too many attempts; wait a minute.", 429)
        if not self.sessions.is_token(form.get("token", [""])[0]):
            return self._again(target, "That is not the token.", 401)
        response = RedirectResponse(target, 303)
        self.sessions.set_on(response, now_ns, secure=request.url.scheme == "https")
        return response

    @staticmethod
    def _again(target: str, sentence: str, status: int) -> Response:
        note = f'<p class="wrong" role="alert">{escape(sentence)}</p>'
        page = _PAGE.format(note=note, next=escape(target, quote=True))
        headers = {"Retry-After": "60"} if status == 429 else None
        return HTMLResponse(page, status, headers)
