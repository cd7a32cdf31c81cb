"""How to end a book's subscription without closing the connection that other markets share."""

from app.feeds.rules.base import Leave, Subscribed


def deribit(book: Subscribed) -> Leave | None:
    """By the channels that were asked for."""
    prefix = f"book.{book.market['id']}."
    channels = [note for note in book.notes if note.startswith(prefix)]
    if not channels:
        return None
    message = {
        "jsonrpc": "2.0",
        "id": book.request_id,
        "method": "public/unsubscribe",
        "params": {"channels": channels},
    }
    return Leave(message, channels)


def kraken(book: Subscribed) -> Leave | None:
    """By symbol and depth."""
    params = {"channel": "book", "symbol": [book.market["symbol"]], "depth": book.depth_limit}
    return Leave({"method": "unsubscribe", "params": params, "req_id": book.request_id})
