"""When the reading strip changes its words, and what is read aloud, over scores made up."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_said import plain
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

SCORES = """async ([scores, step, states]) => {
  const { Reading } = await import('/live/reading.js');
  const f = Object.fromEntries(['what-verdict', 'what-text', 'ofi-sub', 'spoken']
    .map(name => [name, document.createElement('i')]));
  const strip = new Reading(), seen = [];
  scores.forEach((score, k) => {
    const model = { epoch: 1, info: { window_s: 10, lookback_s: 1800, end_ms: null }, age: () => 0,
      status: { state: 'live', fidelity_best: 'event' }, coverage: { best: 1 }, distribution: { n: 1800 },
      tiles: { t: 1, mid: 1, ofi: score, score, percentile: 0.99, explained: 0.4 } };
    strip.tell(f, model, states[k], 1000 + k * step, states[k] === 'live');
    seen.push([f['what-verdict'], f['what-text'], f['ofi-sub'], f.spoken].map(one => one.textContent));
  });
  return seen;
}"""


def told(page: Page, scores: list[float], step_ms: int, states: list[str] | None = None) -> Any:
    """What the strip, the tile and the voice say of each score."""
    return page.evaluate(SCORES, [scores, step_ms, states or ["live"] * len(scores)])


def test_a_side_that_leads_does_until_the_score_is_well_within_its_range(page: Page) -> None:
    scores = [1.9, 2.1, 1.9, 1.6, 1.4, 1.9, -2.0, -1.6, 2.2, -1.9]
    seen = told(page, scores, 1000)
    buyers, sellers, calm = "Buyers lead.", "Sellers lead.", "Balanced."
    assert [verdict for verdict, *_ in seen] == [
        calm, buyers, buyers, buyers, calm, calm, sellers, sellers, buyers, calm,
    ]  # fmt: skip
    assert plain(seen[3][1]) == "OFI is +1.6σ over 10 s, above 99 % of the last 30 min."


def test_the_strip_changes_once_a_second_and_the_tile_with_it(page: Page) -> None:
    seen = told(page, [3.0 + k / 10 for k in range(25)], 100)
    assert len({sentence for _, sentence, _, _ in seen}) == 3
    for _, sentence, tile, _ in seen:
        assert sentence.split("σ")[0].endswith(tile.split("σ")[0])


def test_the_voice_speaks_every_ten_seconds_and_at_once_of_a_state(page: Page) -> None:
    seen = [spoken.split(".")[0] for *_, spoken in told(page, [3.0] * 5 + [-3.0] * 11, 1000)]
    assert seen == ["Buyers lead"] * 10 + ["Sellers lead"] * 6
    states = ["live"] * 2 + ["stale"] * 2 + ["live"] * 2
    seen = [spoken for *_, spoken in told(page, [3.0] * 6, 100, states)]
    assert [spoken.split(".")[0] for spoken in seen] == (
        ["Buyers lead"] * 2 + ["No present reading"] * 2 + ["Buyers lead"] * 2
    )
