"""Predictions and timelines of many inputs, written into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from emofuse import layout
from emofuse.cli.output import InputProgress, console, progress_bar
from emofuse.cli.predict.archive import Archive, Asked
from emofuse.cli.predict.formats import FormatName
from emofuse.cli.predict.inputs import without_failures
from emofuse.cli.predict.journal import JOURNAL, Entry, read_entries
from emofuse.cli.predict.result_files import file_ending, file_of, place_of
from emofuse.cli.predict.run_record import RUN_RECORD, RunRecord
from emofuse.cli.predict.run_summary import FAILURES, Summary
from emofuse.cli.predict.timeline_jobs import TimelineJob, TimelineSettings, make_timelines, timeline_jobs
from emofuse.cli.predict.timeline_writing import TimelineWriter
from emofuse.cli.predict.writing import FilePerInput, OneFile, Results, prediction_saver
from emofuse.errors import EmofuseError, RunError
from emofuse.runs.held_folder import HeldFolder, holding_folder
from emofuse.types import Prediction, Skip, Timeline, Utterance

if TYPE_CHECKING:
    from emofuse.inference.predictor import Progress
    from emofuse.inference.recognizer import EmotionRecognizer

# Yields the result of each utterance, and calls back after each.
Predict = Callable[[Iterator[Utterance], "Progress"], Iterator[Prediction | Skip]]


def save_predictions(
    settings: TimelineSettings, labels: Sequence[str], identity: Mapping[str, Any], predict: Predict
) -> int:
    """Write the predictions of all inputs; return how many failed.

    Args:
        settings: the options and the inputs; with an output folder.
        labels: of the model, in order.
        identity: the model and the options, by which a run that is continued is known to be the same.
        predict: predicts utterances.

    Raises:
        EmofuseError: the only input failed, or nothing can be written.
    """
    inputs, options = settings.inputs, settings.options.output
    with _open_folder(settings, identity) as (folder, record), progress_bar() as bar:
        progress = InputProgress(bar, len(inputs))
        results = _predictions_in(folder.path, settings, labels)
        with Archive(folder, results, progress, len(inputs)) as archive:
            if options.resume:
                archive.resume([Asked(one.id, one) for one in part] for part in inputs.in_parts())
            parts = inputs.remaining_parts(archive.state_of)
            progress.skip(len(inputs) - sum(map(len, parts)))
            for part in parts:
                archive.begin_part()
                utterances = inputs.at(part).with_words(lambda one: archive.expect(Asked(one.id, one)))
                archive.add(predict(without_failures(utterances, archive.fail), archive.step))
            summary, failures = archive.finish([one.id for one in inputs.items])
        record.complete(summary.as_dict())
    return _close(summary, failures)


def save_timelines(recognizer: EmotionRecognizer, settings: TimelineSettings, identity: Mapping[str, Any]) -> int:
    """Write the timelines of all recordings, one file each; return how many failed.

    Raises:
        EmofuseError: the only recording failed, or nothing can be written.
    """
    options = settings.options
    jobs = timeline_jobs(settings.inputs, options.call)
    writer = _timeline_writer(settings)
    with _open_folder(settings, identity) as (folder, record), progress_bar() as bar:
        progress = InputProgress(bar, len(jobs))
        files = FilePerInput(folder.path, _path_of(folder.path, settings), writer.write)
        with Archive(folder, files, progress, len(jobs)) as archive:
            if options.output.resume:
                archive.resume([Asked(job.id, job.recording)] for job in jobs)
            left = [job for job in jobs if archive.state_of(job.id) != "done"]
            progress.skip(len(jobs) - len(left))
            archive.begin_part()
            archive.add(make_timelines(recognizer, _expected(left, archive), settings, archive.step))
            summary, failures = archive.finish([job.id for job in jobs])
        record.complete(summary.as_dict())
    return _close(summary, failures)


def _expected(jobs: Sequence[TimelineJob], archive: Archive[Timeline]) -> Iterator[TimelineJob]:
    for job in jobs:
        archive.expect(Asked(job.id, job.recording))
        yield job


@contextmanager
def _open_folder(
    settings: TimelineSettings, identity: Mapping[str, Any]
) -> Iterator[tuple[HeldFolder, RunRecord]]:
    """Make the output folder, keep other runs out, and remove what an earlier run noted, unless it goes on."""
    options = settings.options.output
    if options.folder is None:
        raise RunError("results of many inputs require an output folder; add --out")
    with holding_folder(options.folder) as folder:
        stale = _stale_files(folder.path)
        record = RunRecord(folder.path, identity, options.resume)
        for path in () if options.resume else stale:
            path.unlink(missing_ok=True)
        yield folder, record


def _stale_files(folder: Path) -> list[Path]:
    """Return what an earlier run has left of all inputs together, in whichever format: a new one replaces it."""
    names = [JOURNAL, layout.PREDICTIONS, FAILURES]
    others = [place_of(folder, form) for form in get_args(FormatName)] if (folder / RUN_RECORD).exists() else []
    return [folder / name for name in names] + [path for path in others if path.is_file()]


def _predictions_in(folder: Path, settings: TimelineSettings, labels: Sequence[str]) -> Results[Prediction]:
    options = settings.options.output
    if not options.each:
        return OneFile(folder, options.format, labels)
    return FilePerInput(folder, _path_of(folder, settings), prediction_saver(options.format, labels))


def written_files(folder: Path, settings: TimelineSettings) -> list[Path]:
    """Return the files of the results that the run in a folder has written, even if they are no longer there."""
    output = settings.options.output
    if not output.each and not settings.options.timeline:
        return list(dict.fromkeys([folder / layout.PREDICTIONS, place_of(folder, output.format)]))
    path_of = _path_of(folder, settings)
    return [path_of(one.id) for one in read_entries(folder / JOURNAL).values() if one.answer is not None]


def _path_of(folder: Path, settings: TimelineSettings) -> Callable[[str], Path]:
    """Return what gives the path of one input's file, by its id."""
    if settings.options.timeline:
        writer = _timeline_writer(settings)
        return lambda identity: writer.file_of(folder, identity)
    suffix = f".{file_ending(settings.options.output.format)}"
    return lambda identity: file_of(folder, identity, suffix)


def _timeline_writer(settings: TimelineSettings) -> TimelineWriter:
    options = settings.options
    return TimelineWriter(options.output.format, options.call.all_channels(), options.page.contents())


def _close(summary: Summary, failures: Sequence[Entry]) -> int:
    """Print the closing line; return how many inputs failed.

    Raises:
        EmofuseError: the only input failed.
    """
    console().print(summary.line(), markup=False, emoji=False, soft_wrap=True)
    if summary.inputs == 1 and failures:
        raise EmofuseError(failures[0].reason)
    return len(failures)
