"""Names and options in plain words, shared by controls and titles."""

import re

from app.market import MarketId

DEPTHS = (1, 2, 3, 5, 10, 15, 20)
WINDOWS_S = (1, 5, 10, 30, 60, 300)
RANGES_S = (300, 900, 1800, 3600, 7200)
BINS_S = (1, 5, 10, 30)
LOOKBACKS_S = (600, 1800, 3600, 7200)


def slug(heading: str) -> str:
    """The anchor of a heading in a document: small letters, digits, dashes for spaces."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


def duration(seconds: int) -> str:
    """A round duration: 10 s, 5 min, 2 h."""
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds // 3600}\u00a0h"
    if seconds >= 60 and seconds % 60 == 0:
        return f"{seconds // 60}\u00a0min"
    return f"{seconds}\u00a0s"


def levels(depth: int) -> str:
    """A number of price levels."""
    return "best level" if depth == 1 else f"{depth} levels"


def venue_name(market: MarketId) -> str:
    """The venue as a word of a sentence."""
    return market.venue[:1].upper() + market.venue[1:]
