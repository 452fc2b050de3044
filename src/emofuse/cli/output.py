"""The output of commands: tables on stdout, progress and warnings on stderr."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, Progress, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from emofuse import __version__
from emofuse.errors import EmofuseError, RunError, fault_log
from emofuse.file_names import shown_name
from emofuse.layout import cache_folder, make_folder
from emofuse.privacy import mask_quotes
from emofuse.seal import locks
from emofuse.types import Skip
from emofuse.untrusted.json_text import to_json
from emofuse.untrusted.terminal_text import terminal_line, terminal_text

# Width of a table in a file, where no screen limits it.
FILE_WIDTH = 132
# In the cache folder: tracebacks of faults of the program.
FAULTS = "faults.log"
# How many reasons for skipping are listed.
LISTED_REASONS = 10
# How often a line on progress is written where there is no terminal.
LOG_LINE_SECONDS = 5.0
# The time left is told by the speed over so many last seconds: jobs are not all equally fast.
SPEED_SECONDS = 120.0


def console() -> Console:
    """Return the console on stderr."""
    return Console(stderr=True, highlight=False)


def configure_logging() -> None:
    """Send warnings to stderr, and turn off the progress bars and remarks of other libraries.

    Call it before those libraries are imported: that is when they read their settings. Tracebacks of the program's
    own faults go to a file in the cache folder.
    """
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=console(), show_time=False, show_path=False)],
        force=True,
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(_mask)
    fault_log.propagate = False
    fault_log.handlers = [_FaultFile()]


class _FaultFile(logging.Handler):
    """Adds the tracebacks of the program's own faults to a file in the cache, and says where it is."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(f"%(asctime)s emofuse {__version__}: %(message)s"))
        self._shown = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; where that cannot be done, the failure of the input is reported all the same."""
        with suppress(OSError, RunError, RuntimeError):  # a user without a home folder
            path = make_folder(cache_folder()) / FAULTS
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(shown_message(self.format(record)) + "\n")
            if not self._shown:
                console().print(f"the traceback of a fault of emofuse is in {path}", markup=False, soft_wrap=True)
            self._shown = True


def _mask(record: logging.LogRecord) -> bool:
    """Mask what a record quotes, but for the refusals of the seal, which quote the caller."""
    if record.name != "emofuse.seal":
        record.msg, record.args = shown_message(record.getMessage()), ()
    return True


def shown_message(message: str) -> str:
    """Return a message as it is shown: controls escaped and, in a sealed process, what it quotes masked."""
    return terminal_text(mask_quotes(message) if locks() else message)


def counted(number: int, noun: str) -> str:
    """Return a number and its noun: "1 recording", "2 recordings"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    typer.echo(to_json(value, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Print a table on stdout; all columns but the first are aligned right. Brackets in a cell are no markup."""
    table = Table(title=None if title is None else Text(title), title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        first = number == 0
        table.add_column(
            Text(terminal_text(column)), justify="left" if first else "right", overflow="fold", no_wrap=first
        )
    for row in rows:
        table.add_row(*(Text(terminal_text(cell)) for cell in row))
    screen = Console(highlight=False)
    (screen if screen.is_terminal else Console(highlight=False, width=FILE_WIDTH)).print(table)


def print_counts(title: str, counts: Mapping[str, int]) -> None:
    """Print a table of counts of utterances."""
    print_table((title, "utterances"), [(name, str(count)) for name, count in counts.items()])


def warn_of_skips(skipped: Sequence[Skip]) -> None:
    """List on stderr what was skipped, each reason once."""
    by_reason: dict[str, list[str]] = {}
    for skip in skipped:
        by_reason.setdefault(skip.reason, []).append(skip.id)
    for reason, names in list(by_reason.items())[:LISTED_REASONS]:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        line = terminal_line(f"skipped {names[0]}{more}: {shown_message(reason)}")
        console().print(line, markup=False, soft_wrap=True)
    if len(by_reason) > LISTED_REASONS:
        console().print(f"... and {counted(len(by_reason) - LISTED_REASONS, 'other reason')}")


@contextmanager
def progress_bar(wanted: bool = True) -> Iterator[Progress]:
    """Show what runs, the share that is done and the time left: a bar in a terminal, a line now and then in a log.

    Both go to stderr; what is printed on stdout meanwhile goes there, and nowhere else.

    Args:
        wanted: show it at all; it does not go together with lines on the same screen.
    """
    screen = console()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    with Progress(
        *columns,
        console=screen,
        transient=True,
        disable=not (wanted and screen.is_terminal),
        redirect_stdout=False,
        speed_estimate_period=SPEED_SECONDS,
    ) as progress:
        if wanted and not screen.is_terminal:
            with _lines_in_a_log(progress):
                yield progress
        else:
            yield progress


@contextmanager
def _lines_in_a_log(progress: Progress) -> Iterator[None]:
    """Print a line on stderr every few seconds, from a thread of its own, as long as work goes on."""
    ended = Event()

    def write() -> None:
        while not ended.wait(LOG_LINE_SECONDS):
            for task in progress.tasks:
                progress.console.print(progress_line(task), markup=False, emoji=False, soft_wrap=True)

    writer = Thread(target=write, name="emofuse-progress", daemon=True)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


def progress_line(task: Task) -> str:
    """Return how far a task is, as a line of a log: what runs, the share that is done, the time left, figures."""
    parts = [task.description]
    if task.total:
        parts.append(f"{task.percentage:.0f} %")
    if task.time_remaining is not None and not task.finished:
        minutes, seconds = divmod(round(task.time_remaining), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return terminal_line(", ".join([*parts, *filter(None, [str(task.fields["figures"]).strip()])]))


class InputProgress:
    """Shows on stderr how many inputs are done and how fast, and names those that failed.

    Args:
        bar: where it is shown.
        total: the number of inputs.
    """

    def __init__(self, bar: Progress, total: int) -> None:
        self._bar, self._total = bar, total
        self._task = bar.add_task("predicting", total=total, figures="")
        self._start = monotonic()
        self._before_part, self._last = (0, 0.0), (0, 0.0)
        self.failed = 0

    def skip(self, done: int) -> None:
        """Count inputs that an earlier run has done."""
        self._before_part = self._last = done, 0.0
        self._bar.update(self._task, completed=done)

    def begin_part(self) -> None:
        """Add what follows to the inputs that are done already."""
        self._before_part = self._last

    def step(self, done: int, seconds: float) -> None:
        """Show how many inputs of this part are done, and how many seconds of sound they had."""
        done, seconds = self._before_part[0] + done, self._before_part[1] + seconds
        self._last = done, seconds
        speed = seconds / max(monotonic() - self._start, 1e-9)
        self._bar.update(self._task, completed=done, figures=f"{done}/{self._total}  {speed:.1f}x real time")

    def fail(self, skip: Skip) -> None:
        """Count an input that failed, and name it.

        Raises:
            EmofuseError: it is the only input.
        """
        if self._total == 1:
            raise EmofuseError(skip.reason)
        self.failed += 1
        line = terminal_line(shown_name(f"failed {skip.id}: {shown_message(skip.reason)}"))
        self._bar.console.print(line, markup=False, emoji=False, soft_wrap=True)
