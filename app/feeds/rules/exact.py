"""Numbers that keep the text they were sent as, for checksums over the venue's own digits."""

import json
from typing import Any


class Exact(float):
    """A float that knows how the venue wrote it."""

    __slots__ = ("digits", "text")
    digits: str
    text: str

    def __new__(cls, text: str) -> "Exact":
        """From the venue's text.

        Raises:
            ValueError: it is no number.
        """
        self = super().__new__(cls, text)
        self.text = text
        # Kraken's form: neither point nor leading zeros.
        self.digits = text.replace(".", "").lstrip("0")
        return self


def exact(value: Any) -> Any:
    """A number of a message with its text; what is none is refused later: as it is, and None for a truth."""
    if isinstance(value, Exact):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int | str):
        return Exact(str(value))
    return value


def whole_number(value: Any) -> int:
    """An integer of a message, exactly; from a fraction, without its fraction.

    Raises:
        TypeError, ValueError, OverflowError: it is no number.
    """
    if type(value) is int:
        return value
    if type(value) is str and value.isdecimal():
        return int(value)
    return int(float(value))


def loads(text: str) -> Any:
    """JSON with every fraction as an `Exact`.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(text, parse_float=Exact)
