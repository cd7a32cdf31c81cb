"""Where an archive keeps what: `ARCHIVE/<market>/<table>/<segment>.parquet` and a manifest each segment.

A segment is one stretch of one market, written at once. Its tables are written to temporary names and
renamed; the manifest `segments/<segment>.json` comes last, and a segment without it does not exist.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyarrow import fs

from app.archive.schema import VERSION
from app.errors import InputError
from app.market import Market, MarketId

_S_NS = 1_000_000_000


@dataclass(frozen=True)
class Segment:
    """What the manifest of a segment says."""

    name: str
    market: Market
    start_ns: int  # the source is known to be complete from here…
    end_ns: int  # …to here, but for the gaps
    counts: dict[str, int]  # table → states, trades or gaps
    fidelity: dict[str, str]  # stream → event, batched or sampled
    sequenced: bool  # trades name the state that they caused
    levels: int  # levels known on each side of depth; 0 without depth
    settings: dict[str, Any] = field(default_factory=dict)  # in force when it was written

    def to_json(self) -> dict[str, Any]:
        """A plain value for the manifest."""
        return {
            "version": VERSION,
            "name": self.name,
            "market": self.market.to_json(),
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "counts": self.counts,
            "fidelity": self.fidelity,
            "sequenced": self.sequenced,
            "levels": self.levels,
            "settings": self.settings,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Segment":
        """The inverse of `to_json`."""
        return cls(
            value["name"],
            Market.from_json(value["market"]),
            value["start_ns"],
            value["end_ns"],
            value["counts"],
            value["fidelity"],
            value["sequenced"],
            value["levels"],
            value["settings"],
        )


def segment_name(start_ns: int) -> str:
    """The UTC time of the first message, as a name that sorts."""
    moment = datetime.fromtimestamp(start_ns // _S_NS, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{start_ns % _S_NS:09d}Z"


class Archive:
    """A directory, or a URL that Arrow's file systems open (`file://`, `s3://`, `gs://`).

    Raises:
        InputError: the place cannot be opened.
    """

    def __init__(self, where: str | Path):
        text = str(where)
        self.files: Any
        try:
            if "://" in text:
                self.files, self.root = fs.FileSystem.from_uri(text)
            else:
                self.files, self.root = fs.LocalFileSystem(), str(Path(text).absolute())
        except (OSError, ValueError, ImportError) as error:
            raise InputError(f"The archive {text!r} cannot be opened: {error}.") from None

    def path(self, market: MarketId, *parts: str) -> str:
        """A path below the market's folder."""
        return "/".join((self.root, market.file_name, *parts))

    def table(self, market: MarketId, table: str, segment: str) -> str:
        """The file of a table of a segment."""
        return self.path(market, table, f"{segment}.parquet")

    def markets(self) -> list[MarketId]:
        """All markets of the archive."""
        found = self.files.get_file_info(fs.FileSelector(self.root, allow_not_found=True))
        names = [f.base_name for f in found if f.type == fs.FileType.Directory]
        return sorted(MarketId.from_file_name(n) for n in names if "%3A" in n)

    def segments(self, market: MarketId) -> list[Segment]:
        """The segments of a market in order of time.

        Raises:
            InputError: a manifest is damaged, or written by a newer version.
        """
        folder = fs.FileSelector(self.path(market, "segments"), allow_not_found=True)
        found = [f.path for f in self.files.get_file_info(folder) if f.path.endswith(".json")]
        return sorted((self._segment(path) for path in found), key=lambda s: s.start_ns)

    def _segment(self, path: str) -> Segment:
        with self.files.open_input_stream(path) as file:
            data = file.read()
        try:
            value = json.loads(data)
            if value["version"] > VERSION:
                raise InputError(
                    f"{path} was written by a newer version ({value['version']}); update ofi."
                )
            return Segment.from_json(value)
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path} is not a manifest of an archive segment.") from None

    def require(self, market: MarketId) -> list[Segment]:
        """The segments of a market that must exist.

        Raises:
            InputError: there are none; names the markets that the archive holds.
        """
        segments = self.segments(market)
        if not segments:
            known = ", ".join(map(str, self.markets())) or "no market at all"
            raise InputError(f"The archive {self.root} has no {market}; it holds {known}.")
        return segments
