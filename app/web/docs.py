"""`/docs/NAME`: the documents of the repository as pages of the product, behind the same access.

Names come from the folder and from nothing else: what is not one of its files is not here. HTML inside
the documents is shown as text, so that no document brings a script.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.web.access import refusal
from components.words import slug

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
_MEDIA: Final = {".svg": "image/svg+xml", ".png": "image/png"}
_CACHE: Final = {"Cache-Control": "no-cache"}

_PAGE: Final = """<!DOCTYPE html>
<html lang="en" data-mantine-color-scheme="{theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Order flow</title>
<link rel="icon" href="../assets/logo.svg" type="image/svg+xml">
<link rel="stylesheet" href="../assets/tokens.css">
<link rel="stylesheet" href="../assets/base.css">
<link rel="stylesheet" href="../assets/docs.css">
</head>
<body class="doc">
<header class="top">
<a class="brand" href="../"><span class="logo"></span><b>Order flow</b></a>
<nav aria-label="Documents">{documents}</nav>
</header>
<div class="doc-columns">
<nav class="doc-contents" aria-label="On this page">{contents}</nav>
<main>
{body}
</main>
</div>
</body>
</html>"""


@dataclass(frozen=True)
class Heading:
    """A heading of a document, by which it can be linked."""

    level: int
    words: str

    @property
    def anchor(self) -> str:
        """The part of an address behind the #."""
        return slug(self.words)


@dataclass
class Documents:
    """The documents of a folder; each is read and rendered once."""

    folder: Path = DOCS
    _rendered: dict[str, tuple[str, tuple[Heading, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files: Mapping[str, Path] = {p.stem: p for p in sorted(self.folder.glob("*.md"))}
        self.pictures: Mapping[str, Path] = {
            p.name: p for p in sorted(self.folder.glob("pictures/*")) if p.suffix in _MEDIA
        }

    def add_routes(self, app: FastAPI) -> None:
        """Put the addresses on the server."""
        app.add_route("/docs/{name}", self.page, methods=["GET"])
        app.add_route("/docs/pictures/{name}", self.picture, methods=["GET"])

    async def page(self, request: Request) -> Response:
        """One document."""
        name = request.path_params["name"]
        if name not in self.files:
            known = ", ".join(self.files) or "none"
            return refusal(404, f"There is no such document; there are: {known}.")
        theme = "light" if request.query_params.get("theme") == "light" else "dark"
        return HTMLResponse(self.render(name, theme), headers=_CACHE)

    async def picture(self, request: Request) -> Response:
        """One picture of the documents."""
        path = self.pictures.get(request.path_params["name"])
        if path is None:
            return refusal(404, "There is no such picture.")
        return Response(path.read_bytes(), media_type=_MEDIA[path.suffix], headers=_CACHE)

    def headings(self, name: str) -> tuple[Heading, ...]:
        """The headings of a document in order; `name` is one of `files`."""
        return self._document(name)[1]

    def render(self, name: str, theme: str) -> str:
        """A document as a page; `name` is one of `files`, `theme` dark or light."""
        body, headings = self._document(name)
        query = "?theme=light" if theme == "light" else ""
        present = ' aria-current="page"'
        documents = " ".join(
            f'<a href="{one}{query}"{present if one == name else ""}>{escape(one.capitalize())}</a>'
            for one in self.files
        )
        contents = "".join(
            f'<a class="h{heading.level}" href="#{escape(heading.anchor)}">{escape(heading.words)}</a>'
            for heading in headings
            if heading.level > 1
        )
        title = headings[0].words if headings else name
        return _PAGE.format(
            theme=theme, title=escape(title), documents=documents, contents=contents, body=body
        )

    def _document(self, name: str) -> tuple[str, tuple[Heading, ...]]:
        found = self._rendered.get(name)
        if found is None:
            found = self._rendered[name] = _to_html(self.files[name].read_text(encoding="utf-8"))
        return found


def _to_html(text: str) -> tuple[str, tuple[Heading, ...]]:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(text)
    headings = []
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            heading = Heading(int(token.tag[1]), _plain(following))
            headings.append(heading)
            token.attrSet("id", heading.anchor)
        for child in token.children or ():
            _within(child)
    html: str = reader.renderer.render(tokens, reader.options, {})
    return html, tuple(headings)


def _plain(inline: Token) -> str:
    kinds = ("text", "code_inline")
    return "".join(child.content for child in inline.children or () if child.type in kinds)


def _within(token: Token) -> None:
    """Links among the documents lead to their pages, pictures load when they come into view."""
    if token.type == "link_open":
        target: Any = token.attrGet("href") or ""
        path, mark, anchor = str(target).partition("#")
        if "://" not in path and path.endswith(".md"):
            token.attrSet("href", path.removesuffix(".md") + mark + anchor)
    elif token.type == "image":
        token.attrSet("loading", "lazy")
