"""The options of commands that open a model: which one, and what its labels are called."""

from __future__ import annotations

from typing import Annotated

import typer

from emofuse.errors import RecipeError

LabelMap = Annotated[
    str | None,
    typer.Option(
        "--label-map",
        help="What labels of a model of others are called here, as theirs=ours,...; theirs= leaves one out.",
    ),
]


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
