"""Tables appear complete or not at all, and a full disk is one sentence."""

import os

import numpy as np
import pyarrow as pa
import pytest

from app.errors import InputError
from app.research.table import FORMATS, TableWriter

SCHEMA = pa.schema([("a", pa.float64())])
PART = pa.table({"a": np.random.default_rng(1).random(20_000)}, SCHEMA)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("parts", [1, 40])
def test_a_full_disk_is_said_in_one_sentence_and_leaves_nothing(tmp_path, suffix, parts):
    out = tmp_path / f"o{suffix}"
    (tmp_path / f".{out.name}.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(InputError, match="cannot be written: No space left"):
        write(out, parts)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_error_of_the_caller_passes_and_leaves_nothing(tmp_path, suffix):
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / f"o{suffix}", 2, fault=ZeroDivisionError)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_complete_table_takes_its_name(tmp_path, suffix):
    out = tmp_path / f"o{suffix}"
    write(out, 2)
    assert os.listdir(tmp_path) == [out.name]
    assert out.stat().st_size > 20_000


def write(out, parts, fault=None):
    with TableWriter(out, SCHEMA) as writer:
        for _ in range(parts):
            writer.write(PART)
        if fault is not None:
            raise fault
