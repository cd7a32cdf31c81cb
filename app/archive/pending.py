"""A file that appears complete or not at all."""

import os
from contextlib import suppress
from typing import Any


class Pending:
    """Written under a temporary name in the folder of its own, then renamed.

    The name begins with a dot and ends with `.tmp`: who reads a folder while it is written overlooks it.
    """

    def __init__(self, files: Any, path: str):
        self.folder, slash, name = path.rpartition("/")
        self._files, self.path = files, path
        self.temporary = f"{self.folder}{slash}.{name}.{os.getpid()}.tmp"

    def appear(self) -> None:
        """Give it its name, in place of a file that has it.

        Raises:
            OSError: it cannot be renamed.
        """
        self._files.move(self.temporary, self.path)

    def discard(self) -> None:
        """Remove what there is of it; nothing once it appeared."""
        with suppress(OSError):
            self._files.delete_file(self.temporary)
