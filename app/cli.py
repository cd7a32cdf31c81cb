"""The `ofi` command."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app import __version__, log, settings
from app.clock import SystemClock
from app.errors import InputError, OfiError
from app.research import commands as research
from app.settings import Settings

if TYPE_CHECKING:
    from app.supervisor import Child

DEMO_MARKETS = (
    "demo:BTC/USDT",
    "demo:ETH/USDT",
    "demo:SOL/USDT",
    "demo:LINK/USDT",
    "demo2:BTC/USDT",
    "demo-deribit:BTC/USD:BTC",
    "demo-deribit:ETH/USD:ETH",
    "demo-kraken:BTC/USD",
    "demo-kraken:ETH/USD",
)
_FAULTS_EVERY_S = 20

app = typer.Typer(
    name="ofi",
    help="Live order flow imbalance: who is pushing the price.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Markets = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MARKET]...", help="venue:SYMBOL, for example binance:BTC/USDT"),
]
Host = Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on. Default: 8050.")]
Workers = Annotated[int | None, typer.Option(help="Web worker processes. Default: 2.")]
Store = Annotated[
    str | None, typer.Option(help="Hot store, for example sqlite:////var/lib/ofi/hot.")
]


def main() -> None:
    """Entry point: maps our errors to one sentence and an exit code."""
    try:
        app(standalone_mode=True)
    except OfiError as error:
        typer.echo(f"ofi: {error}", err=True)
        sys.exit(error.exit_code)


def _load(markets: list[str] | None = None, store: str | None = None, **web: Any) -> Settings:
    flags: dict[str, Any] = {"markets": markets or None, "store": {"url": store}, "web": web}
    loaded = settings.load(flags)
    log.configure(loaded.log.level)
    return loaded


# glibc's allocator: few heaps for all threads, and arrays that go back to the system when they are freed.
# Left to itself it raises its thresholds to the largest array, and the holes stay: memory creeps for hours.
ALLOCATOR: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(256 << 10),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 20),
}
# Who looks at a market waits for arrays of megabytes: given back at once, each costs a page fault for every
# 4 kB, twice the time of a first view.
WEB_ALLOCATOR: Final = ALLOCATOR | {
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


def _environ(given: Settings, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What child processes need to see the same settings: flags become variables."""
    token = given.web.token
    return {
        **ALLOCATOR,
        **os.environ,
        "OFI_MARKETS": ",".join(given.markets),
        "OFI_WEB__HOST": given.web.host,
        "OFI_WEB__PORT": str(given.web.port),
        "OFI_WEB__WORKERS": str(given.web.workers),
        "OFI_STORE__URL": given.store.location,
        **({"OFI_WEB__TOKEN": token.get_secret_value()} if token else {}),
        **(extra or {}),
    }


def _unset(values: Mapping[str, str]) -> dict[str, str]:
    """Those that the user has not set."""
    return {name: value for name, value in values.items() if name not in os.environ}


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def run(
    markets: Markets = None,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    store: Store = None,
) -> None:
    """Collect markets and serve the page, in one.

    Example: ofi run binance:BTC/USDT kraken:BTC/USD
    """
    given = _load(markets, store, host=host, port=port, workers=workers)
    if not given.markets:
        raise InputError(
            "No market is named. Example: ofi run binance:BTC/USDT kraken:BTC/USD; "
            "or list them as `markets` in ofi.toml."
        )
    sys.exit(_supervise(given))


