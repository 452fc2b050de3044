"""The card of a model folder, written from the run: what it is, what it learnt from, what it is not for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from emofuse import layout
from emofuse.config import EncoderRecipe, Recipe, dump_recipe
from emofuse.model.network import EmotionModel, count_parameters
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
| epoch chosen by | {selection} |
| seed | {seed} |

```python
import emofuse

emofuse.load("path/to/this/folder").predict({call})
```

## What it is not for

It guesses how raters would have labelled speech like that of its corpus; it does not know what anybody feels.
Do not use it to judge people, at work, in school or elsewhere. Its probabilities are not calibrated.{evaluation}

## The recipe

```yaml
{recipe}```
"""
WHAT = {
    "audio": "Hears, does not read",
    "text": "Reads, does not hear",
    "fusion": "Hears and reads, with cross-modal attention or what the recipe has in its place",
}
CALLS = {"audio": '"call.wav"', "text": 'text="I said no."', "fusion": '"call.wav", text="I said no."'}
SELECTIONS = {
    "best": "the best UA on the validation part",
    "fixed": "none: a declared number; the last three, or all steps, averaged",
}


def write_card(
    folder: Path, recipe: Recipe, system: SystemName, model: EmotionModel, parts: tuple[Corpus, Corpus], seed: int
) -> None:
    """Write `README.md` into a model folder.

    Args:
        folder: where the model stands, or will.
        recipe: what it was trained by.
        system: which of the paper's systems it is.
        model: the network.
        parts: the training and the validation part.
        seed: of the job.
    """
    train, validation = parts
    everything = [*train, *validation]
    text = CARD.format(
        system=system,
        labels=", ".join(model.config.task.labels),
        what=WHAT[system],
        audio="-" if system == "text" else _encoder(recipe.audio),
        text="-" if system == "audio" else _encoder(recipe.text),
        fusion=recipe.fusion.kind if system == "fusion" else "-",
        parameters=f"{count_parameters(model):,}",
        missing="yes" if model.config.missing_modalities else "no",
        corpus=train.name or "an unnamed corpus",
        utterances=f"{len(train)} utterances, and {len(validation)} to choose the epoch by",
        speakers=len({u.speaker for u in everything if u.speaker is not None}) or "unknown",
        languages=", ".join(sorted({u.language for u in everything if u.language})) or "unknown",
        selection=SELECTIONS[recipe.selection],
        seed=seed,
        spoken=_SPOKEN[text_spoken(everything)],
        call=CALLS[system],
        evaluation=_SYNTHETIC if any("synthetic" in u.tags for u in everything) else "",
        recipe=dump_recipe(_without_places(recipe)),
    )
    layout.write_text(folder / layout.CARD, text)


_SYNTHETIC = " It was trained on synthetic speech: it says nothing about people."


# As YAML has it, for whoever shows where words lie in the sound.
_SPOKEN = {True: "true", False: "false", None: "null"}


def text_spoken(utterances: Iterable[Utterance]) -> bool | None:
    """Return whether texts were spoken in their recordings: False if any was not, None if nobody knows."""
    said = {_spoken(u) for u in utterances if u.audio is not None and u.text is not None and u.text.strip()}
    return False if False in said else True if said == {True} else None


def _spoken(utterance: Utterance) -> bool | None:
    if (utterance.text_source or "").startswith("asr"):  # what was recognised was spoken
        return True
    if "text_not_spoken" in utterance.tags:
        return utterance.tags["text_not_spoken"].lower() not in ("true", "1", "yes")
    return True if utterance.text_source == "gold" else None


def _encoder(recipe: EncoderRecipe) -> str:
    """Describe an encoder: its name or kind, which layers, what of it learnt."""
    config = recipe.config if isinstance(recipe.config, dict) else {"model_type": str(recipe.config)}
    name = recipe.encoder or f"{config.get('model_type')}, from random weights"
    return f"{name}; layers {recipe.layers}; {recipe.tuning}"


def _without_places(recipe: Recipe) -> Recipe:
    """Leave out where on a machine noises and rooms lie: a card goes elsewhere."""
    alter = recipe.audio.alter
    names = {key: place and Path(place).name for key, place in (("noises", alter.noises), ("rooms", alter.rooms))}
    audio = recipe.audio.model_copy(update={"alter": alter.model_copy(update=names)})
    return recipe.model_copy(update={"audio": audio})
