"""Parameters of an address of the API, each checked and told of in a sentence when it is wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final

from app.clock import NS_PER_S
from app.errors import InputError
from app.web.features import duration_ns

MAX_TEXT: Final = 200  # characters of a free parameter
_MAX_TIME_NS: Final = 4_102_444_800 * NS_PER_S


def only(query: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuse parameters that an address does not know.

    Raises:
        InputError: one is unknown.
    """
    for name in query:
        if name not in known and name != "token":
            near = get_close_matches(name[:MAX_TEXT], known, n=1, cutoff=0.5)
            hint = (
                f"did you mean {near[0]}?" if near else f"known are {', '.join(known) or 'none'}."
            )
            raise InputError(f"The parameter {name[:40]!r} is unknown; {hint}")


def whole(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number within bounds.

    Raises:
        InputError: it is not one.
    """
    text = query.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high:
        return int(text)
    raise InputError(f"{name} must be a whole number from {low} to {high}.")


def seconds(query: Mapping[str, str], name: str, default: int) -> int | None:
    """A duration in whole seconds; None where it is none."""
    if name not in query:
        return default
    length_ns = duration_ns(query[name]) or 0
    return None if length_ns % NS_PER_S else length_ns // NS_PER_S


def moment(query: Mapping[str, str], name: str, default: int) -> int:
    """Nanoseconds since the epoch, or a date and time of ISO 8601 (UTC where it names no zone)."""
    text = query.get(name)
    if text is None:
        return default
    value = -1
    if text.isascii() and text.isdigit() and len(text) <= 20:
        value = int(text)
    elif len(text) <= 40:
        try:
            # In a URL an unescaped + of a zone arrives as a space.
            found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
            value = round((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6) * 1000
        except (ValueError, OverflowError):
            value = -1
    if not 0 <= value <= _MAX_TIME_NS:
        raise InputError(
            f"{name} must be nanoseconds since 1970, or a time such as 2024-08-08T12:00:00Z."
        )
    return value
