"""`python -m app.demo`: the demo exchange as a process of its own, until SIGINT or SIGTERM."""

import argparse
import asyncio
import signal
import sys

import orjson

from app import log
from app.demo.server import DemoExchange, venue_settings
from app.errors import OfiError
from app.garbage import settle


def main(arguments: list[str] | None = None) -> int:
    """Serve; the first line on stdout is the address as JSON."""
    parser = argparse.ArgumentParser(prog="python -m app.demo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second")
    parser.add_argument(
        "--faults-every", type=float, default=0.0, metavar="SECONDS", help="0: no faults"
    )
    options = parser.parse_args(arguments)
    log.configure()
    try:
        asyncio.run(_serve(options))
    except OfiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    exchange = DemoExchange()
    await exchange.start(
        options.host,
        options.port,
        options.seed,
        options.speed,
        faults_every_s=options.faults_every,
    )
    settle()
    address = {
        "host": exchange.host,
        "port": exchange.port,
        "venues": venue_settings(exchange.port, exchange.host),
    }
    sys.stdout.buffer.write(orjson.dumps(address) + b"\n")
    sys.stdout.buffer.flush()
    await stop.wait()
    await exchange.stop()


if __name__ == "__main__":
    sys.exit(main())
