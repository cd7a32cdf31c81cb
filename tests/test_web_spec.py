"""Wishes of pages: canonical where they are good, one sentence where they are not."""

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import NS_PER_S
from app.errors import InputError
from app.market import Contract, Grid, Market, MarketId
from app.records import NO_ASK, NO_BID, NO_MICRO, NO_SCORE, State, empty
from app.web.history import SILENT_NS, History
from app.web.spec import ViewSpec, view_number
from app.web.status import gaps_json, status_json, text_of, times_json
from app.web.watch import summary_json
from tests.web_market import Outage, gap_records
from tests.web_walk import walks

BTC = Market(
    MarketId.parse("binance:BTC/USDT"), "BTC", "USDT", Grid(Decimal("0.01"), Decimal("0.00001"))
)
NOW_NS = 1_700_000_000 * NS_PER_S

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
fields = st.sampled_from(
    [
        "market",
        "id",
        "depth",
        "window_s",
        "range_s",
        "end_ms",
        "group",
        "mid_rows",
        "lookback_s",
        "rate_hz",
        "tab",
        "other",
    ]
)


@given(st.dictionaries(fields, json_values, max_size=8))
def test_any_message_is_a_view_or_a_sentence(message: dict) -> None:
    for parse in (ViewSpec.parse, view_number):
        sentence = "fine."
        try:
            parse(message)
        except InputError as error:
            sentence = str(error)
        assert sentence.endswith(".")


def test_what_looks_different_and_is_the_same_shares_its_frames() -> None:
    plain = {"market": "binance:BTC/USDT"}
    spelled = {
        "market": " binance:BTC/USDT", "depth": 10.0, "window_s": 10, "range_s": 900, "end_ms": None,
        "group": 0, "mid_rows": 141, "id": 3,
    }  # fmt: skip
    assert ViewSpec.parse(plain) == ViewSpec.parse(spelled)
    assert ViewSpec.parse(plain | {"mid_rows": 900}).mid_rows == 200
    assert ViewSpec.parse(plain | {"lookback_s": 1790}) == ViewSpec.parse(plain)
    assert ViewSpec.parse(plain | {"depth": 11}) != ViewSpec.parse(plain)


@pytest.mark.parametrize("number", [True, "1", -1, 2**40, 1.5, None, math.inf])
def test_numbers_of_views_are_whole(number: object) -> None:
    with pytest.raises(InputError, match="id must be"):
        view_number({"id": number})


def test_a_text_cut_in_the_middle_of_a_letter_stays_text() -> None:
    assert text_of("weiß".encode()[:-1]) == "wei"
    assert text_of(np.array([b"plain"], "S8")[0]) == "plain"


def test_before_the_first_report_a_market_is_starting() -> None:
    status = status_json(History(BTC), NOW_NS)
    assert status["state"] == "starting"
    assert status["age_ms"] is None
    assert times_json(History(BTC), NOW_NS)["row_ms"] is None
    assert gaps_json(History(BTC), 0, NOW_NS) == []


def test_unknown_numbers_are_null() -> None:
    history, record = History(BTC), empty("status", 1)
    record["time_ns"], record["state"] = NOW_NS, State.DOWN
    record["latency_p50_ms"] = record["latency_p99_ms"] = -1
    record["fidelity_best"], record["fidelity_depth"] = -1, 2
    record["detail"] = b"The venue does not answer; the next attempt is in 4 s."
    history.ingest({"status": record}, NOW_NS)
    status = status_json(history, NOW_NS)
    assert status["state"] == "down"
    assert status["latency_p50_ms"] is status["latency_p99_ms"] is status["next_try_ms"] is None
    assert status["received_ms"] is status["age_ms"] is status["since_ms"] is None
    assert (status["fidelity_best"], status["fidelity_depth"]) == ("none", "sampled")
    assert status["detail"].startswith("The venue does not answer")
    silent = status_json(history, NOW_NS + SILENT_NS + NS_PER_S)
    assert silent["detail"] == "The collector has not reported for 6 s; is it running?"
    assert silent["since_ms"] == NOW_NS / 1e6


@pytest.mark.parametrize(
    ("state", "known", "progress"),
    [
        (State.STARTING, (), 0.0),
        (State.STARTING, ("begun_ns",), 0.25),
        (State.DOWN, ("begun_ns", "linked_ns"), 0.5),
        (State.STARTING, ("begun_ns", "linked_ns", "booked_ns"), 0.75),
        (State.LIVE, ("begun_ns", "linked_ns", "booked_ns"), 1.0),
        (State.STALE, ("begun_ns", "linked_ns", "booked_ns"), 1.0),
    ],
)
def test_a_start_is_told_as_a_number(state: State, known: tuple[str, ...], progress: float) -> None:
    history, record = History(BTC), empty("status", 1)
    record["time_ns"], record["state"] = NOW_NS, state
    for name in known:
        record[name] = NOW_NS - NS_PER_S
    history.ingest({"status": record}, NOW_NS)
    assert status_json(history, NOW_NS)["progress"] == progress


