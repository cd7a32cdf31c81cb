"""What the evidence costs the frames of others: a flow view at 10 Hz, alone and beside evidence views.

One real gunicorn worker over a store that a made-up market writes ten times a second. The figure is the
time between two frames of the flow view as its page receives them, in turns: while nobody looks at the
evidence, and while one page has it open with short bins, so that it is worked out every five seconds.

    python -m benchmarks evidence_frames
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.web.frames import decode
from tests.browser import LiveMarkets
from tests.web_client import LivePage, live_page
from tests.web_server import running_server

MARKET = "binance:BTC/USDT"
TURN_S = 12.0
TURNS = 3
EVIDENCE = {"tab": "evidence", "bin_s": 1, "lookback_s": 1800}


async def intervals(page: LivePage, seconds: float) -> tuple[list[float], int]:
    """Milliseconds between the frames of view 1, and how many frames carried evidence."""
    gaps, told, last, until = [], 0, None, time.monotonic() + seconds
    key = next(text["key"] for text in page.texts if text.get("id") == 1)
    while (left := until - time.monotonic()) > 0:
        try:
            data = await asyncio.wait_for(page.socket.recv(), left)
        except TimeoutError:
            break
        if not isinstance(data, bytes):
            continue
        header = decode(data)[0]
        told += "evidence" in header
        if header["key"] == key:
            now = time.monotonic()
            if last is not None:
                gaps.append((now - last) * 1e3)
            last = now
    return gaps, told


async def measure(url: str) -> dict[str, list[float]]:
    """Intervals without and with evidence, in turns."""
    found: dict[str, list[float]] = {"alone": [], "beside evidence": []}
    async with live_page(url) as page:
        await page.view(1, MARKET, range_s=300)
        await page.until("snapshot")
        # The first answer imports what it needs: it is not of the steady state.
        await page.view(2, MARKET, range_s=300, **EVIDENCE)
        await intervals(page, TURN_S)
        for _ in range(TURNS):
            await page.send(type="drop", id=2)
            gaps, told = await intervals(page, TURN_S)
            assert told == 0
            found["alone"] += gaps
            await page.view(2, MARKET, range_s=300, **EVIDENCE)
            gaps, told = await intervals(page, TURN_S)
            assert told >= 2, told
            found["beside evidence"] += gaps
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    del arguments
    with (
        tempfile.TemporaryDirectory() as folder,
        LiveMarkets(Path(folder), count=1, minutes=32, outage=False) as living,
        running_server(Path(living.store.directory), workers=1) as url,
    ):
        found = asyncio.run(measure(url))
    for name, gaps in found.items():
        p50, p90, p99 = np.percentile(gaps, (50, 90, 99))
        sys.stdout.write(
            f"{name:16} frames {len(gaps):5}  ms between: p50 {p50:.0f}  p90 {p90:.0f}  p99 {p99:.0f}  "
            f"longest {max(gaps):.0f}\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
