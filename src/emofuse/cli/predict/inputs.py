"""What is to be predicted: recordings, folders, lists, manifests and texts, each with an id of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from emofuse.cli.predict.transcript_files import Words, one_text
from emofuse.errors import CorpusError, EmofuseError
from emofuse.types import Skip, Utterance


class Found(NamedTuple):
    """A recording that was found: of an archive of many, no more is held of each."""

    id: str
    audio: str


@dataclass(frozen=True)
class Inputs:
    """What is to be predicted, in order; utterances are made of it as it is gone through.

    Attributes:
        found: recordings, and utterances of manifests.
        words: what is said in them; None where nobody wrote it down.
    """

    found: Sequence[Found | Utterance]
    words: Words | None = None

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Utterance]:
        """Yield them without the words that lie beside them."""
        return map(_utterance, self.found)

    def with_words(self, refuse: Callable[[Skip], None]) -> Iterator[Utterance]:
        """Yield them with their words; of which the words cannot be read, `refuse` is told instead."""
        for utterance in self:
            try:
                said = self.words(utterance) if self.words else None
            except EmofuseError as error:
                refuse(Skip(utterance.id, str(error)))
                continue
            yield utterance if said is None else replace(utterance, text=one_text(said), text_source="gold")

    def at(self, places: Iterable[int]) -> Inputs:
        """Return some of it, by their positions."""
        return replace(self, found=[self.found[place] for place in places])


def collect_inputs(
    paths: Sequence[Path], listed: Path | None = None, text: str | None = None, transcripts: Path | None = None
) -> Inputs:
    """Turn a command's arguments into what is to be predicted.

    Raises:
        CorpusError: there is nothing to predict, a folder has no recording in it, or `text` has several.
    """
    named: list[Found | Utterance] = [one for path in paths for one in _found(path)]
    found = _with_unique_ids([*named, *(_listed(listed) if listed else ())])
    if text is not None:
        if len(found) > 1:
            raise CorpusError(f"--text goes with one recording, not with {len(found)}; use --transcripts")
        only = _utterance(found[0]) if found else Utterance("text", text=text)
        found = [replace(only, text=text, text_source="gold")]
    if not found:
        raise CorpusError("there is nothing to predict: name recordings, or give --text")
    if transcripts is None:
        return Inputs(found)
    from emofuse.cli.predict.transcript_files import open_transcripts

    return Inputs(found, open_transcripts(transcripts, [_utterance(one) for one in found]))


def _utterance(one: Found | Utterance) -> Utterance:
    return one if isinstance(one, Utterance) else Utterance(one.id, audio=Path(one.audio))


def _with_unique_ids(found: Sequence[Found | Utterance]) -> list[Found | Utterance]:
    """Return the inputs; what repeats an id gets a number behind it."""
    seen: Counter[str] = Counter()
    unique: list[Found | Utterance] = []
    for one in found:
        seen[one.id] += 1
        number = seen[one.id]
        unique.append(one if number == 1 else _renamed(one, f"{one.id}#{number}"))
    return unique


def _renamed(one: Found | Utterance, name: str) -> Found | Utterance:
    return one._replace(id=name) if isinstance(one, Found) else replace(one, id=name)


def _found(path: Path) -> Sequence[Found | Utterance]:
    if os.path.isdir(path):  # unlike Path's, it takes any name
        return _in_folder(path)
    if path.suffix == ".jsonl":
        from emofuse.data.manifest import load_corpus

        return load_corpus(path).utterances
    return [Found(path.stem or str(path), str(path))]


def _in_folder(folder: Path) -> list[Found]:
    """Return the recordings of a folder and of those in it, by their paths, in order."""
    from emofuse.sound.clips import AUDIO_SUFFIXES

    paths = [
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(AUDIO_SUFFIXES) and os.path.isfile(os.path.join(place, name))
    ]
    if not paths:
        raise CorpusError(f"{folder}: the folder has no recording in it ({', '.join(AUDIO_SUFFIXES)})")
    paths.sort(key=lambda path: path.split(os.sep))
    return [Found(_name(os.path.relpath(path, folder)), path) for path in paths]


def _listed(path: Path) -> list[Found]:
    """Return the recordings of a list, one path a line, relative to where the command runs."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="surrogateescape").split("\n")
    except FileNotFoundError as error:
        raise CorpusError(f"--list {path}: no such file; write one path a line into it") from error
    except OSError as error:
        raise CorpusError(f"--list {path}: cannot be read ({error.strerror})") from error
    paths = [line.rstrip("\r") for line in lines if line.strip()]
    if not paths:
        raise CorpusError(f"--list {path}: is empty; write one path a line into it")
    folders = {os.path.dirname(os.path.abspath(one)) for one in paths}
    common = os.path.commonpath(folders)
    return [Found(_name(os.path.relpath(os.path.abspath(one), common)), one) for one in paths]


def _name(path: str) -> str:
    return os.path.splitext(path)[0].replace(os.sep, "/")
