"""How many runs were scored on the same folds: the more there are, the more optimistic the best one is."""

from __future__ import annotations

from pathlib import Path

from emofuse import layout
from emofuse.config import Recipe, dump_recipe
from emofuse.data.cache import key_of

CACHE_KIND = "looks"


def count_runs(folds_hash: str, out: Path, recipe: Recipe) -> int:
    """Record that a run was scored on these folds, and return how many were on this machine, this one included.

    Raises:
        RunError: the record cannot be written.
    """
    folder = layout.cache_folder() / CACHE_KIND / folds_hash
    layout.write_text(folder / key_of(out=str(out.resolve()), recipe=dump_recipe(recipe)), f"{out.resolve()}\n")
    return sum(1 for path in folder.iterdir() if not path.name.startswith("."))
