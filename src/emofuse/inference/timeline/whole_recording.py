"""One prediction for a long recording: the mean of those of its segments that are not withheld."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emofuse.errors import AudioError
from emofuse.inference.predictor import Predictor
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.inference.timeline.turn_finding import find_turns
from emofuse.inference.timeline.turn_predictions import has_unknown_text, notes_of_texts, predict_turns
from emofuse.types import MEAN_OF_SEGMENTS, MODALITIES, Prediction, Utterance

TEXT_UNUSED = "the recording was cut into segments, and which of them the text belongs to is not known"
# Seconds of speech in a segment, and its prediction.
Weighted = tuple[float, Prediction]


def predict_recording(
    predictor: Predictor, utterance: Utterance, path: Path, options: TimelineOptions
) -> Prediction:
    """Predict a long recording from its segments of speech, each weighted by its seconds.

    A recording without speech has no label. Segments on which the model abstains are left out; where it abstains
    on all, the prediction is the mean of all, and is withheld like them.

    Args:
        predictor: the model.
        utterance: the whole recording.
        path: of its sound.
        options: how segments are made.

    Raises:
        AudioError: it cannot be read, or nothing of it could be predicted.
        ModalityError: the model needs text; a text without times belongs to no segment.
    """
    options = replace(options, strict=options.strict or predictor.strict)
    found = find_turns(path, options)
    if not found.turns:
        return predictor.complete(replace(Prediction.without_speech(utterance), damaged=found.damaged))
    weighted: list[Weighted] = [
        (one.turn.seconds, one.result)
        for one in predict_turns(predictor, path, found.turns, options)
        if isinstance(one.result, Prediction)
    ]
    if not weighted:
        raise AudioError(f"{path}: no speech was found in it; --timeline states the reason for each segment")
    confident = [(weight, one) for weight, one in weighted if not one.abstained]
    kept = confident or weighted
    used = {modality for _, segment in kept for modality in segment.modalities}
    dimensions = [(weight, one.dimensions) for weight, one in kept if one.dimensions is not None]
    prediction = predictor.complete(
        Prediction.of(
            utterance,
            _mean((weight, one.probabilities) for weight, one in kept),
            tuple(modality for modality in MODALITIES if modality in used),
            dimensions=_mean(dimensions) if dimensions else None,
        )
    )
    return replace(
        _with_text(prediction, [one for _, one in weighted]),
        abstained=prediction.abstained or not confident,
        damaged=found.damaged,
        relative_to=next((one.relative_to for _, one in kept if one.relative_to is not None), None),
        notes=(*found.notes, *notes_of_texts([one for _, one in weighted])),
        segments=_segments(weighted),
    )


def _segments(weighted: Sequence[Weighted]) -> dict[str, int | float | str]:
    """Return how many segments a prediction is from, and how much of them is withheld."""
    seconds = sum(weight for weight, _ in weighted)
    withheld = sum(weight for weight, one in weighted if one.abstained)
    return {
        "n": len(weighted),
        "speech_seconds": round(seconds, 3),
        "withheld_seconds": round(withheld, 3),
        "withheld_share": withheld / seconds,
        "answer": MEAN_OF_SEGMENTS,
    }


def _with_text(prediction: Prediction, segments: Sequence[Prediction]) -> Prediction:
    """Return the prediction with the text of its segments where it has none of its own."""
    without = "text" not in prediction.modalities
    reasons = [one.text_unused for one in segments if has_unknown_text(one)] if without else []
    if prediction.text is not None:
        unused = TEXT_UNUSED if prediction.text and without else None
        return replace(prediction, text_unused=reasons[0] if reasons else unused)
    texts = [(one.text, one.text_source) for one in segments if one.text]
    if not texts:
        return prediction
    return replace(
        prediction,
        text=" ".join(text for text, _ in texts),
        text_source=texts[0][1],
        text_unused=reasons[0] if reasons else None,
    )


def _mean(weighted: Iterable[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """Return the weighted mean of numbers by name."""
    total = 0.0
    sums: dict[str, float] = {}
    for weight, numbers in weighted:
        total += weight
        for name, number in numbers.items():
            sums[name] = sums.get(name, 0.0) + weight * number
    return {name: number / total for name, number in sums.items()}
