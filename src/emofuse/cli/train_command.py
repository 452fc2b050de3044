"""`emofuse train`: one system trained on a whole corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emofuse.cli.terminal import echo
from emofuse.errors import RecipeError
from emofuse.types import SYSTEMS, Corpus, SystemName

if TYPE_CHECKING:
    from emofuse.config import Recipe


def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe (YAML).")],
    manifest: Annotated[Path, typer.Option("--manifest", help="Manifest (JSON Lines).")],
    out: Annotated[Path, typer.Option("--out", help="Run folder; the model is saved in its subfolder model.")],
    system: Annotated[str, typer.Option("--system", help="System to train: audio, text or fusion.")] = "fusion",
    run: Annotated[
        Path | None,
        typer.Option("--from", help="Cross-validation run of the same recipe that the calibration is taken from."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Override a value of the recipe: key=value (repeatable).")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue after the last saved epoch.")] = False,
) -> int:
    """Train one system on all utterances of a manifest."""
    from emofuse.config import load_recipe
    from emofuse.data.manifest import load_corpus

    chosen = next((name for name in SYSTEMS if name == system), None)
    if chosen is None:
        raise RecipeError(f"--system {system}: choose one of {', '.join(SYSTEMS)}")
    skipped = train_shown(load_recipe(recipe, settings or []), load_corpus(manifest), out, chosen, run, resume)
    echo(f"model saved in {out / 'model'}")
    return 1 if skipped else 0


def train_shown(
    recipe: Recipe, corpus: Corpus, out: Path, system: SystemName, run: Path | None = None, resume: bool = False
) -> int:
    """Train with a progress bar on stderr; return how many utterances were skipped."""
    from emofuse.cli.output import configure_logging, progress_bar, warn_of_skips

    configure_logging()
    from emofuse.experiment.train import train as train_on
    from emofuse.training.trainer import Progress

    with progress_bar() as bar:
        task = bar.add_task(f"training {system}", total=1.0, figures="")

        def report(progress: Progress) -> None:
            ua = "" if progress.ua is None else f", UA {progress.ua:.3f}"
            figures = f"epoch {progress.epoch}/{progress.epochs}, loss {progress.loss:.3f}{ua}"
            bar.update(task, completed=progress.done, figures=figures)

        skipped = train_on(recipe, corpus, out, system, report, run, resume)
    warn_of_skips(skipped)
    return len(skipped)
