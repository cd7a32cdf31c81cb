"""Damaged frames through ccxt and the hook: what was found, and that nothing impossible or untrue was served.

Frames of every venue family, recorded ones where OFI_DATA has them; every third is damaged:
bytes flipped, cut, spliced, fields swapped, dropped or of a strange type, numbers huge, negative or none,
deep nesting, sent again, out of order.

    python -m benchmarks.fuzz_frames [--frames N] [--seed N]
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from pathlib import Path

import structlog

from tests.venues.fuzz import fuzz
from tests.venues.sequences import recorded_in, synthetic

FRAMES = 100_000
_CRITICAL = 50


def _row(title: str, counts: Counter[str]) -> str:
    return f"{title}: " + ", ".join(f"{name} {n:,}" for name, n in counts.most_common())


def main(args: list[str]) -> None:
    """Run it; ends with an error when something impossible was served."""
    parser = argparse.ArgumentParser(prog="benchmarks.fuzz_frames")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(args)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_CRITICAL))
    sequences = [*synthetic(), *recorded_in(Path(os.environ.get("OFI_DATA", "")))]
    begun = time.perf_counter()
    result = asyncio.run(fuzz(sequences, given.frames, given.seed))
    took = time.perf_counter() - begun
    print(f"{len(sequences)} sequences: {', '.join(s.name for s in sequences)}")
    print(
        f"{result.pushed:,} frames, {result.mutated.total():,} of them damaged, in {took:.0f} s; books "
        f"begun anew {result.begun:,} times, looked at {result.served:,} times, "
        f"held against the venue's {result.proved:,} times"
    )
    print(_row("damage", result.mutated))
    print(_row("found", result.faults))
    print(f"impossible or untrue books or states served: {len(result.wrong)} (baseline: 0)")
    if result.wrong:
        sys.exit("\n".join(result.wrong[:10]))


if __name__ == "__main__":
    main(sys.argv[1:])
