"""`ofi import`, `ofi compute`, `ofi verify`, `ofi export`: research without the page."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.errors import InputError
from app.market import MarketId
from app.research.units import duration
from app.settings import state_dir

if TYPE_CHECKING:
    from app.archive import Segment

_import = typer.Typer(
    name="import",
    help="Bring recorded market data into an archive.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Archived = Annotated[
    str, typer.Option("--archive", metavar="DIR|URL", help="The archive: a folder, or a URL.")
]
Market = Annotated[str, typer.Option(help="venue:SYMBOL, for example binance:BTC/USDT.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Tick = Annotated[str | None, typer.Option(help="Price increment. Default: inferred from the file.")]
Lot = Annotated[str | None, typer.Option(help="Size increment. Default: inferred from the file.")]
ContractSize = Annotated[str | None, typer.Option(help="What one contract holds. Default: 1.")]
Bin = Annotated[str, typer.Option("--bin", help="Length of a bin: 250ms, 10s, 1min.")]
Levels = Annotated[int, typer.Option(min=1, max=200, help="Depth levels, at most what is known.")]
Start = Annotated[
    str | None, typer.Option(help="From this UTC time, for example 2024-08-08T12:00.")
]
End = Annotated[str | None, typer.Option(help="Up to this UTC time.")]
Stream = Annotated[
    str, typer.Option(help="Where best quotes come from: best, or depth (its level 1).")
]

Notionals = Annotated[
    list[int] | None,
    typer.Option(
        "--notional",
        min=1,
        max=10**12,
        help="Add the slippage of a market order of so much quote currency, both ways; repeatable.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the research commands to the `ofi` command."""
    app.add_typer(_import)
    app.command()(compute)
    app.command()(verify)
    app.command()(export)


def default_archive() -> str:
    """Where an archive is looked for unless told otherwise."""
    return str(state_dir() / "archive")


@_import.command()
def lobster(
    message: Annotated[Path, typer.Option(help="The message file, CSV or CSV.gz.")],
    orderbook: Annotated[Path, typer.Option(help="The orderbook file of the same day.")],
    market: Annotated[str, typer.Option(help="For example nasdaq:AMZN/USD.")],
    date_: Annotated[str, typer.Option("--date", help="The day, for example 2012-06-21.")],
    tick: Annotated[str, typer.Option(help="Price increment in dollars.")] = "0.01",
    timezone: Annotated[str, typer.Option(help="Of the file's midnight.")] = "America/New_York",
    archive: Archived = "",
    as_json: AsJson = False,
) -> None:
    """A day of LOBSTER: message and orderbook file.

    Example: ofi import lobster --message M.csv --orderbook B.csv --market nasdaq:AMZN/USD
    --date 2012-06-21 --tick 0.01 --archive data
    """
    from app.research import lobster as importer

    files = importer.LobsterFiles(
        message,
        orderbook,
        MarketId.parse(market),
        _day(date_),
        _decimal(tick, "--tick") or Decimal("0.01"),
        timezone,
    )
    _run_import([message, orderbook], archive, as_json, importer.read, files)


@_import.command("binance-raw")
def binance_raw(
    file: Annotated[Path, typer.Argument(help="Lines of <receive ns> <message>, plain or gzip.")],
    market: Market,
    tick: Tick = None,
    lot: Lot = None,
    contract_size: ContractSize = None,
    archive: Archived = "",
    as_json: AsJson = False,
) -> None:
    """Recorded Binance messages: depth, best quotes, trades, snapshots.

    Example: ofi import binance-raw btcusdt.jsonl.gz --market binance:BTC/USDT --archive data
    """
    from app.research import binance_raw as importer

    raw = importer.RawFile(
        file,
        MarketId.parse(market),
        _decimal(tick, "--tick"),
        _decimal(lot, "--lot"),
        _decimal(contract_size, "--contract-size"),
    )
    _run_import([file], archive, as_json, importer.read, raw)


@_import.command()
def tardis(
    files: Annotated[list[Path], typer.Argument(help="CSV files of one market, plain or gzip.")],
    market: Market,
    tick: Tick = None,
    lot: Lot = None,
    contract_size: ContractSize = None,
    clock: Annotated[
        str, typer.Option(help="venue (timestamp) or receive (local_timestamp).")
    ] = "venue",
    archive: Archived = "",
    as_json: AsJson = False,
) -> None:
    """CSV files of tardis.dev: incremental_book_L2, book_snapshot_N, quotes, trades.

    Example: ofi import tardis book.csv.gz trades.csv.gz --market binance:BTC/USDT --archive data
    """
    from app.research import tardis as importer

    if clock not in ("venue", "receive"):
        raise InputError(f"--clock was {clock!r}; it is venue or receive.")
    given = importer.TardisFiles(
        files,
        MarketId.parse(market),
        _decimal(tick, "--tick"),
        _decimal(lot, "--lot"),
        _decimal(contract_size, "--contract-size"),
        clock == "receive",
    )
    _run_import(files, archive, as_json, importer.read, given)


