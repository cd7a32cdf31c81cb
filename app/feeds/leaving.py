"""Ends a subscription on a connection that goes on for other markets.

Nearly every venue that can unsubscribe does so by the message that subscribed, with the other verb in it; so
what was sent is kept, and turned.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from app.feeds.ccxt_errors import sentence_of

_VERBS = ("op", "method", "event", "type", "action", "reqType", "request_type")
# `depth_subscribe`, `orderbook.subscribe`: turned, they end the subscriptions of all markets.
_OF_ALL = re.compile(r"[a-z][._]subscribe$")
_KEPT = 64  # farewells
# What venues call the id of a request.
REQUEST_IDS = ("id", "req_id", "reqId", "reqid")


def request_id(message: Any) -> str | None:
    """The id of a request or of the answer to it, where the venue uses ids."""
    if not isinstance(message, dict):
        return None
    return next((str(message[k]) for k in REQUEST_IDS if message.get(k) is not None), None)


def turned(
    subscribe: dict[str, Any], new_id: int, notes: Mapping[Any, Any] | None = None
) -> dict[str, Any] | None:
    """The message that ends what `subscribe` began, and nothing else; None where there is none.

    Args:
        subscribe: what was sent.
        new_id: of the request, where the venue numbers them.
        notes: ccxt's of the connection: a venue that gives its channels numbers ends them by those.
    """
    if any(_OF_ALL.search(str(subscribe.get(verb))) for verb in _VERBS):
        return None
    if subscribe.get("event") == "subscribe" and {"channel", "symbol"} <= subscribe.keys():
        return _by_number(subscribe, notes or {})
    message = {("unsub" if key == "sub" else key): value for key, value in subscribe.items()}
    for key in REQUEST_IDS:
        if str(message.get(key)).isdecimal():
            message[key] = type(message[key])(new_id)
    for verb in _VERBS:
        if isinstance(message.get(verb), str):
            message[verb] = _other_verb(message[verb], "topic" in message)
    return None if message == subscribe else message


def _other_verb(verb: str, topical: bool) -> str:
    if verb == "sub":
        return "cancel" if topical else "unsub"
    turned_back = re.sub(r"^sub\.|subscri(?=be|ption)", lambda m: f"un{m[0]}", verb)
    return re.sub(r"SUBSCRI(?=BE|PTION)", lambda m: f"UN{m[0]}", turned_back)


def _by_number(subscribe: dict[str, Any], notes: Mapping[Any, Any]) -> dict[str, Any] | None:
    """Bitfinex: its channel's number is in the answer to the subscription."""
    for note in notes.values():
        told = isinstance(note, dict) and "chanId" in note
        if told and all(note.get(key) == subscribe[key] for key in ("channel", "symbol")):
            return {"event": "unsubscribe", "chanId": note["chanId"]}
    return None


def is_subscription(message: Any) -> bool:
    """Whether a message to a venue begins a subscription, in any wording."""
    if not isinstance(message, dict):
        return False
    words = [str(message.get(verb)).lower() for verb in _VERBS]
    return "sub" in message or any(
        word == "sub"
        or word.startswith(("sub.", "subscri"))
        or ("subscribe" in word and "unsub" not in word)
        for word in words
    )


def is_farewell(message: Any) -> bool:
    """Whether a message of a venue confirms the end of a subscription."""
    if not isinstance(message, dict):
        return False
    data = message.get("data")
    verbs = [message.get(verb) for verb in _VERBS]
    if str(message.get("channel")).startswith(
        "rs."
    ):  # MEXC's futures: the request's verb, answered
        verbs.append(message["channel"])
    if isinstance(data, dict):
        verbs.append(data.get("method"))
    return any(isinstance(verb, str) and "unsub" in verb.lower() for verb in verbs)


# The id of its request, the texts in it, and who waits for the answer.
_Farewell = tuple[str | None, frozenset[str], "asyncio.Future[bool]"]


class Farewells:
    """The ends of subscriptions that a venue was asked for on a connection and has not yet confirmed."""

    def __init__(self) -> None:
        # Some venues never confirm one. None: a request without a number.
        self._pending: deque[_Farewell] = deque(maxlen=_KEPT)
        self._awaited: list[asyncio.Future[bool]] = []  # as long as somebody waits for the answer

    async def said(
        self, say: Callable[[], Awaitable[Any]], message: Any, request: str | None, wait_s: float
    ) -> bool:
        """Ask for an end by `message`, under the id `request`; whether the venue confirms it within `wait_s`.

        Raises:
            OSError: the connection has ended.
        """
        farewell: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pending.append((request, frozenset(words_of(message)), farewell))
        if wait_s <= 0:
            await say()
            return False
        self._awaited.append(farewell)
        try:
            await say()
            async with asyncio.timeout(wait_s):
                return await asyncio.shield(farewell)
        except TimeoutError:
            return False
        finally:
            self._awaited.remove(farewell)

    def answered(self, message: Any) -> bool:
        """Whether a message answers a request for an end; it is settled then."""
        if not self._pending:
            return False
        request, ends = request_id(message), is_farewell(message)
        told = (
            message.get("msg") if isinstance(message, dict) and message.get("code") == 0 else None
        )
        for each in self._pending:
            asked, words, farewell = each
            # Some venues number the answers to requests without a number, or only say of what they are.
            if asked == request if asked is not None else (ends or told in words):
                self._pending.remove(each)
                if not farewell.done():
                    farewell.set_result(refusal_of(message) is None)
                return True
        return False

    def refused(self) -> bool:
        """A request without a number was refused: whether that is the end that is waited for."""
        for farewell in self._awaited:
            if not farewell.done():
                farewell.set_result(False)
                return True
        return False


def words_of(message: Any) -> Iterator[str]:
    """Every text in a message."""
    if isinstance(message, str):
        yield message
    elif isinstance(message, dict):
        for value in message.values():
            yield from words_of(value)
    elif isinstance(message, list):
        for value in message:
            yield from words_of(value)


def refusal_of(message: Any) -> str | None:
    """What a venue says when it refuses a request; None for every other message."""
    if not isinstance(message, dict):
        return None
    error = message.get("error")
    if error:
        return sentence_of(error) or str(error)
    failed = "error" in (message.get("type"), message.get("event"), message.get("channel"))
    if not failed and message.get("success") is not False:
        return None
    return sentence_of(message) or "without a reason"


def left_out_of(message: Any, asked: Any) -> str | None:
    """What a venue means that answers with the channels it subscribed, and none of those asked for is one."""
    params, result = asked.get("params"), message.get("result")
    channels = params.get("channels") if isinstance(params, dict) else None
    if (
        not isinstance(channels, list)
        or not isinstance(result, list)
        or set(channels) & set(result)
    ):
        return None
    return f"it does not know {', '.join(map(str, channels))}"