def _supervise(
    given: Settings, extra: Mapping[str, str] | None = None, first: "Sequence[Child]" = ()
) -> int:
    from app.supervisor import Child, Supervisor, check_port, gunicorn_command
    from app.web.access import check_binding

    check_binding(given)
    check_port(given.web.host, given.web.port)
    collect = [sys.executable, "-m", "app.cli", "collect"]
    children = [
        *first,
        Child("collector", collect),
        Child("web server", gunicorn_command(given), environ=_unset(WEB_ALLOCATOR)),
    ]

    def started() -> None:
        everywhere = given.web.host in ("0.0.0.0", "::")  # noqa: S104
        host = "127.0.0.1" if everywhere else given.web.host
        host = f"[{host}]" if ":" in host else host
        typer.echo(f"The page is at http://{host}:{given.web.port}/ — Ctrl-C ends it.", err=True)
        if everywhere and not given.web.allowed_hosts:
            typer.echo(
                "It answers by address only; to reach it by a name, set OFI_WEB__ALLOWED_HOSTS.",
                err=True,
            )

    return Supervisor(children, _environ(given, extra), started).run()


@app.command()
def demo(
    port: Port = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same market.")] = 1,
    speed: Annotated[float, typer.Option(min=0.1, max=20, help="Market seconds per second.")] = 1.0,
    faults: Annotated[bool, typer.Option("--faults", help="Break something every 20 s.")] = False,
) -> None:
    """A simulated exchange through the real path: no network, no keys.

    Example: ofi demo
    """
    import shutil

    import orjson

    from app.demo.server import venue_settings
    from app.supervisor import Child, check_port, free_port

    given = _load(list(DEMO_MARKETS), port=port)
    check_port(given.web.host, given.web.port)
    # Each demo is a market of its own: what an earlier one left would be another story. The port
    # is ours alone, so the directory named after it is.
    folder = settings.state_dir() / f"demo-{given.web.port}"
    shutil.rmtree(folder, ignore_errors=True)
    given = _load(list(DEMO_MARKETS), f"sqlite:///{folder}", port=port)
    exchange_port = free_port()
    exchange = [sys.executable, "-m", "app.demo", f"--port={exchange_port}", f"--seed={seed}"]
    exchange += [f"--speed={speed}", f"--faults-every={_FAULTS_EVERY_S if faults else 0}"]
    venues = {"OFI_VENUES": orjson.dumps(venue_settings(exchange_port)).decode()}
    sys.exit(
        _supervise(
            given, venues, [Child("demo exchange", exchange, ready_port=exchange_port, quiet=True)]
        )
    )


@app.command()
def collect(markets: Markets = None, store: Store = None) -> None:
    """Collect markets into the hot store, without a page.

    Example: ofi collect binance:BTC/USDT
    """
    import uvloop

    given = _load(markets, store)
    uvloop.run(_collect(given))


async def _collect(given: Settings) -> None:
    from app.collector import Collector
    from app.store import open_store

    clock = SystemClock()
    store = open_store(
        given.store.location,
        clock=clock,
        keep_minutes=given.store.keep_minutes,
        max_mb_per_market=given.store.max_mb_per_market,
    )
    collector = Collector(given, store, clock)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, collector.stop.set)
    try:
        await collector.run(given.market_ids)
    finally:
        store.close()


@app.command()
def web(host: Host = None, port: Port = None, workers: Workers = None, store: Store = None) -> None:
    """Serve the page and the API beside a running collector.

    Example: ofi web --port 8050
    """
    from app.supervisor import check_port, gunicorn_command
    from app.web.access import check_binding

    given = _load(None, store, host=host, port=port, workers=workers)
    check_binding(given)
    check_port(given.web.host, given.web.port)
    command = gunicorn_command(given)
    os.execve(command[0], command, _environ(given) | _unset(WEB_ALLOCATOR))  # noqa: S606  our own command line


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at everything the product rests on; say what to do about each finding.

    Example: ofi doctor
    """
    from dataclasses import asdict

    import orjson

    from app.doctor import examine

    log.configure("error")
    findings = asyncio.run(examine(os.environ, SystemClock()))
    if as_json:
        typer.echo(orjson.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            mark = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}[finding.grade]
            typer.echo(f"{mark}  {finding.what}: {finding.seen}")
            if finding.todo:
                typer.echo(f"       → {finding.todo}")
    sys.exit(any(finding.grade == "fault" for finding in findings))


research.register(app)

if __name__ == "__main__":
    main()
