"""docs/results.md shows what the code finds."""

import re
from pathlib import Path

import pytest

from tests.recorded import recorded
from tests.research_help import ofi_json

TEXT = (Path(__file__).parents[1] / "docs/results.md").read_text(encoding="utf-8")
FLOWS = {
    "best": "best",
    "best from depth@100ms": "depth_1",
    "best from depth": "depth_1",
    "multilevel": "multilevel",
    "multilevel (1 level: the same)": "multilevel",
    "integrated": "integrated",
    "integrated (1 level: normalised)": "integrated",
    "trade imbalance": "trade_imbalance",
}
BINS = {
    "10 s in 30 min": ("10s", "30min"),
    "1 s in 2 min": ("1s", "2min"),
    "100 ms in 1 s": ("100ms", "1s"),
}
IMPORTS = {
    "NASDAQ AMZN": ("lobster", "lobster_amzn_2012-06-21_{}_1.csv.gz", "nasdaq:AMZN"),
    "NASDAQ MSFT": ("lobster", "lobster_msft_2012-06-21_{}_50.csv.gz", "nasdaq:MSFT"),
    "Binance spot": ("raw", "binance_spot_btcusdt_20240808.jsonl.gz", "binance:BTC/USDT"),
    "Binance coin-M": (
        "raw",
        "binance_coinm_btcusd_perp_20240808.jsonl.gz",
        "binancecoinm:BTC/USD:BTC",
    ),
}


def table():
    """Data set → (bins, {flow: (whole, windows, used)})."""
    found, name = {}, ""
    for line in TEXT.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) == 6 and re.fullmatch(r"0\.\d{3}", cells[3]):
            if cells[0]:
                name = next(k for k in IMPORTS if cells[0].startswith(k))
                found[name] = (BINS[cells[1]], {})
            found[name][1][FLOWS[cells[2]]] = (float(cells[3]), float(cells[4]), int(cells[5]))
    return found


@pytest.mark.parametrize("name", IMPORTS)
def test_the_table_is_what_verify_finds(tmp_path, name):
    kind, file, market = IMPORTS[name]
    where = ("--market", market, "--archive", tmp_path)
    if kind == "lobster":
        message, book = (recorded(file.format(part)) for part in ("message", "orderbook"))
        files = ("--message", message, "--orderbook", book, "--date", "2012-06-21")
        ofi_json("import", "lobster", *files, *where)
    else:
        ofi_json("import", "binance-raw", recorded(file), *where)
    (bin_, window), flows = table()[name]
    result = ofi_json("verify", *where, "--bin", bin_, "--window", window)
    assert len(flows) >= 3
    for flow, numbers in flows.items():
        fit = result[flow]
        assert (round(fit["r2"], 3), round(fit["r2_mean"], 3), fit["windows"]) == numbers, flow
