"""What the page's scripts keep of a view: snapshots replace, updates replace the tail by time."""

from typing import Any

import numpy as np

from app.web.frames import decode

LINES = ("bid", "ask", "mid", "micro", "ofi", "multi", "flow", "levels")
ESTIMATES = ("integrated",)  # moments that were summed in another order: equal to 1e-9


class PageModel:
    """One view as a page holds it."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self.seq = -1
        self.holes = 0

    def take(self, frame: bytes) -> dict[str, Any]:
        """Apply a frame; counts holes in `seq`."""
        header, arrays = decode(frame)
        if header["type"] == "snapshot":
            self.header, self.arrays, self.seq = header, arrays, header["seq"]
            return header
        self.holes += header["seq"] != self.seq + 1
        self.seq = header["seq"]
        self.header |= header
        self._replace("t", LINES + ESTIMATES, arrays)
        if "col_t" in arrays:
            self._replace("col_t", ("col_base", "col"), arrays)
        for name in ("tr_t", "tr_p", "tr_q"):
            self.arrays[name] = np.concatenate([self.arrays[name], arrays[name]])
        kept = ("prof_", "cum_", "now_levels", "hist", "main_hist")
        self.arrays |= {name: a for name, a in arrays.items() if name.startswith(kept)}
        return header

    def _replace(self, time: str, names: tuple[str, ...], new: dict[str, np.ndarray]) -> None:
        if not len(new[time]):
            return
        keep = self.arrays[time] < new[time][0]
        for name in (time, *names):
            self.arrays[name] = np.concatenate([self.arrays[name][keep], new[name]])
