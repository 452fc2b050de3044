"""Predictions in an output folder, in one file or one per input; an interrupted run can be resumed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from emofuse import layout
from emofuse.cli.predict.formats import FORMATS
from emofuse.cli.predict.inputs import Inputs
from emofuse.cli.predict.journal import Journal, file_of, read_journal, recorded_run
from emofuse.cli.predict.predict_options import OutputOptions
from emofuse.errors import RunError
from emofuse.types import Prediction
from emofuse.untrusted.json_text import to_json


class Output(Protocol):
    """Files that predictions are written to."""

    def is_done(self, identity: str) -> bool:
        """Tell whether an earlier run has predicted an input."""

    def write(self, predictions: Iterable[Prediction]) -> None:
        """Write predictions as they come."""


@contextmanager
def output_folder(
    folder: Path, options: OutputOptions, identity: Mapping[str, Any], inputs: Inputs, labels: Sequence[str]
) -> Iterator[Output]:
    """Open the folder that predictions are written to.

    Args:
        folder: where files are written.
        options: the format, one file or one per input, and whether an earlier run is continued.
        identity: the model and the options, by which the run that is continued is known to be the same.
        inputs: what is predicted.
        labels: of the model, in order.

    Raises:
        RunError: the folder cannot be written, or has another run.
    """
    with recorded_run(folder, identity, options.resume):
        if options.each:
            yield FilePerInput(folder, options, labels)
            return
        path = folder / layout.PREDICTIONS
        with Journal(path, options.resume) as journal:
            _refuse_others(inputs, journal.done, folder)
            yield OneFile(journal)
        if options.format != "jsonl":
            target = path.with_suffix(f".{file_ending(options.format)}")
            save_as(options.format, read_journal(path), labels, target)


class OneFile:
    """JSON Lines in one file, written as the predictions come."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def is_done(self, identity: str) -> bool:
        """Tell whether an earlier run has predicted an input."""
        return identity in self._journal.done

    def write(self, predictions: Iterable[Prediction]) -> None:
        """Write predictions as they come."""
        for prediction in predictions:
            self._journal.add(to_json(prediction.as_dict()))


class FilePerInput:
    """A file for each input, whole or not at all."""

    def __init__(self, folder: Path, options: OutputOptions, labels: Sequence[str]) -> None:
        self._folder, self._options, self._labels = folder, options, labels
        self._suffix = f".{file_ending(options.format)}"

    def is_done(self, identity: str) -> bool:
        """Tell whether an earlier run has predicted an input."""
        return self._options.resume and file_of(self._folder, identity, self._suffix).is_file()

    def write(self, predictions: Iterable[Prediction]) -> None:
        """Write predictions as they come."""
        for prediction in predictions:
            path = file_of(self._folder, prediction.id, self._suffix)
            if self._options.format == "json":
                layout.write_text(path, to_json(prediction.as_dict(), indent=2) + "\n")
            else:
                save_as(self._options.format, [prediction], self._labels, path)


def save_as(form: str, predictions: Iterable[Prediction], labels: Sequence[str], path: Path) -> None:
    """Write predictions as a file of a format, whole or not at all.

    Raises:
        RunError: it cannot be written.
    """
    if form != "xlsx":
        layout.write_lines(path, FORMATS[form](predictions, labels))  # type: ignore[index]  # checked before
        return
    from emofuse.cli.predict.workbooks import save_predictions

    with layout.writing_file(path) as temporary:
        save_predictions(predictions, labels, temporary)


def file_ending(form: str) -> str:
    """Return what the files of a format end in, without the dot."""
    return "txt" if form == "table" else form


def _refuse_others(inputs: Inputs, done: Mapping[str, str | None], folder: Path) -> None:
    """Refuse to continue a run in which an id stands for another recording."""
    if not done:
        return
    for utterance in inputs:
        earlier = done.get(utterance.id)
        if earlier and utterance.audio and os.path.abspath(earlier) != os.path.abspath(utterance.audio):
            raise RunError(
                f"{folder}: there {utterance.id!r} is the recording {earlier}, not {utterance.audio}; "
                "name the inputs as before, or choose another --out"
            )
