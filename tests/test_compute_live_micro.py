"""The live micro-price: event by event, equal to the batch on whole blocks, the same for any chunking."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute import microprice as mp
from app.compute.live_micro import BLOCK_NS, BLOCKS
from app.compute.rows import RowBuilder
from app.compute.states import BookStates, no_states, no_trades
from app.records import LEVELS, MICRO_UNITS, NO_BID, NO_MICRO, ROW_NS
from tests import batch as batch_form
from tests.test_compute_microprice import quotes

T0 = 1_700_000_040 * 10**9  # the beginning of a block


def stream(seed, n, seconds, market=0):
    """Best states that move the mid; one in 200 begins an epoch, one in 100 is one-sided."""
    rng = np.random.default_rng(seed)
    bid, qb, ask, qa = quotes(n, seed)
    price, size = np.stack([bid, ask], axis=1), np.stack([qb, qa], axis=1)
    gone = rng.random(n) < 0.01
    price[gone, 0], size[gone, 0] = NO_BID, 0
    return BookStates(
        np.full(n, market, np.int32),
        T0 + np.sort(rng.integers(1, seconds * 10**9, n)),
        np.full(n, -1),
        np.cumsum(rng.random(n) < 0.005),
        np.ones(n, np.int32),
        price[:, :, None],
        size[:, :, None],
    )


def build(states, seed, parts, forget_at=None):
    """Rows of a builder that was fed in pieces."""
    builder = RowBuilder(2)
    rng = np.random.default_rng(seed)
    end = int(states.time_ns.max()) + ROW_NS
    edges = np.sort(rng.integers(T0, end, parts)).tolist()
    out, begin = [], 0
    for edge in [*edges, end]:
        piece = states.pick((states.time_ns > begin) & (states.time_ns <= edge))
        rows = builder.update(piece, no_states(LEVELS), no_trades(), edge)
        out.append((rows.market, rows.record))
        begin = edge
        if forget_at is not None and begin > forget_at:
            builder.forget(0)
            forget_at = None
    market, record = (np.concatenate(x) for x in zip(*out, strict=True))
    order = np.lexsort((record["end_ns"], market))
    return market[order], record[order], builder


def batch(states, record):
    """From the definitions: `count` over the 30 blocks before each row's own, then `microprice`."""
    columns = [states.price[:, 0, 0], states.size[:, 0, 0], states.price[:, 1, 0]]
    columns.append(states.size[:, 1, 0])
    same = states.epoch[1:] == states.epoch[:-1]
    block = (states.time_ns - 1) // BLOCK_NS
    values = np.full(len(record), NO_MICRO)
    of_row = (record["end_ns"] - 1) // BLOCK_NS
    for b in np.unique(of_row).tolist():
        counted = same & (block[1:] >= b - BLOCKS) & (block[1:] < b)
        g = batch_form.adjustments(batch_form.count(*columns, counted))
        rows = np.flatnonzero(of_row == b)
        if g is None:
            continue
        names = ("bid", "bid_size", "ask", "ask_size")
        found = batch_form.microprice(g, *(record[name][rows] for name in names))
        ok = np.isfinite(found)
        values[rows[ok]] = np.rint(found[ok] * MICRO_UNITS)
    return values


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 300))
def test_any_chunking_gives_the_batch(seed, parts):
    one, two = stream(seed, 9000, 400), stream(seed + 1, 6000, 400, market=1)
    both = one.join(two)
    both = both.pick(np.argsort(both.time_ns, kind="stable"))
    market, record, _ = build(both, seed, parts)
    for index, states in ((0, one), (1, two)):
        mine = record[market == index]
        want = batch(states, mine)
        known = want != NO_MICRO
        assert (mine["micro"] == NO_MICRO).tolist() == (~known).tolist()
        # Rounding to the fixed point may fall either way.
        assert np.abs(mine["micro"] - want)[known].max() <= 1
        assert known.sum() > 1000
        assert not known[: len(known) // 8].any()  # a thousand moves come first


def test_the_same_bit_for_bit_and_blocks_are_forgotten():
    states = stream(3, 30_000, 40 * 60)
    _, once, builder = build(states, 0, 0)
    _, often, other = build(states, 7, 2000)
    assert once.tobytes() == often.tobytes()
    assert (builder._micro._total == other._micro._total).all()
    assert len(builder._micro._past) <= BLOCKS
    want = batch(states, once)
    known = want != NO_MICRO
    assert np.abs(once["micro"] - want)[known].max() <= 1
    assert known[-1000:].mean() > 0.9


def test_counted_event_by_event_and_not_from_row_to_row():
    """All states within a row count: with hundreds a row, from row to row is another number."""
    states = stream(5, 20_000, 90)
    _, record, _ = build(states, 0, 50)
    last = np.searchsorted(states.time_ns, record["end_ns"], side="right") - 1
    coarse = batch(states.pick(last), record)
    known = (record["micro"] != NO_MICRO) & (coarse != NO_MICRO)
    assert (record["micro"] != NO_MICRO).any()
    assert not known.any()  # from row to row there are not even a thousand moves


def test_nothing_of_the_own_block_leaks_into_a_row():
    states = stream(11, 12_000, 170)
    changed = replace(states, size=states.size.copy())
    late = states.time_ns > T0 + 2 * BLOCK_NS + 10**9
    changed.size[late] = changed.size[late][:, ::-1]
    (_, a, _), (_, b, _) = build(states, 0, 40), build(changed, 0, 40)
    early = a["end_ns"] <= T0 + 2 * BLOCK_NS + 10**9
    assert (a["micro"][early] != NO_MICRO).any()
    assert (a["micro"][early] == b["micro"][early]).all()


def test_a_market_in_other_units_begins_anew():
    states = stream(2, 9000, 300)
    _, record, builder = build(states, 0, 60, forget_at=T0 + 200 * 10**9)
    after = record["end_ns"] > T0 + 210 * 10**9
    before = (record["end_ns"] > T0 + 150 * 10**9) & (record["end_ns"] < T0 + 190 * 10**9)
    assert (record["micro"][before] != NO_MICRO).any()
    assert (record["micro"][after & (record["end_ns"] <= T0 + 240 * 10**9)] == NO_MICRO).all()
    assert (builder._micro._total >= 0)[:, : 2 * mp.STATES**2].all()
