"""No label and no recording of a fold's test part is opened by its job before the checkpoint is in place.

Recordings are watched by the operating system, whoever opens them and how (inotify, one queue, so that order is
kept); labels by the utterances themselves. What comes before the first job is exempt: the audit listens to
everything, and the set-up applies the label policy and draws the folds.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import pytest
from small_corpus import make_corpus
from tiny import write_recipe

from emofuse import cross_validate, load_recipe
from emofuse.config import Recipe
from emofuse.data.splits import make_folds
from emofuse.experiment import crossval
from emofuse.experiment.crossval import JobProgress
from emofuse.training.audio_cache import AudioCache
from emofuse.types import SYSTEMS, Corpus, Fold, SystemName, Utterance

pytestmark = pytest.mark.usefixtures("empty_pictures")

# From <sys/inotify.h>.
IN_ACCESS, IN_OPEN, IN_MOVED_TO, IN_CREATE, IN_Q_OVERFLOW = 0x1, 0x20, 0x80, 0x100, 0x4000
HEADER = struct.Struct("iIII")

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")


@dataclass(frozen=True)
class Event:
    """Something that was done to a file in a folder; `kind` is one of the constants of inotify."""

    folder: Path
    name: str
    kind: int


class FolderLog:
    """Everything that was opened or read, or came into being, in some folders, in order."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            pytest.skip(f"no inotify here: {os.strerror(ctypes.get_errno())}")
        self._folders: dict[int, Path] = {}
        self._events: list[Event] = []

    def watch(self, folder: Path, kinds: int) -> None:
        watch = self._library.inotify_add_watch(self._descriptor, os.fsencode(folder), kinds)
        assert watch > 0, os.strerror(ctypes.get_errno())
        self._folders[watch] = folder

    def events(self) -> list[Event]:
        """Return what has happened so far; call it now and then, for the queue is not endless."""
        try:
            while content := os.read(self._descriptor, 1 << 20):
                place = 0
                while place < len(content):
                    watch, kind, _, length = HEADER.unpack_from(content, place)
                    assert not kind & IN_Q_OVERFLOW, "events were lost"
                    name = content[place + HEADER.size : place + HEADER.size + length].rstrip(b"\0")
                    self._events.append(Event(self._folders[watch], os.fsdecode(name), kind))
                    place += HEADER.size + length
        except BlockingIOError:
            return self._events

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture
def log() -> Iterator[FolderLog]:
    made = FolderLog()
    yield made
    made.close()


@pytest.fixture
def tones(tmp_path: Path) -> Corpus:
    """Return recordings of this test alone: nobody else opens them."""
    return make_corpus(tmp_path / "recordings")


def recipe_of(folder: Path, selection: str) -> Recipe:
    return load_recipe(write_recipe(folder / "tiny.yaml"), [f"selection={selection}", "training.epochs=1"])


def job_folders(out: Path, folds: tuple[Fold, ...], system: str) -> list[Path]:
    return [out / f"fold-{fold.index}" / "seed-0" / system for fold in folds]


def watch_recordings(log: FolderLog, tones: Corpus, jobs: list[Path]) -> None:
    """Watch recordings, and the folders in which the folders of jobs will be made."""
    (place,) = {u.audio.parent for u in tones if u.audio}
    log.watch(place, IN_OPEN | IN_ACCESS)
    for job in jobs:
        job.parent.mkdir(parents=True)
        log.watch(job.parent, IN_CREATE)


def opened_by_jobs(log: FolderLog, jobs: list[Path]) -> dict[Path, tuple[set[str], set[str]]]:
    """Return the recordings, by id, that each job opened before and after its model came into place.

    A job begins when its folder is made, and lasts until the next one begins.
    """
    opened: dict[Path, tuple[set[str], set[str]]] = {}
    running: Path | None = None
    placed: set[Path] = set()
    for event in log.events():
        path = event.folder / event.name
        if path in jobs:
            running = path
            opened[running] = (set(), set())
        elif event.kind & IN_MOVED_TO:
            placed |= {event.folder} if event.name == "model" else set()
        elif running is not None and event.kind & (IN_OPEN | IN_ACCESS):
            opened[running][running in placed].add(path.stem)
    assert placed == set(jobs)
    return opened


