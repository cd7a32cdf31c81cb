"""How often a stream speaks, and when its silence begins to mean something."""

from app.clock import NS_PER_S

_KNOWN = 20  # updates after which the habit is known
_TIMES = 3.0  # the longest pause of late
_FORGETS = 0.999  # what is left of the longest pause after each update
_UNKNOWN_NS = 60 * NS_PER_S  # silence of a stream whose habit is not known


class Pace:
    """The longest pause of late between two updates; a silence of three such pauses is remarkable.

    Remarkable is not wrong: the venue is asked whether its book has moved on.
    """

    def __init__(self) -> None:
        self.last_ns = 0  # when it spoke last, or began
        self._longest_ns = 0.0
        self._count = 0

    def spoke(self, now_ns: int, beginning: bool) -> None:
        """An update has come; the pause before a beginning is nobody's habit."""
        if self.last_ns and not beginning:
            self._longest_ns = max(now_ns - self.last_ns, self._longest_ns * _FORGETS)
            self._count += 1
        self.last_ns = now_ns

    @property
    def known(self) -> bool:
        """Whether enough has come to know the habit."""
        return self._count >= _KNOWN

    def silence_ns(self, now_ns: int, least_ns: int, doubted: bool = False) -> int:
        """For how long nothing has come, where that is remarkable and more than `least_ns`; else 0.

        A stream that is `doubted`, since it fell silent before, gets no time for its habit to be known.
        """
        if not self.last_ns:
            return 0
        silent_ns = now_ns - self.last_ns
        # An excuse counts also where the habit is not known: nobody is asked for ever.
        bound = max(least_ns, _TIMES * self._longest_ns)
        if not (doubted or self.known):
            bound = max(bound, _UNKNOWN_NS)
        return silent_ns if silent_ns > bound else 0

    def excuse(self, now_ns: int) -> None:
        """The silence so far was true: only a much longer one is remarkable from now on."""
        self._longest_ns = max(self._longest_ns, float(now_ns - self.last_ns))
