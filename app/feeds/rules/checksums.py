"""The checksums that venues send with their books, computed from the book that we hold."""

from zlib import crc32

from app.feeds.rules.base import Side

_KRAKEN_LEVELS = 10
_OKX_LEVELS = 25


def kraken(bids: Side, asks: Side) -> int:
    """CRC32 over the digits of the ten best asks, then bids (docs.kraken.com, Book checksum v2).

    Args:
        bids: levels of `Exact` (price, size), best first.
        asks: the same.
    """
    levels = (*asks[:_KRAKEN_LEVELS], *bids[:_KRAKEN_LEVELS])
    return crc32("".join([level[0].digits + level[1].digits for level in levels]).encode())


def okx(bids: Side, asks: Side) -> int:
    """Signed CRC32 over `bid:size:ask:size:…` of the 25 best levels (OKX API guide, Checksum).

    A side that is shorter is left out where it ends.
    """
    return _interleaved(
        [[(level[0].text, level[1].text) for level in s] for s in _best(bids, asks)]
    )


def bitget(bids: Side, asks: Side) -> int:
    """As OKX; ccxt keeps the strings as the third entry of a level."""
    return _interleaved([[(level[2][0], level[2][1]) for level in s] for s in _best(bids, asks)])


def _best(bids: Side, asks: Side) -> tuple[Side, Side]:
    return bids[:_OKX_LEVELS], asks[:_OKX_LEVELS]


def _interleaved(sides: list[list[tuple[str, str]]]) -> int:
    bids, asks = sides
    parts: list[str] = []
    for place in range(max(len(bids), len(asks))):
        for side in (bids, asks):
            if place < len(side):
                parts.extend(side[place])
    unsigned = crc32(":".join(parts).encode())
    return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned
