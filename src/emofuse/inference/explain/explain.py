"""From a model folder and an utterance to an explanation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emofuse.data.preparation import Item, Preparation
from emofuse.errors import ModalityError, RecipeError
from emofuse.evaluation.calibration import pattern_of
from emofuse.inference.explain.explained_input import Given, given_to
from emofuse.inference.explain.explained_model import Opened, open_model
from emofuse.inference.explain.explanation import Explanation, Removal
from emofuse.inference.explain.moments import STEP, by_moment, usual
from emofuse.inference.explain.shown_attention import attention_of
from emofuse.types import Modality
from emofuse.types.arrays import Float64Array

if TYPE_CHECKING:
    from emofuse.inference.explain.attributions import Attributions

# The most gradients that an explanation takes, unless the caller says otherwise, and the fewest it can do with.
GRADIENTS, FEWEST_GRADIENTS = 1024, 48

USUAL = "a constant spectrum: each bin of the filter bank at its median over the recording"
HISS = "white noise (always the same) of the same length, 40 dB below the recording"
MASKED = "the same number of tokens, each replaced by the encoder's mask token"
EMPTY = "the same number of tokens, each with an embedding of zeros; the tokenizer's special tokens stay"
INCOMPLETE = (
    "the attributions do not add up to the explained difference within 5 %: do not rely on their order, or allow "
    "more gradients"
)


def explain(
    model: str | Path,
    audio: str | Path | None = None,
    text: str | None = None,
    label: str | None = None,
    steps: int = GRADIENTS,
    device: str | None = None,
) -> Explanation:
    """Explain what a model says of one utterance: which words and which moments spoke for a label.

    The same call gives the same explanation.

    Args:
        model: a model folder, or a run folder with a model in it; not an exported one.
        audio: the recording.
        text: what is said in it.
        label: what to explain; None for what the model says.
        steps: the most gradients to compute; fewer are taken where they suffice.
        device: where to compute; None takes a GPU where there is one.

    Raises:
        CheckpointError: there is no such folder, it is not a whole emofuse model, or it is an exported one.
        RecipeError: the model does not tell the label, or there are too few steps.
        AudioError: the recording cannot be used, or is too long for one utterance.
        ModalityError: the model needs what is not given.
        MissingExtraError: torch or captum is not installed.
    """
    if steps < FEWEST_GRADIENTS:
        raise RecipeError(f"steps {steps}: an explanation takes at least {FEWEST_GRADIENTS} gradients")
    opened = open_model(model, device)
    return explain_opened(opened, Path(audio) if audio is not None else None, text, label, steps)


def explain_opened(
    opened: Opened, audio: Path | None, text: str | None, label: str | None = None, steps: int = GRADIENTS
) -> Explanation:
    """Explain with a model that is open; see `explain`."""
    given = given_to(opened.preparation, audio, text)
    _refuse_missing(opened, given)
    labels = opened.runtime.traits.task.labels
    if label is not None and label not in labels:
        raise RecipeError(f"label {label!r}: the labels of the model are {', '.join(labels)}")
    probabilities = _probabilities(opened, given.item)
    predicted = max(probabilities, key=lambda name: probabilities[name])
    wanted = label or predicted
    attributed = _attribute(opened, given, labels.index(wanted), steps)
    moments, weights = _shared_out(opened.preparation, given, attributed)
    return Explanation(
        id=given.id,
        audio=None if audio is None else str(audio),
        text=given.reading.text if given.reading else None,
        model=opened.runtime.traits.name,
        label=wanted,
        predicted=predicted,
        probabilities=probabilities,
        target=_target(wanted, labels, opened.runtime.traits.task.multi_label),
        baselines=_baselines(given),
        words=given.reading.weighed(weights) if given.reading else (),
        moments=tuple(map(float, moments)),
        step=STEP,
        seconds=given.seconds,
        completeness=attributed.completeness,
        removals=_removals(opened, given.item),
        attention=attention_of(opened, given.reading, given.item, (given.start, given.moments)),
        notes=_notes(opened, given, text, attributed),
    )


def _refuse_missing(opened: Opened, given: Given) -> None:
    traits = opened.runtime.traits
    missing = [modality for modality in traits.modalities if modality not in given.item.modalities]
    if missing and (not given.item.modalities or not traits.missing_modalities):
        raise ModalityError(f"{given.id}: has no {missing[0]}, and the model needs it; give it")


def _probabilities(opened: Opened, item: Item) -> dict[str, float]:
    """Return what the model says, as a prediction has it."""
    task = opened.runtime.traits.task
    logits = opened.runtime(opened.preparation.collate([item])).logits
    chances = opened.calibration.apply(logits, [pattern_of(item.modalities)], task.multi_label)[0]
    return dict(zip(task.labels, map(float, chances), strict=True))


def _attribute(opened: Opened, given: Given, label: int, steps: int) -> Attributions:
    from emofuse.inference.explain.attributions import Subject, attribute

    reading, sound, heard = given.reading, opened.preparation.audio, given.item.values
    subject = Subject(
        model=opened.runtime.model,
        batch=opened.preparation.collate([given.item]),
        label=label,
        usual=None if sound is None or heard is None else usual(sound, heard),
        mask=reading.mask if reading else None,
        special=reading.special if reading else (),
    )
    return attribute(subject, steps)


def _shared_out(
    preparation: Preparation, given: Given, attributed: Attributions
) -> tuple[Float64Array, Float64Array]:
    """Return the attributions of moments and of pieces; none for a modality that is absent."""
    none = np.zeros(0)
    moments = none
    if attributed.audio is not None and preparation.audio:
        moments = by_moment(attributed.audio, preparation.audio.steps_per_second, given.start, given.moments)
    return moments, none if attributed.text is None else attributed.text


def _removals(opened: Opened, item: Item) -> tuple[Removal, ...]:
    """Return what is said without each modality, of an utterance that has both."""
    if item.values is None or item.ids is None:
        return ()
    left: dict[Modality, Item] = {"audio": Item(None, item.ids), "text": Item(item.values, None)}
    trained = opened.runtime.traits.missing_modalities
    said = {modality: _probabilities(opened, rest) for modality, rest in left.items()}
    return tuple(
        Removal(modality, max(chances, key=lambda name: chances[name]), chances, trained)
        for modality, chances in said.items()
    )


def _target(label: str, labels: tuple[str, ...], multi_label: bool) -> str:
    if multi_label or len(labels) < 2:
        return f"the logit of {label}, before calibration"
    return f"the logit of {label} minus the mean of the logits of the other labels, before calibration"


def _baselines(given: Given) -> Mapping[Modality, str]:
    baselines: dict[Modality, str] = {}
    if given.item.values is not None:
        baselines["audio"] = HISS if given.item.values.ndim == 1 else USUAL
    if given.reading is not None:
        baselines["text"] = EMPTY if given.reading.mask is None else MASKED
    return baselines


def _notes(opened: Opened, given: Given, text: str | None, attributed: Attributions) -> tuple[str, ...]:
    notes = [] if attributed.completeness.held else [INCOMPLETE]
    if text and given.reading is None:
        notes.append("the text was not used: the model takes no text, or the text has no words")
    if given.audio is not None and given.clip is None:
        notes.append("the recording was not used: the model takes no audio")
    if not opened.runtime.traits.missing_modalities and len(given.item.modalities) > 1:
        notes.append(
            "the model was not trained with a modality missing: its predictions without one are unreliable"
        )
    return tuple(notes)
