"""The table of faults that frames can carry, and what must become of each in every family."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.venues.fault_rows import GAP, SEEN, WHOLE
from tests.venues.frame_formats import DEFAULT, UNCHECKED, frame_formats

AUDIT = "audit"
_HOLE = "hole"  # the word by which the family shows that something is missing


@dataclass(frozen=True)
class Expected:
    """What must follow a fault.

    `ends`: as of a row of `fault_rows`, or an audit that alone can find it. `says`: the reason of the gap, or
    what shows a fault without one. `link`: nothing tells whose market it was, so that all who share the
    connection begin anew.
    """

    ends: str
    says: str = ""
    link: bool = False


@dataclass(frozen=True)
class FrameRow:
    """A fault; `special` has the families in which something else must follow, or None where it cannot be."""

    name: str
    kind: str
    usual: Expected | None
    special: Mapping[str, Expected | None] = field(default_factory=dict)

    def of(self, family: str) -> Expected | None:
        """What must follow in a family."""
        expected = self.special.get(family, self.usual)
        if expected is not None and expected.says == _HOLE:
            return replace(expected, says=frame_formats()[family].hole)
        return expected


_MISSED = Expected(GAP, _HOLE)
_UNREAD = Expected(GAP, "handler")
_UNREAD_BY_ALL = Expected(GAP, "handler", link=True)
_FOUND_BY_AUDIT = Expected(AUDIT, "audit")
_HARMLESS = Expected(WHOLE)
_COUNTED = Expected(SEEN, "counted")
_NOT_NUMBERED = dict.fromkeys(("coinbase", "hyperliquid", DEFAULT), _HARMLESS)
# Coinbase numbers the messages of its connection, whosever they are.
_OF_ALL = {"coinbase": Expected(GAP, "sequence", link=True)}

FRAME_ROWS = (
    FrameRow(
        "dropped update",
        "drop",
        _MISSED,
        # Bitget's ids only grow. Of Hyperliquid whole books come: the next one has it.
        {**_OF_ALL, "hyperliquid": _HARMLESS, DEFAULT: _FOUND_BY_AUDIT, UNCHECKED: _FOUND_BY_AUDIT},
    ),
    FrameRow("dropped, none after it", "drop_last", None, {"hyperliquid": _FOUND_BY_AUDIT}),
    FrameRow("duplicated update", "duplicate", _COUNTED, _NOT_NUMBERED),
    FrameRow("reordered updates", "reorder", _MISSED, {**_OF_ALL, DEFAULT: _FOUND_BY_AUDIT}),
    FrameRow("delayed updates", "delay", Expected(SEEN, "latency")),
    FrameRow(
        "malformed JSON",
        "malformed",
        _UNREAD,
        # Of Coinbase a number is missing besides; MEXC's spot is binary.
        {"coinbase": _UNREAD_BY_ALL, "mexc": None},
    ),
    FrameRow(
        "truncated JSON",
        "truncated",
        _UNREAD,
        # The half that comes names no market.
        dict.fromkeys(("coinbase", "gate futures", "mexc", DEFAULT), _UNREAD_BY_ALL),
    ),
    FrameRow("crossed", "crossed", Expected(GAP, "crossed")),
    FrameRow("one-sided", "one_sided", Expected(SEEN, "as it is")),
    FrameRow(
        "empty",
        "empty",
        Expected(GAP, "empty"),
        {"hyperliquid": Expected(GAP, "snapshot")},
    ),
    FrameRow(
        "NaN amount",
        "non_finite",
        Expected(GAP, "non-finite"),
        dict.fromkeys(("gate futures", "mexc futures"), _UNREAD),
    ),
    FrameRow("negative amount", "negative", Expected(GAP, "non-finite")),
    FrameRow(
        "no timestamps",
        "no_time",
        Expected(SEEN, "no time"),
        # They order their books by it: one cannot be read, the other is passed over.
        {"hyperliquid": _UNREAD, DEFAULT: _FOUND_BY_AUDIT},
    ),
    FrameRow(
        "dropped, ids > 2^53",
        "big_ids",
        _MISSED,
        {**dict.fromkeys(_NOT_NUMBERED, None), UNCHECKED: _FOUND_BY_AUDIT},
    ),
)
FRAME_FAMILIES = tuple(frame_formats())


def frame_rows_of(family: str) -> list[FrameRow]:
    """The faults that a family can have, in the order in which they are played."""
    return [row for row in FRAME_ROWS if row.of(family) is not None]
