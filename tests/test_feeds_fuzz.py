"""Damaged frames: whatever comes, nothing escapes the hook, and no impossible book is served."""

import os
from pathlib import Path

from tests.venues.fuzz import MUTATIONS, fuzz
from tests.venues.sequences import recorded_in, synthetic

FRAMES = 2_000


async def test_damaged_frames_are_survived() -> None:
    sequences = [*synthetic(), *recorded_in(Path(os.environ.get("OFI_DATA", "")))]
    result = await fuzz(sequences, FRAMES, seed=20261125)
    assert result.mutated.total() == FRAMES
    assert set(result.mutated) == {*MUTATIONS, "duplicate", "reordered"}
    assert result.wrong == []
    assert result.served > FRAMES  # and books were served in between
    assert min(result.faults[reason] for reason in ("sequence", "handler", "checksum")) > 0
