"""From a model's name, and how it is to be used, to a predictor; every door opens models here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from emofuse.box import find_model, is_foreign
from emofuse.data.manifest import load_corpus
from emofuse.errors import RecipeError
from emofuse.inference.choice.together import EACH_AS_IT_IS, calibrated, join
from emofuse.inference.model_folders import open_predictor, read_text_languages
from emofuse.inference.predictor import Predictor
from emofuse.types import MODALITIES, Corpus, Modality


@dataclass(frozen=True)
class ChosenModel:
    """Which model is used, and how: one, or one of sound and one of text together.

    Attributes:
        name: as `emofuse.box.find_model` takes it; None for the default one in the box.
        together: in place of a name, those of a model of sound ("audio") and of one of text ("text").
        label_map: what labels of models of others are called here, beyond known spellings of our words; an empty
            string leaves a label out. Of models together, theirs stands behind what the model is used for:
            `audio:LABEL_0`.
        calibrate: a labelled corpus, or its manifest, to which temperatures of models of others are fitted; that
            it shares no speakers with what is evaluated is the caller's matter.
    """

    name: str | Path | None = None
    together: Mapping[Modality, str | Path] = field(default_factory=dict, hash=False)
    label_map: Mapping[str, str] = field(default_factory=dict, hash=False)
    calibrate: Corpus | str | Path | None = None

    @classmethod
    def of(cls, model: ModelName) -> ChosenModel:
        """Return a choice; a mere name is one, and so are two names, {"audio": ..., "text": ...}.

        Raises:
            RecipeError: names are for something else than audio and text.
        """
        if isinstance(model, ChosenModel):
            return model
        if not isinstance(model, Mapping):
            return cls(model)
        return cls(together=_by_modality(model))


ModelName: TypeAlias = str | Path | Mapping[str, str | Path] | ChosenModel | None


@dataclass(frozen=True)
class OpenedModel:
    """A model that is ready to predict.

    Attributes:
        predictor: the model.
        folders: of the model, by what they are for: "model", or "audio" and "text".
    """

    predictor: Predictor
    folders: Mapping[str, Path]


def open_chosen(model: ModelName, device: str | None = None, threads: int | None = None) -> OpenedModel:
    """Open a model with its calibration, its scope and the languages that it knows.

    Args:
        model: the choice.
        device: where torch computes; None takes a GPU where there is one.
        threads: how many compute at once; None takes the processors that are there.

    Raises:
        CheckpointError: there is no such model, it is not whole, or does not run on that device.
        RecipeError: its labels cannot be named as chosen, models do not go together, or cannot be calibrated.
        CorpusError: the corpus to calibrate with cannot be read.
        MissingExtraError: it needs torch, and that is not installed.
    """
    chosen = ChosenModel.of(model)
    if chosen.together:
        return _open_together(chosen, device, threads)
    folder = find_model(chosen.name)
    predictor = open_predictor(folder, device, threads, chosen.label_map)
    predictor = replace(predictor, text_languages=read_text_languages(folder))
    if chosen.calibrate is not None:
        if not is_foreign(folder):
            raise RecipeError(
                f"--calibrate: {predictor.name} is a model of emofuse, which has a calibration; drop it"
            )
        alone = join({predictor.runtime.traits.modalities[0]: predictor})
        predictor = calibrated(alone, _corpus(chosen.calibrate))
    return OpenedModel(predictor, {"model": folder})


def _open_together(chosen: ChosenModel, device: str | None, threads: int | None) -> OpenedModel:
    names = _maps(chosen)
    folders = {modality: find_model(chosen.together[modality]) for modality in MODALITIES}
    models: dict[Modality, Predictor] = {}
    for modality, folder in folders.items():
        one = open_predictor(folder, device, threads, names[modality])
        models[modality] = replace(one, text_languages=read_text_languages(folder))
    joined = join(models)
    if chosen.calibrate is None:
        joined = replace(joined, scope=f"{joined.scope} | {EACH_AS_IT_IS}")
    else:
        joined = calibrated(joined, _corpus(chosen.calibrate))
    return OpenedModel(joined, {str(modality): folder for modality, folder in folders.items()})


def _by_modality(names: Mapping[str, str | Path]) -> dict[Modality, str | Path]:
    if set(names) != set(MODALITIES):
        given = " and ".join(names) or "nothing"
        raise RecipeError(f"models together are one for audio and one for text, not for {given}")
    return {modality: names[modality] for modality in MODALITIES}


def _maps(chosen: ChosenModel) -> dict[Modality, dict[str, str]]:
    """Return the label map of each model."""
    maps: dict[Modality, dict[str, str]] = {modality: {} for modality in MODALITIES}
    for label, name in chosen.label_map.items():
        use, sign, theirs = label.partition(":")
        modality = next((one for one in MODALITIES if sign and one == use), None)
        if modality is None:
            raise RecipeError(f"--label-map {label}={name}: write which model it is of, as audio:{label}={name}")
        maps[modality][theirs] = name
    return maps


def _corpus(given: Corpus | str | Path) -> Corpus:
    return given if isinstance(given, Corpus) else load_corpus(given)
