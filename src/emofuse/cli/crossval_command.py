"""`emofuse crossval`: cross-validation of systems over folds and seeds; `emofuse results`: its tables again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emofuse.errors import RecipeError, RunError
from emofuse.types import SYSTEMS, Corpus, SystemName

if TYPE_CHECKING:
    from emofuse.config import Recipe
    from emofuse.experiment.crossval import JobProgress


def crossval(
    recipe: Annotated[Path, typer.Argument(help="Recipe (YAML).")],
    manifest: Annotated[Path, typer.Option("--manifest", help="Manifest (JSON Lines).")],
    out: Annotated[Path, typer.Option("--out", help="Run folder.")],
    systems: Annotated[str, typer.Option("--systems", help="Systems to train, separated by commas.")] = ",".join(
        SYSTEMS
    ),
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Number of seeds; runs seeds 0 to N-1.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Override a value of the recipe: key=value (repeatable).")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in this folder.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="Continue despite this finding of the audit (repeatable).")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time and memory from the longest batches; do not train.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json on stdout.")] = False,
) -> int:
    """Cross-validate audio, text and fusion systems.

    The protocol of the recipe keeps speakers apart; an audit looks for leaks first.
    """
    from emofuse.cli.output import print_json
    from emofuse.cli.results_tables import show_results, warn
    from emofuse.config import load_variants
    from emofuse.data.manifest import load_corpus

    overrides = [*(settings or []), *([f"seeds={list(range(seeds))}"] if seeds else [])]
    variants, corpus, chosen = load_variants(recipe, overrides), load_corpus(manifest), _systems(systems)
    if dry_run:
        return _rehearse(variants, corpus, chosen, as_json)
    documents: dict[str, Any] = {}
    for name, variant in variants.items():
        place = out / name if name else out
        documents[name] = cross_validate_shown(variant, corpus, place, chosen, resume, accept or [])
        if as_json:
            warn(documents[name])
        else:
            show_results(documents[name], place, name)
    if as_json:
        print_json(documents.get("", documents))
    return 1 if any(document["skipped"] for document in documents.values()) else 0


def results(
    run: Annotated[Path, typer.Argument(help="Run folder of crossval.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print its results.json on stdout.")] = False,
) -> int:
    """Show the results of a finished run again."""
    from emofuse.cli.output import configure_logging, print_json
    from emofuse.cli.results_tables import show_results
    from emofuse.runs.run_folder import RunFolder

    configure_logging()
    document = dict(RunFolder.open(run).results)
    if as_json:
        print_json(document)
        return 0
    try:
        show_results(document, run)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{run}: its results.json is of another version or damaged; run it again with --resume"
        ) from error
    return 0


def _rehearse(
    variants: Mapping[str, Recipe], corpus: Corpus, systems: tuple[SystemName, ...], as_json: bool
) -> int:
    """Estimate the cost of runs, and show it."""
    from emofuse.cli.output import configure_logging, print_json, print_table

    configure_logging()
    from emofuse.experiment.dry_run import estimate_cost

    documents: dict[str, Any] = {}
    for name, recipe in variants.items():
        estimates = estimate_cost(recipe, corpus, systems)
        documents[name] = [one.as_dict() for one in estimates]
        if not as_json:
            print_table(
                ("system", "hours", "s/epoch", "features, s", "peak MB", "micro_seconds"),
                [
                    (
                        one.system,
                        f"{one.hours:.2f}",
                        f"{one.seconds_per_epoch:.1f}",
                        f"{one.feature_seconds:.0f}",
                        f"{one.peak_memory_mb:.0f}",
                        f"{one.micro_seconds:g}",
                    )
                    for one in estimates
                ],
                title=f"{name or 'dry run'}: estimated from two of the longest batches; "
                "hours for all folds, seeds and epochs",
            )
    if as_json:
        print_json(documents.get("", documents))
    return 0


def cross_validate_shown(
    recipe: Recipe,
    corpus: Corpus,
    out: Path,
    systems: tuple[SystemName, ...],
    resume: bool,
    accept: Sequence[str] = (),
) -> dict[str, Any]:
    """Cross-validate with a progress bar on stderr."""
    from emofuse.cli.output import configure_logging, progress_bar

    configure_logging()
    from emofuse.experiment.crossval import cross_validate

    with ExitStack() as stack:
        bar = stack.enter_context(progress_bar())
        task = bar.add_task("reading and checking recordings", total=1.0, figures="")
        return cross_validate(recipe, corpus, out, systems, resume, _listener(bar, task), accept)


def _listener(bar: Any, task: Any) -> Callable[[JobProgress], None]:
    def listen(progress: JobProgress) -> None:
        training = progress.training
        share = 1.0 if training is None else training.done
        figures = ""
        if training is not None:
            ua = "" if training.ua is None else f", UA {training.ua:.3f}"
            figures = f"epoch {training.epoch}/{training.epochs}, loss {training.loss:.3f}{ua}"
        done = progress.number == progress.jobs and share == 1.0
        steps = progress.jobs + 1  # the last step is that of baselines and results
        description = f"{progress.number}/{progress.jobs} {progress.name[:40]}"
        bar.update(
            task,
            completed=(progress.number - 1 + share) / steps,
            description="baselines and results" if done else description,
            figures=figures,
        )

    return listen


def _systems(text: str) -> tuple[SystemName, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in SYSTEMS]
    if wrong or not names:
        raise RecipeError(f"--systems {text}: choose from {', '.join(SYSTEMS)}")
    return tuple(system for system in SYSTEMS if system in names)
