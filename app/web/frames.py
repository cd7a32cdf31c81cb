"""Binary frames of `/live`: a JSON header and numpy arrays, readable in a browser without a copy.

    u32 header length, little endian, such that 4 + length is a multiple of 8
    header, padded with spaces; `arrays` in it: name → [type, shape, offset from the end of the header]
    arrays, little endian, each aligned to 8 bytes

Typed arrays of JavaScript need aligned offsets: hence the padding.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from app.clock import NS_PER_MS
from app.compute.view import Scale, in_unit
from app.records import Batch

_TYPES: Final = {"f8": "<f8", "f4": "<f4", "i4": "<i4", "u4": "<u4"}
_NAMES: Final = {np.dtype(little): name for name, little in _TYPES.items()}
_ALIGN: Final = 8


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """JSON; numbers that are not finite become null, numpy's are numbers too."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def encode(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """One frame; the header as `json_bytes` has it."""
    parts: list[bytes] = []
    directory: dict[str, list[Any]] = {}
    offset = 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        directory[name] = [_NAMES[array.dtype], list(array.shape), offset]
        pad = -len(data) % _ALIGN
        parts += (data, bytes(pad))
        offset += len(data) + pad
    text = json_bytes({**header, "arrays": directory})
    text += b" " * (-(4 + len(text)) % _ALIGN)
    return b"".join((len(text).to_bytes(4, "little"), text, *parts))


def decode(frame: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of a frame, as the page reads them.

    Raises:
        ValueError: it is not a frame.
    """
    if len(frame) < 4:
        raise ValueError("a frame has at least four bytes")
    length = int.from_bytes(frame[:4], "little")
    header: dict[str, Any] = orjson.loads(frame[4 : 4 + length])
    arrays = {}
    for name, (kind, shape, offset) in header.pop("arrays").items():
        begin = 4 + length + offset
        values = np.frombuffer(frame, _TYPES[kind], math.prod(shape), begin)
        arrays[name] = values.reshape(shape)
    return header, arrays


def trade_arrays(trades: Batch, scale: Scale) -> dict[str, NDArray[Any]]:
    """Trades as docs/live.md names them: ms, price, size; the size is negative when sold."""
    return {
        "tr_t": trades["time_ns"] / NS_PER_MS,
        "tr_p": in_unit(trades["price"], scale.tick),
        "tr_q": in_unit(trades["size"] * trades["side"], scale.lot),
    }


def largest(trades: Batch, after_ns: int, upto_ns: int, most: int) -> Batch:
    """The largest trades in `(after, upto]`, in their order."""
    trades = trades[(trades["time_ns"] > after_ns) & (trades["time_ns"] <= upto_ns)]
    if len(trades) <= most:
        return trades
    return trades[np.sort(np.argpartition(trades["size"], -most)[-most:])]
