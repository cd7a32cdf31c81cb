"""What is there at the end of a start is not walked again; what comes later is freed, and given back."""

import gc
import subprocess
import sys
import weakref
from collections import deque
from collections.abc import Iterator

import pytest

from app.cli import ALLOCATOR
from app.garbage import settle


class Node:
    """Something that can be a part of a cycle."""

    def __init__(self) -> None:
        self.other: Node | None = None


def cycle() -> tuple[Node, "weakref.ref[Node]"]:
    one, other = Node(), Node()
    one.other, other.other = other, one
    return one, weakref.ref(one)


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.collect()


def test_a_settled_process_has_little_to_walk() -> None:
    before = len(gc.get_objects())
    settle()
    assert len(gc.get_objects()) < before / 20
    assert gc.get_freeze_count() > before / 2


def test_garbage_of_before_is_freed_and_garbage_of_later_too() -> None:
    before, before_ref = cycle()
    del before
    settle()
    assert before_ref() is None
    later, later_ref = cycle()
    del later
    assert later_ref() is not None
    gc.collect()
    assert later_ref() is None


def test_what_falls_apart_later_does_not_gather() -> None:
    many: list[list[int]] = [[] for _ in range(800_000)]
    settle()
    before, most = len(gc.get_objects()), 0
    recent: deque[Node] = deque(maxlen=3000)  # long enough to be taken for long-lived
    for k in range(300_000):
        recent.append(cycle()[0])
        if k % 1000 == 0:
            most = max(most, len(gc.get_objects()))
    assert len(many) == 800_000
    assert most - before < 120_000


def test_what_nothing_refers_to_any_more_is_freed_at_once() -> None:
    one = Node()
    ref = weakref.ref(one)
    settle()
    del one
    assert ref() is None


# 60 MB in blocks of 3 kB, of which one in forty stays in use: what is left are holes.
HOLES = """
import psutil
from app.garbage import give_back

def resident_mb():
    return psutil.Process().memory_info().rss / 1e6

blocks = [bytes(3000) for _ in range(20_000)]
full = resident_mb()
kept = blocks[::40]
del blocks
before = resident_mb()
give_back()
print(full - before, before - resident_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux keeps holes")
def test_holes_between_blocks_are_given_back() -> None:
    process = subprocess.run(
        [sys.executable, "-c", HOLES],
        env=ALLOCATOR,
        capture_output=True,
        text=True,
        check=True,
    )
    by_itself_mb, given_back_mb = map(float, process.stdout.split())
    assert by_itself_mb < 10
    assert given_back_mb > 40
