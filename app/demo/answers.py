"""HTTP answers that all venues of the demo share."""

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from app.demo.faults import SNAPSHOT_FAULTS

if TYPE_CHECKING:
    from app.demo.server import DemoExchange

_TEXTS = {"429": "Too many requests.", "418": "IP banned.", "503": "Service unavailable."}


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A value as JSON."""
    return web.Response(
        body=orjson.dumps(value), status=status, headers=headers, content_type="application/json"
    )


async def spoiled_snapshot(
    exchange: "DemoExchange", venue: str, symbol: str
) -> web.Response | None:
    """What is answered instead of a snapshot while a fault is ordered for it; None: the snapshot."""
    fault = exchange.faults.once(SNAPSHOT_FAULTS, venue, symbol)
    if fault is None:
        return None
    if fault.kind == "slow_snapshot":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "bad_snapshot":
        return web.Response(body=b'{"bids": [["', content_type="application/json")
    headers = {"Retry-After": str(max(1, round(fault.seconds)))}
    return answer({"code": -1003, "msg": _TEXTS[fault.kind]}, int(fault.kind), headers)
