"""Records of corpora: utterances, folds, tasks, audit findings, and what was skipped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from emofuse.errors import CorpusError

Modality = Literal["audio", "text"]
MODALITIES: tuple[Modality, ...] = ("audio", "text")
# The paper's three systems: each modality alone, and both.
SystemName = Literal["audio", "text", "fusion"]
SYSTEMS: tuple[SystemName, ...] = ("audio", "text", "fusion")
# The last second of a span: thirty years of sound.
LONGEST_SECONDS = 1e9
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Utterance:
    """An utterance: its recording, its words, its label and its speaker.

    Attributes:
        id: unique within a corpus.
        audio: path of the recording, which may be given as a string; None where there is only text.
        start: first second of the span within the recording; None for its beginning.
        end: last second of the span; None for the end of the recording.
        text: the words, unprocessed; None where there is no transcript.
        text_source: "gold", "asr:ENGINE" or None.
        transcripts: further transcripts by source, so that gold and recognised text are kept side by side.
        label: the emotion as a word; None on a tie or where there is none.
        votes: label -> weight, as the raters gave them; None where the corpus has none.
        dimensions: valence, arousal, dominance as the corpus scales them; None where it has none.
        speaker: None where unknown.
        session: the recording session.
        gender: the speaker's gender as the corpus codes it.
        dialogue: the conversation that the utterance belongs to.
        language: ISO 639-1 code.
        split: the corpus's own partition ("train", "validation", "test").
        tags: further facts of the corpus, as strings.

    Raises:
        CorpusError: the id is empty, it has neither audio nor text, the span is empty or begins before 0, or a
            vote or a dimension is no number.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    id: str
    audio: Path | None = None
    start: float | None = None
    end: float | None = None
    text: str | None = None
    text_source: str | None = None
    transcripts: Mapping[str, str] = field(default_factory=dict, hash=False)
    label: str | None = None
    votes: Mapping[str, float] | None = field(default=None, hash=False)
    dimensions: Mapping[str, float] | None = field(default=None, hash=False)
    speaker: str | None = None
    session: str | None = None
    gender: str | None = None
    dialogue: str | None = None
    language: str | None = None
    split: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "audio", _path(self.audio, self.id))
        if not self.id:
            raise CorpusError("an utterance needs an id that is not empty")
        if self.audio is None and self.text is None:
            raise CorpusError(f"utterance {self.id!r} has neither audio nor text; give at least one")
        start, end = self.start or 0.0, math.inf if self.end is None else self.end
        times = [time for time in (self.start, self.end) if time is not None]
        if start < 0 or end <= start or not all(time < LONGEST_SECONDS for time in times):
            raise CorpusError(f"utterance {self.id!r} has no valid span: start {self.start}, end {self.end}")
        figures = (*(self.votes or {}).values(), *(self.dimensions or {}).values())
        if not all(map(math.isfinite, figures)):
            raise CorpusError(f"utterance {self.id!r} has votes or dimensions that are no numbers")

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that are present; an empty transcript is an absent modality."""
        present = {"audio": self.audio is not None, "text": bool(self.text and self.text.strip())}
        return tuple(modality for modality in MODALITIES if present[modality])


def _path(audio: object, identity: str) -> Path | None:
    """Return the path of a recording, which people write as a string too."""
    if audio is None or isinstance(audio, Path):
        return audio
    if isinstance(audio, str):
        return Path(audio)
    raise CorpusError(
        f"utterance {identity!r}: audio is the path of a recording, not of type {type(audio).__name__}"
    )


@dataclass(frozen=True)
class Corpus:
    """An ordered, immutable collection of utterances with unique ids.

    Raises:
        CorpusError: two utterances share an id.
    """

    utterances: tuple[Utterance, ...]
    name: str = ""

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for utterance in self.utterances:
            if utterance.id in seen:
                raise CorpusError(f"{self.name or 'corpus'}: the id {utterance.id!r} occurs twice; ids are unique")
            seen.add(utterance.id)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    def __len__(self) -> int:
        return len(self.utterances)

    def select(self, selected: Iterable[str] | Callable[[Utterance], bool]) -> Corpus:
        """Keep the utterances with these ids, or those for which the predicate holds, in corpus order.

        Raises:
            CorpusError: an id is not in the corpus.
        """
        if callable(selected):
            return replace(self, utterances=tuple(u for u in self.utterances if selected(u)))
        ids = set(selected)
        kept = tuple(u for u in self.utterances if u.id in ids)
        if len(kept) < len(ids):
            missing = sorted(ids - {u.id for u in kept})
            raise CorpusError(f"{self.name or 'corpus'}: no utterance has the id {missing[0]!r}")
        return replace(self, utterances=kept)

    def relabel(self, mapping: Mapping[str, str]) -> Corpus:
        """Rename labels and votes; a label outside the mapping becomes null, and its utterance stays.

        Votes of labels with one new name are added; votes for labels outside the mapping keep their name.
        """
        return replace(self, utterances=tuple(_relabelled(u, mapping) for u in self.utterances))


def _relabelled(utterance: Utterance, mapping: Mapping[str, str]) -> Utterance:
    votes: dict[str, float] | None = None
    if utterance.votes is not None:
        votes = {}
        for label, weight in utterance.votes.items():
            name = mapping.get(label, label)
            votes[name] = votes.get(name, 0.0) + weight
    kept = None if utterance.label is None else mapping.get(utterance.label)
    return replace(utterance, label=kept, votes=votes)


@dataclass(frozen=True)
class Fold:
    """One split of a corpus: ids for training, for validation and for the test.

    Attributes:
        index: position among the folds, from 1.
        name: what is held out ("session 3").
        validation_unit: the unit of the validation part ("session", "speaker", "utterance"); None without one.
        purged: ids that are in no part, because their text is in the test part.
    """

    index: int
    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    validation_unit: Literal["session", "speaker", "utterance", "split"] | None = None
    purged: tuple[str, ...] = ()

    @classmethod
    def checked(cls, corpus: Corpus, fold: Fold) -> Fold:
        """Return the fold if no speaker and no utterance is in two of its parts.

        Validation may share speakers with training only where it had to be cut by utterances.

        Raises:
            CorpusError: an utterance or a speaker is in two parts.
        """
        if len({*fold.train, *fold.validation, *fold.test}) < sum(
            map(len, (fold.train, fold.validation, fold.test))
        ):
            raise CorpusError(f"fold {fold.name!r}: an utterance is in two parts")
        shared = fold.shared_speakers(corpus)
        if shared:
            names = ", ".join(sorted(shared))
            raise CorpusError(f"fold {fold.name!r}: speaker {names} is in two parts; use a speaker protocol")
        return fold

    def shared_speakers(self, corpus: Corpus) -> set[str]:
        """Return the speakers in two parts; validation cut by utterances may share speakers with training."""
        speakers = {u.id: u.speaker for u in corpus}
        train, validation, test = (
            {str(speakers[i]) for i in part if speakers[i] is not None}
            for part in (self.train, self.validation, self.test)
        )
        shared = test & (train | validation)
        return shared if self.validation_unit == "utterance" else shared | (train & validation)


@dataclass(frozen=True)
class Task:
    """What a system predicts: labels in order, and dimensions in order.

    Attributes:
        labels: an utterance has one of them or, with `multi_label`, any number.
        dimensions: such as valence.
        ranges: the lowest and highest value of each dimension, as the corpus scales it.
        multi_label: each label is present or absent on its own.
    """

    labels: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    ranges: tuple[tuple[float, float], ...] = ()
    multi_label: bool = False

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels) or len(self.labels) == 1:
            raise CorpusError(f"a task needs two or more different labels, not {list(self.labels)}")
        if len(self.ranges) != len(self.dimensions) or any(high <= low for low, high in self.ranges):
            raise CorpusError(f"each of the dimensions {list(self.dimensions)} needs its lowest and highest value")


@dataclass(frozen=True)
class Skip:
    """An input that was skipped, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """A finding of the audit: what, how severe, where, and the remedy."""

    code: str
    severity: Severity
    count: int
    utterances: tuple[str, ...]
    message: str
    remedy: str
