"""A regional venue of a family behaves as the venue that its class is made from."""

import ccxt.pro
import pytest

from app.feeds.ccxt_exchange import _OWN, hooked
from app.feeds.lineage import lineage
from app.feeds.rules.families import DEFAULT, FAMILIES, family_of
from app.feeds.venues import FACTS, facts_of

REGIONAL = [("bybiteu", "bybit"), ("bybitid", "bybit"), ("gateeu", "gate"), ("myokx", "okx")]


@pytest.mark.parametrize(("venue", "family"), [*REGIONAL, ("okxus", "okx")])
def test_regional_venue_has_the_rules_and_facts_of_its_family(venue: str, family: str) -> None:
    assert family_of(venue) is FAMILIES[family]
    assert facts_of(venue) is FACTS[family]


def test_row_of_its_own_comes_before_that_of_its_class() -> None:
    assert lineage("binanceusdm") == ("binanceusdm", "binance")
    assert lineage("no such exchange") == ("no such exchange",)
    assert family_of("bitstamp") is family_of("no such exchange") is DEFAULT


def test_every_class_made_from_one_of_a_family_is_of_it() -> None:
    found = []
    for name in ccxt.pro.exchanges:
        made = getattr(ccxt.pro, name)
        for family in FAMILIES:
            if issubclass(made, getattr(ccxt.pro, family)):
                assert family_of(name).read is FAMILIES[family].read, name
                found.append(name)
        for own, mixed in _OWN.items():
            inherits = issubclass(made, getattr(ccxt.pro, own))
            assert issubclass(hooked(made, None, facts_of(name)), mixed) is inherits, name
    assert {venue for venue, _ in REGIONAL} <= set(found)
