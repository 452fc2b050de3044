"""The arguments of `emofuse predict`: the model, and what to predict, each input with an id of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from emofuse.box import find_model, is_model
from emofuse.cli.predict.listed_recordings import Recording, recordings_in, recordings_of_list
from emofuse.cli.predict.predict_options import SegmentOptions, TextOptions
from emofuse.cli.predict.side_files import SideFiles, Words
from emofuse.cli.predict.transcript_files import (
    join_words,
    open_speakers,
    open_transcripts,
    open_turns,
)
from emofuse.errors import CheckpointError, CorpusError, EmofuseError, failure_of
from emofuse.file_names import found_path
from emofuse.hub.snapshots import on_hub
from emofuse.types import Skip, Turn, Utterance

T = TypeVar("T")

# Inputs are predicted in parts of this size. Which of them share a batch depends on nothing outside their part, so
# that a resumed run gives the same digits as an uninterrupted one.
PART = 128


# What an earlier run has done with an input.
State = Literal["done", "failed", "new"]


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

    def with_words(self, before: Callable[[Utterance], None] = lambda _: None) -> Iterator[Utterance | Skip]:
        """Yield the utterances with their words; a `Skip` where a transcript cannot be read.

        `before` is called with each before anything of it is read.
        """
        for utterance in self:
            before(utterance)
            try:
                words = self.words(utterance) if self.words else None
            except EmofuseError as error:
                yield Skip(utterance.id, str(error))
                continue
            except Exception as error:  # the border of an input: whatever it is, the others go on
                yield Skip(utterance.id, str(failure_of(utterance.id, error)))
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

    def in_parts(self) -> Iterator[Inputs]:
        """Yield all inputs in the parts that are predicted together."""
        return (self.at(range(first, min(first + PART, len(self)))) for first in range(0, len(self), PART))

    def remaining_parts(self, state_of: Callable[[str], State]) -> list[Sequence[int]]:
        """Return the positions of what is not done yet, in parts that are predicted together.

        A part of which an input is new, as where a run was interrupted, is predicted as a whole: an input gets the
        same digits only in the same company. What failed before is tried again.

        Args:
            state_of: returns by its id what an earlier run has done with an input.
        """
        new: list[Sequence[int]] = []
        failed: list[int] = []
        for first in range(0, len(self), PART):
            places = range(first, min(first + PART, len(self)))
            states = [state_of(self.items[place].id) for place in places]
            if "new" in states:
                new.append(places)
            else:
                failed += [place for place, state in zip(places, states, strict=True) if state == "failed"]
        return [failed[first : first + PART] for first in range(0, len(failed), PART)] + new


def choose_model(first: Path | None, inputs: Sequence[Path]) -> tuple[Path, list[Path]]:
    """Return the model's folder, and the paths that are left as inputs.

    If the first argument is no model but an input, the model is the default one that ships with the package. What
    is neither may be on the Hub.

    Raises:
        CheckpointError: the first argument is none of these, or no model ships with the package.
    """
    first = None if first is None else _spelt(first)
    if first is not None and (is_model(first) or (not _is_input(first) and on_hub(str(first)))):
        return find_model(first), list(inputs)
    if first is not None and not _is_input(first):
        raise CheckpointError(f"{first}: no such model, recording or folder; check the path")
    return find_model(), [*([] if first is None else [first]), *inputs]


def collect_inputs(
    paths: Sequence[Path],
    listed: Path | None,
    text: TextOptions,
    segments: SegmentOptions,
    out: Path | None = None,
) -> Inputs:
    """Collect what to predict, and open the files that belong to it.

    Args:
        paths: recordings, folders and manifests.
        listed: a file with a path on each line.
        text: the transcripts.
        segments: the files of turns and speakers.
        out: where results are written; none of them belongs to a recording.

    Raises:
        CorpusError: there is nothing to predict, a folder has no recordings, `text` has several, or a file does
            not fit the recordings.
    """
    named: list[Recording | Utterance] = [one for path in paths for one in _expand(path)]
    named += recordings_of_list(listed) if listed else ()
    names = unique_ids([one.id for one in named])
    items = [one if one.id == name else _renamed(one, name) for one, name in zip(named, names, strict=True)]
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
        words=open_transcripts(text.transcripts, recordings, text.columns, out) if text.transcripts else None,
        speakers=open_speakers(segments.speakers, recordings, text.columns, out) if segments.speakers else None,
        turns=open_turns(segments.turns, recordings, text.columns, out) if segments.turns else None,
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


def unique_ids(ids: Sequence[str]) -> list[str]:
    """Return the ids; a repeated one gets a number behind it, the first that no other id has."""
    taken = set(ids)
    used: dict[str, int] = {}
    unique: list[str] = []
    for one in ids:
        number, name = used.get(one, 0) + 1, one
        if number > 1:
            while (name := f"{one}#{number}") in taken:
                number += 1
            taken.add(name)
        used[one] = number
        unique.append(name)
    return unique


def _renamed(one: Recording | Utterance, name: str) -> Recording | Utterance:
    return one._replace(id=name) if isinstance(one, Recording) else replace(one, id=name)


def _spelt(path: Path) -> Path:
    """Return a path as the disk spells it, if it does so in another way."""
    return path if os.path.lexists(path) else Path(found_path(str(path)))


def _with_audio(utterance: Utterance, audio: Path) -> Utterance:
    return utterance if audio == utterance.audio else replace(utterance, audio=audio)


def _expand(path: Path) -> Sequence[Recording | Utterance]:
    """Return what a path stands for: the recordings of a folder, the utterances of a manifest, or a recording."""
    path = _spelt(path)
    if os.path.isdir(path):  # unlike Path's, it takes any name
        return recordings_in(path)
    if path.suffix == ".jsonl":
        from emofuse.data.manifest import load_corpus

        return [_with_audio(one, _spelt(one.audio)) if one.audio else one for one in load_corpus(path).utterances]
    return [Recording(path.stem or str(path), str(path))]
