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
        trades = event.get("trades") if isinstance(event, dict) else None
        if not isinstance(trades, list) or not trades:
            yield from (_renamed(event, as_) for as_ in self._names(client, name, _product(event)))
            return
        by_name: dict[str, list[Any]] = {}
        for trade in trades:  # of one market each
            for as_ in self._names(client, name, _product(trade)):
                by_name.setdefault(as_, []).append(_renamed(trade, as_))
        yield from ({**event, "trades": of_name} for of_name in by_name.values())

    def _names(self, client: Any, name: str, usd: str) -> list[str]:
        """The markets that asked for what comes of a product."""
        usdc = f"{usd}C"
        own = self.__dict__.setdefault("_own_names", set())  # those that are answered for as asked
        if usd.endswith("-USDC"):
            own.add((name, usd))
        renames = usd.endswith("-USD") and (name, usdc) not in own
        if not (renames and self._asked(client, name, usdc)):
            return [usd]
        return [usd, usdc] if self._asked(client, name, usd) else [usdc]

    def _asked(self, client: Any, name: str, product: str) -> bool:
        markets = self.markets_by_id.get(product, ())
        return any(f"{name}::{market['symbol']}" in client.owners for market in markets)


def _product(told: Any) -> str:
    """The market of a book's event or of a trade, as the venue calls it."""
    return str(told.get("product_id")) if isinstance(told, dict) else ""


def _renamed(told: Any, product: str) -> Any:
    return told if _product(told) == product else {**told, "product_id": product}
