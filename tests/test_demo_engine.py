import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.demo.engine import BUY, SELL, Engine
from tests.demo_reference import SlowBook

SIDES = st.sampled_from((BUY, SELL))
PRICES = st.integers(95, 105)
SIZES = st.integers(1, 30)
PICK = st.integers(0, 10_000)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("limit"), SIDES, PRICES, SIZES, st.sampled_from((0, 0, 1, 3, 7))),
        st.tuples(st.just("market"), SIDES, SIZES),
        st.tuples(st.just("cancel"), PICK),
        st.tuples(st.just("replace"), PICK, PRICES, SIZES),
    ),
    max_size=120,
)


def apply(book, operation, ids):
    name, *arguments = operation
    if name == "limit":
        side, price, size, peak = arguments
        order_id = book.limit(side, price, size, peak=peak)
        ids.append(order_id)
        return order_id
    if name == "market":
        return book.market(*arguments)
    if not ids:
        return None
    order_id = ids[arguments[0] % len(ids)]
    return book.cancel(order_id) if name == "cancel" else book.replace(order_id, *arguments[1:])


def resting(engine, side):
    return sum(o.visible + o.hidden for o in engine.orders.values() if o.side == side)


@settings(max_examples=300, deadline=None)
@given(OPERATIONS)
def test_equals_the_slow_reference_after_every_operation(operations):
    engine, slow, ids, slow_ids = Engine(), SlowBook(), [], []
    fills = []
    for operation in operations:
        assert apply(engine, operation, ids) == apply(slow, operation, slow_ids)
        fills += [(f.maker_id, f.price, f.size) for f in engine.take_fills()]
        assert engine.bids.depth() == slow.depth(BUY)
        assert engine.asks.depth() == slow.depth(SELL)
    assert fills == slow.fills
    for book in (engine.bids, engine.asks):
        for price, level in book.levels.items():
            assert list(level.orders) == slow.queue(book.side, price)


@settings(max_examples=200, deadline=None)
@given(OPERATIONS)
def test_never_crossed_and_levels_are_the_sums_of_their_orders(operations):
    engine, ids = Engine(), []
    for operation in operations:
        apply(engine, operation, ids)
        bid, ask = engine.bids.best, engine.asks.best
        assert bid is None or ask is None or bid < ask
        for book in (engine.bids, engine.asks):
            assert book.keys == sorted(book.side * price for price in book.levels)
            for level in book.levels.values():
                assert level.orders
                assert level.visible == sum(o.visible for o in level.orders.values()) > 0


@settings(max_examples=200, deadline=None)
@given(OPERATIONS)
def test_volume_is_conserved(operations):
    """What came in is what rests, what traded (on both sides), what was withdrawn and what lapsed."""
    engine, ids = Engine(), []
    entered = {BUY: 0, SELL: 0}
    left = {BUY: 0, SELL: 0}
    for name, *arguments in operations:
        if name in ("cancel", "replace") and not ids:
            continue
        if name == "limit":
            side, price, size, peak = arguments
            entered[side] += size
            ids.append(engine.limit(side, price, size, peak=peak))
        elif name == "market":
            side, size = arguments
            entered[side] += size
            left[side] += engine.market(side, size)
        else:
            order_id = ids[arguments[0] % len(ids)]
            order = engine.orders.get(order_id)
            before = (order.side, order.visible + order.hidden) if order else None
            if name == "cancel":
                withdrawn = engine.cancel(order_id)
                assert withdrawn == (before[1] if before else 0)
                if before:
                    left[before[0]] += withdrawn
            elif engine.replace(order_id, *arguments[1:]):
                left[before[0]] += before[1]
                entered[before[0]] += arguments[2]
        for fill in engine.take_fills():
            left[fill.taker_side] += fill.size
            left[-fill.taker_side] += fill.size
        for side in (BUY, SELL):
            assert entered[side] == left[side] + resting(engine, side)


