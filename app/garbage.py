"""Memory that is not used any more: what Python's collector of cyclic garbage walks, what malloc keeps.

Left to itself Python walks every object of a process each half minute or so and finds nothing: some 100 ms
in a web worker, 200 in a collector that has ccxt, in which no update moves.
"""

import ctypes
import gc

# The C library of some systems has none.
_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)


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


def give_back() -> None:
    """Return to the system what lies free between blocks that are in use; for once in a while.

    glibc by itself returns what is free at the end of its heap alone, and whatever comes and goes with a
    connection leaves holes.
    """
    if _TRIM is not None:
        _TRIM(0)
