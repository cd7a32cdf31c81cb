"""Python's collector of cyclic garbage, told what will stay.

Left to itself it walks every object of a process each half minute or so and finds nothing: some 100 ms in a
web worker, 200 in a collector that has ccxt, in which no update moves.
"""

import gc


def settle() -> None:
    """Free what is garbage now, and look at what is left no more.

    For the end of a start. What nothing refers to any more is freed as ever; only cycles that were there
    and fall apart later are not.
    """
    gc.collect()
    gc.freeze()
    # All of it is looked at again when what is new is a quarter of what the last look left: that must not
    # be what was there before, or hundreds of thousands of dead objects gather first.
    gc.collect()
