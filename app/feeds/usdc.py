"""Coinbase's markets in USDC: it answers for them as for those in USD, which have the same book."""

from collections.abc import Iterator
from typing import Any

# What a channel's messages are called in the hashes under which ccxt waits for them.
_HASHES = {"l2_data": "level2", "market_trades": "market_trades"}


class UsdcAsAsked:
    """Mixed in for coinbase: what comes as X-USD is for who asked for X-USDC as well, under that name."""

    markets_by_id: dict[str, Any]  # ccxt's

    def handle_message(self, client: Any, message: Any) -> None:
        """As ccxt, for what was asked."""
        name = _HASHES.get(str(message.get("channel"))) if isinstance(message, dict) else None
        if name is not None and isinstance(message.get("events"), list):
            events = [e for event in message["events"] for e in self._as_asked(client, name, event)]
            message = {**message, "events": events}
        super().handle_message(client, message)  # type: ignore[misc]

    def _as_asked(self, client: Any, name: str, event: Any) -> Iterator[Any]:
        """An event for each market that it was asked for."""
        usd = _product(event)
        usdc = f"{usd}C"
        own = self.__dict__.setdefault("_own_names", set())  # those that are answered for as asked
        if usd.endswith("-USDC"):
            own.add((name, usd))
        renames = usd.endswith("-USD") and (name, usdc) not in own
        if not (renames and self._asked(client, name, usdc)):
            yield event
            return
        if self._asked(client, name, usd):
            yield event
        yield _renamed(event, usdc)

    def _asked(self, client: Any, name: str, product: str) -> bool:
        markets = self.markets_by_id.get(product, ())
        return any(f"{name}::{market['symbol']}" in client.owners for market in markets)


def _product(event: Any) -> str:
    """The market of an event, as the venue calls it; of trades, that of the first."""
    if not isinstance(event, dict):
        return ""
    trades = event.get("trades")
    first = trades[0] if isinstance(trades, list) and trades else event
    return str(first.get("product_id")) if isinstance(first, dict) else ""


def _renamed(event: dict[str, Any], product: str) -> dict[str, Any]:
    trades = event.get("trades")
    if not isinstance(trades, list):
        return {**event, "product_id": product}
    return {**event, "trades": [{**trade, "product_id": product} for trade in trades]}
