"""What panels download: tables with the numbers of the API, pictures, and the zone that both are in."""

import re
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import Watched
from tests.browser_panels import SAYS, menu, saved, table, words_of
from tests.browser_ways import turned

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"


def test_the_tables_of_panels_are_the_numbers_of_the_api(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=120&window=10&depth=5", BTC)
    name, data = saved(page, "ofi", "Save as CSV")
    assert re.fullmatch(r"ofi_binance-BTC-USDT_ofi_\d{8}T\d{6}Z\.csv", name)
    head, rows = table(data)
    assert head[:2] == ["time, UTC", "OFI of best quotes over 10 s, BTC"]
    assert len(rows) > 300
    turned(page, "trades")
    page.until("() => document.querySelectorAll('.tape tbody tr').length > 3")
    tables = {
        panel: table(saved(page, panel, "Save as CSV")[1]) for panel in ("cvd", "queue", "bands")
    }
    first, last = (datetime.fromisoformat(tables["bands"][1][k][0]) for k in (0, -9))
    query = {
        "market": BTC, "bin": "250ms", "levels": 5, "limit": 10_000,
        "start": f"{first:%Y-%m-%dT%H:%M:%S.%f}Z", "end": f"{last:%Y-%m-%dT%H:%M:%S.%f}Z",
    }  # fmt: skip
    answer = httpx.get(f"{url}/api/v1/features", params=query, timeout=60).json()
    columns = answer["columns"]
    by_end = {int(row[columns.index("end")]) // 1_000_000: row for row in answer["rows"]}

    def compare(panel: str, pairs: dict[str, str]) -> int:
        head, rows = tables[panel]
        seen = 0
        for row in rows[:-9]:
            known = by_end.get(round(datetime.fromisoformat(row[0]).timestamp() * 1000))
            for mine, theirs in pairs.items() if known else ():
                text, value = row[head.index(mine)], known[columns.index(theirs)]
                if text and value is not None:
                    assert float(text) == pytest.approx(value, rel=1e-12, abs=1e-12), (mine, row[0])
                    seen += 1
        return seen

    assert compare("cvd", {"bought, BTC": "bought", "sold, BTC": "sold"}) > 500
    assert compare("queue", {"queue imbalance, 1": "queue_imbalance"}) > 200
    bands = {
        f"{s} within {b} bps, BTC": f"depth_{s}_{b}bps" for s in ("bid", "ask") for b in (5, 50)
    }
    assert compare("bands", bands) > 1000


FACTS = {
    "explains now": {"R2": "r2", "held out": "held_out", "shuffled": "shuffled", "n": "bins"},
    "predicts 5 s": {"IC": "ic", "right": "hit_rate", "right, low": "hit_low", "n": "n_eff"},
    "pays its cost": {"expected move": "expected_bps", "break-even fee": "break_even_fee_bps"},
}


def test_files_of_verification_are_its_facts_and_the_times_in_view(
    page: Watched, whole_url: str
) -> None:
    now = int(time.time() * 1000)
    first, last = now - 420_000, now - 180_000
    page.open(f"{whole_url}/?m={BTC}&tab=evidence&lookback=600&fee=0.45#zoom={first}~{last}")
    page.until("market => window.ofi?.view(market)?.evidence?.toxicity?.vpin > 0", BTC)
    page.page.keyboard.press("Space")  # held still, so that one answer is told of
    page.until("market => window.ofi.view(market).info.end_ms !== null", BTC)
    page.until("market => !window.ofi.view(market).awaiting", BTC)
    head, rows = table(saved(page, "vpin", "Save as CSV")[1])
    assert head == ["time, UTC", "VPIN", "25th percentile", "75th percentile", "95th percentile"]
    times = [datetime.fromisoformat(row[0]).timestamp() * 1000 for row in rows]
    assert len(times) > 10
    # The figure at the left edge is that of the bucket before.
    assert times[0] < first <= times[1] < first + 60_000 < last - 60_000 < max(times) <= last
    head, rows = table(saved(page, "verdict", "Save as CSV")[1])
    assert head == ["fact", "figure", "value", "unit"]
    found = {(row[0], row[1]): row[2] for row in rows}
    values = page.view(BTC)["evidence"]
    ahead = values["prediction"][found["pays its cost", "ahead"]]
    told = dict(
        zip(FACTS, (values["explains"]["best"], values["prediction"]["5"], ahead), strict=True)
    )
    for fact, figures in FACTS.items():
        for figure, name in figures.items():
            assert float(found[fact, figure]) == told[fact][name], (fact, figure)
    assert float(found["pays its cost", "half-spread"]) == values["half_spread_bps"]
    assert found["pays its cost", "fee of a taker"] == "0.45"
    pays = ahead["better_than_chance"] and ahead["break_even_fee_bps"] > 0.45
    assert found["pays its cost", "pays"] == ("yes" if pays else "no")


def test_a_picture_is_made_of_the_panel(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=120", BTC)
    name, data = saved(page, "ofi", "Save as PNG")
    assert name.endswith(".png")
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(data[k : k + 4], "big") for k in (16, 20))
    box = page.page.locator(".row-ofi .cv").bounding_box()
    assert box is not None
    assert width == pytest.approx(2 * (box["width"] + 24), abs=2)
    assert height > 2 * box["height"]
    assert len(data) > 10_000


FILES = {"trades": ("tape", "cvd"), "flow": ("ofi", "book"), "quality": ("latency",)}


def test_the_zone_of_the_page_is_in_its_files_and_on_its_axes(page: Watched, url: str) -> None:
    page.page.add_init_script(SAYS)
    page.open(f"{url}/?m={BTC}&range=300&tab=trades&tz=Asia/Kolkata", BTC)
    for tab, panels in FILES.items():
        if tab != "trades":
            page.page.evaluate("said.clear()")
            turned(page, tab)
        page.until("() => window.said.has('GMT+5:30')")  # in the corner of a time axis
        for panel in panels:
            has_zone(page, panel)
        if tab == "trades":
            expect(page.page.locator(".tape th").first).to_have_text("time, GMT+5:30")


def has_zone(page: Watched, panel: str) -> None:
    """In the times of its table, and in the words of its picture."""
    head, rows = table(saved(page, panel, "Save as CSV")[1])
    assert head[0] == "time, GMT+5:30", panel
    first = datetime.fromisoformat(rows[0][0])
    assert first.utcoffset() == timedelta(hours=5, minutes=30), panel
    assert abs(first.timestamp() - page.view(BTC)["edge"] / 1000) < 7200, panel
    page.page.evaluate("said.clear()")
    name, _ = saved(page, panel, "Save as PNG")
    assert re.search(r"_\d{8}T\d{6}Z\.png$", name), panel
    shown = rf"{first:%Y-%m-%d} \d\d:\d\d:\d\d GMT\+5:30 · "
    assert [one for one in words_of(page) if re.match(shown, one)], panel


def test_the_last_values_of_a_panel_are_read_as_a_table_by_keyboard(
    page: Watched, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=300&window=10", BTC)
    button = page.page.locator("[data-panel=ofi] .panel-menu")
    button.focus()
    page.page.keyboard.press("Enter")
    item = page.page.get_by_role("menuitem", name="As table", exact=True)
    for _ in range(8):
        if item.evaluate("one => one === document.activeElement"):
            break
        page.page.keyboard.press("ArrowDown")
    expect(item).to_be_focused()
    page.page.keyboard.press("Enter")
    dialog = page.page.get_by_role("dialog", name="OFI, 10 s, BTC/USDT Binance spot")
    expect(dialog).to_be_visible()
    expect(dialog.locator("#astable-said")).to_contain_text(
        re.compile(r"As of .* The newest 50 of [\d,]+ rows")
    )
    heads = dialog.get_by_role("columnheader").all_text_contents()
    assert heads[:2] == ["time, UTC", "OFI of best quotes over 10 s, BTC"]
    rows = dialog.locator("tbody tr")
    expect(rows).to_have_count(50)
    shown = {
        row[0]: row[1:]
        for row in rows.evaluate_all(
            "all => all.map(one => [...one.cells].map(c => c.textContent))"
        )
    }
    times = [datetime.fromisoformat(time) for time in shown]
    assert times == sorted(times, reverse=True)
    assert datetime.now(UTC) - times[0] < timedelta(minutes=5)
    # The table does not move on; the arrows scroll it, and the keys of the page rest.
    first = rows.first.inner_text()
    page.page.keyboard.press("End")
    page.page.keyboard.press("t")
    page.until("() => document.querySelector('#astable-body').scrollTop > 100")
    assert rows.first.inner_text() == first
    page.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    assert "theme=dark" in page.address()
    # The figures are those of the CSV file.
    _, lines = table(saved(page, "ofi", "Save as CSV")[1])
    same = [line for line in lines if line[0] in shown]
    assert len(same) == 50
    for line in same[:40]:  # the newest steps may have been completed since
        for text, value in zip(shown[line[0]], line[1:], strict=True):
            plain = text.replace(",", "").replace("\u2212", "-")
            assert (plain == "\u2013") == (value == "")
            assert not value or float(plain) == pytest.approx(float(value), rel=1e-5, abs=1e-8)
    assert page.complaints == []


def test_a_table_without_times_shows_what_lies_about_mid(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    menu(page, "book")
    page.page.get_by_role("menuitem", name="As table: depth now", exact=True).click()
    dialog = page.page.get_by_role("dialog", name=re.compile("^Depth now, "))
    expect(dialog).to_be_visible()
    body = dialog.locator("tbody tr").evaluate_all(
        "all => all.map(one => [...one.cells].map(c => c.textContent))"
    )
    assert 10 < len(body) <= 50
    assert any(row[1] != "0" for row in body)
    assert any(row[2] != "0" for row in body)
    page.page.get_by_role("button", name="Close").locator("visible=true").click()
    expect(dialog).to_be_hidden()
    assert page.complaints == []