@settings(max_examples=200, deadline=None)
@given(OPERATIONS, st.integers(1, 20))
def test_a_book_rebuilt_from_drained_changes_is_the_engines_book(operations, every):
    engine, ids, rebuilt = Engine(), [], {BUY: {}, SELL: {}}
    seen_id = engine.update_id
    for k, operation in enumerate(operations):
        apply(engine, operation, ids)
        if k % every:
            continue
        changes = {BUY: engine.bids.drain(), SELL: engine.asks.drain()}
        # An id that stood still promises that nothing changed.
        assert engine.update_id > seen_id or not (changes[BUY] or changes[SELL])
        seen_id = engine.update_id
        for side, levels in changes.items():
            for price, size in levels:
                rebuilt[side].pop(price, None)
                if size:
                    rebuilt[side][price] = size
        assert sorted(rebuilt[BUY].items(), reverse=True) == engine.bids.depth()
        assert sorted(rebuilt[SELL].items()) == engine.asks.depth()


def test_first_come_first_served_at_one_price():
    engine = Engine()
    first, second = engine.limit(SELL, 100, 5, owner=1), engine.limit(SELL, 100, 5, owner=2)
    engine.limit(SELL, 99, 1, owner=3)
    assert engine.market(BUY, 8) == 0
    assert [(f.maker_owner, f.price, f.size) for f in engine.take_fills()] == [
        (3, 99, 1),
        (1, 100, 5),
        (2, 100, 2),
    ]
    assert first not in engine.orders
    assert engine.orders[second].visible == 3


def test_an_iceberg_shows_its_peak_and_queues_anew_with_each():
    engine = Engine()
    iceberg = engine.limit(SELL, 100, 10, owner=1, peak=4)
    engine.limit(SELL, 100, 5, owner=2)
    assert engine.asks.best_size == 9
    engine.market(BUY, 6)
    assert [(f.maker_owner, f.size) for f in engine.take_fills()] == [(1, 4), (2, 2)]
    assert engine.asks.best_size == 3 + 4
    engine.market(BUY, 4)
    assert [(f.maker_owner, f.size) for f in engine.take_fills()] == [(2, 3), (1, 1)]
    assert engine.cancel(iceberg) == 5


def test_a_smaller_order_keeps_its_place_and_a_larger_one_does_not():
    engine = Engine()
    a, b = engine.limit(BUY, 100, 5), engine.limit(BUY, 100, 5)
    engine.replace(a, 100, 3)
    engine.market(SELL, 1)
    assert engine.take_fills()[0].maker_id == a
    engine.replace(a, 100, 4)
    engine.market(SELL, 1)
    assert engine.take_fills()[0].maker_id == b


def test_a_replaced_price_that_crosses_trades():
    engine = Engine()
    engine.limit(SELL, 101, 2)
    order = engine.limit(BUY, 100, 5)
    assert engine.replace(order, 101, 5)
    assert [(f.maker_owner, f.price, f.size) for f in engine.take_fills()] == [(0, 101, 2)]
    assert engine.bids.depth() == [(101, 3)]
    assert engine.orders[order].visible == 3


def test_nothing_moves_the_update_id_but_a_change():
    engine = Engine(first_update_id=7)
    assert engine.market(BUY, 5) == 5
    assert engine.cancel(99) == 0
    assert not engine.replace(99, 1, 1)
    assert engine.update_id == 7
    engine.limit(BUY, 100, 1)
    assert engine.update_id == 8


@pytest.mark.parametrize(("price", "size", "peak"), [(0, 1, 0), (1, 0, 0), (1, -1, 0), (1, 1, -1)])
def test_orders_without_size_or_price_are_refused(price, size, peak):
    with pytest.raises(ValueError, match="positive size and price"):
        Engine().limit(BUY, price, size, peak=peak)


def test_depth_is_cut_at_the_limit():
    engine = Engine()
    for price in (97, 99, 98):
        engine.limit(BUY, price, price)
    assert engine.bids.depth(2) == [(99, 99), (98, 98)]
    assert engine.bids.depth(0) == []
