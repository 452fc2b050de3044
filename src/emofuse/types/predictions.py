"""Predictions for utterances, and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from emofuse.types import schemas
from emofuse.types.corpus import Modality, Skip, Utterance

# What a prediction is relative to: all inputs of a run, the turns of a recording, the utterances of a speaker.
RelativeTo: TypeAlias = Literal["collection", "recording", "speaker"]
# What people read in place of the label where the model abstained, and where there is no speech.
WITHHELD = "unsure"
NO_SPEECH = "no speech"


def shown_label(label: str | None, abstained: bool = False) -> str:
    """Return a label as people read it; where the model abstained, it is withheld, and stands in brackets.

    >>> shown_label("sad", abstained=True)
    'unsure (sad)'
    """
    if label is None:
        return NO_SPEECH
    return f"{WITHHELD} ({label})" if abstained else label


@dataclass(frozen=True)
class Prediction:
    """The prediction for one utterance: strings and floats only, one line of JSON.

    Attributes:
        label: the most probable one; None where the sound is no speech, or the model predicts dimensions only.
        confidence: the probability of the label; None without one.
        abstained: the confidence is too low: the label is withheld, shown as `unsure`, and counted nowhere.
        damaged: what is wrong with the recording, and how many seconds were decoded; None where it is whole.
        notes: only where there is anything else to know of its sound or text, one sentence each.
        dimensions: only where the model predicts any.
        segments: only of a long recording that was cut: the number of segments, their seconds of speech, and how
            their predictions were combined.
        speech: False where the sound is no speech; then there are no label, confidence and probabilities.
        relative_to: what the prediction is relative to; None for a plain one.
    """

    id: str
    label: str | None
    probabilities: Mapping[str, float] = field(hash=False)
    confidence: float | None
    audio: str | None = None
    start: float | None = None
    end: float | None = None
    text: str | None = None
    text_source: str | None = None
    text_unused: str | None = None
    abstained: bool = False
    speaker: str | None = None
    modalities: tuple[Modality, ...] = ()
    damaged: str | None = None
    model: str | None = None
    model_scope: str | None = None
    notes: tuple[str, ...] = ()
    dimensions: Mapping[str, float] | None = field(default=None, hash=False)
    segments: Mapping[str, int | float | str] | None = field(default=None, hash=False)
    speech: bool = True
    relative_to: RelativeTo | None = None

    # The order of the keys in JSON: first the utterance, then its prediction.
    KEYS: ClassVar[tuple[str, ...]] = (
        "id", "audio", "start", "end", "text", "text_source", "text_unused", "label", "probabilities",
        "confidence", "abstained", "speaker", "modalities", "damaged", "model", "model_scope",
        "relative_to",
    )  # fmt: skip

    @classmethod
    def of(
        cls,
        utterance: Utterance,
        probabilities: Mapping[str, float],
        modalities: tuple[Modality, ...],
        model: str | None = None,
        dimensions: Mapping[str, float] | None = None,
    ) -> Prediction:
        """Return the prediction of an utterance; `modalities` are those that the model used.

        Without probabilities, as of a model that predicts dimensions only, there are no label and no confidence.
        """
        label = max(probabilities, key=lambda name: probabilities[name], default=None)
        unused = "text" in utterance.modalities and "text" not in modalities
        return cls(
            id=utterance.id,
            label=label,
            probabilities=probabilities,
            confidence=None if label is None else probabilities[label],
            audio=None if utterance.audio is None else str(utterance.audio),
            start=utterance.start,
            end=utterance.end,
            text=utterance.text,
            text_source=utterance.text_source,
            text_unused="the model takes no text, or the text has no words" if unused else None,
            speaker=utterance.speaker,
            modalities=modalities,
            model=model,
            dimensions=dimensions,
        )

    @classmethod
    def without_speech(cls, utterance: Utterance) -> Prediction:
        """Return the prediction of an utterance whose sound is no speech: it has no label."""
        return cls(
            id=utterance.id,
            label=None,
            probabilities={},
            confidence=None,
            audio=None if utterance.audio is None else str(utterance.audio),
            start=utterance.start,
            end=utterance.end,
            text=utterance.text,
            text_source=utterance.text_source,
            text_unused="the sound is no speech" if utterance.text else None,
            speaker=utterance.speaker,
            speech=False,
        )

    @property
    def shown(self) -> str:
        """What people read: the label, that it is withheld or that there is no speech, else the dimensions."""
        if self.label is None and self.speech:
            return ", ".join(f"{name} {value:.2f}" for name, value in (self.dimensions or {}).items())
        return shown_label(self.label, self.abstained)

    def as_dict(self) -> dict[str, Any]:
        """Return the prediction as JSON would hold it, with its schema first.

        Notes, dimensions and segments are there only where there are any, and `speech` only where it is false.
        """
        values = asdict(self)
        plain = {key: list(values[key]) if key == "modalities" else values[key] for key in self.KEYS}
        document = {"schema": schemas.PREDICTION} | plain
        if self.notes:
            document["notes"] = list(self.notes)
        present = {key: values[key] for key in ("dimensions", "segments") if values[key] is not None}
        return document | present | ({} if self.speech else {"speech": False})

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Prediction:
        """Return the prediction of a document from `as_dict`; those of earlier versions have no schema.

        Raises:
            TypeError, KeyError, ValueError: the document is something else.
        """
        values = dict(document)
        if values.pop("schema", schemas.PREDICTION) != schemas.PREDICTION:
            raise ValueError(f"is not of the schema {schemas.PREDICTION}")
        return cls(**values | {key: tuple(values.get(key, ())) for key in ("modalities", "notes")})


@dataclass(frozen=True)
class ClassScore:
    """The recall, precision and F1 of one class, and its number of utterances."""

    recall: float | None
    precision: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class Evaluation:
    """How good a set of predictions is, with counts and with what was left out and why.

    Attributes:
        n: utterances scored.
        wa: weighted accuracy, the share of utterances that are right.
        ua: unweighted accuracy, the mean recall over the classes that occur.
        macro_f1: mean F1 over the classes that occur.
        per_class: label -> score.
        confusion: counts, rows are true labels and columns predicted ones, both in the task's order.
        missing_classes: labels of the task that do not occur; they are left out of `ua` and `macro_f1`.
        skipped: utterances that were not scored, with the reason.
    """

    n: int
    labels: tuple[str, ...]
    wa: float
    ua: float
    macro_f1: float
    per_class: Mapping[str, ClassScore] = field(hash=False)
    confusion: tuple[tuple[int, ...], ...]
    missing_classes: tuple[str, ...] = ()
    skipped: tuple[Skip, ...] = ()
