"""What a feed tells the user: one plain sentence a state, in the words of the page."""

from datetime import UTC, datetime

from app.clock import NS_PER_S

_FAULTS = {
    "reconnect": "The connection was lost",
    "sequence": "An update was missing",
    "checksum": "The book did not match the venue's checksum",
    "crossed": "A book with the best bid at or above the best ask was sent",
    "empty": "An empty book was sent",
    "unsorted": "A book out of order was sent",
    "non-finite": "A price or size that cannot be was sent",
    "snapshot": "The snapshot of the book could not be used",
    "ring full": "More came than could be taken in",
    "machine slept": "This machine slept",
    "duplicate": "An update was sent again",
    "grid changed": "The venue changed its price or size increments",
    "throttled": "The venue limited requests",
    "handler": "A message could not be read",
    "audit": "The book differed from the venue's own when asked for it again",
}


def clock_time(time_ns: int) -> str:
    """A moment as the page writes it: `14:36:10 UTC`."""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime("%H:%M:%S UTC")


def starting(venue: str) -> str:
    """Before the first book."""
    return f"Waiting for the first book of {venue}."


def connected(venue: str) -> str:
    """The link is up, before the first book."""
    return f"Connected to {venue}; the first book is on its way."


def queued(venue: str, ahead: int, started: int, total: int) -> str:
    """Waiting for a turn at the venue's rate limit."""
    if not ahead:
        return starting(venue)
    markets = "starts" if ahead == 1 else "start"
    return (
        f"{started} of {total} markets have started, {ahead} {markets} before this one; "
        f"{venue} limits how fast."
    )


def rebuilding(reason: str, missed: int) -> str:
    """A fault of the book, while a new one is fetched."""
    counted = f" ({missed} missed)" if missed > 0 else ""
    return f"{_FAULTS.get(reason, reason)}{counted}. The book is rebuilt from a snapshot."


def reconnecting(reason: str, alone: bool) -> str:
    """A fault of the connection, while it is opened again; `alone`: no other market is on it."""
    others = (
        "other markets are not affected" if alone else "the markets that share it come back too"
    )
    return f"{_FAULTS.get(reason, reason)}. It is opened again; {others}."


def awaited(trades: bool) -> str:
    """The link is up again; what the gap of a stream ends with."""
    ends = "Trades are whole again once the venue has" if trades else "The gap ends with the next"
    return f"{ends} {'confirmed them' if trades else 'best quotes'}."


def awaiting_quote(reason: str) -> str:
    """Best quotes that cannot be, while the stream goes on."""
    return (
        f"{_FAULTS.get(reason, reason)} as the best quotes. The gap ends with the next good ones."
    )


def silent(seconds: float) -> str:
    """The watchdog gave the link up."""
    return f"No message for {seconds:.1f} s. The connection is opened again."


def unanswered(seconds: float) -> str:
    """A venue that is asked stopped answering."""
    return f"No answer for {seconds:.1f} s. It is asked again."


def renumbered(seconds: float) -> str:
    """A venue that is asked went back in its own numbers and stays there."""
    return f"For {seconds:.1f} s all books had older numbers than before. The book begins anew."


def frozen() -> str:
    """A venue that is asked sends the same book while it lists new trades."""
    return (
        "The venue sends the same book under the same time while trades go on. "
        "Figures wait for a newer one."
    )


def slow(venue: str, period_s: float, markets: int) -> str:
    """What the rate limit allows where it is less than a book a second."""
    shared = "" if markets == 1 else f", shared by {markets} markets"
    return f"The rate limit of {venue}{shared}, allows a book every {period_s:.0f} s."


def overlap_lost() -> str:
    """Between two answers more trades happened than one lists."""
    return "More trades happened between two answers than the venue lists in one; some are missing."


def one_silent(what: str, seconds: float) -> str:
    """One stream of a market fell silent while another went on."""
    return f"No {what} for {seconds:.1f} s while the market moved. It is subscribed again."


def trades_missed(seconds: float) -> str:
    """Trades fell silent while the venue lists newer ones."""
    return (
        f"No trade for {seconds:.1f} s while the venue lists newer ones. They are subscribed again."
    )


def trades_skipped(missed: int) -> str:
    """Among the numbers that the venue gives its trades some were not told."""
    trades = "1 trade is" if missed == 1 else f"{missed} trades are"
    return f"{trades} missing by the venue's own numbers."


def trades_unproved(seconds: float) -> str:
    """Trades are silent, and the venue cannot be asked."""
    return f"No trade for {seconds:.0f} s; the venue lists none to compare, so some may be missing."


def moved_on(seconds: float) -> str:
    """Silence on a link that lives, while the venue's own book changed."""
    return f"No update for {seconds:.1f} s while the venue's own book moved on. It is subscribed again."


def no_level(venue: str) -> str:
    """An answer that says nothing of a book."""
    return f"{venue} answered with a book without a level."


def unanswerable(seconds: float) -> str:
    """Silence on a link that lives, while nobody answers the question about it."""
    return (
        f"No update for {seconds:.0f} s, and the venue does not say whether its own book has moved on. "
        "What is shown may be old."
    )


def doubted(seconds: float) -> str:
    """Silence on a link that lost the stream of another market."""
    return (
        f"No update for {seconds:.0f} s on a connection that lost another market. "
        "The venue is asked whether its own book has moved on."
    )


def prices(count: int) -> str:
    """At how many prices a book differs."""
    return "one price" if count == 1 else f"{count} prices"


def disputed(where: str) -> str:
    """Audits that a rebuild of the book does not settle."""
    return (
        f"The book differs at {where} from what the venue answers when asked for it, also after it was "
        "built anew."
    )


def unproved() -> str:
    """After a silence: the venue answers, its stream does not speak."""
    return "The book was fetched anew, but no update has come since. Figures wait for one."


def gone(seconds: float) -> str:
    """Silence of a market that the venue no longer knows."""
    return f"No update for {seconds:.1f} s, and the venue does not give its book."


def down(venue: str, next_try_ns: int, alone: bool) -> str:
    """Attempts fail; `alone`: on a connection that no other market is on."""
    others = "markets" if alone else "venues"
    return (
        f"{venue} is not answering. The next attempt is at {clock_time(next_try_ns)}. "
        f"Other {others} are not affected."
    )


def refused(venue: str, what: str, next_try_ns: int) -> str:
    """The venue answers with an error."""
    return f"{what} The next attempt at {venue} is at {clock_time(next_try_ns)}."


def throttled(venue: str, until_ns: int) -> str:
    """The venue says "later"."""
    return f"{venue} limits requests until {clock_time(until_ns)}. Figures wait until then."


def gap(reason: str, missed: int) -> str:
    """A finished gap, for its record."""
    counted = f"{missed} updates missed; " if missed > 0 else ""
    return f"{_FAULTS.get(reason, reason)}; {counted}the book begins anew."
