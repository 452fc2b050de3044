"""A run over many inputs into a folder: each result at once, failures in a table, and nothing lost by a stop."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Generic, NamedTuple

from emofuse.cli.interrupts import Stopped
from emofuse.cli.predict.inputs import State
from emofuse.cli.predict.journal import JOURNAL, Entry, Journal, Status, input_digest
from emofuse.cli.predict.run_summary import Summary, write_failures
from emofuse.cli.predict.writing import R, Results
from emofuse.errors import DISK_ERRORS, RunError, failure_of
from emofuse.runs.held_folder import HeldFolder
from emofuse.types import Prediction, Skip, Timeline, Utterance

if TYPE_CHECKING:
    from emofuse.cli.output import InputProgress


class Asked(NamedTuple):
    """An input of a run: the id of its result, and what that is predicted from."""

    id: str
    utterance: Utterance


class _Expected(NamedTuple):
    audio: str | None
    digest: str


class Archive(Generic[R]):
    """Writes the results of a run, and what became of each input.

    Args:
        held: where everything is written.
        results: where results are written in it.
        progress: shows how far the run is, and names failures.
        total: how many inputs there are.
    """

    def __init__(self, held: HeldFolder, results: Results[R], progress: InputProgress, total: int) -> None:
        folder = held.path
        self._held, self._folder = held, folder
        self._results, self._progress, self._total = results, progress, total
        self._journal = Journal(folder / JOURNAL)
        self._earlier: dict[str, Entry] = {}
        self._expected: dict[str, _Expected] = {}
        self._resumed = False
        self._written = 0
        self._reached = self._predicted_seconds = 0.0
        self._began = monotonic()

    def __enter__(self) -> Archive[R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files; after an error, the failures so far are written, where that is possible."""
        self._results.close()
        self._journal.close()
        if isinstance(error, Stopped):
            done = self._written + sum(one.answer is not None for one in self._earlier.values())
            error.advice = f"{done} of {self._total} inputs are predicted; add --resume to go on"
        if error is not None:
            with suppress(RunError, OSError):
                self._held.refuse_another()
                entries = self._journal.entries().values()
                write_failures(self._folder, (one for one in entries if one.status == "failed"))

    def resume(self, parts: Iterable[Sequence[Asked]]) -> None:
        """Keep what an earlier run has done, but for inputs that have changed and results that are damaged.

        Where an input has changed, all of its part is predicted again, for they share batches.

        Args:
            parts: the inputs, in parts that are predicted together.

        Raises:
            RunError: an id stands for another recording than before.
        """
        earlier = self._journal.entries()
        kept: list[Entry] = []
        dropped: list[Entry] = []
        for part in parts:
            known = [(asked, earlier[asked.id]) for asked in part if asked.id in earlier]
            for asked, entry in known:
                _refuse_another_recording(self._folder, asked, entry)
            changed = any(entry.input != input_digest(asked.utterance) for asked, entry in known)
            (dropped if changed else kept).extend(entry for _, entry in known)
        whole = self._results.keep([one for one in kept if one.answer], [one for one in dropped if one.answer])
        failed = [one for one in kept if one.answer is None]
        self._earlier = {one.id: one for one in (*whole, *failed)}
        self._journal.rewrite(self._earlier.values())
        self._resumed = True

    def state_of(self, identity: str) -> State:
        """Return what an earlier run has done with an input."""
        entry = self._earlier.get(identity)
        return "new" if entry is None else "failed" if entry.answer is None else "done"

    def expect(self, asked: Asked) -> None:
        """Take the hash of an input before it is read: if it changes later, a resumed run finds out."""
        if self.state_of(asked.id) != "done":
            audio = asked.utterance.audio
            digest = input_digest(asked.utterance)
            self._expected[asked.id] = _Expected(None if audio is None else str(audio), digest)

    def begin_part(self) -> None:
        """Count the steps of another part."""
        self._progress.begin_part()
        self._reached = 0.0

    def step(self, done: int, seconds: float) -> None:
        """Show how far a part is; see `InputProgress.step`."""
        self._predicted_seconds += seconds - self._reached
        self._reached = seconds
        self._progress.step(done, seconds)

    def add(self, results: Iterator[R | Skip]) -> None:
        """Write results as they come; those that an earlier run has written are passed over.

        Raises:
            RunError: the folder or the disk takes nothing any more.
        """
        before = self._reached
        for result in results:
            seconds, before = self._reached - before, self._reached
            if isinstance(result, Skip):
                self.fail(result)
            elif self.state_of(result.id) != "done":
                self._write(result, seconds)

    def fail(self, skip: Skip) -> None:
        """Record that an input failed, unless an earlier run has written its result.

        Raises:
            RunError: the folder or the disk takes nothing any more.
        """
        if self.state_of(skip.id) == "done":
            return
        self._held.refuse_another()
        expected = self._expected.pop(skip.id)
        self._journal.add(Entry(skip.id, *expected, None, "failed", reason=skip.reason))
        if self._total > 1:  # the only one is reported when everything is written
            self._progress.fail(skip)

    def finish(self, ids: Sequence[str]) -> tuple[Summary, list[Entry]]:
        """Count what was written against what was asked, complete the files; return the summary and the failures.

        Raises:
            RunError: a file cannot be written, or results are no longer there.
        """
        self._held.refuse_another()
        entries = self._journal.entries()
        missing = self._results.missing([one for one in ids if one in entries and entries[one].answer])
        for one in missing:
            reason = "its result was removed while the run went on; run it again with --resume"
            entries[one] = Entry(one, entries[one].audio, "", None, "failed", reason=reason)
        ordered = [entries[one] for one in ids if one in entries]
        if len(ordered) < len(ids):
            raise RunError(
                f"{self._folder}: {len(ids) - len(ordered)} inputs were not tried; run it with --resume"
            )
        if self._resumed or missing:
            self._journal.rewrite(ordered)
            self._results.sort(one.answer for one in ordered if one.answer)
        self._results.finish()
        failures = [one for one in ordered if one.status == "failed"]
        write_failures(self._folder, failures)
        elapsed = monotonic() - self._began
        factor = self._predicted_seconds / elapsed if self._predicted_seconds else None
        return Summary.of(ordered, factor, self._results.place), failures

    def _write(self, result: R, seconds: float) -> None:
        """Write a result; what cannot be written is its failure, unless it concerns all of them."""
        self._held.refuse_another()
        self._results.refuse_others()
        try:
            answer = self._results.write(result)
        except Exception as error:  # the border of an input
            if isinstance(error, RunError) and not _is_of_the_disk(error):
                self.fail(Skip(result.id, str(error)))
            else:
                self.fail(Skip(result.id, str(failure_of(result.id, error))))
            return
        expected = self._expected.pop(result.id)
        self._journal.add(Entry(result.id, *expected, answer, status_of(result), seconds))
        self._written += 1


def status_of(result: Prediction | Timeline) -> Status:
    """Return what a result is: a prediction, a withheld one, or that there is no speech."""
    if isinstance(result, Prediction):
        return "no speech" if not result.speech else "withheld" if result.abstained else "predicted"
    if not result.segments:
        return "no speech"
    return "withheld" if all(one.abstained for one in result.segments) else "predicted"


def _is_of_the_disk(error: RunError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in DISK_ERRORS


def _refuse_another_recording(folder: Path, asked: Asked, entry: Entry) -> None:
    audio = asked.utterance.audio
    if entry.audio and audio and os.path.abspath(entry.audio) != os.path.abspath(audio):
        raise RunError(
            f"{folder}: there {asked.id!r} is the recording {entry.audio}, not {audio}; "
            "name the inputs as before, or choose another --out"
        )
