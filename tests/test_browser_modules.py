"""The page's JavaScript modules, each by itself, in the browser that runs them."""

import base64
import threading
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from app.web.frames import encode
from app.web.live import PROTOCOL

pytestmark = pytest.mark.browser

ASSETS = Path(__file__).resolve().parents[1] / "assets"


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".js": "text/javascript",
    }

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A blank page on the origin of the modules."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(ASSETS)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    one = browser.new_page()
    one.goto(f"http://127.0.0.1:{server.server_port}/logo.svg")
    yield one
    one.close()
    server.shutdown()
    server.server_close()


def test_a_frame_of_the_server_is_read(page: Page) -> None:
    arrays = {
        "t": np.array([1.5, 2.5, np.nan]),
        "col_base": np.array([-7, 9], np.int32),
        "levels": np.arange(6, dtype=np.float32).reshape(3, 2),
        "hist": np.array([4_000_000_000], np.uint32),
        "none": np.zeros(0),
    }
    data = encode({"type": "snapshot", "key": "k1", "seq": 3, "unit": "₿"}, arrays)
    script = """async text => {
      const { decode } = await import('/live/protocol.js');
      const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
      const frame = decode(bytes.buffer), a = frame.arrays;
      const list = name => [...a[name].data].map(v => (v === v ? v : null));
      return { unit: frame.unit, seq: frame.seq, t: list('t'), base: list('col_base'), levels: list('levels'),
               shape: a.levels.shape, hist: list('hist'), none: list('none') };
    }"""
    got = page.evaluate(script, base64.b64encode(data).decode())
    assert got == {
        "unit": "₿", "seq": 3, "t": [1.5, 2.5, None], "base": [-7, 9], "levels": [0, 1, 2, 3, 4, 5],
        "shape": [3, 2], "hist": [4_000_000_000], "none": [],
    }  # fmt: skip


def test_a_frame_that_cannot_be_read_says_whose_it_is(page: Page) -> None:
    arrays = {"t": np.array([1.5])}
    data = encode({"type": "update", "key": "k7", "seq": 3}, arrays).replace(b'"f8"', b'"f9"')
    script = """async text => {
      const { PROTOCOL, decode, keyOf } = await import('/live/protocol.js');
      const { buffer } = Uint8Array.from(atob(text), c => c.charCodeAt(0));
      let said = '';
      try { decode(buffer); } catch (error) { said = error.message; }
      return [said, keyOf(buffer), keyOf(new ArrayBuffer(8)), keyOf(new ArrayBuffer(0)), PROTOCOL];
    }"""
    said, *rest = page.evaluate(script, base64.b64encode(data).decode())
    assert said == "The frame's array t has the unknown type f9."
    assert rest == ["k7", None, None, PROTOCOL]


def test_a_table_merges_as_a_dictionary_would_and_stays_small(page: Page) -> None:
    script = """async steps => {
      const { Table } = await import('/live/rings.js');
      const table = new Table({ v: [Float64Array, 1], w: [Float32Array, 2] }, 8);
      let most = 0;
      for (const [times, values, oldest] of steps) {
        table.merge(Float64Array.from(times),
          { v: Float64Array.from(values), w: Float32Array.from(values.flatMap(x => [x, -x])) });
        table.trim(oldest);
        most = Math.max(most, table.capacity);
      }
      const rows = [];
      for (let k = table.from; k < table.to; k++)
        rows.push([table.time[k], table.data.v[k], table.data.w[2 * k], table.data.w[2 * k + 1]]);
      return { rows, most };
    }"""
    rng = np.random.default_rng(5)
    steps, want, newest = [], {}, 0
    for _ in range(400):
        first = newest + 1 - int(rng.integers(0, 3))
        times = sorted({*range(max(1, first), first + int(rng.integers(1, 5)))} - {0})
        # Every tenth step leaves a hole that a later one fills.
        times = times[1:] if rng.random() < 0.1 and len(times) > 1 else times
        values = rng.integers(0, 1000, len(times)).tolist()
        newest = max(newest, times[-1])
        want |= dict(zip(times, values, strict=True))
        want = {t: v for t, v in want.items() if t >= newest - 20}
        steps.append([times, values, newest - 20])
    got = page.evaluate(script, steps)
    assert got["rows"] == [[t, v, v, -v] for t, v in sorted(want.items())]
    assert got["most"] <= 64


