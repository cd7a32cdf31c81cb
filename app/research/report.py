"""A verification as tables for people."""

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from app.research.verification import rows

_NOT = "–"


def _number(value: float | None, digits: int = 4) -> str:
    return _NOT if value is None else f"{value:.{digits}g}"


def print_verification(result: dict[str, Any], console: Console | None = None) -> None:
    """Print what moved with the price, and what foretold it: never one for the other."""
    out = console or Console()
    states, sums = result["states"], result["sums"]
    said = result["fidelity"]
    best, depth = (f" ({said[k]})" if k in said else "" for k in ("best", "depth"))
    out.print(
        f"[bold]{result['market']}[/]  {states['best']:,} best{best} and "
        f"{states['depth']:,} depth{depth} states, "
        f"Σe best {sums['best']:,} {result['size_unit']}, {result['trades']:,} trades",
        highlight=False,
    )
    if result["trades_inferred"]:
        out.print(_inferred(result), highlight=False)
    out.print(_impact(result))
    out.print(_prediction(result))
    if result["spread"]:
        out.print(_execution(result))


def _inferred(result: dict[str, Any]) -> str:
    return (
        f"The venue gave no side for {result['trades_inferred']:,} of the {result['trades']:,} trades: "
        f"they are inferred by Lee–Ready, {result['trades_undecided']:,} of them undecided."
    )


def _impact(result: dict[str, Any]) -> Table:
    title = f"Δmid in ticks on the flow of the same {result['bin_s']:g} s (not a forecast)"
    table = Table(
        title=title, title_justify="left", box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0)
    )
    names = ("flow", "bins", "β", "t (HC1)", "R²", "windows", "R²", "β", "t")
    for name in names:
        table.add_column(name, justify="left" if name == "flow" else "right", no_wrap=True)
    for name, fit in rows(result):
        numbers = (_number(fit[k]) for k in ("beta", "t", "r2"))
        means = (_number(fit[k]) for k in ("r2_mean", "beta_mean", "t_mean"))
        table.add_row(name, str(fit["bins"]), *numbers, str(fit["windows"]), *means)
    return table


def _prediction(result: dict[str, Any]) -> Table:
    table = Table(
        title="Returns after the flow",
        title_justify="left",
        box=SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name in (
        "horizon",
        "pairs",
        "IC",
        "95 %",
        "n_eff",
        "hit rate",
        "R² ahead",
        "better than chance",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for horizon, p in result["prediction"].items():
        if p is None:
            table.add_row(horizon, *[_NOT] * 7)
            continue
        later = p["out_of_sample"]
        table.add_row(
            horizon,
            str(p["pairs"]),
            f"{p['ic']:+.3f}",
            f"{p['ic_low']:+.3f} … {p['ic_high']:+.3f}",
            f"{p['n_eff']:.0f}",
            _number(p["hit_rate"], 3),
            _number(later["r2"], 3) if later else _NOT,
            "yes" if p["verdict"].startswith("better") else "no",
        )
    return table


def _execution(result: dict[str, Any]) -> Table:
    """What takers paid and where mid went; buys and sells apart, and those with the most flow."""
    title = f"After a trade, bps, size-weighted (lag of prints {result['trade_lag_ms']:g} ms)"
    table = Table(
        title=title, title_justify="left", box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0)
    )
    curves = dict(result["markout"])
    horizons = curves.pop("horizons_s")
    names = ("horizon", "trades", "effective", "realised", "adverse", *curves)
    for name in names:
        table.add_column(name.replace("_", ", "), justify="right", no_wrap=True)
    for horizon, parts in result["spread"].items():
        costs = (_number(parts[k], 3) for k in ("effective", "realised", "adverse"))
        at = horizons.index(float(horizon.removesuffix("s")))
        means = (_number(group["mean"][at], 3) for group in curves.values())
        table.add_row(horizon, str(parts["trades"]), *costs, *means)
    return table
