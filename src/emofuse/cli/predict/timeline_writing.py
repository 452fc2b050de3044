"""Timelines of recordings: one after the other, each written whole, each failure named."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import typer

from emofuse.cli.output import progress_bar
from emofuse.cli.predict import journal
from emofuse.cli.predict.formats import readable, to_json
from emofuse.cli.predict.writing import Reporting, Target, write_file
from emofuse.errors import AudioError, CorpusError, ModalityError
from emofuse.types import Skip, Timeline, Utterance

if TYPE_CHECKING:
    from emofuse.inference.timeline.envelope import Envelope

TimelineFormName = Literal[
    "table", "json", "jsonl", "csv", "srt", "vtt", "rttm", "textgrid", "eaf", "labels", "page", "picture"
]
# Of these one document may follow another on stdout.
JOINED = ("table", "json", "jsonl", "csv", "rttm")
# How many stretches of a waveform are drawn.
POINTS = 1200


@dataclass(frozen=True)
class Job:
    """A recording, or one channel of it.

    Attributes:
        id: of its timeline.
        channel: its number; None for the whole recording.
        name: of the channel.
    """

    id: str
    recording: Utterance
    channel: int | None = None
    name: str | None = None


@dataclass(frozen=True)
class Told:
    """A timeline, and of what it was made."""

    timeline: Timeline
    job: Job


Compose = Callable[[Job], Timeline]


def tell_all(jobs: Sequence[Job], compose: Compose, target: Target) -> int:
    """Make all timelines and write them where they go; return how many failed.

    Raises:
        RunError: the folder cannot be written, or holds another run.
        CorpusError: stdout cannot hold so many documents of that format, or a picture.
        EmofuseError: there is one recording, and it failed.
    """
    if target.out is not None:
        return _to_files(jobs, compose, target, target.out)
    if target.form == "picture":
        raise CorpusError("--format picture: give a folder for it with --out")
    if target.form not in JOINED and len(jobs) > 1:
        raise CorpusError(
            f"--format {target.form}: stdout holds one of {len(jobs)} timelines; give a folder with --out"
        )
    with progress_bar(not sys.stdout.isatty()) as bar:
        report = Reporting(bar, len(jobs))
        for text in _joined(report.only(_made(jobs, compose, report)), target.form, len(jobs) > 1):
            typer.echo(text, nl=False)
    return report.failed


def _to_files(jobs: Sequence[Job], compose: Compose, target: Target, out: Path) -> int:
    journal.begin(out, target.asked, target.resume)
    suffix = suffix_of(target.form)
    written = journal.is_written(out, suffix)
    left = [job for job in jobs if not (target.resume and written(job.id))]
    with progress_bar() as bar:
        report = Reporting(bar, len(jobs), len(jobs) - len(left))
        for told in report.only(_made(left, compose, report)):
            _write(told, target.form, journal.place_of(out, told.job.id, suffix))
    journal.complete(out)
    return report.failed


def _made(jobs: Sequence[Job], compose: Compose, report: Reporting) -> Iterator[Told | Skip]:
    """Yield each timeline, or why there is none."""
    seconds = 0.0
    for done, job in enumerate(jobs, start=1):
        made: Told | Skip
        try:
            made = Told(replace(compose(job), id=job.id), job)
            seconds += made.timeline.seconds
        except (AudioError, CorpusError, ModalityError) as error:
            made = Skip(job.id, str(error))
        report.step(done, seconds)
        yield made


def _joined(told: Iterator[Told], form: str, several: bool) -> Iterator[str]:
    """Yield documents for stdout: of several as one, where the format has a way."""
    number = 0
    for number, one in enumerate(told, start=1):
        if form == "json" and several:
            document = to_json(one.timeline.as_dict(), indent=2).replace("\n", "\n  ")
            yield f"{'[' if number == 1 else ','}\n  {document}"
        elif form == "csv" and number > 1:
            yield written(one, form).partition("\n")[2]
        else:
            yield written(one, form)
    if form == "json" and several:
        yield "\n]\n" if number else "[]\n"


def _write(told: Told, form: str, place: Path) -> None:
    if form != "picture":
        write_file(place, written(told, form, place.parent))
        return
    from emofuse.inference.timeline.picture import save_picture

    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.stem}.{secrets.token_hex(4)}{place.suffix}")
    save_picture(told.timeline, _outline(told), temporary)
    os.replace(temporary, place)


def written(told: Told, form: str, folder: Path = Path()) -> str:
    """Return a timeline in a format; `folder` is where it will stand."""
    if form == "table":
        return _table(told.timeline)
    if form == "page":
        from emofuse.inference.timeline.page import timeline_page

        return timeline_page(told.timeline, _outline(told), Path(told.timeline.audio), folder)
    from emofuse.inference.timeline.formats import TIMELINE_FORMATS

    return TIMELINE_FORMATS[form](told.timeline)  # type: ignore[index]  # checked before


def suffix_of(form: str) -> str:
    """Return what the file of a timeline is called behind its stem."""
    from emofuse.inference.timeline.formats import TIMELINE_SUFFIXES

    own = {"table": ".txt", "page": ".html", "picture": ".svg"}
    return own[form] if form in own else TIMELINE_SUFFIXES[form]  # type: ignore[index]  # checked before


def check_form(form: str, choices: Sequence[str] = get_args(TimelineFormName)) -> None:
    """Refuse a format that there is not.

    Raises:
        CorpusError: there is no such format.
    """
    if form not in choices:
        raise CorpusError(f"--format {form}: choose one of {', '.join(choices)}")


def _outline(told: Told) -> Envelope:
    from emofuse.inference.timeline.envelope import envelope
    from emofuse.sound.streams import mono_blocks

    return envelope(mono_blocks(Path(told.timeline.audio), channel=told.job.channel), POINTS)


def _table(timeline: Timeline) -> str:
    """Return lines for people: each segment, what was passed over, the whole, and what must be known."""
    from emofuse.inference.timeline.timeline_summary import summarise, summary_table

    lines = [
        f"{timeline.id}: {timeline.speech_seconds:.1f} of {timeline.seconds:.1f} s, by {timeline.segmentation}"
    ]
    for one in timeline.segments:
        words = f"  {' '.join(one.text.split())!r}" if one.text else ""
        who = f"  {one.speaker}" if one.speaker else ""
        sure = f"{one.label:12} {one.confidence:5.0%}{' (abstained)' if one.abstained else ''}"
        lines.append(f"{one.start:8.2f} {one.end:8.2f}  {sure}{who}{words}")
    lines += [f"{one.start:8.2f} {one.end:8.2f}  not analysed: {one.reason}" for one in timeline.passed]
    lines += ["", summary_table(summarise(timeline)).rstrip(), *(f"note: {note}" for note in timeline.notes)]
    return readable("\n".join(lines)) + "\n"
