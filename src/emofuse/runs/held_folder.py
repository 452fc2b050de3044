"""A folder that one run alone writes into, and that is not made again when it is removed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emofuse import layout
from emofuse.errors import RunError


@dataclass(frozen=True)
class HeldFolder:
    """A folder that no other run writes into.

    Attributes:
        path: of the folder.
        place: where on the disk it was.
    """

    path: Path
    place: os.stat_result

    def refuse_another(self) -> None:
        """Refuse to go on where the folder was removed: to make it again would hide that results are gone.

        Raises:
            RunError: it was removed, or is another one now.
        """
        try:
            same = os.path.samestat(os.stat(self.path), self.place)
        except OSError:
            same = False
        if not same:
            raise RunError(
                f"{self.path}: was removed or replaced while results were written to it; run it again, "
                "with --resume if they are still there"
            )


@contextmanager
def holding_folder(path: Path) -> Iterator[HeldFolder]:
    """Make a folder, and keep other runs out of it, where the system has locks.

    Raises:
        RunError: it cannot be written, or another run is writing into it.
    """
    layout.make_folder(path)
    try:
        import fcntl
    except ImportError:  # Windows
        yield HeldFolder(path, os.stat(path))
        return
    number = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"{path}: another run is writing into it; wait for it, or choose another --out"
            ) from error
        except OSError:  # this file system has no locks
            pass
        yield HeldFolder(path, os.fstat(number))
    finally:
        os.close(number)
