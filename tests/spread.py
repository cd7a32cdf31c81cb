"""How tests are spread over processes: a file stays in one, and two of the processes drive a browser.

Files of browser tests share what takes long to start while they follow each other, and each Chromium keeps a
processor busy: more at a time would miss each other's deadlines.
"""

from pathlib import Path

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

_BROWSERS = 2  # at a time


class Spread(LoadFileScheduling):
    """By file; those with the most tests begin first."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        scope = self._next_of(node)
        if scope is None:
            node.shutdown()
            return
        self.workqueue.move_to_end(scope, last=False)  # where the next one is taken from
        super()._assign_work_unit(node)

    def _next_of(self, node: WorkerController) -> str | None:
        """The file for a process that has done its last one; None where those left are for the others."""
        drives = self.nodes.index(node) < _BROWSERS
        browser, other = (
            [scope for scope in self.workqueue if _needs_a_browser(scope) == wanted]
            for wanted in (True, False)
        )
        order = [*browser, *other] if drives else other
        return order[0] if order else None


def _needs_a_browser(scope: str) -> bool:
    return Path(scope).name.startswith("test_browser_")
