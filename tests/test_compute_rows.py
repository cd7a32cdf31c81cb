"""Feature rows: by hand, against a slow reference, and the same for any chunking."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute.rows import RowBuilder
from app.compute.states import BookStates, TradePrints, no_states, no_trades
from app.records import LEVELS, NO_ASK, NO_BID, ROW_NS

T0 = 1_700_000_000 * 10**9


def states(market, time_ns, levels, epoch=None, known=LEVELS, latency_us=-1):
    """States from lists of `((bid, size), (ask, size))` at level 1, deeper levels one tick apart."""
    n, depth = len(time_ns), levels
    price = np.zeros((n, 2, depth), np.int64)
    size = np.zeros((n, 2, depth), np.int64)
    return BookStates(
        np.asarray(market, np.int32),
        np.asarray(time_ns, np.int64),
        np.full(n, latency_us, np.int64),
        np.zeros(n, np.int64) if epoch is None else np.asarray(epoch, np.int64),
        np.full(n, known, np.int32),
        price,
        size,
    )


def best_states(quotes, epoch=None, market=0):
    """`quotes`: (time in ms after T0, bid, bid size, ask, ask size)."""
    result = states([market] * len(quotes), [T0 + q[0] * 10**6 for q in quotes], 1, epoch)
    for k, (_, bid, bid_size, ask, ask_size) in enumerate(quotes):
        result.price[k, :, 0] = bid, ask
        result.size[k, :, 0] = bid_size, ask_size
    return result


HAND = [
    (10, 9999, 10, 10001, 10),
    (20, 9999, 15, 10001, 10),
    (100, 10000, 8, 10001, 10),  # at the edge: belongs to the row that ends here
    (101, 10000, 8, 10002, 12),
    (350, 10000, 8, 10001, 5),
]


def test_rows_by_hand():
    rows = RowBuilder().update(best_states(HAND), no_states(LEVELS), no_trades(), T0 + 10**9)
    record = rows.record
    assert record["end_ns"].tolist() == [T0 + ROW_NS, T0 + 2 * ROW_NS, T0 + 4 * ROW_NS]
    assert record["ofi_best"].tolist() == [5 + 8, 10, -5]
    assert record["states_best"].tolist() == [3, 1, 1]
    assert record["added_bid"].tolist() == [5 + 8, 0, 0]
    assert record["removed_ask"].tolist() == [0, 10, 0]
    assert record["added_ask"].tolist() == [0, 0, 5]
    assert record["bid"].tolist() == [10000] * 3
    assert record["ask"].tolist() == [10001, 10002, 10001]
    assert record["received_ns"].tolist() == [T0 + t * 10**6 for t in (100, 101, 350)]


def test_nothing_is_differenced_across_an_epoch():
    rows = RowBuilder().update(
        best_states(HAND, epoch=[1, 1, 2, 2, 3]), no_states(LEVELS), no_trades(), T0 + 10**9
    )
    assert rows.record["ofi_best"].tolist() == [5, 10, 0]


def test_a_row_waits_for_the_watermark():
    builder = RowBuilder()
    first = builder.update(best_states(HAND), no_states(LEVELS), no_trades(), T0 + 150 * 10**6)
    assert len(first.record) == 1
    later = builder.update(no_states(1), no_states(LEVELS), no_trades(), T0 + 10**9)
    assert later.record["ofi_best"].tolist() == [10, -5]


def test_quotes_are_carried_into_rows_without_states():
    builder = RowBuilder()
    builder.update(best_states(HAND), no_states(LEVELS), no_trades(), T0 + 10**9)
    prints = TradePrints(
        np.zeros(2, np.int32),
        np.array([T0 + 10**9 + 1, T0 + 10**9 + 2]),
        np.array([10001, 10000]),
        np.array([30, 12]),
        np.array([1, -1], np.int8),
    )
    row = builder.update(no_states(1), no_states(LEVELS), prints, T0 + 2 * 10**9).record[0]
    assert (row["bought"], row["sold"], row["trades"]) == (30, 12, 2)
    assert (row["bid"], row["ask"], row["bid_size"]) == (10000, 10001, 8)
    assert row["ofi_best"] == 0
    assert (row["matched_bid"], row["matched_ask"]) == (0, 0)  # nothing left the book


def test_what_traded_where_it_left_the_book_is_matched():
    def prints(*trades):
        time_ms, price, size, side = zip(*trades, strict=True)
        return TradePrints(
            np.zeros(len(trades), np.int32),
            T0 + np.array(time_ms) * 10**6,
            np.array(price),
            np.array(size),
            np.array(side, np.int8),
        )

    quotes = [
        (10, 100, 9, 101, 9),
        (20, 100, 4, 101, 9),
        (30, 100, 4, 102, 5),
        (140, 99, 7, 102, 5),
    ]
    traded = prints(
        (25, 100, 3, -1),  # of 5 that left the bid
        (26, 101, 20, 1),  # of 9 that left the ask: 11 are unmatched
        (27, 102, 2, 1),  # at another price
        (28, 100, 4, 0),  # nobody says whose
        (150, 100, 3, -1),  # in the next row, of the 4 that left when the bid fell
        (160, 100, 9, -1),
    )
    record = RowBuilder().update(best_states(quotes), no_states(LEVELS), traded, T0 + 10**9).record
    assert record["removed_bid"].tolist() == [5, 4]
    assert record["matched_bid"].tolist() == [3, 4]
    assert record["matched_ask"].tolist() == [9, 0]


def test_a_forgotten_market_starts_anew():
    builder = RowBuilder()
    builder.update(best_states(HAND[:2]), no_states(LEVELS), no_trades(), T0 + 10**9)
    builder.forget(0)
    row = builder.update(best_states(HAND[2:]), no_states(LEVELS), no_trades(), T0 + 10**9).record
    assert row["ofi_best"].tolist() == [0, 10, -5]


def test_unknown_levels_are_not_absent_ones():
    depth = states([0, 0], [T0 + 1, T0 + 2], LEVELS, known=3)
    depth.price[:, 0] = 100 - np.arange(LEVELS)
    depth.price[:, 1] = 101 + np.arange(LEVELS)
    depth.size[0], depth.size[1] = 5, 7
    depth.price[:, 0, 3:], depth.price[:, 1, 3:] = NO_BID, NO_ASK
    depth.size[0, :, 3:] = 0
    depth.size[1, :, 3:] = 0
    depth.size[1, 0, 0] = 9
    row = RowBuilder().update(no_states(1), depth, no_trades(), T0 + 10**9).record[0]
    assert row["levels"] == 3
    assert row["ofi"][:4].tolist() == [2, 0, 0, 0]


def random_market(rng, n, market, levels):
    """A market's stream with moving prices, appearing levels and broken epochs."""
    result = states(
        [market] * n,
        T0 + np.cumsum(rng.integers(1, 60_000_000, n)),
        levels,
        np.cumsum(rng.random(n) < 0.1),
        latency_us=5,
    )
    mid = 1000 + np.cumsum(rng.integers(-1, 2, n))
    steps = np.cumsum(rng.integers(1, 3, (n, 2, levels)), axis=2)
    result.price[:, 0] = mid[:, None] - steps[:, 0]
    result.price[:, 1] = mid[:, None] + steps[:, 1]
    result.size[:] = rng.integers(1, 30, (n, 2, levels))
    gone = rng.random((n, 2)) < 0.05
    result.price[:, 0][gone[:, 0]], result.price[:, 1][gone[:, 1]] = NO_BID, NO_ASK
    result.size[gone] = 0
    return result


