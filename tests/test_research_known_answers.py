"""The known answers from the command line: `ofi import`, then `ofi verify --json`."""

import pytest

from tests.recorded import recorded
from tests.research_help import ofi, ofi_json

# name, bins, β, t, R², windows, mean R², mean β: as many digits as are given.
AMZN = [
    ("best", 2339, 0.0025315, 4.368, 0.3162, 13, 0.5267, 0.0048630),
    ("trade_imbalance", 2339, 0.0078065, 12.432, 0.3101, 13, 0.3524, 0.0090182),
]
SPOT = [
    ("best", 344, 33.18634, 8.758, 0.3039, 2, 0.2835, 34.93769),
    ("trade_imbalance", 344, 318.41594, 3.446, 0.4200, 2, 0.4394, 308.13088),
    ("depth_1", 344, 50.59968, 9.281, 0.2013, 2, 0.1687, 50.76329),
]
COINM = [
    ("best", 342, 0.0090260, 9.511, 0.4858, 2, 0.4397, 0.0096403),
    ("trade_imbalance", 342, 0.0606132, 14.097, 0.5247, 2, 0.6499, 0.0583486),
]
SPOT_LEVELS = [
    -87.42089,
    4.52942,
    4.36345,
    -22.78542,
    1.29104,
    2.90726,
    -4.55959,
    -2.29785,
    -2.79847,
    11.69565,
]


def agree(result, answers, beta_digits):
    for name, bins, beta, t, r2, windows, r2_mean, beta_mean in answers:
        fit = result[name]
        assert (fit["bins"], fit["windows"]) == (bins, windows), name
        assert round(fit["beta"], beta_digits) == beta, name
        assert round(fit["beta_mean"], beta_digits) == beta_mean, name
        assert round(fit["t"], 3) == t, name
        assert (round(fit["r2"], 4), round(fit["r2_mean"], 4)) == (r2, r2_mean), name


def import_amzn(archive):
    message = recorded("lobster_amzn_2012-06-21_message_1.csv.gz")
    book = recorded("lobster_amzn_2012-06-21_orderbook_1.csv.gz")
    files = ("--message", message, "--orderbook", book, "--date", "2012-06-21", "--tick", "0.01")
    return ofi_json("import", "lobster", *files, "--market", "nasdaq:AMZN", "--archive", archive)


def import_raw(name, market, archive):
    return ofi_json(
        "import", "binance-raw", recorded(name), "--market", market, "--archive", archive
    )


def verify(archive, market, bin_, window, *more):
    where = ("--archive", archive, "--market", market, "--bin", bin_, "--window", window)
    return ofi_json("verify", *where, *more)


def test_lobster_amzn(tmp_path):
    segment = import_amzn(tmp_path)
    assert segment["counts"] == {"depth": 57_515, "best": 0, "trades": 8_974, "gaps": 0}
    result = verify(tmp_path, "nasdaq:AMZN", "10s", "30min")
    assert result["states"]["best"] == 57_515
    assert result["sums"]["best"] == -64_089
    agree(result, AMZN, 7)
    # Feeds that sequence trades and book together match per state, nearly everything.
    assert result["matched_share"] > 0.99


def test_lobster_amzn_first_bins(tmp_path):
    import_amzn(tmp_path)
    out = tmp_path / "features.csv"
    where = ("--archive", tmp_path, "--market", "nasdaq:AMZN")
    ofi("compute", *where, "--bin", "10s", "--levels", "10", "--out", out)
    header, *rows = [line.split(",") for line in out.read_text().splitlines()]
    at = header.index("ofi_best")
    assert [int(r[at]) for r in rows[:10]] == [611, 2233, 854, 41, -167, -111, -191, -101, -91, 201]
    assert len(rows) == 2340
    assert sum(int(r[at]) for r in rows) == -64_089


