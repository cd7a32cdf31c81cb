"""What the page shows, as its address says it: `?m=binance:BTC/USDT&depth=10&window=10&range=900`.

An address comes from anywhere. Every value is checked; a wrong one is dropped in favour of its
default, and what was dropped is told to the user.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlencode

from app.errors import MarketError
from app.market import MarketId
from app.records import LEVELS
from app.web.options import DEFAULTS, OPTIONS, chosen
from components.panes import PANES
from components.words import BINS_S

MAX_MARKETS: Final = 4
MAX_QUERY: Final = 2000  # characters of an address that are read
MAX_FIELDS: Final = 32
WINDOW_S: Final = (1, 3600)
RANGE_S: Final = (60, 4 * 3600)
LOOKBACK_S: Final = (600, 7200)
END_MS: Final = (0, 4_102_444_800_000)  # up to the year 2100
THEMES: Final = ("dark", "light")
RATES_HZ: Final = (1, 10)
COLOURS: Final = ("blue-orange", "green-red")
DEFAULT_TAB: Final = "flow"
DEFAULT_BIN_S: Final = 10
DEFAULT_ZONE: Final = "utc"
DEFAULT_DEPTH: Final = 10
DEFAULT_WINDOW_S: Final = 10
DEFAULT_RANGE_S: Final = 900
DEFAULT_LOOKBACK_S: Final = 1800
DEFAULT_RATE_HZ: Final = 10
PRESENT: Final = -1
# Panels of the tabs in their order, rows with their heights, as many as layout.js reads: "book-ofi.5-flow.4".
_LAYOUT: Final = re.compile(r"|[a-z]{1,16}(\.\d{1,2})?(-[a-z]{1,16}(\.\d{1,2})?){0,39}")
# "utc", "local" or a name of the zone database; whether the browser knows it, the browser says.
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,48}")


@dataclass(frozen=True)
class ViewState:
    """Markets in view and how they are shown; `end_ms` None follows the present."""

    markets: tuple[MarketId, ...] = ()
    depth: int = DEFAULT_DEPTH
    window_s: int = DEFAULT_WINDOW_S
    range_s: int = DEFAULT_RANGE_S
    end_ms: int | None = None
    theme: str = "dark"
    lookback_s: int = DEFAULT_LOOKBACK_S
    tab: str = DEFAULT_TAB
    zone: str = DEFAULT_ZONE
    colours: str = COLOURS[0]
    rate_hz: int = DEFAULT_RATE_HZ
    bin_s: int = DEFAULT_BIN_S
    options: Mapping[str, str] = field(default_factory=dict)  # of the panels, those not default
    layout: str = ""  # "": as the page comes
    dropped: tuple[str, ...] = field(default=(), compare=False)  # sentences on what was wrong

    @classmethod
    def from_search(cls, search: str | None) -> Self:
        """Read the query part of an address; never fails."""
        pairs, dropped = _pairs(search or "")
        markets = _markets(pairs, dropped)
        last = dict(pairs)
        end = _whole(last, "end", PRESENT, END_MS, dropped)
        return cls(
            markets=markets,
            depth=_whole(last, "depth", DEFAULT_DEPTH, (1, LEVELS), dropped),
            window_s=_whole(last, "window", DEFAULT_WINDOW_S, WINDOW_S, dropped),
            range_s=_whole(last, "range", DEFAULT_RANGE_S, RANGE_S, dropped),
            end_ms=None if end == PRESENT else end,
            theme=_word(last, "theme", "dark", THEMES, dropped),
            lookback_s=_whole(last, "lookback", DEFAULT_LOOKBACK_S, LOOKBACK_S, dropped),
            tab=_word(last, "tab", DEFAULT_TAB, tuple(PANES), dropped),
            zone=_zone(last, dropped),
            colours=_word(last, "colours", COLOURS[0], COLOURS, dropped),
            rate_hz=_whole(last, "rate", DEFAULT_RATE_HZ, RATES_HZ, dropped),
            bin_s=int(_word(last, "bin", str(DEFAULT_BIN_S), tuple(map(str, BINS_S)), dropped)),
            options=chosen(last, dropped),
            layout=_layout(last, dropped),
            dropped=tuple(dropped),
        )

    def to_search(self) -> str:
        """The query part that gives this view again, with its question mark."""
        pairs: list[tuple[str, str]] = [("m", str(market)) for market in self.markets]
        pairs += [
            ("depth", str(self.depth)),
            ("window", str(self.window_s)),
            ("range", str(self.range_s)),
            ("lookback", str(self.lookback_s)),
        ]
        if self.end_ms is not None:
            pairs.append(("end", str(self.end_ms)))
        pairs.append(("theme", self.theme))
        plain = type(self)()
        for name, value, default in (
            ("tab", self.tab, plain.tab),
            ("tz", self.zone, plain.zone),
            ("colours", self.colours, plain.colours),
            ("rate", self.rate_hz, plain.rate_hz),
            ("bin", self.bin_s, plain.bin_s),
            ("layout", self.layout, plain.layout),
        ):
            if value != default:
                pairs.append((name, str(value)))
        pairs += self.options.items()
        return "?" + urlencode(pairs, safe=":/")

    def with_controls(self, **controls: object) -> Self:
        """The view that the controls ask for, named as in an address; what is not among them stays.

        Values are checked like those of an address.
        """
        return self._with([("m", str(market)) for market in self.markets], controls)

    def wished(self, wish: Mapping[str, object]) -> Self:
        """The view with what a script of the page asks for, named as in an address."""
        known = {name: value for name, value in wish.items() if name in _WISHES}
        markets = wish.get("m")
        texts = markets if isinstance(markets, list) else self.markets
        pairs = [("m", str(text)) for text in texts]
        return self._with(pairs, known)

    def _with(self, markets: list[tuple[str, str]], changes: Mapping[str, object]) -> Self:
        kept = [(n, v) for n, v in parse_qsl(self.to_search()[1:]) if n != "m" and n not in changes]
        # None takes a value out of the address: without an end the view follows the present.
        new = [(name, str(value)) for name, value in changes.items() if value is not None]
        pairs = markets + kept + new
        return type(self).from_search("?" + urlencode(pairs))

    def to_json(self, heard: int | None = None) -> str:
        """What the page's scripts show; `heard` is the number of the page's wish that it answers."""
        return json.dumps(
            {
                "markets": [str(market) for market in self.markets],
                "depth": self.depth,
                "window_s": self.window_s,
                "range_s": self.range_s,
                "end_ms": self.end_ms,
                "theme": self.theme,
                "lookback_s": self.lookback_s,
                "tab": self.tab,
                "zone": self.zone,
                "colours": self.colours,
                "rate_hz": self.rate_hz,
                "bin_s": self.bin_s,
                "options": {**DEFAULTS, **self.options},
                "layout": self.layout,
                "dropped": list(self.dropped),
                "heard": heard,
            }
        )


_WISHES: Final = frozenset(
    {"depth", "window", "range", "lookback", "end", "theme", "tab", "tz", "colours", "rate", "bin",
     "layout", *OPTIONS}
)  # fmt: skip


def _pairs(search: str) -> tuple[list[tuple[str, str]], list[str]]:
    text = search.removeprefix("?")
    if len(text) > MAX_QUERY:
        return [], [f"The address is longer than {MAX_QUERY} characters and was not read."]
    try:
        return parse_qsl(text, max_num_fields=MAX_FIELDS), []
    except ValueError:
        return [], ["The address has too many parts and was not read."]


def _markets(pairs: list[tuple[str, str]], dropped: list[str]) -> tuple[MarketId, ...]:
    found: dict[MarketId, None] = {}
    for name, text in pairs:
        if name != "m":
            continue
        try:
            found[MarketId.parse(text)] = None
        except MarketError as error:
            dropped.append(str(error))
    if len(found) > MAX_MARKETS:
        dropped.append(f"The page shows {MAX_MARKETS} markets at once; the first are shown.")
    return tuple(found)[:MAX_MARKETS]


def _word(
    values: Mapping[str, str], name: str, default: str, known: tuple[str, ...], dropped: list[str]
) -> str:
    text = values.get(name, default)
    if text in known:
        return text
    dropped.append(f"{name} must be one of {', '.join(known)}; {default} is shown.")
    return default


def _layout(values: Mapping[str, str], dropped: list[str]) -> str:
    text = values.get("layout", "")
    if _LAYOUT.fullmatch(text):
        return text
    dropped.append("The layout of the address cannot be read; the usual one is shown.")
    return ""


def _zone(values: Mapping[str, str], dropped: list[str]) -> str:
    text = values.get("tz", DEFAULT_ZONE)
    if _ZONE.fullmatch(text):
        return text
    dropped.append("tz must be utc, local or the name of a time zone; utc is shown.")
    return DEFAULT_ZONE


def _whole(
    values: Mapping[str, Any], name: str, default: int, bounds: tuple[int, int], dropped: list[str]
) -> int:
    text = values.get(name)
    if text is None:
        return default
    low, high = bounds
    if len(text) <= 15 and text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    shown = "the present" if default == PRESENT else str(default)
    dropped.append(f"{name} must be a whole number from {low} to {high}; {shown} is shown.")
    return default
