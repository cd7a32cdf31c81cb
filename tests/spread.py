"""How tests are spread over processes: a file stays in one, and so does half of all that needs a browser.

Files of browser tests share what takes long to start while they follow each other, and each Chromium keeps a
processor busy.
"""

from pathlib import Path

from xdist.scheduler import LoadFileScheduling

_BROWSERS = 2  # at a time


def _groups() -> dict[str, str]:
    """The group of each file of browser tests; the groups are about equally long."""
    found = sorted(Path(__file__).parent.glob("test_browser_*.py"))
    sizes = {path.name: path.stat().st_size for path in found}
    groups: list[list[str]] = [[] for _ in range(_BROWSERS)]
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        min(groups, key=lambda group: sum(sizes[one] for one in group)).append(name)
    return {name: f"browser {k}" for k, group in enumerate(groups) for name in group}


class Spread(LoadFileScheduling):
    """By file, browser tests by group; those with the most tests begin first."""

    _group_of = _groups()

    def _split_scope(self, nodeid: str) -> str:
        path = str(super()._split_scope(nodeid))
        return self._group_of.get(Path(path).name, path)
