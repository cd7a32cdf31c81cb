"""Standard score and percentile rank of the OFI of each bin, carried from chunk to chunk."""

import numpy as np
from numpy.typing import NDArray

from app.archive import Reader
from app.compute.prediction import signal
from app.compute.scores import NOT_AVAILABLE, LiveScore, Score
from app.compute.windows import Intervals, merged
from app.records import Stream
from app.research.binning import Bins

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_S_NS = 1_000_000_000


def best_gaps(reader: Reader, best_from_depth: bool) -> Intervals:
    """Where the stream of the best quotes is not known, within the history."""
    own = reader.has("best") and not best_from_depth
    stream = Stream.BEST if own else Stream.DEPTH
    lost = [(g.from_ns, g.to_ns) for g in reader.gaps() if g.stream is stream]
    pairs = np.array(lost, np.int64).reshape(-1, 2)
    return merged(pairs[:, 0], pairs[:, 1])


class Scores:
    """The class that scores live, told the OFI over `(t − W, t]` at every whole second; W is the bin."""

    def __init__(self, reader: Reader, bin_ns: int, best_from_depth: bool):
        self._bin_ns, self._start_ns, self._end_ns = bin_ns, reader.start_ns, reader.end_ns
        self._gaps = best_gaps(reader, best_from_depth)
        self._live = LiveScore()
        self._event_ns, self._event = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def add(self, b: Bins) -> dict[str, Floats]:
        """`ofi_score` and `ofi_percentile` of each bin; NaN where not available."""
        flow = b.raw.flow
        self._event_ns = np.concatenate([self._event_ns, *(t for t, _ in flow)])
        self._event = np.concatenate([self._event, *(e for _, e in flow)])
        first, last = int(b.start_ns[0]), int(b.end_ns[-1])
        seconds = np.arange(first // _S_NS + 1, last // _S_NS + 1, dtype=np.int64) * _S_NS
        times = np.union1d(seconds, b.end_ns)
        found = self._scores(times)
        kept = int(np.searchsorted(self._event_ns, last - self._bin_ns, side="right"))
        self._event_ns, self._event = self._event_ns[kept:], self._event[kept:]
        mine = [found[k] for k in np.searchsorted(times, b.end_ns).tolist()]
        z, rank = [s.z for s in mine], [s.percentile for s in mine]
        return {
            "ofi_score": np.array(z, np.float64),
            "ofi_percentile": np.array(rank, np.float64),
        }

    def _scores(self, t_ns: Ints) -> list[Score]:
        """Of the value at each time; those at whole seconds are the past of later ones."""
        values = signal(self._event_ns, self._event, t_ns, self._bin_ns).tolist()
        start = t_ns - self._bin_ns
        known = (start >= self._start_ns - 1) & (t_ns <= self._end_ns)
        known &= ~self._gaps.touch(start, t_ns)
        result = []
        for t, value, ok in zip(t_ns.tolist(), values, known.tolist(), strict=True):
            second, part = divmod(t, _S_NS)
            if not part:
                result.append(self._live.push(second, value if ok else None))
            else:
                result.append(self._live.score(value) if ok else NOT_AVAILABLE)
        return result
