"""How often folds were looked at: the more runs are scored on the same test parts, the less the best one says."""

from __future__ import annotations

from pathlib import Path

from emofuse import layout
from emofuse.config import Recipe, dump_recipe
from emofuse.data.cache import cache_folder, key_of

KIND = "looks"


def count_looks(folds_hash: str, out: Path, recipe: Recipe) -> int:
    """Note that a finished run scored these folds, and return how many on this machine have, this one counted.

    Raises:
        RunError: the note cannot be written.
    """
    folder = cache_folder() / KIND / folds_hash
    layout.write_text(folder / key_of(out=str(out.resolve()), recipe=dump_recipe(recipe)), f"{out.resolve()}\n")
    return sum(1 for path in folder.iterdir() if not path.name.startswith("."))
