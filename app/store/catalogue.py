"""What open venues trade, to be searched by a few words: two tables of `control.sqlite`.

Selecting is SQLite's work, so that no process holds the tens of thousands of listings of all venues.
"""

import sqlite3
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from app.market import Contract, Listing, MarketId

NAMES: Final = ("offers", "listings")
TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS offers (venue TEXT PRIMARY KEY, until_ns INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS listings (venue TEXT NOT NULL, symbol TEXT NOT NULL, "
    "base TEXT NOT NULL, quote TEXT NOT NULL, kind TEXT NOT NULL, contract TEXT NOT NULL, "
    "key TEXT NOT NULL, pair TEXT NOT NULL, words TEXT NOT NULL, rank INTEGER NOT NULL, "
    "PRIMARY KEY (venue, symbol)) WITHOUT ROWID",
)
MAX_LIMIT: Final = 200
_MAX_WORDS, _MAX_WORD = 6, 24
# What is looked for most comes first among equals.
_KINDS: Final = ("spot", "swap", "future", "option")
_QUOTES: Final = ("USDT", "USD", "USDC", "EUR", "BTC")
_SYNONYMS: Final = {"swap": "SWAP PERP PERPETUAL", "future": "FUTURE FUTURES"}
_CLOSE = 0.6
_FROM: Final = "FROM listings JOIN offers USING (venue) WHERE until_ns > ?"
_HELD: Final = f"SELECT 1 {_FROM} AND words LIKE ? LIMIT 1"
_NAMES: Final = f"SELECT DISTINCT key {_FROM} UNION SELECT upper(venue) {_FROM}"
_PAIRS: Final = f"SELECT DISTINCT pair {_FROM} AND pair LIKE ?"


def replace(
    connection: sqlite3.Connection, venue: str, listings: Iterable[Listing], until_ns: int
) -> None:
    """Put a venue's listings in the place of those it had."""
    connection.execute("DELETE FROM listings WHERE venue = ?", (venue,))
    connection.executemany(
        "INSERT OR REPLACE INTO listings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (_row(listing) for listing in listings),
    )
    connection.execute("INSERT OR REPLACE INTO offers VALUES (?, ?)", (venue, until_ns))


def prolong(connection: sqlite3.Connection, venue: str, until_ns: int) -> None:
    """What a venue offers holds for longer."""
    connection.execute("UPDATE offers SET until_ns = ? WHERE venue = ?", (until_ns, venue))


def search(connection: sqlite3.Connection, query: str, limit: int, now_ns: int) -> list[Listing]:
    """Listings that hold every word of the query; else its letters in order; else one spelled alike.

    Words may be of the venue, the currencies, the symbol, or say what is traded (spot, perp, option).
    A base currency or pair that is the word comes before one that begins with it, that before the rest.
    """
    limit = max(0, min(limit, MAX_LIMIT))
    words = _words(query)
    for holds in (_contains, _in_order):
        found = _select(connection, words, [holds(word) for word in words], limit, now_ns)
        if found or not words:
            return found
    alike = [_similar(connection, word, now_ns) for word in words]
    if alike == words:
        return []
    return _select(connection, alike, [_contains(word) for word in alike], limit, now_ns)


def _row(listing: Listing) -> tuple[str | int, ...]:
    symbol, base, quote = listing.id.symbol, listing.base, listing.quote
    kind, pair = listing.kind, _bare(base + quote)
    said = (listing.id.venue, symbol, base, quote, kind, str(listing.contract))
    words = " ".join((*(_bare(part) for part in said), pair, _SYNONYMS.get(kind, "")))
    of_kind = _KINDS.index(kind) if kind in _KINDS else len(_KINDS)
    of_quote = _QUOTES.index(quote) if quote in _QUOTES else len(_QUOTES)
    rank = (of_kind * 10 + of_quote) * 100 + len(symbol)
    contract = str(listing.contract)
    return (
        listing.id.venue, symbol, base, quote, kind, contract, _bare(base), pair, words, rank,
    )  # fmt: skip


def _select(
    connection: sqlite3.Connection,
    words: list[str],
    patterns: list[str],
    limit: int,
    now_ns: int,
) -> list[Listing]:
    holds = "".join(" AND words LIKE ?" for _ in patterns)
    near = "".join(
        " + (CASE WHEN key = ? OR pair = ? THEN 0 WHEN key LIKE ? OR pair LIKE ? THEN 1 ELSE 2 END)"
        for _ in words
    )
    ranks = [part for word in words for part in (word, word, f"{word}%", f"{word}%")]
    rows = connection.execute(
        f"SELECT venue, symbol, base, quote, kind, contract {_FROM}{holds} "
        f"ORDER BY (0{near}) + 0, rank, symbol, venue LIMIT ?",
        (now_ns, *patterns, *ranks, limit),
    )
    return [
        Listing(MarketId(venue, symbol), base, quote, kind, Contract(contract))
        for venue, symbol, base, quote, kind, contract in rows
    ]


def _similar(connection: sqlite3.Connection, word: str, now_ns: int) -> str:
    """A word that nothing holds becomes the one most like it: a currency, a venue, or a pair."""
    for query, values in (
        (_HELD, (now_ns, f"%{word}%")),
        (_NAMES, (now_ns, now_ns)),
        (_PAIRS, (now_ns, f"{word[0]}%")),
    ):
        names = [str(name) for (name,) in connection.execute(query, values)]
        if query is _HELD and names:
            return word
        close = get_close_matches(word, names, n=1, cutoff=_CLOSE)
        if close:
            return close[0]
    return word


def _words(query: str) -> list[str]:
    spaced = "".join(c if c.isalnum() else " " for c in query.upper())
    return [word[:_MAX_WORD] for word in spaced.split()][:_MAX_WORDS]


def _bare(text: str) -> str:
    return "".join(c for c in text.upper() if c.isalnum())


def _contains(word: str) -> str:
    return f"%{word}%"


def _in_order(word: str) -> str:
    return f"%{'%'.join(word)}%"
