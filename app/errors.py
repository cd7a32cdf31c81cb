"""Every error the product raises on purpose, in one tree.

    OfiError
    ├── InputError            what the user gave is wrong; the command exits with 2
    │   ├── SettingsError     ofi.toml, OFI_… variables, flags
    │   ├── MarketError       a market id, a venue or a symbol that does not exist
    │   └── DataError         a file that is not what it should be: names file, line, column
    ├── FeedError             a venue or the way to it
    │   ├── VenueDownError    it does not answer, or the network is away
    │   ├── ThrottledError    it answers "later"; carries when
    │   └── BookError         what it sent cannot be a book: gap, checksum, crossed, non-finite
    ├── StoreError            the hot store
    │   ├── StoreCorruptError a file in it is damaged
    │   ├── StoreFullError    no space left
    │   └── StoreBusyError    another collector already writes this market
    └── ServerError           the web side: port in use, unsafe binding

Foreign exceptions are mapped to these at the edge where they enter. A message says what was wrong,
what was seen and what to do, in whole sentences.
"""


class OfiError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class InputError(OfiError):
    """What the user gave is wrong."""

    exit_code = 2


class SettingsError(InputError):
    """A setting is unknown, has the wrong type or contradicts another."""


class MarketError(InputError):
    """A market id is malformed, or names a venue or symbol that does not exist."""


class DataError(InputError):
    """A file is not what it should be."""

    def __init__(self, what: str, file: str, line: int | None = None, column: str | None = None):
        place = file if line is None else f"{file}, line {line}"
        super().__init__(f"{place}{f', column {column}' if column else ''}: {what}")
        self.file, self.line, self.column = file, line, column


class FeedError(OfiError):
    """A venue, or the way to it, failed."""


class VenueDownError(FeedError):
    """The venue does not answer."""


class ThrottledError(FeedError):
    """The venue limits requests; `banned` says that it takes none at all, whatever they ask for."""

    def __init__(self, message: str, retry_after_s: float | None = None, banned: bool = False):
        super().__init__(message)
        self.retry_after_s, self.banned = retry_after_s, banned


class BookError(FeedError):
    """What the venue sent cannot be a book. `reason` is a word of `records.REASONS`."""

    def __init__(self, message: str, reason: str):
        super().__init__(message)
        self.reason = reason


class StoreError(OfiError):
    """The hot store failed."""


class StoreCorruptError(StoreError):
    """A file of the hot store is damaged."""


class StoreFullError(StoreError):
    """The disk below the hot store is full."""


class StoreBusyError(StoreError):
    """Another collector already writes this market."""


class ServerError(OfiError):
    """The web server cannot start as asked."""
