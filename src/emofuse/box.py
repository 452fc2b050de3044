"""The models that come along: `box-open` within the package, others in distributions of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.errors import CheckpointError

OPEN, WHOLE = "box-open", "box"
# What is taken where no model is named: the first of these that is there.
PREFERRED = (WHOLE, OPEN)
# Distributions with a model of their own name a folder here.
GROUP = "emofuse.boxes"
_WITHIN = Path(__file__).resolve().parent / "boxes"


@dataclass(frozen=True)
class Box:
    """A model that comes along.

    Attributes:
        name: by which `load` and the commands find it.
        folder: holds `box.json` and both forms of the model.
    """

    name: str
    folder: Path

    @property
    def exported(self) -> Path:
        """The graph, in 8 bits, that runs without torch."""
        return self.folder / layout.BOX_EXPORTED

    @property
    def model(self) -> Path:
        """The model folder, its weights in half precision, to explain and to go on from."""
        return self.folder / layout.MODEL

    def about(self) -> dict[str, Any]:
        """Return what the box says of itself: licence, attribution, scope.

        Raises:
            CheckpointError: the box is not whole.
        """
        path = self.folder / layout.BOX
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path}: cannot be read ({error}); install {self.name} again") from error
        return found


def boxes() -> dict[str, Box]:
    """Return the models that came along, by name; the one that is taken by default comes first."""
    places = {path.name: path for path in sorted(_WITHIN.glob("*")) if (path / layout.BOX).is_file()}
    for point in entry_points(group=GROUP):
        places[point.name] = Path(point.load())
    order = [*(name for name in PREFERRED if name in places), *sorted(set(places) - set(PREFERRED))]
    return {name: Box(name, places[name]) for name in order}


def name_of(folder: Path) -> str:
    """Return what a model is called: as its box, as its run, or as its folder."""
    folder = folder.resolve()
    within = Box(folder.parent.name, folder.parent)
    if (within.folder / layout.BOX).is_file():
        return str(within.about().get("name", within.name))
    return within.name if folder.name == layout.MODEL else folder.name


def find_box(name: str) -> Path | None:
    """Return the exported folder of a model that came along; None where none has that name."""
    found = boxes().get(name)
    return None if found is None else found.exported


def explained_by(model: str | Path) -> Path:
    """Return the model folder of a box, given by its name or by its exported folder; anything else as it is."""
    for box in boxes().values():
        if str(model) == box.name or Path(model) == box.exported:
            return box.model
    return Path(model)


def default_box() -> Path | None:
    """Return the exported folder of the model that is taken where none is named; None where none came along."""
    return next((box.exported for box in boxes().values()), None)
