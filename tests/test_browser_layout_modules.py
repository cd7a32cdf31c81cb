"""Layouts by themselves: read, changed, migrated, kept, and hostile ones refused."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_rig import call
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

LAYOUTS = [
    ("", None),
    ("book-ofi.5", [{"row": "book", "units": None}, {"row": "ofi", "units": 5}]),
    ("ofi.99-book.1", [{"row": "ofi", "units": 40}, {"row": "book", "units": 3}]),
    ("book-book.4", [{"row": "book", "units": None}]),
    ("<b>-BOOK-../x", None),
]


@pytest.mark.parametrize(("text", "want"), LAYOUTS)
def test_a_layout_is_read_within_bounds(page: Page, text: str, want: Any) -> None:
    assert call(page, "layout", "parse", text) == want


def test_a_layout_is_written_as_it_is_read(page: Page) -> None:
    rows = call(page, "layout", "parse", "flow.4-book-ofi.7")
    assert call(page, "layout", "format", rows) == "flow.4-book-ofi.7"


CHANGES = [
    ("move", ["ofi", -1], "ofi.5-book-flow.4"),
    ("move", ["book", -1], "book-ofi.5-flow.4"),
    ("place", ["flow", "book"], "flow.4-book-ofi.5"),
    ("place", ["book", None], "ofi.5-flow.4-book"),
    ("toggle", ["ofi"], "book-flow.4"),
    # The row that takes what is left is always there.
    ("toggle", ["book"], "ofi-flow.4"),
    ("toggle", ["levels"], "book-ofi.5-flow.4-levels.5"),
    ("grow", ["ofi", 2], "book-ofi.7-flow.4"),
    ("grow", ["ofi", -9], "book-ofi.3-flow.4"),
    ("grow", ["book", 3], "book-ofi.5-flow.4"),
    # Its lower edge goes down: what is below gives way, down to the least.
    ("stretch", ["book", 1], "book-ofi.4-flow.4"),
    ("stretch", ["book", 9], "book-ofi.3-flow.4"),
    ("stretch", ["ofi", 1], "book-ofi.6-flow.3"),
    ("stretch", ["ofi", 9], "book-ofi.6-flow.3"),
    ("stretch", ["ofi", -9], "book-ofi.3-flow.6"),
]


@pytest.mark.parametrize(("name", "arguments", "want"), CHANGES)
def test_a_change_of_the_layout(page: Page, name: str, arguments: list[Any], want: str) -> None:
    script = """async ([name, args]) => {
      const { change, format, parse } = await import('/live/layout.js');
      return format(change[name](parse('book-ofi.5-flow.4'), ...args));
    }"""
    assert page.evaluate(script, [name, arguments]) == want


def test_above_the_row_that_takes_the_rest_a_row_grows_by_itself(page: Page) -> None:
    script = """async () => {
      const { change, format, parse } = await import('/live/layout.js');
      return format(change.stretch(parse('ofi.5-book-flow.4'), 'ofi', 2));
    }"""
    assert page.evaluate(script) == "ofi.7-book-flow.4"


ONE_FREE = [
    ("", "book-flow-ofi", [None, 5, 5]),
    ("", "flow.4-book.6", [None, 6]),
    ("book", "flow.4-book.6", [4, None]),
    ("", "nothing", []),
]


@pytest.mark.parametrize(("free", "text", "units"), ONE_FREE)
def test_one_row_alone_takes_the_rest(page: Page, free: str, text: str, units: list[Any]) -> None:
    script = """async ([free, text]) => {
      const { namedOf } = await import('/live/layout.js');
      const holder = document.implementation.createHTMLDocument().body;
      holder.dataset.rows = free;
      const panel = one => `<p class=panel data-row=${one}>`;
      holder.innerHTML = ['book', 'ofi', 'flow'].map(panel).join('');
      return namedOf(text, holder).map(one => one.units);
    }"""
    assert page.evaluate(script, [free, text]) == units


def test_the_last_row_stays(page: Page) -> None:
    script = """async () => {
      const { change, format, parse } = await import('/live/layout.js');
      return format(change.toggle(parse('book'), 'book'));
    }"""
    assert page.evaluate(script) == "book"


MIGRATED = [
    (1, {"rows": ["book", "flow"]}, "book-flow"),
    (2, {"layout": "book-flow.6"}, "book-flow.6"),
]


@pytest.mark.parametrize(("version", "one", "layout"), MIGRATED)
def test_saved_layouts_of_older_versions_are_migrated(
    page: Page, version: int, one: dict[str, Any], layout: str
) -> None:
    old = {"version": version, "layouts": [{"name": "Mine"} | one]}
    read = call(page, "layout", "readSaved", json.dumps(old))
    assert read == {
        "version": 3,
        "layouts": [{"name": "Mine", "layout": layout, "markets": [], "tab": ""}],
    }
    assert call(page, "layout", "readSaved", json.dumps(read)) == read
    # It changes the rows alone, as it did when it was saved.
    assert call(page, "layout", "wishOf", read["layouts"][0]) == {"layout": layout}


def test_a_layout_has_its_markets_and_its_tab(page: Page) -> None:
    kept = {"name": "Two", "layout": "", "markets": ["a:B/C", "d:E/F"], "tab": "trades"}
    assert call(page, "layout", "wishOf", kept) == {
        "layout": "", "markets": ["a:B/C", "d:E/F"], "tab": "trades",
    }  # fmt: skip
    named = {"markets": ["a:B/C", "d:E/F"], "layout": "", "tab": "flow"}
    assert call(page, "layout", "nameOf", named, [kept]) == "Two"
    assert call(page, "layout", "nameOf", named | {"markets": ["a:B/C"]}, [kept]) == "Desk"
    assert call(page, "layout", "nameOf", named | {"layout": "ofi"}, [kept]) == ""


def saved_with(**fields: Any) -> str:
    one = {"name": "a", "layout": "", "markets": [], "tab": ""} | fields
    return json.dumps({"version": 3, "layouts": [one]})


HOSTILE = [
    ("not json", "it is not JSON"),
    ("[1, 2]", "it names no version"),
    ("null", "it names no version"),
    ('{"version": 9, "layouts": []}', "is of version 9; this page reads up to 3"),
    ('{"version": 0, "layouts": []}', "version 0, which never was"),
    ('{"version": 2, "layouts": 7}', "no list of layouts"),
    ('{"version": 2, "layouts": [null]}', "a name of 1 to 40 characters"),
    (
        '{"version": 2, "layouts": [{"name": "<img>", "layout": "<img onerror=x>"}]}',
        "cannot be read",
    ),
    ('{"version": 2, "layouts": [{"name": "a", "layout": {"x": 1}}]}', "cannot be read"),
    (json.dumps({"version": 2, "layouts": [{"name": "a", "layout": ""}] * 41}), "more than 40"),
    ('{"version": 1, "layouts": [{"name": "a", "rows": {"x": 1}}]}', "cannot be read"),
    (" " * 100_001, "too long"),
    (saved_with(markets=["<img>"]), "The markets of the layout “a” cannot be read"),
    (saved_with(markets=["x:A/B"] * 2), "cannot be read"),
    (saved_with(markets=[f"x:{k}" for k in range(5)]), "cannot be read"),
    (saved_with(markets=7), "cannot be read"),
    (saved_with(tab="<b>"), "The tab of the layout “a” is none of this page"),
]


@pytest.mark.parametrize(("text", "words"), HOSTILE)
def test_a_hostile_or_newer_file_gets_one_sentence(page: Page, text: str, words: str) -> None:
    script = """async text => {
      const { readSaved } = await import('/live/layout.js');
      try { readSaved(text); return 'read'; } catch (error) { return error.message; }
    }"""
    said = page.evaluate(script, text)
    assert words in said
    assert said.endswith(".")
    assert said.count(". ") == 0


def test_of_what_the_browser_kept_each_layout_is_read_by_itself(page: Page) -> None:
    good, bad = {"name": "Good", "layout": "book"}, {"name": "Bad", "layout": "<b>"}
    newer = json.dumps({"version": 9, "layouts": [good]})
    kept = json.dumps({"version": 2, "layouts": [bad, good]})
    read = call(page, "layout", "readKept", [kept, newer, "{"])
    full = {"markets": [], "tab": ""}
    assert read["layouts"] == [good | full]
    first, *others = read["left"]
    assert json.loads(first) == {"version": 3, "layouts": [bad | full]}
    assert others == [newer, "{"]
    # What was set aside and can be read comes back; what has no room waits, and no name is there twice.
    many = [{"name": f"{k}", "layout": "book"} | full for k in range(41)]
    again = json.dumps({"version": 3, "layouts": [many[0]]})
    read = call(page, "layout", "readKept", [json.dumps({"version": 3, "layouts": many}), again])
    assert read["layouts"] == many[:40]
    assert [json.loads(one)["layouts"] for one in read["left"]] == [[many[40]], [many[0]]]
