"""The embedded store as its users see it: append, read, describe, open."""

import threading
from pathlib import Path

import numpy as np
import pytest

from app import records
from app.clock import FakeClock
from app.errors import StoreError
from app.market import MarketId
from app.store import open_store, reader
from tests.store_help import BTC, ETH, S_NS, batch, file_of, market, opened, same


def test_an_append_is_read_by_another_store(tmp_path: Path) -> None:
    clock = FakeClock()
    row, trade = (
        batch("row", [clock.now_ns()]),
        batch("trade", [clock.now_ns() - 1, clock.now_ns()], 5),
    )
    with opened(tmp_path, clock) as writer, opened(tmp_path, clock, readonly=True) as reader:
        writer.put_market(market())
        batch_id = writer.append(BTC, {"row": row, "trade": trade})
        news = reader.read_since(BTC, {"row": 0, "trade": 0, "gap": 0})
    assert same(news.batches["row"], row)
    assert same(news.batches["trade"], trade)
    assert "gap" not in news.batches
    assert news.cursors == {"row": batch_id, "trade": batch_id, "gap": 0}
    assert batch_id >> 10 == clock.now_ns() // 1_000_000


def test_reading_since_the_returned_cursors_brings_each_record_once(tmp_path: Path) -> None:
    clock = FakeClock()
    cursors = {"row": 0, "status": 0}
    seen = []
    with opened(tmp_path, clock) as store:
        for serial in range(7):
            sent = batch("row", [clock.now_ns()], serial)
            store.append(BTC, {"row": sent})
            if serial % 2:
                news = store.read_since(BTC, cursors)
                cursors = dict(news.cursors)
                seen.append(news.batches["row"])
            clock.advance(0.1)
        assert store.read_since(BTC, cursors).batches["row"][0] == sent[0]
    assert [len(part) for part in seen] == [2, 2, 2]


def test_of_status_and_book_only_the_latest_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for serial in range(3):
            store.append(BTC, {kind: batch(kind, [1, 2], serial) for kind in ("status", "book")})
        news = store.read_since(BTC, {"status": 0, "book": 0})
    for kind in ("status", "book"):
        assert same(news.batches[kind], batch(kind, [1, 2], 2)[-1:])


def test_a_market_without_a_file_is_empty(tmp_path: Path) -> None:
    with opened(tmp_path / "not there") as store:
        news = store.read_since(BTC, {"row": 7})
        assert (dict(news.batches), dict(news.cursors)) == ({}, {"row": 7})
        assert len(store.window(BTC, "row", 0, 1 << 62)) == 0
        assert store.version(BTC) == 0
        assert store.markets() == {}
        assert store.requested() == []
    assert not (tmp_path / "not there").exists()


def test_a_window_is_open_below_and_closed_above(tmp_path: Path) -> None:
    clock = FakeClock()
    t = clock.now_ns()
    with opened(tmp_path, clock) as store:
        store.append(BTC, {"trade": batch("trade", [t - 3, t - 2, t - 2, t - 1, t])})
        got = store.window(BTC, "trade", t - 3, t - 1)
        assert store.window(BTC, "trade", t, t).size == 0
        assert store.window(BTC, "trade", t, t - 5).size == 0
    assert got["time_ns"].tolist() == [t - 2, t - 2, t - 1]


