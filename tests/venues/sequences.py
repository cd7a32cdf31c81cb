"""Sequences of frames for the fuzz: recorded ones where the data are, and the venues' formats elsewhere."""

import random
from pathlib import Path
from typing import Any

import orjson

from tests.venues.binance_replay import FILE, load
from tests.venues.books import Book, Format, formats
from tests.venues.capture import frames
from tests.venues.fuzz import PROVED, Sequence


def made(form: Format, name: str, seed: int = 1, changes: int = 120) -> Sequence:
    """A book of a family's format that trades up and down."""
    rng, book = random.Random(seed), Book()
    snapshot = None
    texts = [] if form.whole is None else [_text(form.whole(book))]
    tops = [book.top(PROVED)] * len(texts)
    for k in range(changes):
        if form.whole is None and k == form.told:
            snapshot = {**book.best(), "nonce": book.last_id}
        sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
        for _ in range(rng.randint(1, form.most)):
            buy, depth = rng.random() < 0.5, rng.randint(1, 12)
            price = 100 - depth / 20 if buy else 100 + depth / 20
            sides[0 if buy else 1][f"{price:.2f}"] = rng.choice(["0", f"{rng.random() * 9:.4f}"])
        texts.append(_text(form.change(book, book.apply(*sides))))
        tops.append(book.top(PROVED))
    told = max(3, form.told)
    return Sequence(name, form.exchange_id, form.market, texts, snapshot, told, form, tuple(tops))


def _text(frame: Any) -> str:
    return frame if isinstance(frame, str) else orjson.dumps(frame).decode()


def synthetic() -> list[Sequence]:
    """All formats of the venues."""
    return [made(form, name) for name, form in formats().items()]


def recorded_in(folder: Path) -> list[Sequence]:
    """Binance, deribit and okx as they were recorded; none where the files are not."""
    if not (folder / FILE).is_file():
        return []
    return [_binance(folder / FILE), _deribit(folder), _okx(folder)]


def _binance(path: Path) -> Sequence:
    lines = load(path)
    whole = orjson.loads(next(line.payload for line in lines if not line.stream))
    snapshot = {"bids": whole["bids"], "asks": whole["asks"], "nonce": whole["lastUpdateId"]}
    updates = [line for line in lines if "@depth" in line.stream]
    first = next(
        k
        for k, line in enumerate(updates)
        if orjson.loads(line.payload)["u"] > whole["lastUpdateId"]
    )
    texts = [f'{{"stream":"{line.stream}","data":{line.payload}}}' for line in updates[first:]]
    market = {"id": "BTCUSDT", "symbol": "BTC/USDT"}
    return Sequence("binance recorded", "binance", market, texts[:400], snapshot)


def _deribit(folder: Path) -> Sequence:
    name = "BTC-24SEP21-8000-P"
    texts = [
        frame.text.replace('.raw","data"', '.100ms","data"')
        for frame in frames(folder / "deribit_2021-07-22_ws.txt.gz")
        if f'"channel":"book.{name}.raw"' in frame.text
    ]
    market = {"id": name, "symbol": "BTC/USD:BTC-210924-8000-P"}
    return Sequence("deribit recorded", "deribit", market, texts)


def _okx(folder: Path) -> Sequence:
    texts = [
        frame.text
        for frame in frames(folder / "okx_2022-05-13_ws.txt.gz")
        if '"channel":"books","instId":"BTC-USDT"' in frame.text and '"action"' in frame.text
    ]
    return Sequence("okx recorded", "okx", {"id": "BTC-USDT", "symbol": "BTC/USDT"}, texts)
