"""How the panels are drawn, as an address says it: small words beside the view, each with a default."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

BEST: Final = "best"
MAIN: Final = (BEST, "multi", "integrated")  # series of the OFI panel
OWN_FEE: Final = "own"  # of a taker: what the browser keeps
NOTIONAL: Final = 100_000  # of an order whose cost is shown, quote currency
MAX_NOTIONAL: Final = 10**12


@dataclass(frozen=True)
class Option:
    """What an option may be; `said` tells the user."""

    default: str
    pattern: re.Pattern[str]
    said: str
    holds: Callable[[str], bool]  # of what the pattern lets through

    def takes(self, text: str) -> bool:
        """Whether an address may say this."""
        return self.pattern.fullmatch(text) is not None and self.holds(text)


def _option(
    default: str, pattern: str, said: str, holds: Callable[[str], bool] = lambda _: True
) -> Option:
    return Option(default, re.compile(pattern), said, holds)


def _rising(sizes: str) -> bool:
    low, _, high = sizes.partition("~")
    return not high or float(low) < float(high)


OPTIONS: Final[Mapping[str, Option]] = {
    "group": _option(
        "auto",
        r"auto|[1-9]\d{0,5}t|[1-9]\d{0,2}bp",
        "auto, ticks such as 5t, or basis points such as 2bp",
    ),
    "ramp": _option("tide", r"tide|viridis|cividis|greys", "tide, viridis, cividis or greys"),
    "heat": _option("log", r"log|linear", "log or linear"),
    "clip": _option("99.5", r"[5-9]\d(\.\d)?|100", "a percentile from 50 to 100"),
    "sizes": _option(
        "auto",
        r"auto|\d{1,12}(\.\d{1,8})?~\d{1,12}(\.\d{1,8})?",
        "auto, or two sizes, the smaller first, such as 0.1~20",
        _rising,
    ),
    "main": _option(BEST, "|".join(MAIN), "best, multi or integrated"),
    "line": _option(
        "integrated",
        r"integrated|multi|best|both|none",
        "integrated, multi, best, both or none",
    ),
    "fee": _option(OWN_FEE, rf"{OWN_FEE}|\d{{1,3}}(\.\d{{1,2}})?", "a fee in bps from 0 to 999.99"),
    "notional": _option(
        str(NOTIONAL),
        # A power of ten: itself, or any whole number with fewer digits.
        rf"[1-9]\d{{0,{len(str(MAX_NOTIONAL)) - 2}}}|{MAX_NOTIONAL}",
        f"a whole number of the quote currency, at most {MAX_NOTIONAL:,}",
    ),
}
DEFAULTS: Final[Mapping[str, str]] = {name: one.default for name, one in OPTIONS.items()}


def chosen(values: Mapping[str, str], dropped: list[str]) -> Mapping[str, str]:
    """The options of an address that differ from their defaults; wrong ones are told in `dropped`."""
    found = {}
    for name, option in OPTIONS.items():
        text = values.get(name, option.default)
        if not option.takes(text):
            dropped.append(f"{name} must be {option.said}; {option.default} is shown.")
        elif text != option.default:
            found[name] = text
    return found
