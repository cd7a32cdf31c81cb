"""Finds the recorded market data that is not part of the project."""

import os
from pathlib import Path

import pytest


def recorded(name: str) -> Path:
    """The path of a recorded file; skips the test where the data is absent and not required."""
    folder = os.environ.get("OFI_DATA", "")
    path = Path(folder) / name
    if folder and path.is_file():
        return path
    message = f"recorded data {name!r} is not under OFI_DATA={folder!r}"
    if os.environ.get("OFI_REQUIRE_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)
