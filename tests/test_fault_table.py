"""The table of faults, once: over real servers of three protocols, and in frames of every other family."""

import asyncio

import pytest

from app.demo.server import DemoExchange
from app.feeds.rules.families import DEFAULT
from app.feeds.rules.families import FAMILIES as RULES
from tests.venues.fault_rows import FAMILIES, GAP, SEEN, rows_of
from tests.venues.frame_formats import frame_formats
from tests.venues.frame_matrix import FrameOutcome, play_frames
from tests.venues.frame_rows import FRAME_FAMILIES, frame_rows_of
from tests.venues.matrix import Outcome, play_all
from tests.venues.stands import BAN, RENUMBERED, play_stands

_CASES = [(family, row) for family, there in FAMILIES.items() for row in rows_of(there)]
_IN_FRAMES = [(family, row) for family in FRAME_FAMILIES for row in frame_rows_of(family)]
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


@pytest.fixture(scope="module")
def frames() -> dict[tuple[str, str], FrameOutcome]:
    """What became of the faults that frames carry."""
    played = asyncio.run(play_frames())
    return {(outcome.family, outcome.fault): outcome for outcome in played}


@pytest.mark.parametrize(
    ("family", "row"), _IN_FRAMES, ids=[f"{family} {row.name}" for family, row in _IN_FRAMES]
)
def test_frames_of_every_other_family_are_held_to_the_same(frames, family, row):
    outcome = frames[family, row.name]
    assert outcome.wrong == []
    assert outcome.equal
    assert outcome.shared != family.startswith("binance")  # whose markets have each their own


def test_no_family_is_left_out():
    in_frames = {form.exchange_id for form in frame_formats().values()}
    assert set(RULES) | {"bitstamp"} == in_frames | set(FAMILIES)
    assert "bitstamp" not in RULES  # it stands for those without a row


async def test_fault_that_nobody_finds_is_wrong(monkeypatch):
    """Without rules, a missing update of a numbered family passes."""
    monkeypatch.setitem(RULES, "bybit", DEFAULT)
    (outcome,) = await play_frames(["bybit"], ["drop"])
    assert "the book is not the venue's" in outcome.wrong
    assert not outcome.gaps