def interleave(parts):
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.join(part)
    return joined.pick(np.argsort(joined.time_ns, kind="stable"))


def match(target):
    """docs/metrics.md, Decomposition, price by price: what left and what traded there, on each side."""
    target["matched"], target["cancelled"], target["unmatched"] = [0, 0], [0, 0], [0, 0]
    for where in {*target["removed"], *target["traded"]}:
        left, sold = (target[name].get(where, 0) for name in ("removed", "traded"))
        target["matched"][where[0]] += min(left, sold)
        target["cancelled"][where[0]] += left - min(left, sold)
        target["unmatched"][where[0]] += sold - min(left, sold)


def best_level(target, p, q, p0, q0):
    for side, sign in ((0, 1), (1, -1)):
        if sign * p[side] > sign * p0[side]:
            added, removed = q[side], 0
        elif p[side] == p0[side]:
            added, removed = max(q[side] - q0[side], 0), max(q0[side] - q[side], 0)
        else:
            added, removed = 0, q0[side]
        target["added"][side] += added
        where = (side, p0[side])
        target["removed"][where] = target["removed"].get(where, 0) + removed


def contribution(p, q, p0, q0):
    e = (q[0] if p[0] >= p0[0] else 0) - (q0[0] if p[0] <= p0[0] else 0)
    return e - (q[1] if p[1] <= p0[1] else 0) + (q0[1] if p[1] >= p0[1] else 0)


