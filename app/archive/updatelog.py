"""From book states to the rows of the update log."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.archive.schema import DEPTH, KEYFRAME_NS

Ints = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]
_TYPES = {f.name: f.type.to_pandas_dtype() for f in DEPTH}
# Levels² comparisons of one pass: bounds the memory of a batch of deep snapshots.
_PASS = 1 << 20


class SnapshotEncoder:
    """Differences snapshots of the best L levels, `[n, 2, L]` at a time."""

    def __init__(self) -> None:
        self._price: Ints | None = None
        self._size: Ints | None = None
        self._epoch = -1
        self._minute = -1
        self._state = 0

    def encode(
        self,
        time_ns: Ints,
        venue_ms: Ints,
        update_id: Ints,
        epoch: Ints,
        known: int,
        price: Ints,
        size: Ints,
        *,
        force_key: bool = False,
    ) -> Iterable[Columns]:
        """Rows of these states; absent levels have size 0.

        Args:
            force_key: make the first of these states a keyframe.
        """
        step = max(1, _PASS // (2 * price.shape[2] ** 2))
        for a in range(0, len(time_ns), step):
            part = slice(a, a + step)
            meta = {"time_ns": time_ns[part], "venue_ms": venue_ms[part]}
            meta |= {"update_id": update_id[part], "epoch": epoch[part]}
            yield self._encode(meta, known, price[part], size[part], force_key and a == 0)

    def _encode(
        self, meta: Columns, known: int, price: Ints, size: Ints, force_key: bool
    ) -> Columns:
        n = len(price)
        if self._price is None or self._size is None or self._price.shape != price.shape[1:]:
            self._price, self._size = np.zeros_like(price[0]), np.zeros_like(size[0])
            self._epoch = -1
        minute = meta["time_ns"] // KEYFRAME_NS
        key = (np.diff(meta["epoch"], prepend=self._epoch) != 0) | (
            np.diff(minute, prepend=self._minute) != 0
        )
        key[0] |= force_key
        before_price = np.concatenate([self._price[None], price[:-1]])
        before_size = np.concatenate([self._size[None], size[:-1]])
        rows = _changes(price, size, before_price, before_size, key)
        self._price, self._size = price[-1].copy(), size[-1].copy()
        self._epoch, self._minute = int(meta["epoch"][-1]), int(minute[-1])
        at = rows["state"]
        columns: Columns = {name: values[at] for name, values in meta.items()}
        columns |= {"state": at + self._state, "known": np.full(len(at), known), "key": key[at]}
        columns |= {name: rows[name] for name in ("side", "price", "size")}
        self._state += n
        return {name: columns[name].astype(dtype) for name, dtype in _TYPES.items()}


def _changes(
    price: Ints, size: Ints, before_price: Ints, before_size: Ints, key: NDArray[np.bool_]
) -> Columns:
    """Rows (state, side, price, size) in order of state; a state without any gets one of side 0."""
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for index, side in ((0, 1), (1, -1)):
        new_p, new_q = price[:, index], size[:, index]
        old_p, old_q = before_price[:, index], before_size[:, index]
        equal = new_p[:, :, None] == old_p[:, None, :]
        same = (equal & (new_q[:, :, None] == old_q[:, None, :])).any(axis=2)
        changed = (new_q > 0) & (~same | key[:, None])
        gone = (old_q > 0) & ~(equal & (new_q[:, :, None] > 0)).any(axis=1) & ~key[:, None]
        for where, p, q in ((gone, old_p, None), (changed, new_p, new_q)):
            state, level = np.nonzero(where)
            amount = np.zeros(len(state), np.int64) if q is None else q[state, level]
            parts.append((state, np.full(len(state), side), p[state, level], amount))
    touched = np.zeros(len(price), bool)
    for part in parts:
        touched[part[0]] = True
    quiet = np.flatnonzero(~touched)
    none = np.zeros(len(quiet), np.int64)
    parts.append((quiet, none, none, none))
    state, side_, price_, size_ = (np.concatenate([p[k] for p in parts]) for k in range(4))
    order = np.argsort(state, kind="stable")
    return {
        "state": state[order],
        "side": side_[order],
        "price": price_[order],
        "size": size_[order],
    }


class ChangeEncoder:
    """Collects the changes of a maintained book, state by state; keyframes from the book itself."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, ...]] = []
        self._epoch = -1
        self._minute = -1
        self._state = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        time_ns: int,
        venue_ms: int,
        update_id: int,
        epoch: int,
        known: int,
        changes: Iterable[tuple[int, int, int]],
        bids: dict[int, int],
        asks: dict[int, int],
        *,
        force_key: bool = False,
    ) -> None:
        """One state.

        Args:
            changes: (side, price, size) of what changed, size 0 for what is gone.
            bids, asks: the whole book after the change, price → size.
        """
        minute = time_ns // KEYFRAME_NS
        key = epoch != self._epoch or minute != self._minute or force_key
        self._epoch, self._minute = epoch, minute
        if key:
            changes = [(1, p, q) for p, q in bids.items()] + [(-1, p, q) for p, q in asks.items()]
        head = (time_ns, venue_ms, update_id, self._state, epoch, known, int(key))
        before = len(self._rows)
        self._rows.extend((*head, side, price, size) for side, price, size in changes)
        if len(self._rows) == before:
            self._rows.append((*head, 0, 0, 0))
        self._state += 1

    def take(self) -> Columns:
        """The rows collected since the last call."""
        block = np.array(self._rows, dtype=np.int64).reshape(-1, len(_TYPES))
        self._rows = []
        return {name: block[:, k].astype(dtype) for k, (name, dtype) in enumerate(_TYPES.items())}
