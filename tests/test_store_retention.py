"""What the store forgets, by age and by size, and that its files stay small."""

from pathlib import Path

import numpy as np
import pytest

from app import records
from app.clock import FakeClock
from app.market import MarketId
from app.store import SqliteStore
from tests.store_help import BTC, ETH, S_NS, batch, file_of, market, opened

HISTORY = ("row", "column", "column_1s", "trade", "gap", "summary")


def fill(
    store: SqliteStore, clock: FakeClock, seconds: int, kinds: tuple[str, ...] = HISTORY
) -> None:
    for _ in range(seconds):
        clock.advance(1)
        store.append(BTC, {kind: batch(kind, [clock.now_ns()]) for kind in kinds})


def ages_s(store: SqliteStore, kind: str, clock: FakeClock) -> np.ndarray:
    whole = store.window(BTC, kind, 0, 1 << 62)
    return (clock.now_ns() - whole[records.TIME_FIELD[kind]]) / S_NS


def test_history_is_kept_for_its_minutes_and_columns_for_ten(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock, keep_minutes=15) as store:
        fill(store, clock, 2400)
        for kind in HISTORY:
            kept = 600 if kind == "column" else 900
            ages = ages_s(store, kind, clock)
            assert (ages.min(), len(ages)) == (0, kept + 1)
            assert ages.max() == kept


def test_columns_are_not_kept_longer_than_anything_else(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock, keep_minutes=1) as store:
        fill(store, clock, 100, ("column", "row"))
        assert len(ages_s(store, "column", clock)) == len(ages_s(store, "row", clock)) == 61


def test_a_kind_that_is_no_longer_written_is_forgotten_too(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock, keep_minutes=5) as store:
        fill(store, clock, 100, ("gap",))
        clock.advance(600)
        fill(store, clock, 5, ("row",))
        assert len(ages_s(store, "gap", clock)) == 0


def test_a_replay_of_old_data_is_kept_by_the_age_of_its_append(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock, keep_minutes=5) as store:
        for k in range(400):
            clock.advance(1)
            store.append(BTC, {"row": batch("row", [k])})
        assert store.window(BTC, "row", -1, 400)["end_ns"].tolist() == list(range(99, 400))


def test_a_file_stays_below_its_size_and_loses_the_oldest(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock, max_mb_per_market=8) as store:
        largest = 0
        for _ in range(50):
            fill(store, clock, 80, ("row", "column_1s", "gap"))
            largest = max(largest, file_of(tmp_path).stat().st_size)
        ages = {kind: ages_s(store, kind, clock) for kind in ("row", "column_1s", "gap")}
        log = Path(f"{file_of(tmp_path)}-wal").stat().st_size
    assert largest <= 8 << 20
    assert log <= 32 << 20
    for kept in ages.values():
        # 8 MiB hold some 1,600 seconds of a page for the column and a fifth of one for the row.
        assert 1400 < len(kept) < 1900
        assert kept.min() == 0
        assert kept.max() == len(kept) - 1  # nothing is missing in between
    assert max(map(len, ages.values())) - min(map(len, ages.values())) <= 1


def test_rare_records_are_not_the_first_to_go(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock, max_mb_per_market=8) as store:
        for _ in range(50):
            fill(store, clock, 1, ("gap",))
            fill(store, clock, 79, ("column_1s",))
        gaps, columns = (ages_s(store, kind, clock) for kind in ("gap", "column_1s"))
    assert 0 <= gaps.max() - columns.max() < 80 or 0 <= columns.max() - gaps.max() < 80
    assert np.diff(gaps).tolist() == [-80.0] * (len(gaps) - 1)


def test_a_lower_size_gives_space_back_to_the_disk(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock, max_mb_per_market=64) as store:
        fill(store, clock, 5000, ("column_1s",))
    assert file_of(tmp_path).stat().st_size > 18 << 20
    with opened(tmp_path, clock, max_mb_per_market=8) as store:
        fill(store, clock, 600, ("column_1s",))
        store._care.caretaker.close()
        ages = ages_s(store, "column_1s", clock)
    assert file_of(tmp_path).stat().st_size <= 8 << 20
    assert ages.min() == 0
    assert len(ages) > 1500


def test_the_newest_append_is_never_forgotten(tmp_path: Path) -> None:
    clock = FakeClock()
    large = records.empty("column_1s", 4000)  # 13 MB in one append
    with opened(tmp_path, clock, max_mb_per_market=8) as store:
        for _ in range(8):
            clock.advance(1)
            large["time_ns"] = clock.now_ns()
            store.append(BTC, {"column_1s": large})
        assert set(ages_s(store, "column_1s", clock)) <= {0.0, 1.0}


@pytest.mark.parametrize("leased", [False, True])
def test_files_of_markets_that_nobody_collects_any_more_go(tmp_path: Path, leased: bool) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as first:
        first.put_market(market(ETH))
        first.append(ETH, {"row": batch("row", [clock.now_ns()])})
        clock.advance(5 * 3600)
        if leased:
            first.acquire(ETH, 60)
        with opened(tmp_path, clock, keep_minutes=240) as second:
            second.acquire(BTC, 60)
            assert set(second.markets()) == ({ETH} if leased else set())
    assert file_of(tmp_path, ETH).exists() == leased


def test_fresh_files_are_not_swept_away(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as first:
        first.put_market(market(ETH))
        first.append(ETH, {"row": batch("row", [clock.now_ns()])})
        clock.advance(3 * 3600)
        with opened(tmp_path, clock, keep_minutes=240) as second:
            second.acquire(MarketId("a", "B/C"), 60)
            assert set(second.markets()) == {ETH}
