"""`emofuse crossval`: systems compared over folds and seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emofuse.errors import RecipeError
from emofuse.types import SYSTEMS, Corpus, Skip, SystemName

if TYPE_CHECKING:
    from emofuse.config import Recipe
    from emofuse.training.crossval import JobProgress


def crossval(
    recipe: Annotated[Path, typer.Argument(help="The recipe (YAML).")],
    manifest: Annotated[Path, typer.Option("--manifest", help="The manifest.")],
    out: Annotated[Path, typer.Option("--out", help="The run folder.")],
    systems: Annotated[str, typer.Option("--systems", help="Which systems, by commas.")] = ",".join(SYSTEMS),
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Run seeds 0 to N-1.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Override: key=value.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in this folder.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="Go on in spite of this finding of the audit.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json on stdout.")] = False,
) -> int:
    """Cross-validate the audio, text and fusion systems under a leak-free protocol."""
    from emofuse.config import load_recipe
    from emofuse.data.manifest import load_corpus

    overrides = [*(settings or []), *([f"seeds={list(range(seeds))}"] if seeds else [])]
    results = cross_validate_shown(
        load_recipe(recipe, overrides), load_corpus(manifest), out, _systems(systems), resume, accept or []
    )
    show_results(results, out, as_json)
    return 1 if results["skipped"] else 0


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
    from emofuse.training.crossval import cross_validate

    with ExitStack() as stack:
        bar = stack.enter_context(progress_bar())
        task = bar.add_task("reading", total=1.0, figures="")
        return cross_validate(recipe, corpus, out, systems, resume, _listener(bar, task), accept)


def _listener(bar: Any, task: Any) -> Callable[[JobProgress], None]:
    def listen(progress: JobProgress) -> None:
        training = progress.training
        share = 1.0 if training is None else training.done
        figures = ""
        if training is not None:
            ua = "" if training.ua is None else f", UA {training.ua:.3f}"
            figures = f"epoch {training.epoch}/{training.epochs}, loss {training.loss:.3f}{ua}"
        bar.update(
            task,
            completed=(progress.number - 1 + share) / progress.jobs,
            description=f"{progress.number}/{progress.jobs} {progress.name[:40]}",
            figures=figures,
        )

    return listen


def show_results(results: dict[str, Any], out: Path, as_json: bool) -> None:
    """Print the table of systems and what fusion adds to each modality."""
    from emofuse.cli.output import print_json, print_table

    if as_json:
        print_json(results)
        _warn(results)
        return
    print_table(
        ("system", "WA", "UA", "macro-F1", "UA over folds", "range"),
        [
            (name, *(_spread(s[metric]) for metric in ("wa", "ua", "macro_f1")), *_folds(s["ua"]))
            for name, s in results["systems"].items()
        ],
        title=f"{results['corpus']}: {results['n_utterances']} utterances, {results['protocol']}, "
        f"{len(results['folds'])} folds {results['folds_hash']}, {len(results['seeds'])} seeds",
    )
    for comparison in results["comparisons"]:
        if comparison["metric"] == "ua":
            typer.echo(
                f"{comparison['a']} minus {comparison['b']}: {100 * comparison['difference']:+.1f} points of UA"
            )
    typer.echo(f"everything is in {out}")
    _warn(results)


def _warn(results: dict[str, Any]) -> None:
    """Say on stderr what the audit found and what was skipped."""
    from emofuse.cli.output import warn_of_skips

    for found in results["audit"]["findings"]:
        accepted = ", accepted" if found["code"] in results["audit"]["accepted"] else ""
        typer.echo(f"{found['severity']}: {found['code']}{accepted}: {found['message']}", err=True)
    warn_of_skips([Skip(**skip) for skip in results["skipped"]])


def _spread(values: dict[str, Any]) -> str:
    spread = "" if values["std"] is None else f" ± {values['std']:.3f}"
    return f"{values['mean']:.3f}{spread}"


def _folds(values: dict[str, Any]) -> tuple[str, str]:
    low, high = values["folds_range"]
    return f"{values['folds_mean']:.3f}", f"{low:.3f} - {high:.3f}"


def _systems(text: str) -> tuple[SystemName, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in SYSTEMS]
    if wrong or not names:
        raise RecipeError(f"--systems {text}: choose from {', '.join(SYSTEMS)}")
    return tuple(system for system in SYSTEMS if system in names)
