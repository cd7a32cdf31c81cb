"""Progress bars of the research commands: on a terminal, and nowhere else."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_research_features import T0, archived, world

ROOT = Path(__file__).parents[1]
OFI = (sys.executable, "-c", "from app.cli import main; main()")
T_US = T0 // 1_000


def run(*args, terminal):
    """`ofi args…` with stderr on a terminal or in a pipe: exit code, stdout and stderr."""
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    own, theirs = pty.openpty() if terminal else os.pipe()
    try:
        process = subprocess.Popen(
            [*OFI, *map(str, args)], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=theirs
        )
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(own, 65536)
            except OSError:  # a terminal whose other end is closed
                break
            if not part:
                break
            said += part
        out = process.stdout.read()
        process.stdout.close()
        return process.wait(60), out.decode(), said.decode()
    finally:
        os.close(own)


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """The four commands on a small history, by the word of their bar."""
    folder = tmp_path_factory.mktemp("a")
    archived(folder, *world(1))
    file = folder / "t.csv"
    lines = [f"x,AAAUSD,{T_US + k},{T_US + k},{k},buy,100,1\n" for k in range(2_000)]
    file.write_text(
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n" + "".join(lines)
    )
    where = ("--archive", folder, "--market", "test:AAA/USD")
    return {
        "Importing": ("import", "tardis", file, "--market", "x:AAA/USD", "--archive", folder),
        "Computing": ("compute", *where, "--bin", "1s", "--out", folder / "f.csv"),
        "Verifying": ("verify", *where, "--bin", "1s", "--window", "10s"),
        "Exporting": ("export", *where, "--what", "trades", "--out", folder / "t.parquet"),
    }


WORDS = ("Importing", "Computing", "Verifying", "Exporting")


@pytest.mark.parametrize("word", WORDS)
def test_a_bar_is_shown_on_a_terminal_and_goes_to_its_end(commands, word):
    code, out, said = run(*commands[word], terminal=True)
    assert code == 0, said
    assert word in said
    assert "100%" in said
    assert "\x1b[2K" in said  # and is wiped away
    assert word not in out
    assert "\x1b" not in out


@pytest.mark.parametrize("word", WORDS)
def test_no_bar_where_nobody_looks(commands, word):
    code, out, said = run(*commands[word], terminal=False)
    assert (code, said) == (0, "")
    assert out.strip()


@pytest.mark.parametrize("word", WORDS)
def test_no_bar_beside_json(commands, word):
    code, out, said = run(*commands[word], "--json", terminal=True)
    assert (code, said) == (0, "")
    json.loads(out)