def test_bubbles_net_two_seconds_of_a_side(page: Page) -> None:
    script = """async () => {
      const { Bubbles } = await import('/live/rings.js');
      const all = new Bubbles();
      all.add([1000, 1500, 1900, 2100], [10, 20, 11, 12], [1, 3, -2, 5]);
      const found = all.largest(0, 3000, 9);
      all.trim(2000);
      return [found, all.largest(0, 3000, 9).length, all.map.size];
    }"""
    found, left, kept = page.evaluate(script)
    assert found == [
        {"name": 3, "time": 2100, "price": 12, "size": 5, "bought": True},
        {"name": 1, "time": 1375, "price": 17.5, "size": 4, "bought": True},
        {"name": 0, "time": 1900, "price": 11, "size": 2, "bought": False},
    ]
    assert left == kept == 1


def test_prints_dated_ahead_keep_no_others(page: Page) -> None:
    """Neither one at the head of an hour of prints, nor very many."""
    script = """async () => {
      const { Bubbles } = await import('/live/rings.js');
      const hour = new Bubbles(), ahead = new Bubbles();
      let most = 0;
      hour.add([9e9], [10], [1]);
      for (let t = 0; t < 3600e3; t += 1000) {
        hour.add([t], [10], [1]);
        hour.trim(t - 300e3);
        most = Math.max(most, hour.map.size);
      }
      for (let k = 0; k < 40000; k++) ahead.add([9e9 + k * 2000], [10], [1]);
      ahead.trim(0);
      return [most, ahead.map.size];
    }"""
    most, kept = page.evaluate(script)
    assert most <= (300 + 60) / 2 + 2
    assert kept == 16384


FORMATS = [
    ("number", [67527.95, 2], "67,527.95"),
    ("number", [-0.001, 2], "0.00"),
    ("number", [None, 2], "–"),
    ("signed", [0.38, 2], "+0.38"),
    ("signed", [-1184, 0], "−1,184"),
    ("signed", [0.0001, 2], "0.00"),
    ("size", [4.1], "4.10"),
    ("size", [141.84], "141.8"),
    ("size", [24_800], "24.8 k"),
    ("size", [1_234_567], "1.2 M"),
    ("size", [0.00754], "0.00754"),
    # What is rounded up to the next unit is one of that.
    ("size", [9.996], "10.0"),
    ("size", [999.96], "1,000"),
    ("size", [9_999.4], "9,999"),
    ("size", [9_999.6], "10.0 k"),
    ("size", [999_940], "999.9 k"),
    ("size", [999_999], "1.0 M"),
    ("size", [999_960_000], "1.0 G"),
    ("size", [-999_960_000_000], "−1.0 T"),
    ("size", [1e13], "10.0 T"),
    ("size", [0.9996, 2], "1.00"),
    ("tickSize", [999_999], "1 M"),
    ("signedSize", [-0.25], "−0.250"),
    ("bps", [0.0149], "0.015"),
    ("bps", [2.2], "2.2"),
    ("bps", [121.4], "121"),
    ("bps", [0.0002], "0.001"),
    ("percent", [0.9996], "99.9 %"),
    ("percent", [1], "100 %"),
    ("percent", [0.704, 0], "70 %"),
    ("ordinal", [0.99], "99th"),
    ("ordinal", [0.02], "2nd"),
    ("ordinal", [0.11], "11th"),
    ("duration", [100], "0.1 s"),
    ("duration", [25_000], "25 s"),
    ("duration", [126_000], "2 min 6 s"),
    ("duration", [59_600], "1 min"),
    ("duration", [11_100_000], "3 h 5 min"),
    ("about", [100], "0.1 s"),
    ("about", [59_400], "59 s"),
    ("about", [59_600], "1 min"),
    ("about", [3_599_000], "59 min"),
    ("about", [3_599_600], "1 h"),
    ("about", [11_100_000], "3 h"),
    ("span", [900], "15 min"),
    ("clock", [1_700_000_000_250, "tenths"], "22:13:20.2"),
    ("clock", [1_700_000_000_250, "minutes"], "22:13"),
    ("decimalsOf", [0.05], 2),
    ("decimalsOf", [5e-7], 7),
    ("decimalsOf", [0], 0),
    ("tickSize", [3e-7, 7], "0.0000003"),
    ("tickSize", [2e-9, 9], "0.000000002"),
    ("size", [2e-9], "0.00000000"),
]


