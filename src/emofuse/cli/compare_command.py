"""`emofuse compare`: statistical tests between finished runs on the same folds."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emofuse.cli.terminal import echo
from emofuse.errors import RunError

if TYPE_CHECKING:
    from emofuse.runs.labelled_utterances import LabelledUtterance


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders of crossval.")],
    systems: Annotated[
        list[str] | None,
        typer.Option(
            "--system", help="Compare this system only (repeatable); if omitted, all that the runs share."
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="Their manifest; needed for runs that do not store the true labels."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Compare finished runs with statistical tests over speakers."""
    from emofuse.cli.output import configure_logging, print_json
    from emofuse.runs.comparing import compare_runs
    from emofuse.runs.run_folder import RunFolder

    configure_logging()
    opened = [RunFolder.open(path, truth_of(path, manifest)) for path in runs]
    comparison = compare_runs(opened, systems or ())
    if as_json:
        print_json(comparison)
    else:
        _show(comparison)
    return 0


def truth_of(folder: Path, manifest: Path | None) -> tuple[LabelledUtterance, ...] | None:
    """Return the utterances that a run tested, with their labels in a manifest; None without one.

    Raises:
        RunError: the run was made from another manifest.
    """
    if manifest is None or not folder.is_dir():
        return None
    from emofuse.data.manifest import load_corpus
    from emofuse.data.recipe_corpus import recipe_corpus
    from emofuse.data.splits import corpus_hash
    from emofuse.runs.labelled_utterances import labelled_utterances
    from emofuse.runs.run_folder import RunFolder

    run = RunFolder.open(folder)
    corpus, _ = recipe_corpus(run.recipe, load_corpus(manifest))
    if run.corpus_hash != corpus_hash(corpus):
        raise RunError(f"{folder}: was not run on {manifest}: labels, texts, spans or files differ")
    return labelled_utterances(corpus, run.folds)


def _show(comparison: dict[str, Any]) -> None:
    for run in comparison["runs"]:
        echo(f"{run['name']}: {run['signature']}")
    echo("percentage points; p: sign-flip test over speakers; 80 % power: smallest difference detected with it")
    for _, family in itertools.groupby(comparison["comparisons"], lambda one: (one["system"], one["a"], one["b"])):
        _show_pair(list(family))


def _show_pair(metrics: list[dict[str, Any]]) -> None:
    """Print the differences between two runs of one system, metric by metric."""
    from emofuse.cli.output import counted, print_table

    first = metrics[0]
    size = f"{counted(first['n'], 'utterance')}, {counted(len(first['seeds']), 'seed')}"
    groups = "speakers unknown, no test" if first["groups"] is None else counted(first["groups"], "speaker")
    smallest = "" if first["smallest_p"] is None else f", smallest possible p {first['smallest_p']:.3g}"
    echo(f"\n{first['system']}: {first['a']} minus {first['b']}; {size}, {groups}{smallest}")
    print_table(("", "difference", "95 % CI", "p", "p (Holm)", "80 % power"), [_row(one) for one in metrics])
    test = first["mcnemar"]
    echo(
        f"McNemar's test, first seed: {test['only_a']} correct in the first run only, "
        f"{test['only_b']} in the second only, "
        f"p {test['p']:.3g} ({test['label']})"
    )


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    from emofuse.cli.results_tables import METRIC_NAMES

    interval = "-" if one["ci95"] is None else " to ".join(f"{100 * end:+.1f}" for end in one["ci95"])
    detectable = "none" if one["detectable_80"] is None else f"{100 * one['detectable_80']:.1f}"
    difference = f"{100 * one['difference']:+.2f}"
    return (METRIC_NAMES[one["metric"]], difference, interval, _p(one["p"]), _p(one["p_adjusted"]), detectable)


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
