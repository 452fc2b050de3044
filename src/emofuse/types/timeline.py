"""Timelines of recordings: turns, segments with their predictions, and excluded spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emofuse.types import schemas
from emofuse.types.corpus import Modality
from emofuse.types.predictions import Prediction, RelativeTo

# Segments of fewer seconds are marked, because their predictions mean little.
SHORT_SECONDS = 1.0


# How one prediction is made of those of the segments of a recording.
MEAN_OF_SEGMENTS = "mean of the segments that are not withheld, weighted by their seconds"


@dataclass(frozen=True)
class Turn:
    """A stretch of a recording in which one speaker speaks; times in seconds."""

    start: float
    end: float
    speaker: str | None = None
    text: str | None = None
    text_source: str | None = None
    language: str | None = None

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True)
class ExcludedSpan:
    """A span that was not analysed, and why; times in seconds."""

    start: float
    end: float
    reason: str


@dataclass(frozen=True)
class Segment:
    """An analysed stretch of speech with its prediction; times in seconds.

    Attributes:
        abstained: the confidence is too low: the label is withheld, shown as `unsure`, and counted nowhere.
        short: below one second, where a prediction means little.
        modalities: those that the prediction is from.
        relative_to: what the prediction is relative to; None for a plain one.
    """

    start: float
    end: float
    label: str
    probabilities: Mapping[str, float] = field(hash=False)
    confidence: float
    abstained: bool = False
    speaker: str | None = None
    text: str | None = None
    text_source: str | None = None
    language: str | None = None
    modalities: tuple[Modality, ...] = ()
    short: bool = False
    relative_to: RelativeTo | None = None

    @classmethod
    def of(cls, turn: Turn, prediction: Prediction) -> Segment:
        """Return the segment of a turn and its prediction.

        Raises:
            ValueError: the prediction has no label.
        """
        if prediction.label is None or prediction.confidence is None:
            raise ValueError(f"{prediction.id}: a prediction without a label makes no segment")
        return cls(
            start=turn.start,
            end=turn.end,
            label=prediction.label,
            probabilities=dict(prediction.probabilities),
            confidence=prediction.confidence,
            abstained=prediction.abstained,
            speaker=turn.speaker,
            text=turn.text,
            text_source=turn.text_source,
            language=turn.language,
            modalities=prediction.modalities,
            short=turn.seconds < SHORT_SECONDS,
            relative_to=prediction.relative_to,
        )

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start

    def as_dict(self) -> dict[str, Any]:
        """Return the segment as JSON would hold it."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "speaker": self.speaker,
            "text": self.text,
            "text_source": self.text_source,
            "language": self.language,
            "label": self.label,
            "probabilities": dict(self.probabilities),
            "confidence": self.confidence,
            "abstained": self.abstained,
            "modalities": list(self.modalities),
            "short": self.short,
            "relative_to": self.relative_to,
        }


@dataclass(frozen=True)
class Timeline:
    """A recording from its beginning to its end: segments in order of their start.

    Attributes:
        id: of the recording, or of one channel of it.
        audio: its path.
        seconds: its length.
        labels: those of the model, in order.
        segments: what was analysed.
        excluded: what was not, and why (music, bleed of another channel ...); silence is not listed.
        damaged: what is wrong with the recording, and how many seconds were decoded; None where it is whole.
        channel: the name of the channel, where channels are taken one by one.
        segmentation: how the segments were found: `silero`, `energy`, `windows`, `given`, `whole`.
        smoothing: seconds over which probabilities are smoothed; 0 for none.
        baseline: whether probabilities are relative to each speaker's own mean.
        notes: what a reader must know, one sentence each (there was no text, ...).
        relative_to: what its predictions are relative to, as far as there are turns enough; None for plain ones.
    """

    id: str
    audio: str
    seconds: float
    labels: tuple[str, ...]
    segments: tuple[Segment, ...] = ()
    excluded: tuple[ExcludedSpan, ...] = ()
    channel: str | None = None
    segmentation: str = "whole"
    smoothing: float = 0.0
    baseline: bool = False
    model: str | None = None
    model_scope: str | None = None
    notes: tuple[str, ...] = ()
    damaged: str | None = None
    relative_to: RelativeTo | None = None

    @property
    def speech_seconds(self) -> float:
        """How much was analysed."""
        return sum(segment.seconds for segment in self.segments)

    @property
    def withheld_seconds(self) -> float:
        """How much of what was analysed has no label, because the model abstained."""
        return sum(segment.seconds for segment in self.segments if segment.abstained)

    @property
    def abstained(self) -> bool:
        """Whether the prediction for the whole recording is withheld: there are segments, and all of them are."""
        return bool(self.segments) and all(segment.abstained for segment in self.segments)

    @property
    def overall(self) -> dict[str, float]:
        """The mean probabilities of the segments that are not withheld, by seconds; empty where there are none."""
        kept = [segment for segment in self.segments if not segment.abstained]
        total = sum(segment.seconds for segment in kept)
        if not total:
            return {}
        return {
            label: sum(segment.seconds * segment.probabilities[label] for segment in kept) / total
            for label in self.labels
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the timeline as JSON would hold it: schema, prediction for the whole recording, segments."""
        overall, speech = self.overall, self.speech_seconds
        label = max(overall, key=lambda name: overall[name]) if overall else None
        return {
            "schema": schemas.TIMELINE,
            "id": self.id,
            "audio": self.audio,
            "channel": self.channel,
            "seconds": round(self.seconds, 3),
            "speech_seconds": round(speech, 3),
            "withheld_seconds": round(self.withheld_seconds, 3),
            "withheld_share": self.withheld_seconds / speech if speech else None,
            "label": label,
            "probabilities": overall,
            "abstained": self.abstained,
            "answer": MEAN_OF_SEGMENTS,
            "segmentation": self.segmentation,
            "smoothing": self.smoothing,
            "baseline": self.baseline,
            "relative_to": self.relative_to,
            "damaged": self.damaged,
            "model": self.model,
            "model_scope": self.model_scope,
            "notes": list(self.notes),
            "labels": list(self.labels),
            "segments": [segment.as_dict() for segment in self.segments],
            "passed": [
                {"start": round(p.start, 3), "end": round(p.end, 3), "reason": p.reason} for p in self.excluded
            ],
        }