@pytest.mark.parametrize(("name", "arguments", "want"), FORMATS)
def test_numbers_are_written_as_the_design_says(
    page: Page, name: str, arguments: list[Any], want: Any
) -> None:
    script = "async ([name, args]) => (await import('/live/format.js'))[name](...args)"
    got = page.evaluate(script, [name, arguments])
    assert (got.replace("\u00a0", " ") if isinstance(got, str) else got) == want


def test_a_step_has_the_decimals_that_tell_its_multiples_apart(page: Page) -> None:
    """From the ticks of the cheapest coin to those of a large sum."""
    script = """async steps => {
      const { decimalsOf, number } = await import('/live/format.js');
      return steps.map(step => [decimalsOf(step), [1, 2, 3].map(k => number(k * step, decimalsOf(step)))]);
    }"""
    powers = range(-12, 7)
    steps = [k * 10.0**power for power in powers for k in (1, 2, 5)]
    got = page.evaluate(script, steps)
    for (decimals, words), step in zip(got, steps, strict=True):
        exact = Decimal(f"{step:.3g}")
        assert decimals == max(0, -int(exact.normalize().as_tuple().exponent)), step
        assert [Decimal(one.replace(",", "")) for one in words] == [exact, 2 * exact, 3 * exact]


def test_ticks_are_round_and_inside(page: Page) -> None:
    script = "async args => (await import('/live/format.js')).ticks(...args)"
    assert page.evaluate(script, [67_424.5, 67_504.5, 6]) == [67_440, 67_460, 67_480, 67_500]
    assert page.evaluate(script, [-1, 1, 4]) == [-1, -0.5, 0, 0.5, 1]
    assert page.evaluate(script, [5, 5, 4]) == []


def test_a_hole_in_the_sequence_asks_for_a_snapshot(page: Page) -> None:
    script = """async () => {
      const { Model } = await import('/live/model.js');
      const f8 = (...v) => ({ data: Float64Array.from(v), shape: [v.length] });
      const one = { bid: f8(1), ask: f8(2), mid: f8(1.5), ofi: f8(0), multi: f8(0), flow: f8(0),
        integrated: f8(0), levels: { data: new Float32Array(1), shape: [1, 1] } };
      const step = (type, seq, t) => ({ type, seq, depth: 1, range_s: 10, step_ms: 1000, rows: 2,
        end_ms: t, gaps: [], status: null, arrays: { t: f8(t), ...one } });
      const model = new Model();
      const results = [model.take(step('update', 1, 1000), 0), model.take(step('snapshot', 4, 1000), 0),
        model.take(step('update', 5, 2000), 0), model.take(step('update', 5, 2000), 0),
        model.take(step('update', 7, 4000), 0), model.take(step('snapshot', 9, 5000), 0)];
      return [results, model.seq, model.series.length, model.epoch];
    }"""
    assert page.evaluate(script) == [[False, True, True, True, False, True], 9, 1, 2]


@pytest.mark.parametrize("left", [-9e13, -5e13, 0.0])
def test_a_gap_of_many_screens_is_hatched_where_it_can_be_seen(page: Page, left: float) -> None:
    script = """async left => {
      const { hatch } = await import('/live/canvas.js');
      const x = new OffscreenCanvas(300, 90).getContext('2d'), seen = [];
      x.moveTo = at => seen.push(at);
      hatch(x, left, 0, 1e14, 90);
      return [seen.length, Math.min(...seen), Math.max(...seen)];
    }"""
    count, first, last = page.evaluate(script, left)
    assert 300 / 6 < count < 1000
    assert first <= 0
    assert last >= 300 - 6


def test_ticks_of_a_range_that_numbers_cannot_divide_are_none(page: Page) -> None:
    script = """async () => {
      const { multiples, ticks } = await import('/live/format.js');
      return [ticks(60000, 60000 + 1e-11, 4), multiples(1e17, 1e17 + 32, 1), multiples(0, 1e9, 1e-3).length,
        multiples(-2, 2, 1)];
    }"""
    assert page.evaluate(script) == [[], [], 1000, [-2, -1, 0, 1, 2]]
