"""What is there at the end of a start is not walked again; what comes later is still freed."""

import gc
import weakref
from collections import deque
from collections.abc import Iterator

import pytest

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