def test_gaps_are_told_with_reason_and_what_is_missing() -> None:
    history = History(BTC)
    gaps = gap_records(Outage(NOW_NS - 5 * NS_PER_S, NOW_NS - 2 * NS_PER_S))
    gaps["missed"][1] = -1
    history.ingest({"gap": gaps}, NOW_NS)
    told = gaps_json(history, NOW_NS - 10 * NS_PER_S, NOW_NS)
    assert [gap["stream"] for gap in told] == ["best", "depth", "trades"]
    assert told[0]["to_ms"] - told[0]["from_ms"] == 3000
    assert told[0]["missed"] == 7
    assert told[1]["missed"] is None
    assert gaps_json(history, NOW_NS, NOW_NS) == []


def test_a_summary_without_figures_says_so() -> None:
    record = empty("summary", 1)
    record["time_ns"], record["state"] = NOW_NS, State.LIVE
    record["bid"], record["ask"], record["score"] = NO_BID, NO_ASK, NO_SCORE
    record["percentile"], record["queue_imbalance"], record["change"] = -1, -2, NO_SCORE
    record["band_bid"] = record["band_ask"] = record["explained"] = -1
    record["micro"] = NO_MICRO
    row = summary_json(BTC, record, NOW_NS)
    blank = {k for k, v in row.items() if v is None}
    assert blank == {
        "bid", "ask", "mid", "score", "percentile", "queue_imbalance", "depth_bid", "depth_ask", "change",
        "micro_price", "explained", "depth_quote",
    }  # fmt: skip
    assert row["score_in_s"] == 310
    record["explained_n"] = 8
    assert summary_json(BTC, record, NOW_NS)["score_in_s"] == 230
    assert summary_json(BTC, None, NOW_NS)["state"] == "down"
    assert summary_json(BTC, None, NOW_NS, never=True)["state"] == "starting"
    assert summary_json(BTC, record, NOW_NS + SILENT_NS + 1)["state"] == "down"


def test_a_summary_has_the_figures_of_its_record() -> None:
    (walk,) = walks(1)
    row = summary_json(walk.market, walk.summary(NOW_NS), NOW_NS)
    assert row["bid"] == 67500.0
    assert row["mid"] == 67500.005
    assert row["state"] == "live"
    assert row["micro_price"] == pytest.approx(67500.005 + 0.1234 * 0.01, rel=1e-12)
    assert (row["explained"], row["explained_n"]) == (0.41, 120)


@pytest.mark.parametrize(
    ("contract", "contract_size", "worth"),
    [
        (Contract.SPOT, "1", 300.0 * 2500.5),
        (Contract.LINEAR, "0.01", 3.0 * 2500.5),
        (Contract.INVERSE, "10", 3000.0),  # a contract holds 10 of the quote currency
    ],
)
def test_depth_is_also_told_in_the_quote_currency(
    contract: Contract, contract_size: str, worth: float
) -> None:
    market = replace(BTC, contract=contract, contract_size=Decimal(contract_size))
    record = empty("summary", 1)
    tick, lot = float(market.grid.tick), float(market.grid.lot)
    record["bid"], record["ask"] = round(2500 / tick), round(2501 / tick)
    record["band_bid"], record["band_ask"] = round(100 / lot), round(200 / lot)
    record["time_ns"], record["state"] = NOW_NS, State.LIVE
    row = summary_json(market, record, NOW_NS)
    assert row["depth_quote"] == pytest.approx(worth, rel=1e-9)
    record["band_ask"] = -1
    assert summary_json(market, record, NOW_NS)["depth_quote"] is None


def test_a_view_names_its_tab_and_how_far_back_it_looks() -> None:
    plain = {"market": "binance:BTC/USDT"}
    view = ViewSpec.parse(plain | {"tab": "evidence", "lookback_s": 3600, "mid_rows": 80})
    assert (view.tab, view.lookback_ns, view.shows_book) == ("evidence", 3600 * NS_PER_S, False)
    # Nothing of such a tab depends on the rows of the heatmap.
    assert view == ViewSpec.parse(plain | {"tab": "evidence", "lookback_s": 3600, "mid_rows": 200})
    assert ViewSpec.parse(plain).shows_book
    for wrong in ({"tab": "other"}, {"tab": ["flow"]}, {"lookback_s": 599}, {"lookback_s": 7201}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            ViewSpec.parse(plain | wrong)
