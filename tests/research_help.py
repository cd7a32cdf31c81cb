"""Runs research commands as a user does, and makes small input files."""

import json

import typer
from typer.testing import CliRunner

from app.research.commands import register

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
register(APP)


def ofi(*args):
    """Run `ofi args…` in this process; its standard output. Errors come through as raised."""
    result = CliRunner().invoke(APP, [str(a) for a in args], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def ofi_json(*args):
    """The same with `--json`."""
    return json.loads(ofi(*args, "--json"))


def lobster_files(folder, messages, books):
    """A message and an orderbook file from lists of lists."""
    paths = folder / "message.csv", folder / "orderbook.csv"
    for path, rows in zip(paths, (messages, books), strict=True):
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return paths


def import_lobster(folder, messages, books, archive, *more):
    """Import them as test:AAA/USD of 2012-06-21."""
    message, book = lobster_files(folder, messages, books)
    what = ("--message", message, "--orderbook", book, "--market", "test:AAA/USD")
    return ofi("import", "lobster", *what, "--date", "2012-06-21", "--archive", archive, *more)


def raw_lines(path, rows):
    """A binance-raw file from (ns, message)."""
    path.write_text("".join(f"{ns} {json.dumps(message)}\n" for ns, message in rows))
    return path
