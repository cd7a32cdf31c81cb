"""What the hub asks of the engine, and what it gets."""

from dataclasses import dataclass

from app.web.spec import ViewSpec


@dataclass(frozen=True)
class Open:
    """Begin a view; `foreseen`: nobody has asked for it yet."""

    key: str
    spec: ViewSpec
    foreseen: bool = False


@dataclass(frozen=True)
class Close:
    """End a view."""

    key: str


@dataclass(frozen=True)
class Snap:
    """Somebody needs a snapshot of a view."""

    key: str


Wish = Open | Close | Snap


@dataclass(frozen=True)
class Frame:
    """A frame for the subscribers of a view."""

    key: str
    data: bytes
    snapshot: bool
    for_all: bool  # a snapshot that only some asked for is not for the others


@dataclass(frozen=True)
class Trouble:
    """A sentence for the subscribers of a view, while it cannot be shown.

    `progress` is how far a market that a collector is expected to take up has come, 0..1; None: it is
    no start that is waited for.
    """

    key: str
    message: str
    progress: float | None = None
