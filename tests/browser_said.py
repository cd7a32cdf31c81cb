"""What tests of the page's sentences share: a time, a fit, and words as they are read."""

T0 = 1_700_000_000_000  # 22:13:20 UTC


def plain(text: str) -> str:
    """A text with its spaces that break no line as usual ones."""
    return text.replace("\u00a0", " ")


FIT = {"r2": 0.58, "bins": 60}
SEEN = {
    "explains": {"best": FIT, "multilevel": FIT}, "lookback_s": 1800, "bin_s": 10, "wait_s": 0,
    "prediction": {"1": {"pairs": 900, "ic": 0.2}}, "toxicity": {"buckets": 60}, "trades": 500,
    "markout": {"groups": {"buys": 200, "sells": 200}}, "spread": {"horizons": {"1": {"effective": 1.0}}},
}  # fmt: skip
