"""Frames and buffers."""

import ctypes
import mmap

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.web.buffers import Sliding
from app.web.frames import decode, encode

dtypes = st.sampled_from([np.dtype(d) for d in ("<f8", "<f4", "<i4", "<u4")])
arrays = dtypes.flatmap(
    lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=1, max_dims=2, min_side=0))
)


@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.integers(-(2**53), 2**53) | st.text()),
    st.dictionaries(st.text(min_size=1, max_size=8), arrays, max_size=5),
)
def test_a_frame_is_read_back_as_it_was(header: dict, values: dict[str, np.ndarray]) -> None:
    header.pop("arrays", None)
    got, back = decode(encode(header, values))
    assert got == header
    assert list(back) == list(values)
    for name, array in values.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_numbers_of_numpy_are_numbers_and_those_that_are_none_are_null() -> None:
    header = {"a": np.float64(0.1), "b": np.int64(2**53), "c": float("nan"), "d": np.float64("inf")}
    assert decode(encode(header, {}))[0] == {"a": 0.1, "b": 2**53, "c": None, "d": None}


def test_arrays_begin_on_whole_words_so_that_browsers_need_no_copy() -> None:
    values = {"a": np.arange(3, dtype="<f4"), "b": np.arange(2.0), "c": np.arange(1, dtype="<u4")}
    frame = encode({"key": "k1"}, values)
    length = int.from_bytes(frame[:4], "little")
    assert (4 + length) % 8 == 0
    directory = orjson.loads(frame[4 : 4 + length])["arrays"]
    assert directory == {"a": ["f4", [3], 0], "b": ["f8", [2], 16], "c": ["u4", [1], 32]}
    assert len(frame) % 8 == 0


def test_not_a_number_in_a_header_is_null() -> None:
    header, _ = decode(encode({"score": float("nan"), "n": np.inf}, {}))
    assert header == {"score": None, "n": None}


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="four bytes"):
        decode(b"abc")


operations = st.lists(
    st.tuples(st.sampled_from(["append", "drop", "keep"]), st.integers(0, 200)), max_size=30
)


@given(operations)
def test_a_buffer_holds_what_a_list_would(steps: list[tuple[str, int]]) -> None:
    buffer, model, following = Sliding("<i8", (2,)), [], 0
    for what, n in steps:
        if what == "append":
            values = [[following + k, -k] for k in range(n)]
            following += n
            buffer.append(np.array(values, np.int64).reshape(-1, 2))
            model += values
        elif what == "drop":
            buffer.drop_first(n)
            model = model[n:]
        else:
            buffer.keep_first(n)
            model = model[:n]
        assert buffer.view.tolist() == model
        assert len(buffer) == len(model)


def test_a_buffer_that_slides_for_ever_stays_small() -> None:
    buffer = Sliding("<i8")
    most = 0
    for k in range(20_000):
        buffer.append(np.array([k]))
        buffer.drop_first(len(buffer) - 100)
        most = max(most, buffer.nbytes)
    assert most <= 101 * 8 * 3 // 2
    buffer.append(np.arange(10_000))
    buffer.drop_first(10_000)
    for k in range(100_000):
        buffer.append(np.array([k]))
        buffer.drop_first(len(buffer) - 100)
    assert buffer.nbytes <= 101 * 8 * 3 // 2


def test_a_buffer_that_was_emptied_begins_at_its_front() -> None:
    buffer = Sliding("<i8")
    buffer.append(np.arange(1000))
    front = buffer.view.ctypes.data
    for _ in range(200):
        kept = buffer.view[5:].copy()
        buffer.keep_first(0)
        buffer.append(kept)
        assert buffer.view.ctypes.data == front
        buffer.append(np.arange(5))
    assert buffer.nbytes <= 1000 * 8 * 5 // 4


def missing_pages(values: np.ndarray) -> int:
    """Pages of an array that the system has not given yet; the process as a whole may have freed as many."""
    first = -(-values.ctypes.data // mmap.PAGESIZE) * mmap.PAGESIZE
    count = (values.ctypes.data + values.nbytes - first) // mmap.PAGESIZE
    given = (ctypes.c_ubyte * count)()
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.mincore(ctypes.c_void_p(first), ctypes.c_size_t(count * mmap.PAGESIZE), given)
    assert not failed, ctypes.get_errno()
    return count - sum(page & 1 for page in given)


def test_the_memory_of_a_buffer_is_written_when_it_is_made() -> None:
    buffer, values = Sliding("<f8"), np.ones(16 << 20)
    buffer.append(values)
    assert buffer.nbytes >= values.nbytes * 5 // 4
    whole = buffer.view.base
    assert isinstance(whole, np.ndarray)
    assert whole.nbytes == buffer.nbytes
    assert missing_pages(whole) == 0
    assert missing_pages(np.empty(64 << 20)) > 0  # so it is told apart from memory nobody wrote to
