"""The text format of Prometheus, version 0.0.4: what `/metrics` answers with.

One page of rules (https://prometheus.io/docs/instrumenting/exposition_formats/): a HELP and a TYPE line
a family, then its samples; in help texts backslash and line feed are escaped, in label values the quote too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_LABEL: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass
class Family:
    """Samples of one name; `kind` is `gauge` or `counter`."""

    name: str
    kind: str
    help: str
    _lines: list[str] = field(default_factory=list)

    def add(self, value: float, labels: Mapping[str, str]) -> None:
        """A sample; NaN is left out, because what is not known has no sample."""
        if math.isnan(value):
            return
        pairs = ",".join(f'{name}="{text.translate(_LABEL)}"' for name, text in labels.items())
        self._lines.append(f"{self.name}{{{pairs}}} {number(value)}")

    def text(self) -> str:
        """The family; empty while it has no samples."""
        if not self._lines:
            return ""
        head = f"# HELP {self.name} {self.help.translate(_HELP)}\n# TYPE {self.name} {self.kind}\n"
        return head + "\n".join(self._lines) + "\n"


def number(value: float) -> str:
    """A float as Go reads it, exactly."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