def test_a_window_holds_what_was_appended_late_in_order_of_time(tmp_path: Path) -> None:
    clock = FakeClock()
    start = clock.now_ns()
    with opened(tmp_path, clock) as store:
        for second in range(600):
            clock.advance(1)
            times = [clock.now_ns()]
            if second == 500:
                times = [start + 100 * S_NS + 1]  # four hundred seconds late
            store.append(BTC, {"gap": batch("gap", times, second)})
        late = store.window(BTC, "gap", start + 99 * S_NS, start + 101 * S_NS)
        recent = store.window(BTC, "gap", start + 499 * S_NS, start + 502 * S_NS)
    assert ((late["to_ns"] - start) / S_NS).tolist() == pytest.approx([100, 100.000000001, 101])
    assert ((recent["to_ns"] - start) // S_NS).tolist() == [500, 502]


def test_replayed_times_need_not_follow_ids(tmp_path: Path) -> None:
    clock = FakeClock()
    old = 1_340_000_000 * S_NS  # a file of 2012, appended now
    with opened(tmp_path, clock) as store:
        for k in range(3000):
            clock.advance(0.001)
            store.append(BTC, {"row": batch("row", [old + k * S_NS], k)})
        got = store.window(BTC, "row", old + 1000 * S_NS, old + 1003 * S_NS)
        assert len(store.window(BTC, "row", clock.now_ns() - S_NS, clock.now_ns())) == 0
    assert ((got["end_ns"] - old) // S_NS).tolist() == [1001, 1002, 1003]


@pytest.mark.parametrize("step_s", [0.0, -3600.0, 3600.0])
def test_ids_grow_over_restarts_and_stepped_clocks(tmp_path: Path, step_s: float) -> None:
    clock = FakeClock()
    ids = []
    for _ in range(4):
        with opened(tmp_path, clock) as store:
            ids += [store.append(BTC, {"row": batch("row", [clock.now_ns()])}) for _ in range(1100)]
        clock.advance(step_s)
    assert ids == sorted(set(ids))


def test_ids_grow_when_only_the_latest_kinds_are_written(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as store:
        first = store.append(BTC, {"status": batch("status", [1])})
    clock.advance(-10)
    with opened(tmp_path, clock) as store:
        assert store.append(BTC, {"row": batch("row", [1])}) > first


def test_an_append_of_nothing_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        last = store.append(BTC, {"row": batch("row", [1])})
        before = store.version(BTC)
        assert store.append(BTC, {"row": records.empty("row"), "gap": records.empty("gap")}) == last
        assert store.version(BTC) == before


def test_markets_are_described_and_described_anew(tmp_path: Path) -> None:
    odd = MarketId("okx", "1000PEPE/USDT:USDT-250101")
    with opened(tmp_path) as writer, opened(tmp_path, readonly=True) as reader:
        for market_id in (BTC, ETH, odd):
            writer.put_market(market(market_id))
        (tmp_path / "notes.sqlite").write_text("not a market's name")
        assert reader.markets() == {m: market(m) for m in (BTC, ETH, odd)}
        writer.put_market(market(ETH, "0.5"))
        assert reader.markets()[ETH].grid.tick == market(ETH, "0.5").grid.tick
        writer.append(BTC, {"row": batch("row", [1])})
        assert reader.markets()[BTC] == market(BTC)


def test_versions_change_with_every_append_and_only_then(tmp_path: Path) -> None:
    with opened(tmp_path) as writer, opened(tmp_path, readonly=True) as reader:
        assert reader.version(BTC) == 0
        versions = []
        for serial in range(3):
            writer.append(BTC, {"row": batch("row", [serial])})
            versions.append(reader.version(BTC))
            assert reader.version(BTC) == versions[-1]
            reader.read_since(BTC, {"row": 0})
            assert reader.version(BTC) == versions[-1]
        writer.append(ETH, {"row": batch("row", [1])})
        assert reader.version(BTC) == versions[-1]
    assert len({0, *versions}) == 4


def test_a_reader_follows_a_file_that_was_deleted_and_made_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as writer, opened(tmp_path, readonly=True) as reader:
        writer.put_market(market())
        writer.append(BTC, {"row": batch("row", [1])})
        before = reader.version(BTC)
        for path in tmp_path.glob("binance*"):
            path.unlink()
        assert reader.version(BTC) == 0
        assert len(reader.window(BTC, "row", 0, 9)) == 0
        second = batch("row", [2])
        writer.append(BTC, {"row": second})
        assert reader.version(BTC) not in (0, before)
        assert same(reader.window(BTC, "row", 0, 9), second)
        assert reader.markets() == {BTC: market()}


def test_readers_beyond_the_cap_are_closed_and_come_back(tmp_path: Path) -> None:
    many = [MarketId("v", f"M{k}/X") for k in range(12)]
    with opened(tmp_path) as store:
        store._max_readers = 4
        for k, market_id in enumerate(many):
            store.append(market_id, {"row": batch("row", [k + 1])})
        for _ in range(2):
            times = [int(store.window(m, "row", 0, 99)["end_ns"][0]) for m in many]
            assert times == list(range(1, 13))
            assert len(store._readers) == 4


def test_threads_share_a_store(tmp_path: Path) -> None:
    faults: list[BaseException] = []

    def work(k: int) -> None:
        try:
            for serial in range(60):
                store.append((BTC, ETH)[k % 2], {"trade": batch("trade", [serial], k)})
                store.version(BTC)
                store.window(ETH, "trade", 0, 99)
                store.read_since(BTC, {"trade": 0})
        except BaseException as error:
            faults.append(error)

    with opened(tmp_path) as store:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert [len(store.window(m, "trade", -1, 99)) for m in (BTC, ETH)] == [120, 120]


def test_any_bytes_come_back_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    sent = [rng.integers(0, 256, records.TRADE.itemsize, dtype=np.uint8) for _ in range(700)]
    with opened(tmp_path) as store:
        for raw in sent:
            store.append(BTC, {"trade": raw.view(records.TRADE)})
        got = store.read_since(BTC, {"trade": 0}).batches["trade"]
    assert got.tobytes() == b"".join(raw.tobytes() for raw in sent)


def test_joining_falls_back_to_single_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of SQLite whose texts end at the first zero byte: the length gives it away."""
    from app.store import schema

    sql = schema.SQL["trade"]
    cut = sql.join.replace("group_concat(data, '')", "substr(group_concat(data, ''), 1, 3)")
    monkeypatch.setitem(schema.SQL, "trade", schema.Statements(**(vars(sql) | {"join": cut})))
    with opened(tmp_path) as store:
        sent = [batch("trade", [k + 1], k) for k in range(300)]
        for one in sent:
            store.append(BTC, {"trade": one})
        assert same(store.window(BTC, "trade", 0, 300), np.concatenate(sent))


def test_batches_too_large_to_be_joined_are_read_one_by_one(tmp_path: Path) -> None:
    import sqlite3

    with opened(tmp_path) as store:
        sent = [batch("row", list(range(k * 100, k * 100 + 100)), k) for k in range(5)]
        for one in sent:
            store.append(BTC, {"row": one})
        store.version(BTC)
        connection = store._readers[BTC]._connection
        assert connection is not None
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)  # one batch has 68,000 bytes
        assert same(store.window(BTC, "row", -1, 500), np.concatenate(sent))


def test_wrong_records_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(StoreError, match="'rows' is no kind of record"):
            store.append(BTC, {"rows": batch("row", [1])})
        with pytest.raises(StoreError, match="A batch of row was given as"):
            store.append(BTC, {"row": batch("trade", [1])})
        with pytest.raises(StoreError, match="no kind"):
            store.window(BTC, "x", 0, 1)
        with pytest.raises(StoreError, match="no kind"):
            store.read_since(BTC, {"x": 0})
        assert not file_of(tmp_path).exists()


def test_a_readonly_store_does_not_write_but_passes_requests(tmp_path: Path) -> None:
    with opened(tmp_path, readonly=True) as viewer, opened(tmp_path) as collector:
        for call in (
            lambda: viewer.append(BTC, {}),
            lambda: viewer.put_market(market()),
            lambda: viewer.acquire(BTC, 5),
        ):
            with pytest.raises(StoreError, match="for reading only"):
                call()
        viewer.request(BTC, 5)
        assert collector.requested() == [BTC]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://localhost/0", "only the embedded store"),
        ("rediss://user:hush@host", "only the embedded store"),
        ("postgres://user:hush@host/db", "write sqlite:///DIRECTORY"),
        ("sqlite://", "write sqlite:///DIRECTORY"),
        ("sqlite:///", "write sqlite:///DIRECTORY"),
        ("sqlite://host/dir", "write sqlite:///DIRECTORY"),
        ("hot", "write sqlite:///DIRECTORY"),
        ("", "write sqlite:///DIRECTORY"),
    ],
)
def test_a_url_of_no_store_is_one_sentence(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as caught:
        open_store(url, clock=FakeClock())
    assert "hush" not in str(caught.value)


def test_urls_are_absolute_or_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_store("sqlite:///hot", clock=FakeClock()).directory == tmp_path / "hot"
    assert open_store(f"sqlite:///{tmp_path}/x", clock=FakeClock()).directory == tmp_path / "x"
    with opened(tmp_path / "a b?c#d%20e") as store:
        store.append(BTC, {"row": batch("row", [1])})
        assert file_of(tmp_path / "a b?c#d%20e").exists()


def test_late_records_are_found_after_a_restart_in_their_midst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_FINE", 1)
    clock = FakeClock()
    times = [10, 20, 30, 13, 12, 11, 31, 32, 33, 34, 35]  # 12 comes 18 after 30, 11 comes 19
    for t in times:
        clock.advance(1)
        with opened(tmp_path, clock) as store:
            store.append(BTC, {"gap": batch("gap", [t])})
    with opened(tmp_path, clock) as store:
        for low in range(8, 38):
            for high in range(low, 38):
                got = store.window(BTC, "gap", low, high)["to_ns"].tolist()
                assert got == sorted(t for t in times if low < t <= high), (low, high)


def test_history_in_other_increments_is_given_up(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as first:
        first.put_market(market())
        before = first.append(BTC, {"row": batch("row", [clock.now_ns()])})
    with opened(tmp_path, clock) as writer, opened(tmp_path, clock, readonly=True) as reader:
        assert len(reader.window(BTC, "row", 0, 2**62)) == 1
        writer.put_market(market())
        assert len(reader.window(BTC, "row", 0, 2**62)) == 1
        writer.put_market(market(tick="0.001"))
        assert not len(reader.window(BTC, "row", 0, 2**62))
        assert reader.markets()[BTC] == market(tick="0.001")
        assert writer.append(BTC, {"row": batch("row", [clock.now_ns()])}) > before
        assert len(reader.window(BTC, "row", 0, 2**62)) == 1
