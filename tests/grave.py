"""What axe-core finds grave on a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# The grid of the watch list, which phones have not, makes its header row before the cells in it.
_MADE = """() => innerWidth < 700 || !document.getElementById('side')
  || document.querySelector('.watch-grid .ag-header-cell')"""


def serious(page: Page) -> list[str]:
    """Violations that are serious or worse, once the page is made."""
    page.wait_for_function(_MADE)
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:160]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
