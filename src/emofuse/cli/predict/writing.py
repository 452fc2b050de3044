"""Results in an output folder: all predictions in one file, or a file for each input."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from emofuse import layout
from emofuse.cli.predict.formats import FORMATS
from emofuse.cli.predict.journal import Entry, add_line, content_digest, open_to_add
from emofuse.cli.predict.result_files import place_of
from emofuse.errors import RunError
from emofuse.types import Prediction, Timeline
from emofuse.untrusted.json_text import parse_json, to_json

R = TypeVar("R", bound=Prediction | Timeline)
R_contra = TypeVar("R_contra", bound=Prediction | Timeline, contravariant=True)

logger = logging.getLogger(__name__)


class Results(Protocol[R_contra]):
    """Where results are written.

    Attributes:
        place: the file or the folder that a user looks for them in.
    """

    @property
    def place(self) -> Path:
        """See above."""

    def keep(self, entries: Sequence[Entry], dropped: Sequence[Entry]) -> list[Entry]:
        """Keep the results of some entries of an earlier run, and no others; return those that are whole."""

    def refuse_others(self) -> None:
        """Refuse to go on where results are no longer those that were written.

        Raises:
            RunError: what they are written to was removed or replaced.
        """

    def write(self, result: R_contra) -> str:
        """Write a result; return its SHA-256."""

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Return those of these ids whose result is no longer there.

        Raises:
            RunError: the results are no longer those that were written.
        """

    def sort(self, answers: Iterable[str]) -> None:
        """Bring results into the order of these hashes."""

    def finish(self) -> None:
        """Complete what can only be written once all results are there."""

    def close(self) -> None:
        """Close the files."""


class OneFile:
    """Predictions as JSON Lines in one file, each on disk before the next is computed; at the end in any format.

    Args:
        folder: where the file lies.
        form: the format.
        labels: of the model, in order.
    """

    def __init__(self, folder: Path, form: str, labels: Sequence[str]) -> None:
        self.path = folder / layout.PREDICTIONS
        self._form, self._labels = form, labels
        self._file = open_to_add(self.path)

    def keep(self, entries: Sequence[Entry], dropped: Sequence[Entry]) -> list[Entry]:
        """Keep the lines of these entries, each once; see `Results`."""
        wanted = {entry.answer: entry for entry in entries}
        whole: list[Entry] = []
        others = -len(dropped)
        self._file.close()
        with layout.writing_file(self.path) as temporary, temporary.open("wb") as target:
            for line in _lines(self.path):
                entry = wanted.pop(_sha256(line), None)
                if entry is not None:
                    target.write(line)
                    whole.append(entry)
                else:
                    others += line.endswith(b"\n")
        if others > 0:
            logger.warning(
                "%s: %d lines are damaged, doubled or not of this run, and are dropped", self.path, others
            )
        self._file = open_to_add(self.path)
        return whole

    @property
    def place(self) -> Path:
        """The file in the format asked for; see `Results`."""
        return place_of(self.path.parent, self._form)

    def write(self, result: Prediction) -> str:
        """Write the line of a prediction; see `Results`."""
        line = to_json(result.as_dict()).encode() + b"\n"
        add_line(self._file, self.path, line)
        return _sha256(line)

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Return nothing, or refuse a file that lacks a line; see `Results`."""
        self.refuse_others()
        lines = sum(1 for _ in _lines(self.path))
        if lines != len(ids):
            raise RunError(
                f"{self.path}: has {lines} lines, not {len(ids)}: something else writes it; run it with --resume"
            )
        return []

    def finish(self) -> None:
        """Write the format asked for; see `Results`."""
        if self._form != "jsonl":
            save_as(self._form, _predictions(self.path), self._labels, self.place)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def refuse_others(self) -> None:
        """Refuse another file in the place of this one; see `Results`."""
        try:
            same = os.path.samestat(os.stat(self.path), os.fstat(self._file.fileno()))
        except OSError:
            same = False
        if not same:
            raise RunError(f"{self.path}: was removed or replaced while it was written; run it again")

    def sort(self, answers: Iterable[str]) -> None:
        """Bring the lines into order, as an uninterrupted run has them; see `Results`."""
        places = {answer: place for place, answer in enumerate(answers)}
        found: list[tuple[int, int, int]] = []
        start = 0
        for line in _lines(self.path):
            found.append((places[_sha256(line)], start, len(line)))
            start += len(line)
        if found == sorted(found):
            return
        self._file.close()
        path = self.path
        with path.open("rb") as source, layout.writing_file(path) as temporary, temporary.open("wb") as target:
            for _, first, length in sorted(found):
                source.seek(first)
                target.write(source.read(length))
        self._file = open_to_add(self.path)


class FilePerInput(Generic[R]):
    """A file for each input, whole or not at all.

    Args:
        folder: where all files lie.
        path_of: where the file of an id lies.
        save: writes the file of a result.
    """

    def __init__(self, folder: Path, path_of: Callable[[str], Path], save: Callable[[R, Path], None]) -> None:
        self.place, self._path_of, self._save = folder, path_of, save

    def keep(self, entries: Sequence[Entry], dropped: Sequence[Entry]) -> list[Entry]:
        """Keep the files of these entries; see `Results`."""
        whole = [entry for entry in entries if content_digest(self._path_of(entry.id)) == entry.answer]
        kept = {entry.id for entry in whole}
        for entry in (*entries, *dropped):
            if entry.id not in kept:
                with suppress(OSError):  # it is no longer there
                    self._path_of(entry.id).unlink()
        return whole

    def refuse_others(self) -> None:
        """Do nothing: a file that was removed is that input's failure."""

    def write(self, result: R) -> str:
        """Write the file of a result; see `Results`."""
        path = self._path_of(result.id)
        self._save(result, path)
        digest = content_digest(path)
        if digest is None:
            raise RunError(f"{path}: was removed while it was written; predict it again with --resume")
        return digest

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Return the ids without a file; see `Results`."""
        return [one for one in ids if not os.path.isfile(self._path_of(one))]

    def sort(self, answers: Iterable[str]) -> None:
        """Do nothing: files have no order."""

    def finish(self) -> None:
        """Do nothing: every file is whole."""

    def close(self) -> None:
        """Do nothing: every file is closed."""


def prediction_saver(form: str, labels: Sequence[str]) -> Callable[[Prediction, Path], None]:
    """Return what writes the file of one prediction in a format."""

    def save(prediction: Prediction, path: Path) -> None:
        if form == "json":
            layout.write_text(path, to_json(prediction.as_dict(), indent=2) + "\n")
        else:
            save_as(form, [prediction], labels, path)

    return save


def save_as(form: str, predictions: Iterable[Prediction], labels: Sequence[str], path: Path) -> None:
    """Write predictions as a file of a format, whole or not at all.

    Raises:
        RunError: it cannot be written.
    """
    if form != "xlsx":
        layout.write_lines(path, FORMATS[form](predictions, labels))  # type: ignore[index]  # checked before
        return
    from emofuse.cli.predict.workbooks import save_predictions

    save_predictions(predictions, labels, path)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _predictions(path: Path) -> Iterator[Prediction]:
    """Yield the predictions of a file of JSON Lines, in order."""
    return (Prediction.from_dict(parse_json(line)) for line in _lines(path))


def _sha256(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
