"""`emofuse cache`: show what is cached on disk, and delete it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from emofuse.errors import RecipeError
from emofuse.layout import cache_folder


def cache(
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete cached files, the least recently used first.")
    ] = False,
    keep_gb: Annotated[float, typer.Option("--keep-gb", min=0.0, help="With --prune: keep this many GB.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Show or delete the contents of the cache."""
    from emofuse.cli.output import counted, print_json, print_table
    from emofuse.data import cache as caching

    if keep_gb and not prune:
        raise RecipeError("--keep-gb applies to --prune only; add --prune")
    deleted = caching.prune(round(keep_gb * 2**30)) if prune else (0, 0)
    files, sizes = Counter[str](), Counter[str]()
    for one in caching.kept():
        files[one.kind] += 1
        sizes[one.kind] += one.size
    document: dict[str, Any] = {
        "folder": str(cache_folder()),
        "kinds": {kind: {"files": files[kind], "bytes": sizes[kind]} for kind in sorted(files)},
        "bytes": sum(sizes.values()),
        "deleted": {"files": deleted[0], "bytes": deleted[1]},
    }
    if as_json:
        print_json(document)
        return 0
    rows = [(kind, str(files[kind]), _megabytes(sizes[kind])) for kind in sorted(files)]
    print_table(("kind", "files", "MB"), rows, title=document["folder"])
    if prune:
        typer.echo(f"deleted {counted(deleted[0], 'file')}, {_megabytes(deleted[1])} MB")
    return 0


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f}"
