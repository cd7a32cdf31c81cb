"""A LOBSTER day imported and verified, and what an archive costs per state.

`python -m benchmarks.compute_research` prints seconds after start-up for 57,515 states: the recorded AMZN day
where OFI_DATA holds it, else a made day of the same size. The baseline is parsing alone: `numpy.loadtxt`
of the two files. Takes some 10 s.
"""

import os
import resource
import tempfile
from datetime import date
from pathlib import Path

import numpy as np

from app.archive import Archive
from app.clock import monotonic_ns
from app.market import MarketId
from app.research import lobster, verification

STATES = 57_515
MARKET = MarketId.parse("nasdaq:AMZN")
S_NS = 1_000_000_000


def day(folder: Path) -> tuple[Path, Path]:
    """The recorded files, or made ones."""
    data = Path(os.environ.get("OFI_DATA", ""))
    names = [f"lobster_amzn_2012-06-21_{kind}_1.csv.gz" for kind in ("message", "orderbook")]
    if all((data / name).is_file() for name in names):
        return data / names[0], data / names[1]
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(34_200, 57_600, STATES))
    bid = (22_380 + np.cumsum(rng.choice([-1, 0, 0, 0, 1], STATES))) * 100
    message, book = folder / "message.csv", folder / "orderbook.csv"
    rows = zip(time, rng.integers(1, 300, STATES), bid, rng.choice([-1, 1], STATES), strict=True)
    message.write_text(
        "".join(f"{t:.9f},{4 if d > 0 else 1},1,{q},{p},{d}\n" for t, q, p, d in rows)
    )
    sizes = rng.integers(1, 500, (STATES, 2))
    both = zip(bid + 1000, sizes[:, 0], bid, sizes[:, 1], strict=True)
    book.write_text("".join(f"{a},{x},{b},{y}\n" for a, x, b, y in both))
    return message, book


def main(_: list[str]) -> None:
    """Print the figures."""
    import statsmodels.regression.linear_model
    import statsmodels.stats.proportion  # noqa: F401  start-up, not work

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        message, book = day(folder)
        start = monotonic_ns()
        for path in (message, book):
            np.loadtxt(path, delimiter=",")
        parsing = (monotonic_ns() - start) / 1e9
        archive = Archive(folder / "archive")
        cpu = sum(os.times()[:2])
        start = monotonic_ns()
        files = lobster.LobsterFiles(message, book, MARKET, date(2012, 6, 21))
        segment = lobster.read(files, archive)
        middle = monotonic_ns()
        request = verification.Request(MARKET, 10 * S_NS, 1800 * S_NS)
        result = verification.verify(archive, request)
        end = monotonic_ns()
        cpu = sum(os.times()[:2]) - cpu
        states = segment.counts["depth"]
        stored = sum(p.stat().st_size for p in (folder / "archive").rglob("*.parquet"))
        total = (end - start) / 1e9
        print(
            f"LOBSTER day, {states:,} states: imported {(middle - start) / 1e9:.2f} s, verified "
            f"{(end - middle) / 1e9:.2f} s, together {total:.2f} s ({cpu:.2f} s of processor), "
            f"{total / parsing:.2f} × parsing alone with numpy ({parsing:.2f} s); "
            f"R² {result['best']['r2']:.4f}"
        )
        raw = states * segment.levels * 4 * 8
        print(
            f"archive: {stored / states:.1f} bytes a state with its trades, {stored / raw:.2f} × "
            f"raw int64 ({raw / states:.0f} bytes)"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process: {peak:.0f} MB")


if __name__ == "__main__":
    main([])
