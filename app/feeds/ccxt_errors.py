"""Maps the errors of ccxt and the network to the product's tree, at the edge where they enter."""

import asyncio
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import ccxt
import orjson

from app.clock import NS_PER_S, SystemClock
from app.errors import BookError, FeedError, OfiError, ThrottledError, VenueDownError

_SHOWN = 160
# Where venues put words for people, the likeliest first.
_WORDS = (
    "msg", "ret_msg", "retMsg", "message", "error_message", "error", "errors", "data", "reason",
)  # fmt: skip
_BANNED = 418  # those who do not listen to "not now"
_LATER = (_BANNED, 429)
_NOT_FOUND = 404
# Venues say in many ways that they have no such market, and ccxt knows few of them.
_MARKET = r"(?:symbol|instrument|market|pair|product)\w*"
_UNKNOWN = re.compile(
    rf"(?:{_MARKET})\W+(?:is |was )?(?:not[ _]found|invalid|unknown|delisted|does not exist)"
    rf"|(?:unknown|invalid|no such|unsupported)\W+(?:\w+\W+)?(?:{_MARKET})|_not_found",
    re.IGNORECASE,
)
_LONGEST_WAIT_S = 7 * 24 * 3600.0  # bans last days; more is no answer


def to_feed_error(venue: str, error: BaseException) -> OfiError:
    """A foreign error as one of ours, with a sentence for the user.

    Args:
        venue: how the venue is called on the page.
        error: what was raised; one of ours is returned as it is.
    """
    if isinstance(error, OfiError):
        return error
    statuses = _statuses(error)
    if statuses & set(_LATER) or isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
        wait_s = retry_after_of(error)
        until = "" if wait_s is None else f" for {wait_s:g} s"
        return ThrottledError(f"{venue} limits requests{until}.", wait_s, _BANNED in statuses)
    if isinstance(error, ccxt.ChecksumError):
        return BookError(f"{venue} sent an update that does not follow the one before.", "sequence")
    if isinstance(error, ccxt.InvalidNonce):
        return BookError(f"{venue} sent a snapshot older than its updates.", "snapshot")
    if isinstance(error, ccxt.RequestTimeout | TimeoutError | asyncio.TimeoutError):
        return VenueDownError(f"{venue} did not answer in time.")
    if isinstance(error, ccxt.NetworkError | aiohttp.ClientError | OSError):
        return VenueDownError(f"{venue} is not answering ({cause_of(error)}).")
    if not isinstance(error, ccxt.BaseError):
        # A handler tripped over what was sent.
        return BookError(f"{venue} sent what cannot be read ({cause_of(error)}).", "handler")
    return FeedError(f"{venue} refused the request: {cause_of(error)}.")


def is_unknown_market(error: BaseException) -> bool:
    """Whether a venue says that it has no such market; any other refusal tells nothing of the market."""
    if isinstance(error, ccxt.BadSymbol) or _NOT_FOUND in _statuses(error):
        return True
    return isinstance(error, ccxt.ExchangeError) and _UNKNOWN.search(str(error)) is not None


def is_wrong_request(error: BaseException) -> bool:
    """Whether it says that the request itself cannot be made so, whenever it is repeated."""
    return isinstance(error, ccxt.BadRequest | ccxt.NotSupported)


def retry_after_of(error: BaseException) -> float | None:
    """The wait that the venue asked for, in seconds, where the hooked exchange noted one, or in the
    answer to a handshake."""
    noted = sane_wait(getattr(error, "retry_after_s", None))
    inner = _innermost(error)
    if noted is None and isinstance(inner, aiohttp.ClientResponseError) and inner.headers:
        return wait_in(inner.headers)
    return noted


def wait_in(headers: Mapping[str, Any]) -> float | None:
    """The wait that an answer's headers ask for, in seconds."""
    named = {name.lower(): value for name, value in headers.items()}
    return sane_wait(named.get("retry-after"), named.get("date"))


def sane_wait(value: Any, sent: Any = None) -> float | None:
    """A `Retry-After` in seconds as one can wait for it; None where it is none.

    Args:
        value: seconds, or the moment as an HTTP date.
        sent: when the answer was sent by the venue's own clock (`Date`); without it ours counts.
    """
    until = _moment(value)
    try:
        seconds = float(value) if until is None else until - (_moment(sent) or _now_s())
    except (TypeError, ValueError):
        return None
    if until is not None:
        seconds = max(0.0, seconds)
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_WAIT_S)


def _moment(value: Any) -> float | None:
    """An HTTP date in seconds since the epoch."""
    try:
        return parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None


def _now_s() -> float:
    return SystemClock().now_ns() / NS_PER_S


def cause_of(error: BaseException) -> str:
    """The innermost reason in a few words, on one line."""
    error = _innermost(error)
    status = _status(error)
    if status is not None:
        return f"HTTP status {status}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.rstrip(".")
    text = " ".join(str(error).split()) or type(error).__name__
    return (_sentence(text) or text).rstrip(".")[:_SHOWN]


def _sentence(text: str) -> str | None:
    """The venue's own words in an answer that ccxt hands on as JSON behind the name of the exchange."""
    try:
        return sentence_of(orjson.loads(text[text.index("{") :]))
    except ValueError:
        return None


def sentence_of(answer: Any) -> str | None:
    """What an error of a venue says to a reader, wherever in it that stands; None where it says nothing."""
    if isinstance(answer, str):
        return answer.strip() or None
    if isinstance(answer, list):
        return next((found for one in answer if (found := sentence_of(one))), None)
    if not isinstance(answer, dict):
        return None
    return next((found for key in _WORDS if (found := sentence_of(answer.get(key)))), None)


def _innermost(error: BaseException) -> BaseException:
    while True:
        wrapped = error.args[0] if error.args else None
        if isinstance(wrapped, BaseException):
            error = wrapped
        elif isinstance(error, ccxt.BaseError) and error.__cause__ is not None:
            error = error.__cause__
        else:
            return error


def _statuses(error: BaseException) -> set[int | None]:
    return {_status(error), getattr(error, "http_status", None)}


def _status(error: BaseException) -> int | None:
    error = _innermost(error)
    return error.status if isinstance(error, aiohttp.ClientResponseError) else None
