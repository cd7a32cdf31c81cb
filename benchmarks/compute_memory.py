"""Peak memory of import and compute for a file and for one eight times as long.

`python -m benchmarks.compute_memory` makes LOBSTER days of ten levels, imports each and computes features in
processes of their own, and prints their peak memory beside the size of the input. Takes some 60 s.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

LEVELS = 10
SMALL, LARGE = 100_000, 800_000
WORK = """
import sys
from datetime import date
from pathlib import Path
from app.archive import Archive, Reader
from app.market import MarketId
from app.research import features, lobster
from app.research.binning import Binner
what, folder = sys.argv[1], Path(sys.argv[2])
market, archive = MarketId.parse("test:AAA/USD"), Archive(folder / "archive")
if what == "import":
    files = (folder / "message.csv", folder / "orderbook.csv")
    lobster.read(lobster.LobsterFiles(*files, market, date(2012, 6, 21)), archive)
elif what == "compute":
    reader = Reader(archive, market)
    for _ in features.tables(Binner(reader, 10**9, 10), reader.market, 10**9):
        pass
# Not getrusage: that counts what the parent held before exec.
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def write_day(folder: Path, states: int) -> float:
    """Files of a day; their size in megabytes."""
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(34_200, 57_600, states))
    middle = (22_380 + np.cumsum(rng.choice([-1, 0, 0, 0, 1], states))) * 100
    steps = 100 * np.arange(1, LEVELS + 1)
    book = np.empty((states, LEVELS, 4), np.int64)
    book[:, :, 0], book[:, :, 2] = middle[:, None] + steps, middle[:, None] - steps
    book[:, :, [1, 3]] = rng.integers(1, 500, (states, 1, 2)) + steps[None, :, None] // 100
    np.savetxt(folder / "orderbook.csv", book.reshape(states, -1), fmt="%d", delimiter=",")
    rows = np.column_stack([time, np.ones(states), time * 0, time * 0 + 5, middle, time * 0 + 1])
    form = ["%.9f", "%d", "%d", "%d", "%d", "%d"]
    np.savetxt(folder / "message.csv", rows, fmt=form, delimiter=",")
    return sum(p.stat().st_size for p in folder.glob("*.csv")) / 1e6


def peak_mb(what: str, folder: Path) -> int:
    """Peak resident memory of a process that does one thing."""
    command = [sys.executable, "-c", WORK, what, str(folder)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(_: list[str]) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        peaks = {}
        for states in (SMALL, LARGE):
            folder = Path(name) / str(states)
            folder.mkdir()
            size = write_day(folder, states)
            idle = peak_mb("nothing", folder)
            peaks[states] = [peak_mb(what, folder) - idle for what in ("import", "compute")]
            first, second = peaks[states]
            print(
                f"{states:>8,} states of {LEVELS} levels, {size:4.0f} MB: import takes {first} MB and "
                f"compute {second} MB beside the {idle} MB of an idle process"
            )
        ratio = [b / a for a, b in zip(*peaks.values(), strict=True)]
        print(f"eight times the file: import {ratio[0]:.2f} ×, compute {ratio[1]:.2f} × the memory")


if __name__ == "__main__":
    main([])
