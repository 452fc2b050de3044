"""`emofuse demo`: all steps on the synthetic corpus that ships with the package."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emofuse import layout
from emofuse.cli.terminal import echo
from emofuse.types import SYSTEMS

if TYPE_CHECKING:
    from emofuse.config import Recipe
    from emofuse.types import Utterance

# Predicted at the end: the emotion of the first is in its words only, that of the second in the voice only.
PREDICTED = ("demo_f1_003", "demo_f1_002")


def demo(
    out: Annotated[Path, typer.Option("--out", help="The run folder.")] = Path("runs/demo"),
) -> int:
    """Compare audio, text and fusion on synthetic speech, train a model, predict two files with it and the box."""
    from emofuse.cli.output import configure_logging

    configure_logging()
    import emofuse.experiment  # noqa: F401  # where torch is missing, it says so before anything is printed
    from emofuse.box import boxes
    from emofuse.cli.crossval_command import cross_validate_shown
    from emofuse.cli.results_tables import show_results
    from emofuse.cli.train_command import train_shown
    from emofuse.data.corpora.demo_corpus import demo_corpus

    recipe = demo_recipe()
    echo("The demo corpus is synthetic speech: its figures show that the software runs, nothing more.")
    corpus = demo_corpus()
    results = cross_validate_shown(recipe, corpus, out, SYSTEMS, resume=True)
    show_results(results, out)
    if not (out / layout.MODEL).is_dir():
        train_shown(recipe, corpus, out, "fusion")
    shown = corpus.select(PREDICTED)
    echo(f"\nThe fusion model, trained on the whole corpus, is in {out / layout.MODEL}.")
    echo("Two predictions, of files that it was trained on:")
    code = _predict(out, f"{out} ", shown)
    name = next(iter(boxes()), None)
    if name is not None:
        echo(f"\nThe same two, by the model in the box ({name}), which was not trained on synthetic voices:")
        code = max(code, _predict(Path(name), "", shown))
    return code


def demo_recipe() -> Recipe:
    """Return the recipe of the demo: on the encoders of `box-open` where their weights are, else from scratch."""
    from emofuse.box import OPEN, boxes
    from emofuse.config import load_recipe

    folder, box = Path(str(files("emofuse") / "demo")), boxes().get(OPEN)
    if box is not None and box.has_weights:
        return load_recipe(folder / "recipe.yaml")
    echo(f"An installed {OPEN} holds no weights for torch: encoders are trained from scratch, for some minutes.")
    return load_recipe(folder / "from_scratch.yaml")


def _predict(model: Path, typed: str, utterances: Iterable[Utterance]) -> int:
    """Predict utterances one by one, each below the command that does it; return the highest exit code."""
    from emofuse.cli.predict.predict_command import predict

    code = 0
    for utterance in utterances:
        if utterance.audio is not None:
            echo(f'\n$ emofuse predict {typed}{utterance.audio.name} --text "{utterance.text}" --any-sound')
            code = max(code, predict(model, [utterance.audio], utterance.text, any_sound=True))
    return code
