"""The last half hour of each market's OFI score, coarse: what the watch list draws beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from app.clock import NS_PER_MS, NS_PER_S
from app.market import MarketId
from app.records import NO_SCORE, Batch
from app.store.base import HotStore

STEP_NS: Final = 30 * NS_PER_S
POINTS: Final = 60
_STEP_MS: Final = STEP_NS // NS_PER_MS

# Steps since the epoch → the last score of the step.
Line = dict[int, float]


@dataclass
class Sparks:
    """Lines of all markets: filled from the store, then from what the watch list is told.

    Nobody may look for a while: what was not told is read from the store again.
    """

    _lines: dict[MarketId, Line] = field(default_factory=dict)
    _told: dict[MarketId, int] = field(default_factory=dict)  # the last step that was told of

    def missing(self, markets: Iterable[MarketId], most: int) -> list[MarketId]:
        """The first markets whose history was not read yet."""
        return [market for market in sorted(markets) if market not in self._lines][:most]

    def note(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take in the present scores, and forget what is older than half an hour."""
        for row in rows:
            market = MarketId.parse(row["market"])
            if row["time_ms"] is None:
                continue
            step = int(row["time_ms"] // _STEP_MS)
            if step > self._told.get(market, step) + 1:
                self._lines.pop(market, None)
            self._told[market] = step
            line = self._lines.get(market)
            if line is None or row["score"] is None:
                continue
            line[step] = round(row["score"], 2)
            for old in [k for k in line if k <= step - POINTS]:
                del line[old]

    def add(self, found: Mapping[MarketId, Line]) -> None:
        """Take in what `read_lines` found."""
        for market, line in found.items():
            self._lines[market] = line | self._lines.get(market, {})

    def message(self, markets: Iterable[MarketId] | None = None) -> dict[str, Any]:
        """Lines as the page reads them: from which step on, and one score or null a step."""
        wanted = self._lines if markets is None else markets
        return {
            "type": "sparks",
            "step_ms": _STEP_MS,
            "markets": {str(one): _dense(self._lines[one]) for one in wanted if self._lines[one]},
        }

    @property
    def any(self) -> bool:
        """Whether some line has been read."""
        return bool(self._lines)


def read_lines(
    store: HotStore, markets: Sequence[MarketId], now_ns: int
) -> Mapping[MarketId, Line]:
    """The lines that the store has of some markets.

    Raises:
        StoreError: the store failed.
    """
    start_ns = now_ns - POINTS * STEP_NS
    return {one: line_of(store.window(one, "summary", start_ns, now_ns)) for one in markets}


def line_of(summaries: Batch) -> Line:
    """The last score of each step of some summaries, which are in order of time."""
    known = summaries[summaries["score"] > NO_SCORE]
    if not len(known):
        return {}
    steps = known["time_ns"] // STEP_NS
    last = np.append(steps[1:] != steps[:-1], True)
    pairs = zip(steps[last].tolist(), known["score"][last].tolist(), strict=True)
    return {step: round(score, 2) for step, score in pairs}


def _dense(line: Line) -> list[Any]:
    first, last = min(line), max(line)
    return [first, [line.get(step) for step in range(first, last + 1)]]