def compute(
    market: Market,
    out: Annotated[Path, typer.Option(help="Where to: .parquet, .csv or .arrow.")],
    bin_: Bin = "10s",
    levels: Levels = 10,
    stream: Stream = "best",
    notional: Notionals = None,
    start: Start = None,
    end: End = None,
    archive: Archived = "",
    as_json: AsJson = False,
) -> None:
    """Features of a market, one row per bin.

    Example: ofi compute --archive data --market binance:BTC/USDT --bin 10s --levels 10
    --notional 100000 --out f.csv
    """
    from app.archive import Archive, Reader
    from app.compute.catalogue import column_names
    from app.research import features, table
    from app.research.binning import Binner

    table.check(out)
    notionals = sorted(set(notional or ()))
    reader = Reader(
        Archive(archive or default_archive()), MarketId.parse(market), *_range(start, end)
    )
    binner = Binner(reader, duration(bin_), levels, best_from_depth=_from_depth(stream))
    with _progress("Computing", binner.total, quiet=as_json) as advance:
        rows = 0
        with table.TableWriter(out, features.schema(binner.levels, notionals)) as writer:
            for part in features.tables(binner, reader.market, duration(bin_), notionals):
                writer.write(part)
                rows += len(part)
                advance(len(part))
    _say(
        as_json,
        {"out": str(out), "rows": rows, "columns": column_names(binner.levels, notionals)},
        f"{rows:,} rows in {out}, levels 1 to {binner.levels}.",
    )


def verify(
    market: Market,
    bin_: Bin = "10s",
    window: Annotated[str, typer.Option(help="Calendar windows of the mean fits.")] = "30min",
    levels: Levels = 10,
    stream: Stream = "best",
    start: Start = None,
    end: End = None,
    archive: Archived = "",
    as_json: AsJson = False,
) -> None:
    """How much of the price's moves the flow explains, and whether it foretells any.

    Example: ofi verify --archive data --market binance:BTC/USDT --bin 10s --window 30min --json
    """
    from app.archive import Archive
    from app.research import verification
    from app.research.report import print_verification

    request = verification.Request(
        MarketId.parse(market),
        duration(bin_),
        duration(window),
        levels,
        *_range(start, end),
        _from_depth(stream),
    )
    with _progress("Verifying", None, quiet=as_json) as advance:
        done = 0

        def watch(bins: int, total: int) -> None:
            nonlocal done
            advance(bins - done, total)
            done = bins

        result = verification.verify(Archive(archive or default_archive()), request, watch)
    if as_json:
        _say(True, result, "")
    else:
        print_verification(result)


def export(
    market: Market,
    out: Annotated[Path, typer.Option(help="Where to: .parquet, .csv or .arrow.")],
    what: Annotated[str, typer.Option(help="best, depth, trades or gaps.")] = "best",
    levels: Levels = 10,
    start: Start = None,
    end: End = None,
    archive: Archived = "",
    as_json: AsJson = False,
) -> None:
    """Data of a market in decimals: best quotes, book levels, trades, gaps.

    Example: ofi export --archive data --market binance:BTC/USDT --what trades --out trades.csv
    """
    from app.archive import Archive, Reader
    from app.research import export as exporter
    from app.research import table

    table.check(out)
    reader = Reader(
        Archive(archive or default_archive()), MarketId.parse(market), *_range(start, end)
    )
    plan = exporter.plan(reader, what, levels)
    total = sum(s.counts.get(what, 0) for s in reader.segments)
    rows = 0
    with (
        _progress("Exporting", total, quiet=as_json) as advance,
        table.TableWriter(out, plan.schema) as writer,
    ):
        for part in plan.tables:
            writer.write(part)
            rows += len(part)
            advance(len(part))
    _say(as_json, {"out": str(out), "rows": rows}, f"{rows:,} rows in {out}.")


def _run_import(
    paths: list[Path],
    archive: str,
    as_json: bool,
    read: "Callable[[Any, Any, Callable[[int], None]], Segment]",
    given: Any,
) -> None:
    from app.archive import Archive

    where = archive or default_archive()
    total = sum(p.stat().st_size for p in paths if p.is_file())
    with _progress("Importing", total, quiet=as_json) as advance:
        segment = read(given, Archive(where), advance)
    c = segment.counts
    _say(
        as_json,
        segment.to_json() | {"archive": where},
        f"{segment.market.id}: {c['best']:,} best and {c['depth']:,} depth states, "
        f"{c['trades']:,} trades, {c['gaps']:,} gaps; tick {segment.market.grid.tick}, "
        f"lot {segment.market.grid.lot}; in {where}.",
    )


class _progress:  # noqa: N801  reads as the verb that it is
    """A progress bar on stderr where that is a terminal and a person reads; silent elsewhere."""

    def __init__(self, what: str, total: float | None, *, quiet: bool):
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        silent = quiet or not console.is_terminal
        self._bar = Progress(console=console, transient=True, disable=silent)
        self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Callable[..., None]:
        self._bar.__enter__()
        return self._advance

    def _advance(self, n: int, total: float | None = None) -> None:
        """So much more is done; `total` where it became known."""
        self._bar.update(self._task, advance=n, total=total)

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)


def _say(as_json: bool, value: Any, sentence: str) -> None:
    if as_json:
        import orjson

        typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=float).decode())
    else:
        typer.echo(sentence)


def _decimal(text: str | None, flag: str) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise InputError(f"{flag} was {text!r}; it is a number above 0.")
    return value


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--date was {text!r}; write it as 2012-06-21.") from None


def _range(start: str | None, end: str | None) -> tuple[int, int]:
    return _moment(start, "--start") or 0, _moment(end, "--end") or 2**62


def _moment(text: str | None, flag: str) -> int | None:
    from datetime import UTC, datetime, timedelta

    if text is None:
        return None
    if text.isdecimal() and len(text) > 12:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{flag} was {text!r}; write it as 2024-08-08T12:00 (UTC).") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * 1000


def _from_depth(stream: str) -> bool:
    if stream not in ("best", "depth"):
        raise InputError(f"--stream was {stream!r}; it is best or depth.")
    return stream == "depth"
