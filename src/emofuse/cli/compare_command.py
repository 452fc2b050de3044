"""`emofuse compare`: finished runs tested against one another, on the same folds."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emofuse.cli.score_tables import METRIC_NAMES
from emofuse.errors import RunError

if TYPE_CHECKING:
    from emofuse.runs.stored_predictions import Tested


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of crossval; two or more.")],
    systems: Annotated[
        list[str] | None, typer.Option("--system", help="Compare this system; else all that the runs share.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="Their manifest, for runs that do not hold the true labels.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Test finished runs against one another, speaker by speaker."""
    from emofuse.cli.output import configure_logging, print_json
    from emofuse.runs.comparing import compare_runs, read_run

    configure_logging()
    found = [read_run(folder, truth_of(folder, manifest)) for folder in runs]
    compared = compare_runs(found, systems or ())
    if as_json:
        print_json(compared)
    else:
        _show(compared)
    return 0


def truth_of(folder: Path, manifest: Path | None) -> tuple[Tested, ...] | None:
    """Return what a manifest says is true of the utterances that a run tested; None without a manifest.

    Raises:
        RunError: the run was made from another manifest.
    """
    if manifest is None or not folder.is_dir():
        return None
    import json

    from emofuse import layout
    from emofuse.config import load_recipe
    from emofuse.data.manifest import load_corpus
    from emofuse.data.splits import corpus_hash
    from emofuse.experiment.setup import recipe_corpus
    from emofuse.runs.comparing import read_folds
    from emofuse.runs.stored_predictions import tested_by

    corpus, _ = recipe_corpus(load_recipe(folder / layout.RECIPE), load_corpus(manifest))
    folds = read_folds(folder / layout.FOLDS)
    held = json.loads((folder / layout.FOLDS).read_text(encoding="utf-8"))
    if held.get("corpus_hash") != corpus_hash(corpus):
        raise RunError(f"{folder}: was not run on {manifest}; its labels, texts, spans or files are others")
    return tested_by(corpus, folds)


def _show(compared: dict[str, Any]) -> None:
    for run in compared["runs"]:
        typer.echo(f"{run['name']}: {run['signature']}")
    typer.echo("points; p: sign-flip over speakers; 80 % power: the smallest difference that it would likely find")
    for _, family in itertools.groupby(compared["comparisons"], lambda one: (one["system"], one["a"], one["b"])):
        _show_pair(list(family))


def _show_pair(metrics: list[dict[str, Any]]) -> None:
    """Print how one system of two runs differs, by each metric."""
    from emofuse.cli.output import print_table

    first = metrics[0]
    counted = f"{first['n']} utterances, {len(first['seeds'])} seed(s)"
    groups = "speakers unknown, no test" if first["groups"] is None else f"G = {first['groups']} speakers"
    least = "" if first["smallest_p"] is None else f", smallest attainable p {first['smallest_p']:.3g}"
    typer.echo(f"\n{first['system']}: {first['a']} minus {first['b']}; {counted}, {groups}{least}")
    print_table(("", "difference", "95 % interval", "p", "p (Holm)", "80 % power"), [_row(one) for one in metrics])
    test = first["mcnemar"]
    typer.echo(
        f"McNemar, first seed: {test['only_a']} right by the first alone, {test['only_b']} by the second alone, "
        f"p {test['p']:.3g} ({test['label']})"
    )


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    interval = "-" if one["ci95"] is None else " to ".join(f"{100 * end:+.1f}" for end in one["ci95"])
    detectable = "none" if one["detectable_80"] is None else f"{100 * one['detectable_80']:.1f}"
    difference = f"{100 * one['difference']:+.2f}"
    return (METRIC_NAMES[one["metric"]], difference, interval, _p(one["p"]), _p(one["p_adjusted"]), detectable)


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