def test_binance_spot(tmp_path):
    name = "binance_spot_btcusdt_20240808.jsonl.gz"
    segment = import_raw(name, "binance:BTC/USDT", tmp_path)
    # The first depth state is the snapshot with the straddling update; 3,448 updates follow.
    assert segment["counts"] == {"depth": 3_449, "best": 28_040, "trades": 9_757, "gaps": 0}
    result = verify(tmp_path, "binance:BTC/USDT", "1s", "2min")
    assert result["sums"]["best"] == -99.47148
    assert result["sums"]["levels"] == SPOT_LEVELS
    assert result["sums"]["trade_imbalance"] == -18.73079
    assert result["sums"]["volume"] == 212.03315
    assert result["trades"] == 9_757
    assert round(result["matched_share"], 2) == 0.56
    agree(result, SPOT, 5)
    only_depth = verify(tmp_path, "binance:BTC/USDT", "1s", "2min", "--stream", "depth")
    assert only_depth["sums"]["best"] == -87.42089
    assert only_depth["best"]["beta"] == result["depth_1"]["beta"]


def test_binance_coin_margined(tmp_path):
    market = "binancecoinm:BTC/USD:BTC"
    segment = import_raw("binance_coinm_btcusd_perp_20240808.jsonl.gz", market, tmp_path)
    assert segment["counts"]["best"] == 19_136
    assert segment["market"]["contract"] == "inverse"
    assert segment["market"]["tick"] == "0.1"
    result = verify(tmp_path, market, "1s", "2min")
    assert result["size_unit"] == "contracts"
    assert result["sums"]["best"] == -162_833
    assert result["sums"]["trade_imbalance"] == -12_035
    assert result["trades"] == 2_286
    agree(result, COINM, 7)


@pytest.mark.parametrize(
    ("name", "market", "equal"),
    [
        ("binance_spot_btcusdt_20240808.jsonl.gz", "binance:BTC/USDT", 564),
        ("binance_coinm_btcusd_perp_20240808.jsonl.gz", "binancecoinm:BTC/USD:BTC", 1_124),
    ],
)
def test_rebuilt_best_quotes_equal_book_ticker_at_the_same_update(tmp_path, name, market, equal):
    from app.archive import Archive, Reader
    from app.market import MarketId

    import_raw(name, market, tmp_path)
    reader = Reader(Archive(tmp_path), MarketId.parse(market))
    best, depth = {}, {}
    for batches, target in ((reader.best(), best), (reader.depth(1), depth)):
        for b in batches:
            both = zip(b.price[:, :, 0].tolist(), b.size[:, :, 0].tolist(), strict=True)
            target.update(zip(b.update_id.tolist(), both, strict=True))
    shared = best.keys() & depth.keys()
    assert len(shared) == equal
    assert all(best[u] == depth[u] for u in shared)


def test_lobster_msft_fifty_levels(tmp_path):
    import numpy as np

    from app.archive import Archive, Reader
    from app.market import MarketId

    message = recorded("lobster_msft_2012-06-21_message_50.csv.gz")
    book = recorded("lobster_msft_2012-06-21_orderbook_50.csv.gz")
    files = ("--message", message, "--orderbook", book, "--date", "2012-06-21")
    segment = ofi_json(
        "import", "lobster", *files, "--market", "nasdaq:MSFT", "--archive", tmp_path
    )
    assert (segment["levels"], segment["counts"]["depth"]) == (50, 1000)
    raw = np.loadtxt(book, delimiter=",", dtype=np.int64).reshape(-1, 50, 4)
    depth = list(Reader(Archive(tmp_path), MarketId.parse("nasdaq:MSFT")).depth(50))
    price, size = (np.concatenate([getattr(b, n) for b in depth]) for n in ("price", "size"))
    assert (price[:, 0] == raw[:, :, 2] // 100).all()
    assert (price[:, 1] == raw[:, :, 0] // 100).all()
    assert (size[:, 0] == raw[:, :, 3]).all()
    assert (size[:, 1] == raw[:, :, 1]).all()
    result = verify(tmp_path, "nasdaq:MSFT", "250ms", "1s", "--levels", "50")
    assert len(result["sums"]["levels"]) == 50
    assert result["levels"] == 50
