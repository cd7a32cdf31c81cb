"""The hot store: state shared between the collector and the web workers."""

from pathlib import Path

from app.clock import Clock
from app.errors import StoreError
from app.log import mask
from app.store.base import ID_SHIFT, Cursor, HotStore, Lease, News
from app.store.sqlite import SqliteStore
from app.store.waiting import wait_for_news

__all__ = [
    "ID_SHIFT",
    "Cursor",
    "HotStore",
    "Lease",
    "News",
    "SqliteStore",
    "open_store",
    "wait_for_news",
]


def open_store(
    url: str,
    *,
    clock: Clock,
    keep_minutes: int = 240,
    max_mb_per_market: int = 256,
    readonly: bool = False,
) -> SqliteStore:
    """The store at `url`: `sqlite:////absolute/directory` or `sqlite:///relative/directory`.

    A store opened with `readonly` cannot write markets; viewers' requests still pass.

    Raises:
        StoreError: the URL names no store that this build has, or the directory cannot be one.
    """
    scheme, separator, rest = url.partition("://")
    if scheme in ("redis", "rediss"):
        raise StoreError(
            "This build has only the embedded store; set store.url to sqlite:////path/to/directory."
        )
    if scheme != "sqlite" or not separator or not rest.startswith("/") or len(rest) < 2:
        raise StoreError(
            f"The store URL was {mask(url)!r}; write sqlite:///DIRECTORY, with four slashes when the "
            "directory is absolute."
        )
    return SqliteStore(
        Path(rest[1:]),
        clock=clock,
        keep_minutes=keep_minutes,
        max_mb_per_market=max_mb_per_market,
        readonly=readonly,
    )
