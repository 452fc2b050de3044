"""`emofuse demo`: the whole path on the synthetic corpus that comes along."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from emofuse import layout
from emofuse.types import SYSTEMS

# Fewer epochs than the recipe has: it is to end in minutes.
DEMO_OVERRIDES: tuple[str, ...] = ("training.epochs=12",)
# What is predicted at the end: one that the words tell, one that only the voice tells.
SHOWN = ("demo_f1_003", "demo_f1_002")


def demo(
    out: Annotated[Path, typer.Option("--out", help="The run folder.")] = Path("runs/demo"),
) -> int:
    """Compare audio, text and fusion on synthetic speech, train a model, predict two files with it and the box."""
    from emofuse.box import boxes
    from emofuse.cli.crossval_command import cross_validate_shown
    from emofuse.cli.predict.predict_command import predict
    from emofuse.cli.results_tables import show_results
    from emofuse.cli.train_command import train_shown
    from emofuse.config import load_recipe
    from emofuse.data.corpora.demo_corpus import demo_corpus

    recipe = load_recipe(Path(str(files("emofuse") / "demo" / "recipe.yaml")), DEMO_OVERRIDES)
    typer.echo("The demo corpus is synthetic speech: its figures show that the software runs, nothing more.")
    corpus = demo_corpus()
    results = cross_validate_shown(recipe, corpus, out, SYSTEMS, resume=True)
    show_results(results, out)
    if not (out / layout.MODEL).is_dir():
        train_shown(recipe, corpus, out, "fusion")
    typer.echo(f"\nThe fused model, trained on all of it, is in {out / layout.MODEL}.")
    typer.echo("Two predictions, of files that it has learnt from:")
    code = 0
    for utterance in corpus.select(SHOWN):
        assert utterance.audio is not None  # every utterance of the demo corpus has audio
        typer.echo(f'\n$ emofuse predict {out} {utterance.audio.name} --text "{utterance.text}"')
        code = max(code, predict(out, [utterance.audio], utterance.text))
    name = next(iter(boxes()), None)
    if name is not None:
        typer.echo(f"\nThe same two, by the model in the box ({name}), which has never met a synthetic voice:")
        for utterance in corpus.select(SHOWN):
            assert utterance.audio is not None  # as above
            typer.echo(f'\n$ emofuse predict {utterance.audio.name} --text "{utterance.text}"')
            code = max(code, predict(Path(name), [utterance.audio], utterance.text))
    return code
