"""Charts as small SVG files, readable on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT = 560, 170
LEFT, RIGHT, TOP, BOTTOM = 72, 12, 12, 26
COLOURS = ("#3987e5", "#d9772b", "#2f9e6e", "#8a63d2")
GREY = "#888888"


@dataclass
class Chart:
    """Series over one pair of axes."""

    x: str
    y: str
    marks: list[tuple[str, np.ndarray, np.ndarray, str]] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)

    def add(self, kind: str, x: Sequence[float], y: Sequence[float], name: str = "") -> "Chart":
        """`kind` is line, steps, bars or dots."""
        colour = COLOURS[len({m[3] for m in self.marks}) % len(COLOURS)]
        a, b = np.asarray(x, float), np.asarray(y, float)
        ok = np.isfinite(a) & np.isfinite(b)
        self.marks.append((kind, a[ok], b[ok], colour))
        if name:
            self.names.append((name, colour))
        return self

    def save(self, path: Path) -> None:
        """Write the file."""
        xs = np.concatenate([m[1] for m in self.marks])
        ys = np.concatenate([m[2] for m in self.marks])
        if any(m[0] == "bars" for m in self.marks):
            ys = np.append(ys, 0.0)
            half = (xs.max() - xs.min()) / max(len(set(xs)) - 1, 1) / 2
            xs = np.append(xs, [xs.min() - half, xs.max() + half])
        x0, x1, y0, y1 = xs.min(), xs.max(), ys.min(), ys.max()
        x1, y1 = (x1 if x1 > x0 else x0 + 1), (y1 if y1 > y0 else y0 + 1)
        inner_w, inner_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

        def px(v: Any) -> Any:
            return LEFT + (v - x0) / (x1 - x0) * inner_w

        def py(v: Any) -> Any:
            return TOP + (y1 - v) / (y1 - y0) * inner_h

        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="system-ui, sans-serif" font-size="11" fill="{GREY}">'
        ]
        for v in (y0, (y0 + y1) / 2, y1):
            parts.append(
                f'<path d="M{LEFT} {py(v):.1f}H{WIDTH - RIGHT}" stroke="{GREY}" opacity=".25"/>'
            )
            parts.append(
                f'<text x="{LEFT - 5}" y="{py(v) + 4:.1f}" text-anchor="end">{_number(v)}</text>'
            )
        for v, anchor in ((x0, "start"), (x1, "end")):
            parts.append(
                f'<text x="{px(v):.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}">{_number(v)}</text>'
            )
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{self.x}</text>')
        parts.append(
            f'<text x="12" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 12 {HEIGHT / 2})">{self.y}</text>'
        )
        for kind, a, b, colour in self.marks:
            parts.append(_mark(kind, px(a), py(b), colour, py(max(y0, min(y1, 0.0)))))
        for k, (name, colour) in enumerate(self.names):
            parts.append(
                f'<text x="{LEFT + 6 + 130 * k}" y="{TOP + 10}" fill="{colour}">{name}</text>'
            )
        path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _number(v: float) -> str:
    if abs(v) < 1e-9:
        return "0"
    return f"{v:,.0f}" if abs(v) >= 1000 else f"{v:.3g}"


def _mark(kind: str, x: np.ndarray, y: np.ndarray, colour: str, zero: float) -> str:
    points = [f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)]
    if kind == "dots":
        dots = "".join(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.6"/>' for a, b in zip(x, y, strict=True)
        )
        return f'<g fill="{colour}" opacity=".6">{dots}</g>'
    if kind == "bars":
        width = max(1.0, 0.8 * (x[1] - x[0]) if len(x) > 1 else 8.0)
        path = "".join(f"M{a:.1f} {zero:.1f}V{b:.1f}" for a, b in zip(x, y, strict=True))
        return f'<path d="{path}" stroke="{colour}" stroke-width="{width:.1f}"/>'
    if kind == "steps":
        path = f"M{points[0]}" + "".join(
            f"H{a:.1f}V{b:.1f}" for a, b in zip(x[1:], y[1:], strict=True)
        )
    else:
        path = "M" + "L".join(points)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.4"/>'
