"""`emofuse bench`: speed and memory of five ways to run one network, measured side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emofuse.cli.terminal import echo

if TYPE_CHECKING:
    from emofuse.inference.bench.speed_figures import Report


def bench(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="A model or run folder, or the name of a model in the box; if omitted, the paper's network at "
            "full size with random weights."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Number of threads; if omitted, one per processor.")
    ] = None,
    utterances: Annotated[int, typer.Option("--utterances", min=1, help="Number of utterances.")] = 32,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Number of rounds.")] = 5,
) -> int:
    """Measure the speed and memory of a model.

    Compares transformers, torch, and exported models in float32 and int8.
    """
    from emofuse.cli.output import configure_logging, print_json, progress_bar

    configure_logging()
    from emofuse.inference.bench.measure import Plan, measure
    from emofuse.threads import usable_processors

    plan = Plan(model, threads or usable_processors(), utterances, rounds)
    with progress_bar() as bar:
        task = bar.add_task("starting", total=None, figures="")
        report = measure(
            plan,
            progress=lambda what, done, of: bar.update(task, description=what, completed=done, total=of or None),
        )
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report)
    return 0


def _show(report: Report) -> None:
    from emofuse.cli.output import counted, print_table

    print_table(
        ("system", "x real time", "utterances/s", "peak MB", "label agreement", "peak vs float32"),
        [
            (
                row.system,
                f"{row.real_time_factor:.1f}",
                f"{row.utterances_per_second:.2f}",
                f"{row.peak_rss_mb:.0f}",
                f"{row.label_agreement:.1%}",
                f"{row.share_of_peak:.0%}",
            )
            for row in report.rows
        ],
    )
    print_table(("speed", "ratio"), [(name, f"{r:.2f}") for name, r in report.ratios.items()])
    scope, seconds = report.scope, report.scope.seconds
    echo(f"{scope.model}; {scope.parameters / 1e6:.1f} million parameters")
    echo(
        f"{counted(scope.utterances, 'utterance')} of {seconds.shortest:.1f} to {seconds.longest:.1f} s (mean "
        f"{seconds.mean:.1f}), {counted(scope.rounds, 'round')}, seed {scope.seed}; "
        f"labels predicted: {scope.labels_told}"
    )
    echo(f"timed: {scope.timed}")
    versions = ", ".join(f"{name} {number}" for name, number in scope.versions.items())
    echo(f"{scope.cpu}, {scope.threads} of {scope.cores} processors, {versions}")
