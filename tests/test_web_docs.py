"""The documents as pages: every panel's definition is there, nothing else is, and the rules hold."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.web.docs import DOCS, Documents
from components.market_stack import TILES, market_stack
from components.panel import definition
from components.panes import PANES, WHERE
from components.words import slug
from tests.test_components_page import attributes, walk
from tests.web_server import running_server

TOKEN = "a-token-of-the-test"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("hot"), workers=1, token=TOKEN) as base:
        yield base


def get(url: str, token: str | None = TOKEN) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(url, headers=headers, timeout=20.0)


def test_every_panel_leads_to_the_definition_of_its_metric() -> None:
    page = Documents().render("metrics", "dark")
    panels = [one for pane in PANES.values() for one in pane.template(WHERE)]
    links = [
        attributes(c)["href"] for one in panels for c in walk(one) if "data-doc" in attributes(c)
    ]
    assert len(links) >= 16
    for link in links:
        path, _, anchor = link.partition("#")
        assert path == "docs/metrics"
        assert re.search(f'<h3 id="{re.escape(anchor)}"', page), link


def test_every_tile_leads_to_the_definition_of_its_figure() -> None:
    page = Documents().render("metrics", "dark")
    links = [attributes(c) for c in walk(market_stack()) if "data-doc" in attributes(c)]
    assert len(links) == len(TILES) == 9
    # The weighted mid gives way to the micro-price: its link follows its label.
    for link in [one["href"] for one in links] + [definition("Micro-price")]:
        assert re.search(f'<h3 id="{re.escape(link.removeprefix("docs/metrics#"))}"', page), link
    assert all(link["title"].endswith(": definition and source") for link in links)


def test_a_document_has_its_headings_formulas_and_pictures() -> None:
    page = Documents().render("metrics", "light")
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        assert f'id="{slug(heading)}"' in page, heading
    assert page.count("<pre><code>") == len(re.findall(r"(?:^\n)(?:    .+\n)+", text, re.MULTILINE))
    assert page.count("<img") == text.count("![")
    assert 'data-mantine-color-scheme="light"' in page


def test_html_in_a_document_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    bad = "# A & B\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) [y](other.md#part)\n"
    (tmp_path / "bad.md").write_text(bad)
    page = Documents(tmp_path).render("bad", "dark")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'href="javascript' not in page
    assert 'href="other#part"' in page


def test_documents_are_served_behind_the_token(url: str) -> None:
    assert get(f"{url}/docs/metrics", None).status_code == 401
    answer = get(f"{url}/docs/metrics")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert 'id="slippage"' in answer.text
    for path in re.findall(r'(?:src|href)="((?:pictures|\.\./assets)/[^"#]+)"', answer.text):
        assert get(f"{url}/docs/{path}").status_code == 200, path


@pytest.mark.parametrize(
    "path",
    ["docs/nothing", "docs/..%2fpyproject", "docs/pictures/draw.py", "docs/pictures/..%2fapi.md",
     "docs/metrics.md", "docs/pictures/none.svg"],
)  # fmt: skip
def test_nothing_but_the_documents_is_there(url: str, path: str) -> None:
    assert get(f"{url}/{path}").status_code == 404


def test_names_come_from_the_folder_alone(tmp_path: Path) -> None:
    app = FastAPI(docs_url=None)
    found = Documents(tmp_path)
    found.add_routes(app)
    assert not found.files
