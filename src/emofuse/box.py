"""From the name of a model to its folder, for every command; the models that come along, and those of the Hub.

`box-open` comes within the package, others in distributions of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.errors import CheckpointError
from emofuse.hub.snapshots import fetch_model, name_in_cache, on_hub
from emofuse.untrusted.json_text import read_json, read_json_object

OPEN, WHOLE = "box-open", "box"
# What is taken where no model is named: the first of these that is there.
PREFERRED = (WHOLE, OPEN)
# Distributions with a model of their own name a folder here.
GROUP = "emofuse.boxes"
# What the configuration of a model folder of ours says.
OWN_TYPE = "emofuse"
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
        """The model folder, its weights in half precision, to explain and to go on from; see `has_weights`."""
        return self.folder / layout.MODEL

    @property
    def has_weights(self) -> bool:
        """Whether the model folder is there: in the repository and in source distributions, not in wheels."""
        return layout.is_model_folder(self.model)

    def trained_model(self) -> Path:
        """Return the model folder.

        Raises:
            CheckpointError: only the exported form is installed.
        """
        if not self.has_weights:
            raise CheckpointError(
                f"{self.name}: an installed box holds no weights for torch; unpack the source distribution that "
                f'it comes in, and name the folder "{layout.MODEL}" beside "{layout.BOX_EXPORTED}"'
            )
        return self.model

    def about(self) -> dict[str, Any]:
        """Return the facts of the box: licence, attribution, scope.

        Raises:
            CheckpointError: the box is not whole.
        """
        path = self.folder / layout.BOX
        try:
            found: dict[str, Any] = read_json(path)
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
    """Return what a model is called: as on the Hub, its box, its run, or its folder; never by its path."""
    folder = folder.resolve()
    on_the_hub = name_in_cache(folder)
    if on_the_hub is not None:
        return on_the_hub
    within = Box(folder.parent.name, folder.parent)
    if (within.folder / layout.BOX).is_file():
        return str(within.about().get("name", within.name))
    return within.name if folder.name == layout.MODEL else folder.name


def find_box(name: str) -> Path | None:
    """Return the exported folder of a model that came along; None where none has that name."""
    found = boxes().get(name)
    return None if found is None else found.exported


def default_box() -> Path | None:
    """Return the exported folder of the model that is taken where none is named; None where none came along."""
    return next((box.exported for box in boxes().values()), None)


def is_foreign(folder: Path) -> bool:
    """Return whether a model folder holds a model of others, by its configuration."""
    try:
        kind = {} if layout.is_exported_folder(folder) else read_json_object(folder / layout.CONFIG)
    except (OSError, ValueError):  # whoever opens it says what is wrong with it
        return False
    return isinstance(kind.get("model_type"), str) and kind["model_type"] != OWN_TYPE


def is_model(name: str | Path) -> bool:
    """Return whether a name is that of a model here, or of a run of many models; the Hub is not asked."""
    folder = Path(name)
    return _with_model(folder) is not None or _is_run(folder) or find_box(str(name)) is not None


def find_model(name: str | Path | None = None) -> Path:
    """Return the folder that a model is used from; every command finds its model by this.

    Args:
        name: a model folder, an exported one, or the folder of a run or a job with a model in it; else a model in
            the box, by its name; else one on the Hub, as owner/name or owner/name@revision, which is fetched into
            the Hub's cache. None takes the default one in the box.

    Raises:
        CheckpointError: there is no such model.
    """
    if name is None:
        default = default_box()
        if default is None:
            raise CheckpointError("no model ships with this installation; name a model folder")
        return default
    folder = Path(name)
    found = _with_model(folder) or find_box(str(name))
    if found is not None:
        return found
    source = on_hub(str(name))
    if source is None:
        raise CheckpointError(_no_model(folder))
    fetched = fetch_model(source)
    if _with_model(fetched) is None:
        raise CheckpointError(f"{name}: is no model on the Hub, it has no {layout.CONFIG} or {layout.EXPORT}")
    return fetched


def find_trained_model(name: str | Path | None = None) -> Path:
    """Return the model folder, with weights for torch, that a model is exported from.

    Args:
        name: as for `find_model`; of a model in the box, its exported folder too.

    Raises:
        CheckpointError: there is no such model, it is an exported one, or a box that is installed as one.
    """
    folder = find_model(name)
    box = next((box for box in boxes().values() if folder == box.exported), None)
    if box is not None:
        return box.trained_model()
    if layout.is_exported_folder(folder):
        raise CheckpointError(
            f"{folder}: is an exported model, without weights for torch; name the model folder it was made from"
        )
    if is_foreign(folder):
        raise CheckpointError(
            f"{name_of(folder)}: is no model of emofuse, and only these are exported or timed; use it as it is"
        )
    return folder


def _with_model(folder: Path) -> Path | None:
    """Return where in a folder a model is: in itself or, in that of a run or a job, in `model`."""
    places = (folder, folder / layout.MODEL)
    return next((one for one in places if layout.is_exported_folder(one) or layout.is_model_folder(one)), None)


def _is_run(folder: Path) -> bool:
    return (folder / layout.FOLDS).is_file()


def _no_model(folder: Path) -> str:
    """Return why a name is that of no model."""
    if _is_run(folder):
        return f"{folder}: is a run of folds; name one of its models, such as fold-1/seed-0/fusion"
    if folder.is_dir():
        return f"{folder}: is not a model folder, it has no {layout.CONFIG} or {layout.EXPORT}"
    if folder.exists():
        return f"{folder}: is a file, not a model folder"
    known = ", ".join(boxes()) or "none"
    return f"{folder}: no such model folder, and no model in the box of that name ({known})"
