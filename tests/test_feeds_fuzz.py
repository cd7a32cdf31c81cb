"""Damaged frames: whatever comes, nothing escapes the hook, and no impossible or untrue book is served."""

import os
from dataclasses import replace
from pathlib import Path

from tests.venues.books import formats
from tests.venues.fuzz import MUTATIONS, fuzz
from tests.venues.sequences import made, recorded_in, synthetic

FRAMES = 2_000


async def test_damaged_frames_are_survived() -> None:
    sequences = [*synthetic(), *recorded_in(Path(os.environ.get("OFI_DATA", "")))]
    result = await fuzz(sequences, FRAMES, seed=20261125)
    assert result.mutated.total() == FRAMES
    assert set(result.mutated) == {*MUTATIONS, "duplicate", "reordered"}
    assert result.wrong == []
    assert result.served > FRAMES  # and books were served in between
    assert result.proved > FRAMES / 2  # and held against the venue's
    assert min(result.faults[reason] for reason in ("sequence", "handler", "checksum")) > 0


async def test_untrue_book_is_seen() -> None:
    """Held against other books than the venue's, those that are served are wrong."""
    sequence = made(formats()["bybit"], "bybit")
    others = replace(sequence, tops=(([], []),) * len(sequence.tops))
    assert (await fuzz([others], 20, seed=1)).wrong
