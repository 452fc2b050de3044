"""One answer for a long recording: the mean of its segments, and it says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from emofuse.errors import AudioError
from emofuse.inference.predictor import Predictor
from emofuse.inference.timeline.compose import refuse_wordless
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.inference.timeline.turn_finding import listen
from emofuse.inference.timeline.turn_predictions import answers
from emofuse.types import MODALITIES, Prediction, Utterance

ANSWER = "mean of the segments, weighed by their seconds"
LEFT_ASIDE = "the recording was cut into segments, and nobody knows which of them the words belong to"


def predict_recording(
    predictor: Predictor, utterance: Utterance, options: TimelineOptions | None = None
) -> Prediction:
    """Predict a long recording from its segments of speech, each weighed by its seconds.

    Raises:
        AudioError: it cannot be read, or nobody speaks in it.
        ModalityError: the model needs words; a text without times belongs to no segment.
    """
    assert utterance.audio is not None  # it is a recording
    options = options or TimelineOptions(words=utterance.text, language=utterance.language)
    heard = listen(utterance.audio, options)
    refuse_wordless(predictor, utterance.audio, heard.turns, options)
    found: list[tuple[float, Prediction]] = []
    for answer in answers(predictor, utterance.audio, heard.turns, options):
        if isinstance(answer.said, Prediction):
            found.append((answer.turn.seconds, answer.said))
    if not found:
        raise AudioError(
            f"{utterance.audio}: no speech was found in it; "
            "a timeline by windows (--timeline --segmentation windows) takes all there is"
        )
    whole = {modality for _, said in found for modality in said.modalities}
    chances = _mean((weight, said.probabilities) for weight, said in found)
    told = [(weight, said.dimensions) for weight, said in found if said.dimensions is not None]
    label = max(chances, key=lambda name: chances[name])
    recognised = " ".join(said.text for _, said in found if said.text) if utterance.text is None else ""
    source = next((said.text_source for _, said in found if said.text), None)
    return Prediction(
        id=utterance.id,
        label=label,
        probabilities=chances,
        confidence=chances[label],
        audio=str(utterance.audio),
        text=recognised or utterance.text,
        text_source=source if recognised else utterance.text_source,
        text_unused=LEFT_ASIDE if utterance.text and "text" not in whole else None,
        abstained=predictor.calibration.abstains(chances[label]),
        speaker=utterance.speaker,
        modalities=tuple(modality for modality in MODALITIES if modality in whole),
        model=predictor.name,
        model_scope=predictor.scope,
        dimensions=_mean(told) if told else None,
        segments={
            "n": len(found),
            "speech_seconds": round(sum(weight for weight, _ in found), 3),
            "answer": ANSWER,
        },
    )


def _mean(weighed: Iterable[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """Return the mean of numbers by name, each weighed."""
    total = 0.0
    sums: dict[str, float] = {}
    for weight, numbers in weighed:
        total += weight
        for name, number in numbers.items():
            sums[name] = sums.get(name, 0.0) + weight * number
    return {name: number / total for name, number in sums.items()}
