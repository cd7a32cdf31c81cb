"""The picture of a panel by itself: what stands on no canvas is in it as well."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.test_browser_heatmap_module import listing as listing
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

MASK = "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Cpath d='M0 0h4v8H0Z'/%3E%3C/svg%3E"
PANEL = f"""<style>
  .panel-body {{ position: relative; width: 300px; height: 100px; }}
  .panel-body * {{ box-sizing: border-box; }}
  .ring {{ position: absolute; left: 10px; top: 10px; width: 20px; height: 20px; border-radius: 10px;
    border: 4px solid rgb(255, 0, 0); }}
  .half, .word::before {{ background: rgb(0, 0, 255);
    mask: url("data:image/svg+xml,{MASK}") center / contain no-repeat; }}
  .half {{ position: absolute; left: 50px; top: 10px; width: 20px; height: 20px; }}
  .word {{ position: absolute; left: 90px; top: 10px; line-height: 20px; }}
  .word::before {{ content: ""; display: inline-block; width: 20px; height: 20px; margin-right: 6px;
    vertical-align: middle; }}
  input {{ position: absolute; left: 200px; top: 10px; width: 90px; text-align: right; }}
  .list {{ position: absolute; inset: 50px 0 0; overflow: auto; }} .list p {{ height: 20px; margin: 0; }}
</style>
<section data-panel="one"><div class="ph"><h3>Title</h3></div><div class="panel-body">
  <u class="ring"></u><i class="half"></i><b class="word">Stale</b><input value="100,000">
  <div class="list" tabindex="0">{"".join(f"<p>row{k}</p>" for k in range(40))}</div>
</div></section>"""
# What was written where, and whether red and blue are where the page has them.
DRAWN = """async ([html, state]) => {
  const { compose } = await import('/live/picture.js');
  document.body.innerHTML = html;
  const panel = document.querySelector('section'), list = panel.querySelector('.list');
  list.scrollTop = 300;
  const { fillText } = CanvasRenderingContext2D.prototype, said = [];
  CanvasRenderingContext2D.prototype.fillText = function (words, ...rest) {
    said.push(words);
    return fillText.call(this, words, ...rest);
  };
  const f = { state: { textContent: 'Stale 7 s' } };
  const stack = { market: 'a:B/C', model: {}, element: { dataset: { state } }, f };
  const canvas = await compose(panel, stack), x = canvas.getContext('2d');
  CanvasRenderingContext2D.prototype.fillText = fillText;
  const at = (left, top) => {
    const [r, g, b] = x.getImageData(2 * (left + 12), 2 * (top + 44), 1, 1).data;
    return [r, g, b].join();
  };
  const [word, body] = ['.word', '.panel-body'].map(one => panel.querySelector(one).getBoundingClientRect());
  const middle = word.top - body.top + word.height / 2;
  return {
    said, height: canvas.height / 2, scrolled: list.scrollTop,
    ring: [at(12, 20), at(20, 20), at(11, 11)], half: [at(54, 20), at(66, 20)],
    before: [at(94, middle), at(106, middle)],
  };
}"""
RED, BLUE, GROUND = "255,0,0", "0,0,255", "0,0,0"  # which has the colour of no theme here


def drawn(listing: Page, state: str = "live") -> dict[str, Any]:
    found: dict[str, Any] = listing.evaluate(DRAWN, [PANEL, state])
    return found


def test_rings_marks_and_fields_are_in_a_picture(listing: Page) -> None:
    found = drawn(listing)
    assert found["ring"] == [RED, GROUND, GROUND]
    assert found["half"] == [BLUE, GROUND]
    assert found["before"] == [BLUE, GROUND]
    assert "100,000" in found["said"]


def test_a_list_is_whole_in_a_picture_and_stays_where_it_was_scrolled_to(listing: Page) -> None:
    found = drawn(listing)
    assert found["height"] == 44 + 50 + 40 * 20 + 12
    assert [one for one in found["said"] if one.startswith("row")] == [f"row{k}" for k in range(40)]
    assert found["scrolled"] == 300


@pytest.mark.parametrize(("state", "told"), [("live", False), ("stale", True), ("lost", True)])
def test_a_state_that_is_not_live_is_told_in_a_picture(
    listing: Page, state: str, told: bool
) -> None:
    head = next(one for one in drawn(listing, state)["said"] if "UTC" in one)
    assert ("UTC · Stale 7 s" in head) == told
