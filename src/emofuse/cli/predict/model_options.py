"""The options of commands that open a model: which one, and what its labels are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emofuse.errors import RecipeError

if TYPE_CHECKING:
    from emofuse.inference.choice.chosen_models import ChosenModel

Together = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="Two models together, in place of MODEL: --model audio=NAME --model text=NAME, each any model.",
    ),
]
Calibrate = Annotated[
    Path | None,
    typer.Option(
        "--calibrate",
        help="Labelled manifest to which the temperatures of models of others are fitted; "
        "of other speakers than what is predicted.",
    ),
]

LabelMap = Annotated[
    str | None,
    typer.Option(
        "--label-map",
        help="What labels of a model of others are called here, as theirs=ours,...; theirs= leaves one out; "
        "of two models, audio:theirs=ours.",
    ),
]


def chosen_model(
    name: str | Path | None, together: Mapping[str, str] | None, label_map: str | None, calibrate: Path | None
) -> ChosenModel:
    """Return the choice that options make.

    Args:
        name: of one model.
        together: in its place, the names of two, see `parse_together`.
        label_map: see `parse_label_map`.
        calibrate: a labelled manifest.

    Raises:
        RecipeError: the label map cannot be read, or names are not for audio and text.
    """
    from dataclasses import replace

    from emofuse.inference.choice.chosen_models import ChosenModel

    chosen = ChosenModel.of(dict(together) if together else name)
    return replace(chosen, label_map=parse_label_map(label_map), calibrate=calibrate)


def parse_together(options: Sequence[str] | None) -> dict[str, str]:
    """Return the names of models that are used together, by what for, written as audio=NAME and text=NAME.

    Raises:
        RecipeError: an option is not written like that, or repeated.
    """
    names: dict[str, str] = {}
    for option in options or ():
        use, sign, name = option.partition("=")
        if not sign or not name:
            raise RecipeError(f"--model {option}: write --model audio=NAME --model text=NAME")
        if use in names:
            raise RecipeError(f"--model {option}: there is another model for {use}")
        names[use] = name
    return names


def parse_label_map(text: str | None) -> dict[str, str]:
    """Return what each label is called, written as theirs=ours and separated by commas.

    Raises:
        RecipeError: a part is not written like that, or a label is repeated.
    """
    names: dict[str, str] = {}
    for part in text.split(",") if text else ():
        theirs, sign, ours = (word.strip() for word in part.partition("="))
        if not sign or not theirs:
            raise RecipeError(f"--label-map {part.strip()}: write it as theirs=ours, such as LABEL_0=neutral")
        if theirs in names:
            raise RecipeError(f"--label-map: the label {theirs!r} is repeated")
        names[theirs] = ours
    return names
