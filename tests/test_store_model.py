"""The store against a plain dict of lists, under random appends, restarts, clock steps and reads."""

import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app import records
from app.clock import FakeClock
from app.store import open_store, reader
from tests.store_help import BTC, Model, batch, same

KINDS = ("row", "trade", "gap", "status", "book", "column_1s")
# Nanoseconds that a batch's records lie before its append: mostly now, sometimes late.
lateness = st.one_of(st.integers(0, 3), st.integers(0, 500_000_000_000))
contents = st.dictionaries(
    st.sampled_from(KINDS), st.lists(lateness, min_size=0, max_size=5), max_size=len(KINDS)
)


class StoreAgainstModel(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        # Search by time down to single ids; otherwise a second's worth of ids is simply read.
        self.fine = patch.object(reader, "_FINE", 1)
        self.fine.start()
        self.directory = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.model = Model()
        self.ids = [0]
        self.serial = 0
        self.writer = self._open()
        self.reader = self._open()
        self.cursors = dict.fromkeys(KINDS, 0)

    def _open(self):
        return open_store(f"sqlite:///{self.directory.name}", clock=self.clock)

    @rule(content=contents)
    def append(self, content) -> None:
        now = self.clock.now_ns()
        self.serial += 1
        batches = {
            kind: batch(kind, sorted(now - ns for ns in late), self.serial)
            for kind, late in content.items()
        }
        batch_id = self.writer.append(BTC, batches)
        self.model.append(batch_id, batches)
        if any(len(b) for b in batches.values()):
            assert batch_id > self.ids[-1]
            self.ids.append(batch_id)

    @rule(content=contents, times=st.integers(20, 80))
    def append_many(self, content, times) -> None:
        for _ in range(times):
            self.append(content)
            self.clock.advance(0.1)

    @rule(seconds=st.floats(-3600, 3600))
    def move_clock(self, seconds) -> None:
        self.clock.advance(seconds)

    @rule()
    def restart_writer(self) -> None:
        self.writer.close()
        self.writer = self._open()

    @rule()
    def restart_reader(self) -> None:
        self.reader.close()

    @rule(data=st.data())
    def read_since(self, data) -> None:
        cursors = {kind: data.draw(st.sampled_from(self.ids)) for kind in KINDS}
        news = self.reader.read_since(BTC, cursors)
        for kind in KINDS:
            expected = self.model.since(kind, cursors[kind])
            assert same(news.batches.get(kind, records.empty(kind)), expected)
            assert (kind in news.batches) == bool(len(expected))

    @rule()
    def follow(self) -> None:
        news = self.reader.read_since(BTC, self.cursors)
        for kind in KINDS:
            expected = self.model.since(kind, self.cursors[kind])
            assert same(news.batches.get(kind, records.empty(kind)), expected)
        self.cursors = dict(news.cursors)

    @rule(
        late=st.lists(st.sampled_from([0, 0, 0, 1, 3, 7]), min_size=8, max_size=30),
        data=st.data(),
    )
    def append_late_ones_and_look(self, late, data) -> None:
        """A second between appends, some of them seconds late; then windows with edges among them."""
        begin = self.clock.now_ns()
        for seconds in late:
            self.clock.advance(1)
            self.serial += 1
            one = batch("gap", [self.clock.now_ns() - seconds * 1_000_000_000], self.serial)
            batch_id = self.writer.append(BTC, {"gap": one})
            self.model.append(batch_id, {"gap": one})
            self.ids.append(batch_id)
        for _ in range(3):
            low = begin + data.draw(st.integers(-8, 30)) * 1_000_000_000
            high = low + data.draw(st.integers(0, 6)) * 1_000_000_000
            assert same(
                self.reader.window(BTC, "gap", low, high), self.model.window("gap", low, high)
            )

    @rule(
        kind=st.sampled_from(KINDS),
        start=st.integers(-600_000_000_000, 3_000_000_000),
        length=st.integers(0, 600_000_000_000),
    )
    def window(self, kind, start, length) -> None:
        low = self.clock.now_ns() + start
        assert same(
            self.reader.window(BTC, kind, low, low + length),
            self.model.window(kind, low, low + length),
        )

    @precondition(lambda self: len(self.ids) > 1)
    @rule(kind=st.sampled_from(KINDS), data=st.data())
    def window_between_records(self, kind, data) -> None:
        whole = self.model.since(kind, 0)[records.TIME_FIELD[kind]]
        if len(whole):
            low, high = (
                int(data.draw(st.sampled_from(whole.tolist()))) + data.draw(st.integers(-1, 1))
                for _ in range(2)
            )
            assert same(
                self.reader.window(BTC, kind, low, high), self.model.window(kind, low, high)
            )

    @invariant()
    def newest_is_readable(self) -> None:
        last = self.ids[-1]
        if last:
            news = self.reader.read_since(BTC, dict.fromkeys(KINDS, last - 1))
            assert last in news.cursors.values()
            assert set(news.cursors.values()) <= {last, last - 1}

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.fine.stop()
            self.writer.close()
            self.reader.close()
            self.directory.cleanup()
            assert not Path(self.directory.name).exists()


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestStoreAgainstModel = pytest.mark.timeout(120)(TestStoreAgainstModel)
