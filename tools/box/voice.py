"""Train the box's voice and judge it: on unseen speakers, corpora and sentences, and on bad sound.

    python tools/box/voice.py --data DATA --out runs/voice [--recipe recipes/box/voice.yaml]

Every stage leaves its figures in the run folder and is not done twice; a stage that was interrupted keeps the
trainings that are complete. `figures.json` and the tables that are printed hold all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus import KEPT_OUT, KEYWORDS, OPEN, kept_out_keywords, predefined, speech, without
from voice_checks import corpus_probe, keyword_calls, real_time_factor, robustness
from voice_scores import score_run
from voice_stages import alteration_folders, kept_out_scores, options_of, run_stages, show

from emofuse import layout
from emofuse.config import Recipe, load_recipe, make_recipe
from emofuse.experiment.crossval import cross_validate
from emofuse.experiment.train import train
from emofuse.inference.export import export
from emofuse.types import Corpus, Utterance

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "box" / "voice.yaml"
TABLES = ("folds", "corpora", "sentences")


def main() -> None:
    """Go through the stages."""
    options = options_of(__doc__, RECIPE).parse_args()
    recipe = load_recipe(options.recipe, alteration_folders(options.data))
    corpus, out = speech(options.data), layout.make_folder(options.out)
    stages: dict[str, Callable[[], Any]] = {
        "folds": lambda: _folds(recipe, corpus, out / "folds"),
        "shipped": lambda: _shipped(recipe, corpus, out, "shipped"),
        "shipped-open": lambda: _shipped(recipe, speech(options.data, OPEN), out, "shipped-open"),
        "corpora": lambda: _corpora(recipe, corpus, out / "corpora"),
        "sentences": lambda: _sentences(recipe, corpus, out),
        "robustness": lambda: robustness(out / "folds", corpus, options.data),
        "probe": lambda: corpus_probe(out / "folds", corpus),
        "keywords": lambda: keyword_calls(out / "export", kept_out_keywords(options.data)),
        "speed": lambda: real_time_factor(out / "export", corpus),
    }
    show(run_stages(stages, out, options.stages), TABLES)


def _shorter(recipe: Recipe, **changes: Any) -> Recipe:
    """Return the recipe for a check beside the figures: it trains half as long."""
    training = recipe.as_dict()["training"] | {"epochs": recipe.training.epochs // 2}
    return make_recipe(recipe.as_dict() | {"speaker_norm": False, "training": training} | changes)


def _folds(recipe: Recipe, corpus: Corpus, out: Path) -> Any:
    """Cross-validate over speakers."""
    cross_validate(recipe, corpus, out, systems=("audio",), resume=out.exists())
    return score_run(out, corpus)


def _corpora(recipe: Recipe, corpus: Corpus, out: Path) -> Any:
    """Leave one corpus out at a time: sessions are corpora."""
    changed = _shorter(recipe, protocol="leave-one-session-out")
    cross_validate(changed, corpus, out, systems=("audio",), resume=out.exists())
    return score_run(out, corpus)


def _sentences(recipe: Recipe, corpus: Corpus, out: Path) -> Any:
    """Train on sentence 1 of RAVDESS and test on sentence 2, by speakers of the other half."""
    changed = _shorter(recipe, protocol="predefined")
    speakers = sorted({u.speaker for u in corpus if u.speaker is not None})
    found = {}
    for half in (0, 1):
        tested = set(speakers[half::2])

        def part(utterance: Utterance, tested: set[str] = tested) -> str | None:
            if utterance.session == KEYWORDS:
                return "train"
            second = utterance.tags["corpus"] == "ravdess" and utterance.tags["sentence"] == "2"
            if utterance.speaker in tested:
                return "test" if second else None
            return None if second else "train"

        folder = out / f"sentences-{half}"
        cross_validate(changed, predefined(corpus, part), folder, systems=("audio",), resume=folder.exists())
        found[f"ravdess, half {half + 1}"] = score_run(folder, corpus)["ravdess"]
    return found


def _shipped(recipe: Recipe, corpus: Corpus, out: Path, name: str) -> Any:
    """Train the weights that are shipped, export them, and judge them on the speakers that were kept out."""
    exported = out / ("export" if name == "shipped" else f"export-{name}")
    train(recipe, without(corpus, KEPT_OUT), out / name, "audio", resume=True)
    export(out / name, exported)
    return kept_out_scores(exported, corpus)


if __name__ == "__main__":
    main()
