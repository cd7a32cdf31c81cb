"""Structured logs: one line an event, rate-limited by event name, secrets masked."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from app.clock import monotonic_ns

_SECRET = re.compile(r"(token|password|secret|apikey|api_key|authorization|cookie)", re.IGNORECASE)
_URL_SECRET = re.compile(
    r"((?:token|password|secret|key|signature)=)[^&\s]+|(://[^:/@\s]*:)[^@\s]+(?=@)", re.IGNORECASE
)
_PER_MINUTE = 60


def mask(text: str) -> str:
    """A text with credentials in it made unreadable."""
    return _URL_SECRET.sub(lambda m: f"{m.group(1) or m.group(2)}***", text)


def _mask_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if _SECRET.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = mask(value)
    return event


class RateLimit:
    """Lets through so many events a minute of each name (and market), and says how many it held."""

    def __init__(self, per_minute: int = _PER_MINUTE):
        self._limit = per_minute
        self._window: dict[tuple[str, str], tuple[int, int, int]] = {}

    def __call__(
        self, _: Any, __: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Count the event; drop it when its name has had its share of the minute."""
        key = (str(event.get("event")), str(event.get("market", "")))
        minute = monotonic_ns() // 60_000_000_000
        seen_minute, count, held = self._window.get(key, (minute, 0, 0))
        if seen_minute != minute:
            count = 0
        if count >= self._limit:
            self._window[key] = (minute, count, held + 1)
            raise structlog.DropEvent
        if held:
            event["held_back"] = held
        if len(self._window) > 4096:
            self._window.clear()
        self._window[key] = (minute, count + 1, 0)
        return event


def configure(level: str = "info", *, json: bool | None = None) -> None:
    """Set up logging for a process: readable on a terminal, JSON lines otherwise."""
    as_json = json if json is not None else not sys.stderr.isatty()
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=True)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            RateLimit(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _mask_event,  # after the traceback was written: errors of HTTP clients carry addresses
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def get(room: str) -> Any:
    """The logger of a room."""
    return structlog.get_logger(room=room)
