"""The table of faults, once: every fault on every venue family, over real servers of three protocols."""

import asyncio

import pytest

from app.demo.server import DemoExchange
from tests.venues.fault_rows import FAMILIES, GAP, SEEN, rows_of
from tests.venues.matrix import Outcome, play_all
from tests.venues.stands import BAN, RENUMBERED, play_stands

_CASES = [(family, row) for family, there in FAMILIES.items() for row in rows_of(there)]
_FOUND_S = 6.0  # the slowest way to know: silence, with a second of patience, on a busy machine
_WHOLE_S = 8.0


async def _play() -> tuple[dict[tuple[str, str], Outcome], list[dict[str, object]]]:
    unhandled: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    exchange = DemoExchange()
    await exchange.start(warm_s=10.0)
    try:
        played, stands = await asyncio.gather(
            play_all(exchange, list(FAMILIES)), play_stands(exchange)
        )
    finally:
        await exchange.stop()
    return {(outcome.family, outcome.fault): outcome for outcome in [*played, *stands]}, unhandled


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str], Outcome]:
    """The outcomes by family and fault; the families are played side by side."""
    played, unhandled = asyncio.run(_play())
    assert not unhandled
    return played


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("family", "row"), _CASES, ids=[f"{family} {row.name}" for family, row in _CASES]
)
def test_found_marked_mended_and_nobody_else_touched(table, family, row):
    outcome = table[family, row.name]
    assert outcome.wrong == []
    assert outcome.equal
    assert outcome.recovered_s is not None
    assert outcome.recovered_s < _WHOLE_S + row.seconds
    if row.ends == GAP or (row.ends == SEEN and row.kind != "duplicate"):
        assert outcome.detected_s is not None
        # The silence of one stream is held against what the others, or the venue's lists, say meanwhile.
        assert outcome.detected_s < (row.seconds if row.kind == "mute" else _FOUND_S)
    if row.link and not FAMILIES[family].shared_link:
        assert outcome.neighbour == "untouched"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("stand", [("binance", BAN), ("polled", RENUMBERED)], ids=[BAN, RENUMBERED])
def test_stands_of_their_own_hold_too(table, stand):
    outcome = table[stand]
    assert outcome.wrong == []
    assert outcome.equal
    assert outcome.neighbour == "untouched"
    assert outcome.detected_s is not None
    assert outcome.detected_s < _FOUND_S
    assert outcome.recovered_s is not None
    assert outcome.recovered_s < _WHOLE_S
