"""Every fault on every venue family, over real servers of three protocols: one table.

For each: how long until the feed knew, the gap that it marked, how long until the market was whole again
(from the end of a fault that lasts), whether the best 20 levels then equal the venue's own, and whether
its neighbour went on untouched ("same link": the fault is of a connection that both share). A dash: nothing
is wrong or to be found.

    python -m benchmarks.fault_table [--times 5] [--seed 1] [--family NAME] [KIND …]

More than once: each time in another random order. Exits with 1 when a row does not hold.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter

from app import log
from app.demo.server import DemoExchange
from tests.venues.fault_rows import FAMILIES, GAP, ROWS
from tests.venues.matrix import Outcome, play_all
from tests.venues.stands import BAN, RENUMBERED, play_stands


async def run(times: int, seed: int, families: list[str], kinds: list[str]) -> list[Outcome]:
    """Play them, each time in another order."""
    exchange = DemoExchange()
    await exchange.start(seed=seed, warm_s=10.0)
    outcomes: list[Outcome] = []
    try:
        for turn in range(times):
            rng = random.Random(seed + turn) if times > 1 else None
            outcomes += await play_all(exchange, families, rng, _told, kinds or None)
            if not kinds:
                stands = await play_stands(exchange)
                outcomes += [
                    outcome for outcome in stands if outcome.family in [*families, "polled"]
                ]
    finally:
        await exchange.stop()
    return outcomes


def _told(outcome: Outcome) -> None:
    wrong = f"  WRONG: {', '.join(outcome.wrong)}" if outcome.wrong else ""
    sys.stderr.write(f"{outcome.family} {outcome.fault}{wrong}\n")


def table(outcomes: list[Outcome]) -> str:
    """One line a fault and family; of several times the slowest."""
    head = (
        f"{'fault':22}{'family':10}{'detected':>10}{'recovered':>11}  {'top 20':8}{'others':11}gap"
    )
    lines = [head]
    for fault in (*(row.name for row in ROWS), BAN, RENUMBERED):
        for family in (*FAMILIES, "polled"):
            mine = [o for o in outcomes if (o.fault, o.family) == (fault, family)]
            if mine:
                lines.append(_line(fault, family, mine))
    return "\n".join(lines)


def _line(fault: str, family: str, outcomes: list[Outcome]) -> str:
    equal = "equal" if all(o.equal for o in outcomes) else "WRONG"
    beside = min((o.neighbour for o in outcomes), key=("HIT", "same link", "untouched").index)
    gaps = Counter(reason for o in outcomes for reason in set(o.gaps))
    marked = ", ".join(gaps) or ("NONE" if outcomes[0].expected == GAP else "–")
    wrong = sorted({w for o in outcomes for w in o.wrong})
    return (
        f"{fault:22}{family:10}{_seconds([o.detected_s for o in outcomes]):>10}"
        f"{_seconds([o.recovered_s for o in outcomes]):>11}  {equal:8}{beside:11}{marked}"
        + (f"   WRONG: {'; '.join(wrong)}" if wrong else "")
    )


def _seconds(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.2f} s" if known else "–"


def main(arguments: list[str] | None = None) -> None:
    """Play and print; fail when a row does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", action="append", choices=list(FAMILIES))
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    options = parser.parse_args(arguments)
    log.configure("error")
    families = options.family or list(FAMILIES)
    outcomes = asyncio.run(run(options.times, options.seed, families, options.kinds))
    print(table(outcomes))
    wrong = [o for o in outcomes if o.wrong]
    print(f"{len(outcomes)} played, {len(wrong)} wrong")
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
