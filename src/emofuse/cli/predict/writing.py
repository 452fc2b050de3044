"""Predictions of an archive: written as they come, each failure named, nothing kept in memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from emofuse.cli.output import progress_bar
from emofuse.cli.predict import journal
from emofuse.cli.predict.formats import FORMATS, to_json
from emofuse.cli.predict.inputs import Inputs
from emofuse.errors import EmofuseError, RunError
from emofuse.types import Prediction, Skip

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """Where answers go.

    Attributes:
        form: the format.
        out: a folder; None for stdout.
        each: a file for each input.
        resume: go on with what is in the folder.
        asked: the model and the options, by which a run that goes on is known to be the same.
    """

    form: str
    out: Path | None = None
    each: bool = False
    resume: bool = False
    asked: Mapping[str, Any] = field(default_factory=dict)


class Reporting:
    """Tells on stderr how far a run is and what failed.

    Args:
        bar: shown where stderr is a terminal.
        total: how many inputs there are.
        before: how many of them were done by an earlier run.
    """

    def __init__(self, bar: Progress, total: int, before: int = 0) -> None:
        self._bar, self._total = bar, total
        self._task = bar.add_task("predicting", total=total, completed=before, figures="")
        self._begun = monotonic()
        self._base, self._last = (before, 0.0), (before, 0.0)
        self.failed = 0

    def again(self) -> None:
        """Count from here on: another part of the inputs is begun."""
        self._base = self._last

    def step(self, done: int, seconds: float) -> None:
        """Tell how many are done of this part, and how many seconds of sound they had."""
        done, seconds = self._base[0] + done, self._base[1] + seconds
        self._last = done, seconds
        speed = seconds / max(monotonic() - self._begun, 1e-9)
        self._bar.update(self._task, completed=done, figures=f"{done}/{self._total}  {speed:.1f}x real time")

    def refuse(self, skip: Skip) -> None:
        """Name what failed; the only input there is ends the command.

        Raises:
            EmofuseError: there is one input, and it failed.
        """
        if self._total == 1:
            raise EmofuseError(skip.reason)
        self.failed += 1
        self._bar.console.print(f"failed {skip.id}: {skip.reason}", markup=False, emoji=False, soft_wrap=True)

    def only(self, results: Iterable[T | Skip]) -> Iterator[T]:
        """Yield what did not fail."""
        for result in results:
            if isinstance(result, Skip):
                self.refuse(result)
            else:
                yield result


Ask = Callable[[Inputs, Reporting], Iterator[Prediction | Skip]]
# So many inputs are predicted together. What is computed in which company depends on nothing outside of a part, so
# that a run that goes on comes to the same digits as one that was never stopped.
PART = 128


@dataclass(frozen=True)
class Left:
    """What is left to do of an archive.

    Attributes:
        parts: positions of inputs that are predicted together.
        done: tells by its id what is done already; it is predicted once more where its part was not finished.
    """

    parts: Sequence[Sequence[int]]
    done: Callable[[str], bool]

    @classmethod
    def of(cls, inputs: Inputs, done: Callable[[str], bool] = lambda _: False) -> Left:
        """Look what is left; inputs are predicted in order, so that all before the last one done were tried."""
        undone = [place for place, one in enumerate(inputs.found) if not done(one.id)]
        back = next((back for back, one in enumerate(reversed(inputs.found)) if done(one.id)), len(inputs))
        first_new = len(inputs) - back
        begun = first_new // PART * PART if back else len(inputs)
        tried = [place for place in undone if place < begun]
        parts: list[Sequence[int]] = [tried[first : first + PART] for first in range(0, len(tried), PART)]
        parts += [range(first, min(first + PART, len(inputs))) for first in range(begun, len(inputs), PART)]
        return cls(parts, done)

    @property
    def count(self) -> int:
        """How many inputs are predicted."""
        return sum(map(len, self.parts))

    def answers(self, inputs: Inputs, ask: Ask, report: Reporting) -> Iterator[Prediction]:
        """Yield what is said of what is left, in order; what fails is reported."""
        for part in self.parts:
            report.again()
            fresh = (one for one in ask(inputs.at(part), report) if not self.done(one.id))
            yield from report.only(fresh)


def answer_all(inputs: Inputs, ask: Ask, labels: Sequence[str], target: Target) -> int:
    """Predict all inputs and write the answers where they go; return how many failed.

    Raises:
        RunError: the folder cannot be written, or holds another run.
        EmofuseError: there is one input, and it failed.
    """
    if target.out is None:
        return _to_stdout(inputs, ask, labels, target.form)
    journal.begin(target.out, target.asked, target.resume)
    write = _each if target.each else _journal
    failed = write(inputs, ask, labels, target, target.out)
    journal.complete(target.out)
    return failed


def _to_stdout(inputs: Inputs, ask: Ask, labels: Sequence[str], form: str) -> int:
    with progress_bar(not sys.stdout.isatty()) as bar:
        report = Reporting(bar, len(inputs))
        answers = Left.of(inputs).answers(inputs, ask, report)
        for line in FORMATS[form](answers, labels):  # type: ignore[index]  # checked before
            typer.echo(line)
    return report.failed


def _journal(inputs: Inputs, ask: Ask, labels: Sequence[str], target: Target, out: Path) -> int:
    """Write JSON Lines as they come; another format is made of them at the end."""
    path = out / journal.ANSWERS
    with journal.Journal(path, target.resume) as kept, progress_bar() as bar:
        _refuse_others(inputs, kept.done, out)
        left = Left.of(inputs, kept.done.__contains__)
        report = Reporting(bar, len(inputs), len(inputs) - left.count)
        for prediction in left.answers(inputs, ask, report):
            kept.add(to_json(prediction.as_dict()))
    if target.form != "jsonl":
        lines = FORMATS[target.form](journal.read_answers(path), labels)  # type: ignore[index]  # checked before
        journal.write_lines(out / f"predictions.{ending(target.form)}", lines)
    return report.failed


def _each(inputs: Inputs, ask: Ask, labels: Sequence[str], target: Target, out: Path) -> int:
    """Write a file for each input, whole or not at all."""
    suffix = f".{ending(target.form)}"
    left = Left.of(inputs, journal.is_written(out, suffix)) if target.resume else Left.of(inputs)
    with progress_bar() as bar:
        report = Reporting(bar, len(inputs), len(inputs) - left.count)
        for prediction in left.answers(inputs, ask, report):
            if target.form == "json":
                lines = iter([to_json(prediction.as_dict(), indent=2)])
            else:
                lines = FORMATS[target.form]([prediction], labels)  # type: ignore[index]  # checked before
            write_file(journal.place_of(out, prediction.id, suffix), "".join(f"{line}\n" for line in lines))
    return report.failed


def write_file(path: Path, text: str) -> None:
    """Write the file of one input; it may stand in a folder of its own.

    Raises:
        RunError: it cannot be written.
    """
    from emofuse import layout

    layout.write_text(path, text)


def ending(form: str) -> str:
    """Return what a file of a format is called behind its dot."""
    return "txt" if form == "table" else form


def _refuse_others(inputs: Inputs, done: Mapping[str, str | None], out: Path) -> None:
    """Refuse to go on with a run in which an id stands for another recording."""
    if not done:
        return
    for utterance in inputs:
        before = done.get(utterance.id)
        if before and utterance.audio and os.path.abspath(before) != os.path.abspath(utterance.audio):
            raise RunError(
                f"{out}: {utterance.id!r} is the recording {before} there, not {utterance.audio}; "
                "name the inputs as they were, or choose another --out"
            )
