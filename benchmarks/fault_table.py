"""Every fault on every venue family: one table in two parts.

The first is played over real servers of three protocols. For each: how long until the feed knew, the gap that
it marked, how long until the market was whole again (from the end of a fault that lasts), whether the best 20
levels then equal the venue's own, and whether its neighbour went on untouched ("same link": the fault is of
a connection that both share). A dash: nothing is wrong or to be found.

The second has all other families, and the faults that frames can carry: each in the venue's own format,
straight into ccxt's handlers and our rules. Its clock stands still, so there are no times: a fault is known
with its frame `itself`, with `the next`, or by `an audit` of the book against what the venue answers.

    python -m benchmarks.fault_table [--times 5] [--seed 1] [--family NAME] [KIND …]

More than once: each time in another random order; the second part always comes out the same and is played
once. What goes wrong while the machine stood still for half a second, its silence being taken for the
venue's, is played again, and that is told. Exits with 1 when a row does not hold.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter

from app import log
from app.demo.server import DemoExchange
from tests.venues.fault_rows import FAMILIES, GAP, ROWS, SEEN
from tests.venues.frame_matrix import FrameOutcome, play_frames
from tests.venues.frame_rows import FRAME_FAMILIES, FRAME_ROWS
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
    pauses = "".join(f"  again, for {s:.1f} s of standstill" for s in outcome.pauses_s)
    sys.stderr.write(f"{outcome.family} {outcome.fault}{pauses}{wrong}\n")


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


def frame_table(outcomes: list[FrameOutcome]) -> str:
    """One line a fault and family."""
    head = f"{'fault, in frames':24}{'family':20}{'known with':12}{'top 20':8}{'others':11}gap (or shown)"
    order = [row.name for row in FRAME_ROWS]
    by_fault = sorted(outcomes, key=lambda outcome: order.index(outcome.fault))
    return "\n".join([head, *map(_frame_line, by_fault)])


def _frame_line(outcome: FrameOutcome) -> str:
    shown = f"({outcome.expected.says})" if outcome.expected.ends == SEEN else "–"
    wrong = f"   WRONG: {'; '.join(outcome.wrong)}" if outcome.wrong else ""
    return (
        f"{outcome.fault:24}{outcome.family:20}{outcome.known:12}{'equal' if outcome.equal else 'WRONG':8}"
        f"{outcome.neighbour:11}{', '.join(outcome.gaps) or shown}{wrong}"
    )


def _seconds(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.2f} s" if known else "–"


def main(arguments: list[str] | None = None) -> None:
    """Play and print; fail when a row does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", action="append", choices=[*FAMILIES, *FRAME_FAMILIES])
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    options = parser.parse_args(arguments)
    log.configure("error")
    chosen = options.family or [*FAMILIES, *FRAME_FAMILIES]
    served = [family for family in chosen if family in FAMILIES]
    played, wrong, again = 0, 0, 0
    if served:
        outcomes = asyncio.run(run(options.times, options.seed, served, options.kinds))
        print(table(outcomes), flush=True)
        played, wrong = len(outcomes), sum(bool(o.wrong) for o in outcomes)
        again = sum(len(o.pauses_s) for o in outcomes)
    in_frames = [family for family in chosen if family in FRAME_FAMILIES]
    if in_frames:
        spoilt = asyncio.run(play_frames(in_frames, options.kinds or None))
        print(frame_table(spoilt))
        played, wrong = played + len(spoilt), wrong + sum(bool(o.wrong) for o in spoilt)
    told = f", {again} again for a machine that stood still" if again else ""
    print(f"{played} played, {wrong} wrong{told}")
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
