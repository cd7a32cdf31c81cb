"""What a page may ask of `/live`: checked, and canonical so that equal wishes share their frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from app.clock import NS_PER_MS, NS_PER_S
from app.compute.evidence import Question
from app.compute.follow import LOOKBACK_S
from app.errors import InputError
from app.market import MarketId
from app.records import LEVELS
from app.web.options import BEST, MAIN, MAX_NOTIONAL, NOTIONAL
from app.web.state import DEFAULT_BIN_S
from components.words import BINS_S

LOOKBACK_BOUNDS_S: Final = (600, 7200)
# field → (default, least, most); None as a default: it must be given.
_WHOLE: Final[Mapping[str, tuple[int | None, int, int]]] = {
    "depth": (10, 1, LEVELS),
    "window_s": (10, 1, 3600),
    "range_s": (900, 60, 4 * 3600),
    "group": (0, 0, 10**9),
    "mid_rows": (160, 8, 1000),
    "lookback_s": (LOOKBACK_S, *LOOKBACK_BOUNDS_S),
    "rate_hz": (10, 1, 10),
}
# The page's tabs; a view gets the arrays of its own only.
TABS: Final = ("flow", "evidence", "trades", "quality")
FLOW: Final = TABS[0]
TRADES: Final = "trades"
EVIDENCE: Final = TABS[1]
QUALITY: Final = TABS[3]
_END_MS: Final = (0, 4_102_444_800_000)  # to the year 2100
_ROWS_STEP: Final = 20  # panels of nearly the same height share their frames
MAX_MID_ROWS: Final = 200
_LOOKBACK_STEP: Final = 60  # so that few are ever followed
MAX_ID: Final = 2**31


@dataclass(frozen=True)
class ViewSpec:
    """One view of one market; `end_ms` None follows the present, `group` 0 lets the server choose.

    `tab` is what the page shows of it.
    """

    market: MarketId
    depth: int
    window_s: int
    range_s: int
    end_ms: int | None
    group: int
    mid_rows: int
    lookback_s: int = LOOKBACK_S  # of scores, distribution, weights and verification
    tab: str = FLOW
    notional: int = NOTIONAL  # of the order whose cost the tab of trades shows, quote currency
    rate_hz: int = 10  # most frames a second
    bin_s: int = DEFAULT_BIN_S  # of verification
    main: str = BEST  # series of the OFI panel, scored against its own past

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> Self:
        """Read a `view` message.

        Raises:
            InputError: a field is missing or out of bounds; one sentence for the user.
        """
        text = message.get("market")
        if not isinstance(text, str):
            raise InputError("A view names its market, for example binance:BTC/USDT.")
        values = {name: _whole(message, name, *bounds) for name, bounds in _WHOLE.items()}
        end = message.get("end_ms")
        if end is not None:
            end = _whole(message, "end_ms", None, *_END_MS)
        rows = -(-values["mid_rows"] // _ROWS_STEP) * _ROWS_STEP
        values["mid_rows"] = min(rows, MAX_MID_ROWS)
        lookback = values["lookback_s"]
        values["lookback_s"] = -(-lookback // _LOOKBACK_STEP) * _LOOKBACK_STEP
        tab = message.get("tab", FLOW)
        if tab not in TABS:
            raise InputError(f"tab must be one of {', '.join(TABS)}.")
        if tab != FLOW:
            values["mid_rows"] = _ROWS_STEP  # nothing of the page depends on it there
            values["group"] = 0
        if tab == TRADES:
            values["notional"] = _whole(message, "notional", NOTIONAL, 1, MAX_NOTIONAL)
        bin_s = _whole(message, "bin_s", DEFAULT_BIN_S, BINS_S[0], BINS_S[-1])
        if bin_s not in BINS_S:
            raise InputError(f"bin_s must be one of {', '.join(map(str, BINS_S))}.")
        values["bin_s"] = bin_s if tab == EVIDENCE else DEFAULT_BIN_S
        main = message.get("main", BEST)
        if main not in MAIN:
            raise InputError(f"main must be one of {', '.join(MAIN)}.")
        main = main if tab == FLOW else BEST
        return cls(market=MarketId.parse(text), end_ms=end, tab=tab, main=main, **values)

    @property
    def window_ns(self) -> int:
        """The window of rolling figures."""
        return self.window_s * NS_PER_S

    @property
    def range_ns(self) -> int:
        """The length of the time axis."""
        return self.range_s * NS_PER_S

    @property
    def period_ns(self) -> int:
        """The first row of each period brings a frame."""
        return NS_PER_S // self.rate_hz

    @property
    def lookback_ns(self) -> int:
        """How far back scores and estimates look."""
        return self.lookback_s * NS_PER_S

    @property
    def question(self) -> Question | None:
        """What the view asks of verification, where the page shows it."""
        if self.tab != EVIDENCE:
            return None
        return Question(self.bin_s, self.lookback_s, self.depth)

    @property
    def shows_book(self) -> bool:
        """Whether the page shows the heatmap and the depth of this view."""
        return self.tab == FLOW

    @property
    def end_ns(self) -> int | None:
        """The fixed end of the time axis."""
        return None if self.end_ms is None else self.end_ms * NS_PER_MS


def view_number(message: Mapping[str, Any]) -> int:
    """The page's own number of a view.

    Raises:
        InputError: it is no number.
    """
    return _whole(message, "id", None, 0, MAX_ID)


def _whole(message: Mapping[str, Any], name: str, default: int | None, low: int, high: int) -> int:
    value = message.get(name, default)
    # JavaScript has one kind of number: 10.0 is 10. True is no number.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name} must be a whole number from {low} to {high}.")
    return value