def run_watched(
    log: FolderLog,
    tones: Corpus,
    out: Path,
    selection: str,
    system: SystemName,
    listener: Callable[[JobProgress], None] = lambda progress: None,
) -> list[tuple[Fold, set[str], set[str]]]:
    """Run a system over all folds; return each fold with what its job opened before and after its model."""
    recipe = recipe_of(out.parent, selection)
    folds = make_folds(tones, recipe.protocol, recipe.selection)
    jobs = job_folders(out, folds, system)
    watch_recordings(log, tones, jobs)

    def listen(progress: JobProgress) -> None:
        """Watch the folder of the job that trains: its model will be moved there."""
        log.events()
        log.watch(jobs[progress.number - 1], IN_MOVED_TO)
        listener(progress)

    cross_validate(recipe, tones, out, systems=(system,), on_progress=listen)
    opened = opened_by_jobs(log, jobs)
    assert list(opened) == jobs
    return [(fold, *opened[job]) for fold, job in zip(folds, jobs, strict=True)]


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be kept in memory, so that what a job needs it must open."""
    monkeypatch.setattr(crossval, "audio_cache_for", lambda _: AudioCache(limit=0))


@linux
@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(("selection", "system"), [*(("best", system) for system in SYSTEMS), ("fixed", "fusion")])
def test_no_test_recording_is_opened_before_the_model_is_in_place(
    log: FolderLog, tones: Corpus, tmp_path: Path, selection: str, system: SystemName
) -> None:
    for fold, before, after in run_watched(log, tones, tmp_path / "run", selection, system):
        assert before == {*fold.train, *fold.validation}  # the log sees what is opened, and no more is
        assert set(fold.test) <= after
        assert bool(fold.validation) == (selection == "best")


@linux
@pytest.mark.usefixtures("forgetful")
def test_the_log_of_recordings_would_tell(log: FolderLog, tones: Corpus, tmp_path: Path) -> None:
    """Open a test recording of the second fold while that fold trains, and see that it is noticed."""
    folds = make_folds(tones, "leave-one-session-out", "fixed")
    (leaked,) = tones.select([folds[1].test[0]])

    def leak(progress: JobProgress) -> None:
        if progress.number == 2 and progress.training is not None and leaked.audio is not None:
            leaked.audio.read_bytes()

    runs = run_watched(log, tones, tmp_path / "run", "fixed", "audio", leak)
    assert [before & set(fold.test) for fold, before, _ in runs] == [set(), {leaked.id}, set()]


@linux
def test_what_an_earlier_job_kept_in_memory_gives_no_test_part_away(
    log: FolderLog, tones: Corpus, tmp_path: Path
) -> None:
    """With the usual memory a first job opens its own parts only, in the order of the rule."""
    fold, before, after = run_watched(log, tones, tmp_path / "run", "best", "fusion")[0]
    assert before == {*fold.train, *fold.validation}
    assert after == set(fold.test)


class Watched(Utterance):
    """An utterance that tells when somebody looks at its label or votes."""

    tell: ClassVar[Callable[[str], None]] = staticmethod(lambda identity: None)

    def __getattribute__(self, name: str) -> Any:
        if name in ("label", "votes"):
            Watched.tell(object.__getattribute__(self, "id"))
        return object.__getattribute__(self, name)


def watched_corpus(corpus: Corpus) -> Corpus:
    plain = [{field.name: getattr(u, field.name) for field in fields(u)} for u in corpus]
    return Corpus(tuple(Watched(**values) for values in plain), name=corpus.name)


def looked_at(
    tones: Corpus, out: Path, selection: str, listener: Callable[[JobProgress], None], monkeypatch: Any
) -> list[tuple[Fold, set[str], set[str]]]:
    """Run the fused system; return each fold with whose labels its job saw before and after its model."""
    recipe = recipe_of(out.parent, selection)
    folds = make_folds(tones, recipe.protocol, recipe.selection)
    jobs = job_folders(out, folds, "fusion")
    seen: dict[Path, tuple[set[str], set[str]]] = {job: (set(), set()) for job in jobs}

    def tell(identity: str) -> None:
        running = next((job for job in reversed(jobs) if job.is_dir()), None)
        if running is not None and not (running / "metrics.json").is_file():
            seen[running][(running / "model").is_dir()].add(identity)

    monkeypatch.setattr(Watched, "tell", staticmethod(tell))
    cross_validate(recipe, watched_corpus(tones), out, systems=("fusion",), on_progress=listener)
    return [(fold, *seen[job]) for fold, job in zip(folds, jobs, strict=True)]


@pytest.mark.parametrize("selection", ["best", "fixed"])
def test_no_test_label_is_looked_at_before_the_model_is_in_place(
    corpus: Corpus, tmp_path: Path, selection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    for fold, before, after in looked_at(corpus, out, selection, lambda progress: None, monkeypatch):
        assert before == {*fold.train, *fold.validation}
        assert set(fold.test) <= after


def test_the_log_of_labels_would_tell(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folds = make_folds(corpus, "leave-one-session-out", "fixed")
    held_out = folds[1].test[0]
    leaked = Watched(held_out, text="x", label="sad")

    def leak(progress: JobProgress) -> None:
        if progress.number == 2 and progress.training is not None:
            assert leaked.label

    runs = looked_at(corpus, tmp_path / "run", "fixed", leak, monkeypatch)
    assert [before & set(fold.test) for fold, before, _ in runs] == [set(), {held_out}, set()]