def slow_rows(best, depth, prints):
    """One dict per (market, row), event by event, straight from the definitions."""
    rows, last = {}, {}

    def row(market, time_ns):
        return rows.setdefault(
            (market, -(-time_ns // ROW_NS)),
            {"ofi_best": 0, "ofi": [0] * LEVELS, "best": 0, "depth": 0, "bought": 0, "sold": 0}
            | {"added": [0, 0], "removed": {}, "traded": {}},
        )

    for name, stream in (("best", best), ("depth", depth)):
        for k in range(len(stream)):
            market = int(stream.market[k])
            target = row(market, int(stream.time_ns[k]))
            target[name] += 1
            before = last.get((name, market))
            if before is not None and stream.epoch[before] == stream.epoch[k]:
                for m in range(stream.price.shape[2]):
                    values = [
                        a[j, :, m].tolist()
                        for j in (k, before)
                        for a in (stream.price, stream.size)
                    ]
                    e = contribution(*values)
                    if name == "best":
                        target["ofi_best"] += e
                        best_level(target, *values)
                    else:
                        target["ofi"][m] += e
            last[name, market] = k
    for k in range(len(prints)):
        target = row(int(prints.market[k]), int(prints.time_ns[k]))
        target["bought" if prints.side[k] > 0 else "sold"] += int(prints.size[k])
        where = (int(prints.side[k] > 0), int(prints.price[k]))  # a sale meets the bid
        target["traded"][where] = target["traded"].get(where, 0) + int(prints.size[k])
    for target in rows.values():
        match(target)
    return rows


def random_streams(seed):
    rng = np.random.default_rng(seed)
    best = interleave([random_market(rng, 40, m, 1) for m in range(3)])
    depth = interleave([random_market(rng, 30, m, LEVELS) for m in range(4)])
    # Prints at the prices of the best states, most a little late, so that many find their quote.
    k = np.sort(rng.integers(0, len(best), 60))
    side = rng.choice(np.array([-1, 1], np.int8), 60)
    prints = TradePrints(
        best.market[k],
        best.time_ns[k] + rng.integers(1, 30_000_000, 60),
        best.price[k, (side > 0).astype(int), 0],
        rng.integers(1, 30, 60),
        side,
    )
    other = TradePrints(
        rng.integers(0, 4, 9).astype(np.int32),
        T0 + np.cumsum(rng.integers(1, 90_000_000, 9)),
        rng.integers(990, 1010, 9),
        rng.integers(1, 9, 9),
        rng.choice(np.array([-1, 1], np.int8), 9),
    )
    return best, depth, interleave([prints, other])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_equals_the_slow_reference(seed):
    best, depth, prints = random_streams(seed)
    rows = RowBuilder(markets=1).update(best, depth, prints, T0 + 10**11)
    expected = slow_rows(best, depth, prints)
    assert len(rows.record) == len(expected)
    for market, record in zip(rows.market.tolist(), rows.record, strict=True):
        want = expected[market, int(record["end_ns"]) // ROW_NS]
        assert int(record["ofi_best"]) == want["ofi_best"]
        assert record["ofi"].tolist() == want["ofi"]
        assert (record["states_best"], record["states_depth"]) == (want["best"], want["depth"])
        assert (record["bought"], record["sold"]) == (want["bought"], want["sold"])
        assert [record["added_bid"], record["added_ask"]] == want["added"]
        matched = [int(record["matched_bid"]), int(record["matched_ask"])]
        assert matched == want["matched"]
        # Both identities of docs/metrics.md, Decomposition, from the record alone and against the reference.
        removed = [int(record["removed_bid"]), int(record["removed_ask"])]
        cancelled = [r - m for r, m in zip(removed, matched, strict=True)]
        assert cancelled == want["cancelled"]
        assert int(record["ofi_best"]) == (
            (int(record["added_bid"]) - int(record["added_ask"]))
            - (cancelled[0] - cancelled[1])
            + (matched[1] - matched[0])
        )
        assert want["unmatched"][0] + matched[0] == int(record["sold"])
        assert want["unmatched"][1] + matched[1] == int(record["bought"])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2 * 10**9), max_size=12))
def test_any_chunking_gives_the_same_rows(seed, cuts):
    best, depth, prints = random_streams(seed)
    whole = RowBuilder().update(best, depth, prints, T0 + 10**11)
    builder, parts, start = RowBuilder(markets=1), [], 0
    for cut in [*sorted(cuts), 10**11]:
        edge = T0 + cut

        def between(stream, low=T0 + start, high=edge):
            return stream.pick((stream.time_ns > low) & (stream.time_ns <= high))

        parts.append(builder.update(between(best), between(depth), between(prints), edge))
        start = cut
    market = np.concatenate([p.market for p in parts])
    record = np.concatenate([p.record for p in parts])
    order = np.lexsort((record["end_ns"], market))
    assert (market[order] == whole.market).all()
    assert record[order].tobytes() == whole.record.tobytes()
