"""What a view with the tab of trades and liquidity has more than others (docs/live.md)."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_MS
from app.compute import liquidity
from app.compute.view import Steps, in_unit
from app.market import Market
from app.records import NO_ASK, NO_BID, Batch
from app.store.base import HotStore
from app.web.buffers import Sliding
from app.web.history import History
from app.web.spec import ViewSpec

TAPE: Final = 200  # newest trades of a snapshot
_SIDES: Final = (("buy", "ask"), ("sell", "bid"))


@dataclass
class Trades:
    """The lines of the tab, kept as a view keeps its own, and what an order would cost now."""

    spec: ViewSpec
    lines: dict[str, Sliding] = field(init=False)
    # Bought − sold, lots, since the view began: counted on from step to step, so that it stands still
    # when old rows are forgotten.
    delta: Sliding = field(default_factory=lambda: Sliding("<i8"))
    since_ns: int = 0

    def __post_init__(self) -> None:
        shapes = liquidity.LINES | {"cvd": 1}
        self.lines = {
            name: Sliding("<f8", (width,) if width > 1 else ()) for name, width in shapes.items()
        }

    def series(self, steps: Steps, before_ns: int) -> dict[str, NDArray[Any]]:
        """The values of the lines at the ends of steps; `before_ns` is the end of the step before."""
        found: dict[str, NDArray[Any]] = dict(liquidity.lines(steps))
        if not len(self.delta):
            self.since_ns = before_ns
        begun = int(self.delta.view[-1]) if len(self.delta) else 0
        delta = begun + liquidity.volume_delta(steps.rows, before_ns, steps.at_ns)
        self.delta.append(delta)
        unknown = liquidity.inside(steps.gaps.trades, steps.at_ns)
        found["cvd"] = in_unit(np.where(unknown, np.nan, delta), steps.scale.lot)
        return found

    def figures(self, history: History, store: HotStore) -> dict[str, Any]:
        """What changes once a second: the cost of an order, and what the tape must say of its sides.

        Raises:
            StoreError: the store failed.
        """
        trades = history.trades.view
        return {
            "slippage": slippage(
                history, store, self.spec.notional, past=self.spec.end_ns is not None
            ),
            "sides_inferred": bool(trades["inferred"].any()) if len(trades) else False,
            "cvd_since_ms": self.since_ns // NS_PER_MS,
        }

    def tape(self, history: History, upto_ns: int) -> dict[str, NDArray[Any]]:
        """The newest trades up to a time; sizes are negative when sold."""
        trades = history.trades.view
        last = trades[trades["time_ns"] <= upto_ns][-TAPE:]
        grid = history.market.grid
        return {
            "tape_t": last["time_ns"] / NS_PER_MS,
            "tape_p": in_unit(last["price"], grid.tick),
            "tape_q": in_unit(last["size"] * last["side"], grid.lot),
        }


def slippage(
    history: History, store: HotStore, notional: float, *, past: bool = False
) -> dict[str, Any] | None:
    """What a market order of `notional` (quote currency) would cost, both ways; None without a book.

    Of the past only the columns of the heatmap are kept: the single levels of then are fewer.

    Raises:
        StoreError: the store failed.
    """
    columns = history.columns.view
    if not len(columns):
        return None
    levels = None if past else store.read_since(history.market.id, {"book": 0}).batches.get("book")
    return order_cost(history.market, columns[-1], None if levels is None else levels[-1], notional)


def order_cost(
    market: Market, column: Batch, levels: Batch | None, notional: float
) -> dict[str, Any] | None:
    """The same from records: `buy` and `sell` with bps, average price, and what the side holds."""
    sides = {name: liquidity.ladder(column, levels, name) for _, name in _SIDES}
    if not all(len(side.price) for side in sides.values()):
        return None
    bid, ask = float(sides["bid"].price[0]), float(sides["ask"].price[0])
    if not NO_BID < bid < ask < NO_ASK:
        return None
    mid = (bid + ask) / 2.0
    moment = column if levels is None else levels
    result: dict[str, Any] = {
        "notional": notional,
        "time_ms": int(moment["time_ns"]) / NS_PER_MS,
        "mid": mid * float(market.grid.tick),
    }
    for action, name in _SIDES:
        cost = liquidity.market_order(market, sides[name], mid, notional)
        result[action] = {
            "bps": cost.bps, "average": cost.average, "visible": cost.visible, "exact": cost.exact,
        }  # fmt: skip
    return result
