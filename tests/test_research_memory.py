"""A history larger than the memory that a process may have: imported, computed, verified and exported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
US = 10**6
T_US = 1_700_000_000 * US
LINES, HOURS = 1_050_000, 4
ALLOWED_MB = 96
# Everything that a command loads is loaded before the limit is set: it is for the data alone. The limit
# is on private memory, whatever of it is touched; Arrow's and numpy's own pools are kept from reserving.
ONE = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "ARROW_IO_THREADS", "MALLOC_ARENA_MAX")
POOLS = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_MMAP_THRESHOLD_": "131072"}
WORK = """
import re, resource, sys
from pathlib import Path
import app.archive, numpy, scipy.linalg, scipy.stats
import statsmodels.regression.linear_model, statsmodels.stats.proportion
from app.research import commands, export, features, report, table, tardis, verification
from tests.research_help import ofi
for solve in (numpy.linalg.solve, scipy.linalg.solve):  # each has a BLAS of its own, with its buffer
    solve(numpy.eye(300), numpy.ones((300, 300)))
allowed, args = int(sys.argv[1]), sys.argv[2:]
status = Path("/proc/self/status").read_text()
limit = (int(re.search(r"VmData:\\s+(\\d+)", status)[1]) + allowed * 1024) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
print(ofi(*args) if args else numpy.ones((allowed + 8) << 17))
"""


def limited(*args):
    """`ofi args…` in a process that may have so much memory for its data; none: more than that at once."""
    environ = os.environ | dict.fromkeys(ONE, "1") | POOLS
    command = [sys.executable, "-c", WORK, str(ALLOWED_MB), *map(str, args)]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def write_files(folder):
    """Quotes and trades of one market; megabytes of both."""
    rng = np.random.default_rng(1)
    time_us = T_US + np.sort(rng.integers(0, HOURS * 3600 * US, LINES))
    heads = {
        "quotes": "ask_amount,ask_price,bid_price,bid_amount",
        "trades": "id,side,price,amount",
    }
    paths = {name: folder / f"{name}.csv" for name in heads}
    for name, columns in heads.items():
        with paths[name].open("w") as file:
            file.write(f"exchange,symbol,timestamp,local_timestamp,{columns}\n")
            for part in np.array_split(time_us, 30):
                cents = 10_000 + rng.integers(-50, 50, len(part))
                lots = rng.integers(1_000, 9_999, (len(part), 2))
                rows = zip(part.tolist(), cents.tolist(), *lots.T.tolist(), strict=True)
                if name == "quotes":
                    lines = [
                        f"x,AAAUSD,{t},{t},0.{a},1{c}.01,1{c}.00,0.{b}\n" for t, c, a, b in rows
                    ]
                else:
                    sides = ("buy", "sell")
                    lines = [
                        f"x,AAAUSD,{t},{t},{a},{sides[b % 2]},1{c},0.{a}\n" for t, c, a, b in rows
                    ]
                file.write("".join(lines))
    return sum(path.stat().st_size for path in paths.values()) / 1e6


def test_a_history_larger_than_memory_streams(tmp_path):
    assert write_files(tmp_path) > 1.5 * ALLOWED_MB
    where = ("--market", "x:AAA/USD", "--archive", tmp_path / "archive")
    files = tmp_path / "quotes.csv", tmp_path / "trades.csv"
    for args in (
        ("import", "tardis", *files, *where),
        ("compute", *where, "--bin", "10s", "--out", tmp_path / "features.parquet"),
        ("export", *where, "--what", "best", "--out", tmp_path / "best.parquet"),
        ("verify", *where, "--bin", "10s", "--window", "30min", "--json"),
    ):
        done = limited(*args)
        assert done.returncode == 0, (args[0], done.stderr[-2000:])
    result = json.loads(done.stdout)
    assert result["states"]["best"] == result["trades"] == LINES
    assert (tmp_path / "best.parquet").stat().st_size > 4e6


def test_the_limit_is_one():
    done = limited()
    assert done.returncode != 0
    assert "Unable to allocate" in done.stderr
