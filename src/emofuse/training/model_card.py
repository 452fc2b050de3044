"""The card of a model folder, written from the run: what the model is, its training data, its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.config import EncoderRecipe, Recipe, dump_recipe
from emofuse.hub.snapshots import Source
from emofuse.model.encoders.encoder_references import SHOWN_DIGITS
from emofuse.model.network import EmotionModel, count_parameters
from emofuse.model.vetting.loaders import shown_name
from emofuse.types import Corpus, SystemName, Utterance

CARD = """---
library_name: emofuse
pipeline_tag: audio-classification
tags: [emotion-recognition, speech, text, multimodal]
text_spoken: {spoken}
---

# {system} system for {labels}

{what}, trained with emofuse after Krishna (2021), arXiv 2108.09669.

| | |
|---|---|
| audio encoder | {audio} |
| text encoder | {text} |
| fusion | {fusion} |
| parameters | {parameters} |
| labels | {labels} |
| a modality may be missing | {missing} |
| trained on | {corpus}: {utterances}; {speakers} speakers; languages: {languages} |
| epoch selected by | {selection} |
| seed | {seed} |

```python
import emofuse

emofuse.load("path/to/this/folder").predict({call})
```

## Limits

The model predicts how raters would label speech like that of its corpus. It does not know what anybody feels. Do
not use it to judge people, at work, in school or elsewhere. Its probabilities are not calibrated.{evaluation}

## Recipe

```yaml
{recipe}```
"""
WHAT = {
    "audio": "Audio only",
    "text": "Text only",
    "fusion": "Audio and text, fused by cross-modal attention or as the recipe says",
}
CALLS = {"audio": '"call.wav"', "text": 'text="I said no."', "fusion": '"call.wav", text="I said no."'}
SYNTHETIC_NOTE = " It was trained on synthetic speech: its predictions say nothing about people."
# In YAML; attention maps are shown only for texts that were spoken.
SPOKEN_YAML = {True: "true", False: "false", None: "null"}


def write_card(
    folder: Path, recipe: Recipe, system: SystemName, model: EmotionModel, parts: tuple[Corpus, Corpus], seed: int
) -> None:
    """Write `README.md` into a model folder.

    Args:
        folder: the model folder.
        recipe: the recipe of the training.
        system: the trained system.
        model: the network.
        parts: the training part and the validation part.
        seed: the seed of the job.
    """
    train, validation = parts
    everything = [*train, *validation]
    text = CARD.format(
        system=system,
        labels=", ".join(model.config.task.labels),
        what=WHAT[system],
        audio="-" if system == "text" else _encoder(recipe.audio, model.config.references.get("audio")),
        text="-" if system == "audio" else _encoder(recipe.text, model.config.references.get("text")),
        fusion=recipe.fusion.kind if system == "fusion" else "-",
        parameters=f"{count_parameters(model):,}",
        missing="yes" if model.config.missing_modalities else "no",
        corpus=train.name or "an unnamed corpus",
        utterances=f"{len(train)} utterances, and {len(validation)} for validation",
        speakers=len({u.speaker for u in everything if u.speaker is not None}) or "unknown",
        languages=", ".join(sorted({u.language for u in everything if u.language})) or "unknown",
        selection=_selection(recipe),
        seed=seed,
        spoken=SPOKEN_YAML[text_spoken(everything)],
        call=CALLS[system],
        evaluation=SYNTHETIC_NOTE if any("synthetic" in u.tags for u in everything) else "",
        recipe=dump_recipe(_without_folders(recipe)),
    )
    layout.write_text(folder / layout.CARD, text)


def text_spoken(utterances: Iterable[Utterance]) -> bool | None:
    """Return whether all texts were spoken in their recordings: False if any was not, None if it is unknown."""
    spoken = {_spoken(u) for u in utterances if u.audio is not None and u.text is not None and u.text.strip()}
    return False if False in spoken else True if spoken == {True} else None


def _spoken(utterance: Utterance) -> bool | None:
    if (utterance.text_source or "").startswith("asr"):  # recognised text was spoken
        return True
    if "text_not_spoken" in utterance.tags:
        return utterance.tags["text_not_spoken"].lower() not in ("true", "1", "yes")
    return True if utterance.text_source == "gold" else None


def _selection(recipe: Recipe) -> str:
    """Describe which weights were kept."""
    if recipe.selection == "best":
        return "the best UA on the validation part"
    averaged = min(recipe.training.averaged_epochs, recipe.training.epochs)
    if recipe.training.ema is not None:
        kept = "a moving average of the weights of all steps is kept"
    else:
        kept = f"the weights of the last {averaged} are averaged" if averaged > 1 else "the last weights are kept"
    return f"none: a fixed number of epochs; {kept}"


def _encoder(recipe: EncoderRecipe, reference: Mapping[str, Any] | None) -> str:
    """Describe an encoder: its name or kind, its hash where it is a folder, its layers, and its tuning policy."""
    config = recipe.config if isinstance(recipe.config, dict) else {"model_type": str(recipe.config)}
    name = _shown(recipe.encoder) or f"{config.get('model_type')}, from random weights"
    weights = f" (SHA-256 {reference['sha256'][:SHOWN_DIGITS]})" if reference and "local" in reference else ""
    return f"{name}{weights}; layers {recipe.layers}; {recipe.tuning}"


def _shown(encoder: str | None) -> str | None:
    return encoder and shown_name(Source(encoder))


def _without_folders(recipe: Recipe) -> Recipe:
    """Return a recipe that names folders, of encoders, noises and rooms, without their paths on this machine."""
    alter = recipe.audio.alter
    names = {key: place and Path(place).name for key, place in (("noises", alter.noises), ("rooms", alter.rooms))}
    audio = recipe.audio.model_copy(
        update={"alter": alter.model_copy(update=names), "encoder": _shown(recipe.audio.encoder)}
    )
    text = recipe.text.model_copy(update={"encoder": _shown(recipe.text.encoder)})
    return recipe.model_copy(update={"audio": audio, "text": text})
