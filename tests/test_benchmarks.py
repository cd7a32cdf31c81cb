"""What `make bench` runs: every module of `benchmarks` that is one, with no argument."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import ON_REQUEST, PARTS, known

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.mark.parametrize("name", known())
def test_a_benchmark_runs_as_a_module(name: str) -> None:
    assert 'if __name__ == "__main__":\n    main(' in (FOLDER / f"{name}.py").read_text()


def test_what_is_left_out_is_there() -> None:
    assert all((FOLDER / f"{name}.py").exists() for name in PARTS | ON_REQUEST)


def test_an_unknown_name_is_told_with_those_that_there_are() -> None:
    command = [sys.executable, "-m", "benchmarks", "fast"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "There is no benchmark 'fast'" in done.stderr
    assert "page_cost" in done.stderr
