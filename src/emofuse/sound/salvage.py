"""Damaged recordings: the error that says so, and what is noted where one is used as far as it decodes."""

from __future__ import annotations

from pathlib import Path

from emofuse.errors import AudioError


class DamagedError(AudioError):
    """A recording breaks off, or cannot be decoded from some point on.

    Attributes:
        reason: what is wrong with it, without its path.
        promised: how many seconds its header declares; None where it declares none.
        lost: how many of the seconds that were yielded are silence in place of what cannot be decoded.
    """

    def __init__(
        self,
        path: Path,
        reason: str,
        advice: str = "copy it again",
        promised: float | None = None,
        lost: float = 0.0,
    ) -> None:
        super().__init__(f"{path}: {reason}; {advice}")
        self.reason, self.promised, self.lost = reason, promised, lost


class Salvage:
    """Allows the use of a damaged recording as far as it decodes, and collects what a reader must know.

    Attributes:
        damaged: what is wrong with the recording, and how many seconds of it were decoded; None where it is whole.
        notes: anything else that was done to its sound, one sentence each.
    """

    def __init__(self) -> None:
        self.damaged: str | None = None
        self.notes: list[str] = []

    def add_damage(self, error: DamagedError, seconds: float) -> None:
        """Note that only so many seconds could be decoded."""
        decoded, promised = max(0.0, seconds - error.lost), error.promised
        if promised is None or promised <= decoded:
            length = f"{decoded:.2f} s were decoded, and how long it was meant to be is not known"
        else:
            length = f"{decoded:.2f} of {promised:.2f} s were decoded"
        self.damaged = f"{error.reason}; {length}"

    def add_note(self, note: str) -> None:
        """Note something, once."""
        if note not in self.notes:
            self.notes.append(note)


def truncated(path: Path, promised: float | None = None) -> DamagedError:
    """Return the error for a file that lacks its end, of which `promised` seconds are declared."""
    return DamagedError(path, "is truncated, it ends before its header says", promised=promised)
