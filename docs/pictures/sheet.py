"""One sheet of all pictures of the page, a drawn target beside what it is the target of."""

import html
import os
import re
from collections import defaultdict
from pathlib import Path

# drawn picture → what of ours it is compared with
TARGETS = {
    "single-dark.png": "tab-flow-dark-laptop.png",
    "single-light.png": "tab-flow-light-laptop.png",
    "compare-wide.png": "tab-flow-dark-wide.png",
    "phone.png": "tab-flow-dark-phone.png",
    "verify.png": "tab-evidence-dark-laptop.png",
    "states.png": "state-stale-dark-laptop.png",
}
_NAME = re.compile(r"(?P<of>.+?)-(?:dark|light)(?:-(?:phone|laptop|wide|two))?")
_STYLE = """body { font: 14px/1.4 sans-serif; background: #888; margin: 16px; }
figure { display: inline-block; margin: 0 8px 8px 0; vertical-align: top; }
img { max-width: 46vw; max-height: 60vh; display: block; }"""


def write_sheet(out: Path, target: Path | None) -> Path:
    """Write `index.html` into the folder of the pictures; gives its path."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for picture in sorted(out.glob("*.png")):
        named = _NAME.fullmatch(picture.stem)
        groups[named["of"] if named else picture.stem].append(picture)
    parts = ["<!doctype html><title>Pictures of the page</title>", f"<style>{_STYLE}</style>"]
    for drawn, ours in TARGETS.items():
        if target is not None and (target / drawn).is_file():
            parts += [f"<h2>{drawn}</h2>", _figure(target / drawn, out), _figure(out / ours, out)]
    for name, pictures in sorted(groups.items(), key=lambda one: (one[0][:3] != "tab", one[0])):
        parts += [f"<h2>{html.escape(name)}</h2>", *(_figure(one, out) for one in pictures)]
    sheet = out / "index.html"
    sheet.write_text("\n".join(parts))
    return sheet


def _figure(picture: Path, out: Path) -> str:
    address = html.escape(os.path.relpath(picture.resolve(), out.resolve()))
    words = html.escape(picture.stem)
    return f'<figure><figcaption>{words}</figcaption><img src="{address}" alt="{words}" loading="lazy"></figure>'
