"""Ends a subscription on a connection that goes on for other markets.

Every venue that can unsubscribe does so by the message that subscribed, with the other verb in it; so what
was sent is kept, and turned.
"""

from collections.abc import Iterator
from typing import Any

from app.feeds.ccxt_errors import sentence_of

_VERBS = ("op", "method", "event", "type")
# What venues call the id of a request.
REQUEST_IDS = ("id", "req_id", "reqId", "reqid")


def request_id(message: Any) -> str | None:
    """The id of a request or of the answer to it, where the venue uses ids."""
    if not isinstance(message, dict):
        return None
    return next((str(message[k]) for k in REQUEST_IDS if message.get(k) is not None), None)


def turned(subscribe: dict[str, Any], new_id: int) -> dict[str, Any]:
    """The message that ends what `subscribe` began."""
    message = dict(subscribe)
    for key in REQUEST_IDS:
        if key in message:
            message[key] = type(message[key])(new_id)
    for verb in _VERBS:
        value = message.get(verb)
        if isinstance(value, str):
            small = value.replace("subscribe", "unsubscribe")
            message[verb] = small.replace("SUBSCRIBE", "UNSUBSCRIBE")
    return message


def is_subscription(message: Any) -> bool:
    """Whether a message to a venue begins a subscription."""
    verbs = [message.get(verb) for verb in _VERBS] if isinstance(message, dict) else []
    words = [verb.lower() for verb in verbs if isinstance(verb, str)]
    return any("subscribe" in word and "unsub" not in word for word in words)


def begins_stream(message: Any) -> bool:
    """The same in any wording, also of those that cannot be turned: `{"sub": …}`, "SUBSCRIPTION"."""
    if is_subscription(message):
        return True
    if not isinstance(message, dict):
        return False
    words = [str(message.get(verb)).lower() for verb in (*_VERBS, "reqType")]
    return "sub" in message or any(w == "sub" or w.startswith("subscri") for w in words)


def is_farewell(message: Any) -> bool:
    """Whether a message of a venue confirms the end of a subscription."""
    if not isinstance(message, dict):
        return False
    data = message.get("data")
    verbs = [message.get(verb) for verb in _VERBS]
    if isinstance(data, dict):
        verbs.append(data.get("method"))
    return any(isinstance(verb, str) and "unsubscribe" in verb for verb in verbs)


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
