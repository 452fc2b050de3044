"""From a model and an utterance to an explanation: by gradients where the model has them, else by occlusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from emofuse.data.preparation import Item
from emofuse.errors import ModalityError, RecipeError
from emofuse.evaluation.calibration import pattern_of
from emofuse.inference.choice.chosen_models import ModelName
from emofuse.inference.explain.contributions import Contributions
from emofuse.inference.explain.explained_input import ExplainedInput, prepare_input
from emofuse.inference.explain.explained_model import ExplainedModel, open_model
from emofuse.inference.explain.explanation import Explanation, Removal
from emofuse.inference.explain.moments import STEP, by_moment, usual
from emofuse.inference.explain.occlusion import may_lack_text, occlude
from emofuse.inference.explain.shown_attention import attention_of
from emofuse.sound.speech_turns import SpeechGate
from emofuse.types import Modality

# The most gradients that an explanation takes, unless the caller says otherwise, and the fewest it can do with.
GRADIENTS, FEWEST_GRADIENTS = 1024, 48

USUAL = "a steady sound: every band of pitch at its usual loudness, its median over the recording"
HISS = "a faint hiss of the same length, 40 dB below the recording: white noise, always the same"
MASKED = "as many words, each replaced by the mark that the model knows for a hidden word"
EMPTY = "as many words, each without content (zeros)"
NO_TEXT = "no words, as of a recording without a transcript"
NO_WORDS = "a text without any words"
INCOMPLETE = (
    "the numbers do not add up to the difference that they explain within 5 %: do not rely on their order, "
    "or allow more steps"
)
NO_SPEECH_FOUND = "no speech was found in the recording: what follows shows what the model responded to instead"


def explain(
    model: ModelName,
    audio: str | Path | None = None,
    text: str | None = None,
    label: str | None = None,
    steps: int = GRADIENTS,
    device: str | None = None,
    any_sound: bool = False,
    language: str | None = None,
) -> Explanation:
    """Explain the prediction for one utterance: which words and which moments support a label.

    The same call gives the same explanation.

    Args:
        model: as `emofuse.load` takes it. A model folder of ours is explained by integrated gradients; an exported
            one, without torch, and models of others by occlusion.
        audio: the recording.
        text: its transcript.
        label: what to explain; None for the predicted one.
        steps: the most gradients to compute; fewer are taken where they suffice. Occlusion computes none.
        device: where to compute; None takes a GPU where there is one.
        any_sound: explain sound without speech as if it were speech.
        language: ISO 639-1 code of the transcript; a text in a language that the model does not know is left out
            where there is sound. None lets letters and words tell, if they are plain.

    Raises:
        CheckpointError: there is no such folder, or it is not a whole emofuse model.
        RecipeError: the model has no such label, or there are too few steps.
        AudioError: the recording cannot be used, or is too long for one utterance.
        ModalityError: the model needs a modality that is missing.
        MissingExtraError: a model folder is to be explained, and torch or captum is not installed.
    """
    if steps < FEWEST_GRADIENTS:
        raise RecipeError(f"steps {steps}: an explanation takes at least {FEWEST_GRADIENTS} gradients")
    explained = open_model(model, device)
    if not explained.runtime.traits.task.labels:
        raise RecipeError(f"{explained.runtime.traits.name}: predicts no labels, and these are explained")
    source = prepare_input(explained, Path(audio) if audio is not None else None, text, language)
    _refuse_missing(explained, source)
    explanation = _explain(explained, source, label, steps)
    complete = explanation.completeness is None or explanation.completeness.held
    notes = _notes(explained, source, complete)
    if any_sound or source.clip is None or SpeechGate().has_speech(source.clip):
        abstained = explained.calibration.abstains(max(explanation.probabilities.values()))
        return replace(explanation, abstained=abstained, notes=notes)
    return replace(explanation, predicted=None, notes=(NO_SPEECH_FOUND, *notes))


def _explain(explained: ExplainedModel, source: ExplainedInput, label: str | None, steps: int) -> Explanation:
    """Explain a prepared utterance with an opened model; see `explain`."""
    labels = explained.runtime.traits.task.labels
    if label is not None and label not in labels:
        raise RecipeError(f"label {label!r}: the labels of the model are {', '.join(labels)}")
    probabilities = _probabilities(explained, source.item)
    predicted = max(probabilities, key=lambda name: probabilities[name])
    wanted = label or predicted
    found = _contributions(explained, source, labels.index(wanted), steps)
    return Explanation(
        id=source.id,
        audio=None if source.audio is None else str(source.audio),
        text=source.reading.text if source.reading else None,
        model=explained.runtime.traits.name,
        method=found.method,
        label=wanted,
        predicted=predicted,
        probabilities=probabilities,
        target=_target(wanted, labels, explained.runtime.traits.task.multi_label),
        baselines=_baselines(explained, source),
        words=source.reading.with_attributions(found.pieces) if source.reading else (),
        moments=tuple(map(float, found.moments)),
        step=found.step,
        seconds=source.seconds,
        completeness=found.completeness,
        removals=_removals(explained, source.item),
        attention=attention_of(explained, source.reading, source.item, (source.start, source.moments)),
        model_scope=explained.scope,
    )


def _refuse_missing(explained: ExplainedModel, source: ExplainedInput) -> None:
    traits = explained.runtime.traits
    missing = [modality for modality in traits.modalities if modality not in source.item.modalities]
    if missing and (not source.item.modalities or not traits.missing_modalities):
        raise ModalityError(f"{source.id}: has no {missing[0]}, and the model needs it; give it")


def _probabilities(explained: ExplainedModel, item: Item) -> dict[str, float]:
    """Return the probabilities of the labels, as a prediction has them."""
    task = explained.runtime.traits.task
    logits = explained.runtime(explained.preparation.collate([item])).logits
    probabilities = explained.calibration.apply(logits, [pattern_of(item.modalities)], task.multi_label)[0]
    return dict(zip(task.labels, map(float, probabilities), strict=True))


def _contributions(explained: ExplainedModel, source: ExplainedInput, label: int, steps: int) -> Contributions:
    if explained.network is None:
        return occlude(explained.runtime, explained.preparation, source, label)
    from emofuse.inference.explain.attributions import Subject, attribute

    reading, audio, values = source.reading, explained.preparation.audio, source.item.values
    subject = Subject(
        model=explained.network,
        batch=explained.preparation.collate([source.item]),
        label=label,
        usual=None if audio is None or values is None else usual(audio, values),
        mask=reading.mask if reading else None,
        special=reading.special if reading else (),
    )
    attributed = attribute(subject, steps)
    moments = pieces = np.zeros(0)
    if attributed.audio is not None and audio is not None:
        moments = by_moment(attributed.audio, audio.steps_per_second, source.start, source.moments)
    if attributed.text is not None:
        pieces = attributed.text
    return Contributions("integrated gradients", moments, STEP, pieces, attributed.completeness)


def _removals(explained: ExplainedModel, item: Item) -> tuple[Removal, ...]:
    """Return the prediction without each modality, for an utterance that has both."""
    if item.values is None or item.ids is None:
        return ()
    remaining: dict[Modality, Item] = {"audio": Item(None, item.ids), "text": Item(item.values, None)}
    trained = explained.runtime.traits.missing_modalities
    without = {modality: _probabilities(explained, item) for modality, item in remaining.items()}
    return tuple(
        Removal(
            modality,
            max(values, key=lambda name: values[name]),
            values,
            trained,
            explained.calibration.abstains(max(values.values())),
        )
        for modality, values in without.items()
    )


def _target(label: str, labels: tuple[str, ...], multi_label: bool) -> str:
    if multi_label or len(labels) < 2:
        return f"the model's score for {label}, before it is turned into a probability"
    return (
        f"the model's score for {label} minus the mean of its scores for the other labels, before they are turned "
        "into probabilities"
    )


def _baselines(explained: ExplainedModel, source: ExplainedInput) -> Mapping[Modality, str]:
    baselines: dict[Modality, str] = {}
    if source.item.values is not None:
        baselines["audio"] = HISS if source.item.values.ndim == 1 else USUAL
    if source.reading is not None and explained.network is not None:
        baselines["text"] = EMPTY if source.reading.mask is None else MASKED
    elif source.reading is not None:
        baselines["text"] = NO_TEXT if may_lack_text(explained.runtime, source.item) else NO_WORDS
    return baselines


def _notes(explained: ExplainedModel, source: ExplainedInput, complete: bool) -> tuple[str, ...]:
    notes = [*([] if complete else [INCOMPLETE]), *source.notes]
    if not explained.runtime.traits.missing_modalities and len(source.item.modalities) > 1:
        notes.append(
            "the model was not trained with sound or words missing: its predictions without one are unreliable"
        )
    return tuple(notes)
