"""docs/metrics.md: a heading for every metric in code, and the reverse; pictures, columns, functions."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import app.compute
from app.compute.catalogue import COLUMNS, METRICS, column_names

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
# Plumbing of the live rows, the page and the importers; their figures are those of the metrics below.
NOT_METRICS = {
    "rows", "states", "carry", "columns", "summary", "quantise", "windows", "raster", "view",
    "follow", "liquidity", "catalogue", "evidence",
}  # fmt: skip
HELPERS = {"bins.edges", "bins.ranges"}


def test_every_metric_has_its_heading_and_the_reverse():
    assert list(SECTIONS) == [m.name for m in METRICS]


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_a_section_says_everything(metric):
    text = SECTIONS[metric.name]
    for word in ("Unit", "Sign", "Source", "Good for", "Not for"):
        assert re.search(rf"^- {word}: .{{4,}}", text, re.MULTILINE), word
    assert re.search(r"^    \S", text, re.MULTILINE), "the formula"
    picture = re.search(r"!\[.+?\]\((.+?)\)", text)[1]
    assert (ROOT / "docs" / picture).stat().st_size > 500


def test_every_metric_has_a_picture_of_its_own():
    pictures = [re.search(r"!\[.+?\]\((.+?)\)", text)[1] for text in SECTIONS.values()]
    assert len(set(pictures)) == len(METRICS)
    drawn = {f"pictures/{path.name}" for path in (ROOT / "docs/pictures").glob("*.svg")}
    assert set(pictures) == drawn


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_what_the_catalogue_names_exists(metric):
    for name in metric.functions:
        module, _, function = name.partition(".")
        assert callable(getattr(importlib.import_module(f"app.compute.{module}"), function))


def test_every_function_that_computes_a_metric_is_in_the_catalogue():
    named = {name for m in METRICS for name in m.functions}
    missing = []
    for module in pkgutil.iter_modules(app.compute.__path__):
        if module.name in NOT_METRICS:
            continue
        code = importlib.import_module(f"app.compute.{module.name}")
        for name, value in inspect.getmembers(code, inspect.isfunction):
            full = f"{module.name}.{name}"
            if value.__module__ == code.__name__ and not name.startswith("_"):
                missing += [full] if full not in named | HELPERS else []
    assert not missing


def test_every_column_of_compute_is_described_once():
    names = [name for name, _ in COLUMNS]
    assert len(names) == len(set(names))
    assert {metric for _, metric in COLUMNS} <= set(SECTIONS)
    for metric in METRICS:
        for column in metric.columns:
            name = "ofi_1" if column == "ofi_m" else column
            assert f"`{name}`" in SECTIONS[metric.name], column


def test_repeated_columns_stand_where_the_catalogue_names_them():
    names = column_names(2, (5, 70))
    at = names.index("slippage_buy_5_bps")
    assert names[at : at + 4] == [
        f"slippage_{side}_{n}_bps" for n in (5, 70) for side in ("buy", "sell")
    ]
    at = names.index("ofi_1")
    assert names[at : at + 3] == ["ofi_1", "ofi_2", "ofi_multilevel"]
