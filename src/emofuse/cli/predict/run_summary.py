"""What a run over many inputs comes to: counts, the closing line, and the table of failures."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.cli.output import counted
from emofuse.cli.predict.formats import printable
from emofuse.cli.predict.journal import Entry, Status
from emofuse.file_names import shown_name
from emofuse.untrusted.table_cells import BYTE_ORDER_MARK, guarded_cell

# Lies beside the predictions: which inputs failed, why, and what can be done.
FAILURES = "failures.csv"
COLUMNS = ("file", "reason", "remedy")


@dataclass(frozen=True)
class Summary:
    """What became of the inputs of a run, and of the runs that it continues.

    Attributes:
        statuses: how many inputs have which.
        seconds: of sound in those that were predicted.
        real_time_factor: seconds of sound that this run predicted in a second; None where it predicted none.
        results: where the results lie.
    """

    statuses: Counter[Status]
    seconds: float
    real_time_factor: float | None
    results: Path

    @classmethod
    def of(cls, entries: Iterable[Entry], real_time_factor: float | None, results: Path) -> Summary:
        """Count entries."""
        counted_once = list(entries)
        statuses = Counter(one.status for one in counted_once)
        return cls(statuses, sum(one.seconds for one in counted_once), real_time_factor, results)

    @property
    def inputs(self) -> int:
        """How many inputs there are."""
        return self.statuses.total()

    @property
    def predicted(self) -> int:
        """How many have a result, withheld ones and those without speech among them."""
        return self.inputs - self.statuses["failed"]

    def line(self) -> str:
        """Return the closing line."""
        withheld, silent, failed = (self.statuses[one] for one in ("withheld", "no speech", "failed"))
        parts = [f"{self.predicted} of {counted(self.inputs, 'input')} predicted"]
        if withheld or silent:
            parts[0] += f" ({withheld} withheld, {silent} no speech)"
        parts.append(f"{failed} failed" + (f", see {FAILURES}" if failed else ""))
        speed = "" if self.real_time_factor is None else f", {self.real_time_factor:.1f} times real time"
        parts.append(f"{self.seconds:.1f} s of sound{speed}")
        return printable("; ".join([*parts, f"results: {self.results}"]))

    def as_dict(self) -> dict[str, Any]:
        """Return the same as JSON holds it."""
        return {
            "inputs": self.inputs,
            "predicted": self.predicted,
            "withheld": self.statuses["withheld"],
            "no_speech": self.statuses["no speech"],
            "failed": self.statuses["failed"],
            "sound_seconds": round(self.seconds, 3),
            "real_time_factor": None if self.real_time_factor is None else round(self.real_time_factor, 2),
            "results": self.results.name,
            "failures": FAILURES,
        }


def write_failures(folder: Path, failures: Iterable[Entry]) -> None:
    """Write the table of failures: file, reason, remedy.

    Raises:
        RunError: it cannot be written.
    """
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(map(_row, failures))
    layout.write_text(folder / FAILURES, BYTE_ORDER_MARK + shown_name(rows.getvalue()))


def _row(failure: Entry) -> Sequence[str]:
    """Split the reason of a failure, "FILE: reason; remedy", where it can be split."""
    message = (failure.reason or "").removeprefix(f"{failure.audio}: ").removeprefix(f"{failure.id}: ")
    reason, _, remedy = message.rpartition("; ")
    cells = (failure.audio or failure.id, reason or remedy, remedy if reason else "")
    return [guarded_cell(cell) for cell in cells]
