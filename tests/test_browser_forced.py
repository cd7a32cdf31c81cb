"""Forced colours (high contrast of the system): marks, icons, borders and what is chosen stay to be seen."""

import base64

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser import watched

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"
# How many pixels of a picture have not the colour that most of them have.
INKED = """async data => {
  const bytes = Uint8Array.from(atob(data), one => one.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const x = new OffscreenCanvas(image.width, image.height).getContext('2d');
  x.drawImage(image, 0, 0);
  const found = x.getImageData(0, 0, image.width, image.height).data.buffer, seen = new Map();
  const pixels = new Uint32Array(found);
  for (const one of pixels) seen.set(one, (seen.get(one) ?? 0) + 1);
  return pixels.length - Math.max(...seen.values());
}"""
BEHIND = """([element, pseudo]) => [getComputedStyle(element, pseudo).backgroundColor, (() => {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = 'Canvas';
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
})()]"""


def inked(one: Locator) -> int:
    """How much of an element is drawn, borders left aside."""
    box = one.bounding_box()
    assert box is not None
    clip = {
        "x": box["x"] + 3,
        "y": box["y"] + 3,
        "width": box["width"] - 6,
        "height": box["height"] - 6,
    }
    shot = base64.b64encode(one.page.screenshot(clip=clip)).decode()  # type: ignore[arg-type]
    found: int = one.page.evaluate(INKED, shot)
    return found


@pytest.mark.parametrize(("scheme", "theme"), [("dark", "light"), ("light", "dark")])
def test_marks_icons_and_what_is_chosen_are_seen(
    browser: Browser, url: str, scheme: str, theme: str
) -> None:
    """Also where the system's colours are the opposite of the page's."""
    with watched(browser, forced_colors="active", color_scheme=scheme) as one:
        page = one.open(f"{url}/?m={BTC}&theme={theme}", BTC)
        marks = [
            (".pill.state", "::before"), ("#link", "::before"), ("#theme .i", None), ("#freeze .i", None),
            (".panel-menu .i", None), ("[data-do=zoom-in] .i", None), (".find .i", None),
        ]  # fmt: skip
        for selector, pseudo in marks:
            element = page.locator(selector).first.element_handle()
            ink, canvas = page.evaluate(BEHIND, [element, pseudo])
            assert ink != canvas, selector
            assert not ink.startswith("rgba(0, 0, 0, 0"), selector
        for selector in ("#theme", "#freeze", ".panel-menu", "[data-do=zoom-in]"):
            assert inked(page.locator(selector).first) > 10, selector
        # Charts keep the paper that their words are made for.
        paper = "getComputedStyle(document.querySelector('.cv')).backgroundColor"
        assert (
            page.evaluate(paper)
            == {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 20, 27)"}[theme]
        )
        # A menu is parted from what lies below, and the item in focus from the others.
        page.locator("[data-panel=book] .panel-menu").click()
        width = "one => getComputedStyle(one).borderTopWidth"
        assert page.locator(".menu").evaluate(width) == "1px"
        page.keyboard.press("ArrowDown")
        style = "() => getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(style) == "solid"
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        chosen, other = (
            page.locator(".bins [aria-pressed=true]"),
            page.locator(".bins [aria-pressed=false]"),
        )
        expect(chosen).to_be_visible()
        back = "one => getComputedStyle(one).backgroundColor"
        assert chosen.evaluate(back) != other.first.evaluate(back)
        assert one.complaints == []
