"""The arguments of `emofuse predict`: the model, and what to predict, each input with an id of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from emofuse.box import find_model, is_model
from emofuse.cli.predict.predict_options import SegmentOptions, TextOptions
from emofuse.cli.predict.side_files import SideFiles, Words
from emofuse.cli.predict.transcript_files import (
    join_words,
    open_speakers,
    open_transcripts,
    open_turns,
)
from emofuse.errors import CheckpointError, CorpusError, EmofuseError
from emofuse.types import Skip, Turn, Utterance

T = TypeVar("T")

# Inputs are predicted in parts of this size. Which of them share a batch depends on nothing outside their part, so
# that a resumed run gives the same digits as an uninterrupted one.
PART = 128


class Recording(NamedTuple):
    """A recording of an archive: the little that is kept in memory of each."""

    id: str
    audio: str


@dataclass(frozen=True)
class Inputs:
    """What to predict, in order; utterances are made one by one, as they are needed.

    Attributes:
        items: recordings, and utterances of manifests.
        words: their transcripts.
        speakers: who speaks when in them.
        turns: their segments.
        language: of words whose language is not stated otherwise; None where it is not known.
    """

    items: Sequence[Recording | Utterance]
    words: SideFiles[Words] | None = None
    speakers: SideFiles[Sequence[Turn]] | None = None
    turns: SideFiles[Sequence[Turn]] | None = None
    language: str | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Utterance]:
        """Yield the utterances without the words of their transcript files."""
        return map(_utterance, self.items)

    def with_words(self) -> Iterator[Utterance | Skip]:
        """Yield the utterances with their words; a `Skip` where a transcript cannot be read."""
        for utterance in self:
            try:
                words = self.words(utterance) if self.words else None
            except EmofuseError as error:
                yield Skip(utterance.id, str(error))
                continue
            if words is not None:
                stated = None if isinstance(words, str) else next((one.language for one in words), None)
                language = utterance.language or stated
                utterance = replace(utterance, text=join_words(words), text_source="gold", language=language)
            yield replace(utterance, language=self.language_of(utterance))

    def language_of(self, utterance: Utterance) -> str | None:
        """Return the language of an utterance, from the manifest, the name of its transcript or the command."""
        named = self.words.language_of(utterance) if self.words else None
        return utterance.language or named or self.language

    def at(self, positions: Iterable[int]) -> Inputs:
        """Return the inputs at some positions."""
        return replace(self, items=[self.items[position] for position in positions])

    def remaining_parts(self, is_done: Callable[[str], bool]) -> list[Sequence[int]]:
        """Return the positions of what is not done yet, in parts that are predicted together.

        Inputs are predicted in order, so all before the last one that is done were tried, and those that failed
        are tried again. The part in which a run was interrupted is predicted as a whole once more.

        Args:
            is_done: tells by its id whether an input is done.
        """
        undone = [place for place, one in enumerate(self.items) if not is_done(one.id)]
        back = next((back for back, one in enumerate(reversed(self.items)) if is_done(one.id)), len(self))
        first_new = len(self) - back
        interrupted = first_new // PART * PART if back else len(self)
        failed = [place for place in undone if place < interrupted]
        parts: list[Sequence[int]] = [failed[first : first + PART] for first in range(0, len(failed), PART)]
        return parts + [range(n, min(n + PART, len(self))) for n in range(interrupted, len(self), PART)]


def choose_model(first: Path | None, inputs: Sequence[Path]) -> tuple[Path, list[Path]]:
    """Return the model's folder, and the paths that are left as inputs.

    If the first argument is no model but an input, the model is the default one that ships with the package.

    Raises:
        CheckpointError: the first argument is neither, or no model ships with the package.
    """
    if first is not None and is_model(first):
        return find_model(first), list(inputs)
    if first is not None and not _is_input(first):
        raise CheckpointError(f"{first}: no such model, recording or folder; check the path")
    return find_model(), [*([] if first is None else [first]), *inputs]


def collect_inputs(
    paths: Sequence[Path], listed: Path | None, text: TextOptions, segments: SegmentOptions
) -> Inputs:
    """Collect what to predict, and open the files that belong to it.

    Args:
        paths: recordings, folders and manifests.
        listed: a file with a path on each line.
        text: the transcripts.
        segments: the files of turns and speakers.

    Raises:
        CorpusError: there is nothing to predict, a folder has no recordings, `text` has several, or a file does
            not fit the recordings.
    """
    named: list[Recording | Utterance] = [one for path in paths for one in _expand(path)]
    items = _with_unique_ids([*named, *(_listed(listed) if listed else ())])
    if text.text is not None:
        if len(items) > 1:
            raise CorpusError(f"--text applies to one recording, not to {len(items)}; use --transcripts")
        only = _utterance(items[0]) if items else Utterance("text", text=text.text)
        items = [replace(only, text=text.text, text_source="gold")]
    if not items:
        raise CorpusError("there is nothing to predict: name recordings, or give --text")
    if not (text.transcripts or segments.speakers or segments.turns):
        return Inputs(items, language=text.language)
    recordings = [_utterance(one) for one in items]
    return Inputs(
        items,
        words=open_transcripts(text.transcripts, recordings, text.columns) if text.transcripts else None,
        speakers=open_speakers(segments.speakers, recordings, text.columns) if segments.speakers else None,
        turns=open_turns(segments.turns, recordings, text.columns) if segments.turns else None,
        language=text.language,
    )


def without_failures(results: Iterable[T | Skip], fail: Callable[[Skip], None]) -> Iterator[T]:
    """Yield the results that did not fail; `fail` is called with each of the others."""
    for result in results:
        if isinstance(result, Skip):
            fail(result)
        else:
            yield result


def _is_input(path: Path) -> bool:
    """Tell whether an argument names something to predict, whether it exists or not."""
    from emofuse.sound.clips import AUDIO_SUFFIXES

    return path.exists() or path.suffix.lower() in (*AUDIO_SUFFIXES, ".jsonl")


def _utterance(one: Recording | Utterance) -> Utterance:
    return one if isinstance(one, Utterance) else Utterance(one.id, audio=Path(one.audio))


def _with_unique_ids(items: Sequence[Recording | Utterance]) -> list[Recording | Utterance]:
    """Return the inputs; a repeated id gets a number behind it."""
    seen: Counter[str] = Counter()
    unique: list[Recording | Utterance] = []
    for one in items:
        seen[one.id] += 1
        number = seen[one.id]
        unique.append(one if number == 1 else _renamed(one, f"{one.id}#{number}"))
    return unique


def _renamed(one: Recording | Utterance, name: str) -> Recording | Utterance:
    return one._replace(id=name) if isinstance(one, Recording) else replace(one, id=name)


def _expand(path: Path) -> Sequence[Recording | Utterance]:
    """Return what a path stands for: the recordings of a folder, the utterances of a manifest, or a recording."""
    if os.path.isdir(path):  # unlike Path's, it takes any name
        return _in_folder(path)
    if path.suffix == ".jsonl":
        from emofuse.data.manifest import load_corpus

        return load_corpus(path).utterances
    return [Recording(path.stem or str(path), str(path))]


def _in_folder(folder: Path) -> list[Recording]:
    """Return the recordings of a folder and of its subfolders, sorted by their paths.

    Those with unusual names, or without a suffix, are found by how they begin; hidden ones are passed over.
    """
    from emofuse.sound.clips import AUDIO_SUFFIXES

    paths = [
        path
        for place, _, names in os.walk(folder)
        for name in names
        if os.path.isfile(path := os.path.join(place, name))
        and (name.lower().endswith(AUDIO_SUFFIXES) or (not name.startswith(".") and _begins_like_sound(path)))
    ]
    if not paths:
        raise CorpusError(f"{folder}: the folder has no recordings ({', '.join(AUDIO_SUFFIXES)})")
    paths.sort(key=lambda path: path.split(os.sep))
    return [Recording(_name(os.path.relpath(path, folder)), path) for path in paths]


def _begins_like_sound(path: str) -> bool:
    """Tell whether a file begins as recordings do; what cannot be read and has no name of a recording is none."""
    from emofuse.sound.containers import sounds_like_a_recording

    try:
        return sounds_like_a_recording(Path(path))
    except OSError:
        return False


def _listed(path: Path) -> list[Recording]:
    """Return the recordings of a list, one path per line, relative to where the command runs."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="surrogateescape").split("\n")
    except FileNotFoundError as error:
        raise CorpusError(f"--list {path}: no such file; write one path per line into it") from error
    except OSError as error:
        raise CorpusError(f"--list {path}: cannot be read ({error.strerror})") from error
    paths = [line.rstrip("\r") for line in lines if line.strip()]
    if not paths:
        raise CorpusError(f"--list {path}: is empty; write one path per line into it")
    folders = {os.path.dirname(os.path.abspath(one)) for one in paths}
    common = os.path.commonpath(folders)
    return [Recording(_name(os.path.relpath(os.path.abspath(one), common)), one) for one in paths]


def _name(path: str) -> str:
    return os.path.splitext(path)[0].replace(os.sep, "/")
