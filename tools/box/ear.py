"""Train the box's voice on a pre-trained ear and judge it: unseen speakers, unseen corpora, bad sound.

    python tools/box/ear.py --data DATA --encoder MODELS/whisper-base --out runs/ear [--recipe FILE]

The encoder stays as it is; its vectors are computed once for each clip (ten minutes of a core for all of them)
and kept in the cache, so that a training takes seconds. Every stage leaves its figures in the run folder and is
not done twice. `figures.json` and the tables that are printed hold all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus import BURSTS, KEPT_OUT, OPEN, kept_out_keywords, predefined, voices, without
from left_out import calibration_for_shift, shift_figures
from voice_checks import keyword_calls, real_time_factor, robustness
from voice_scores import score_run
from voice_stages import alteration_folders, kept_out_scores, options_of, run_stages, show

from emofuse import layout
from emofuse.config import Recipe, load_recipe, make_recipe
from emofuse.experiment.crossval import cross_validate
from emofuse.experiment.train import train
from emofuse.inference.export import export
from emofuse.inference.model_folders import read_calibration
from emofuse.types import Corpus, Utterance

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "box" / "ear.yaml"
TABLES = ("corpora", "open", "folds")


def main() -> None:
    """Go through the stages."""
    parser = options_of(__doc__, RECIPE)
    parser.add_argument("--encoder", type=Path, required=True, help="A folder with Whisper base.")
    options = parser.parse_args()
    data, out = options.data, layout.make_folder(options.out)
    recipe = load_recipe(options.recipe, (*alteration_folders(data), f"audio.encoder={options.encoder}"))
    corpus = voices(data)
    stages: dict[str, Callable[[], Any]] = {
        "folds": lambda: _folds(recipe, corpus, out / "folds"),
        "corpora": lambda: _corpora(recipe, corpus, out / "corpora"),
        "open": lambda: _open(recipe, corpus, out / "open"),
        "shift": lambda: shift_figures({"box": out / "corpora", "box-open": out / "open"}),
        "shipped": lambda: _shipped(recipe, corpus, out, "shipped", "corpora"),
        "shipped-open": lambda: _shipped(_of_open(recipe), voices(data, OPEN), out, "shipped-open", "open"),
        "robustness": lambda: robustness(out / "folds", corpus, data),
        "keywords": lambda: keyword_calls(out / "export-shipped", kept_out_keywords(data)),
        "speed": lambda: real_time_factor(out / "export-shipped", _speech(corpus)),
    }
    show(run_stages(stages, out, options.stages), TABLES)


def _speech(corpus: Corpus) -> Corpus:
    return corpus.select(lambda u: u.session != BURSTS)


def _folds(recipe: Recipe, corpus: Corpus, out: Path) -> Any:
    """Cross-validate over speakers."""
    cross_validate(recipe, corpus, out, systems=("audio",), resume=out.exists())
    return score_run(out, _speech(corpus), reference=False)


def _corpora(recipe: Recipe, corpus: Corpus, out: Path) -> Any:
    """Leave one corpus out at a time: sessions are corpora."""
    changed = make_recipe(recipe.as_dict() | {"protocol": "leave-one-session-out"})
    cross_validate(changed, corpus, out, systems=("audio",), resume=out.exists())
    return score_run(out, _speech(corpus), reference=False)


def _of_open(recipe: Recipe) -> Recipe:
    """Return the recipe of the open voice: one corpus of speech learns more from as many bursts, for longer."""
    training = recipe.as_dict()["training"] | {"balance": ["corpus", "label"], "epochs": 10}
    return make_recipe(recipe.as_dict() | {"training": training})


def _open(recipe: Recipe, corpus: Corpus, out: Path) -> Any:
    """Train on what may be used commercially, and test on the other corpora."""

    def part(utterance: Utterance) -> str:
        return "train" if utterance.session in (*OPEN, BURSTS) else "test"

    changed = make_recipe(_of_open(recipe).as_dict() | {"protocol": "predefined"})
    cross_validate(changed, predefined(corpus, part), out, systems=("audio",), resume=out.exists())
    return score_run(out, _speech(corpus), reference=False)


def _shipped(recipe: Recipe, corpus: Corpus, out: Path, name: str, left_out: str) -> Any:
    """Train the weights that are shipped, export them, and judge them on the speakers that were kept out.

    Their calibration is that of left-out corpora: no part of what they are trained on shows what their confidence
    is worth on another corpus.
    """
    model, exported = out / name / layout.MODEL, out / f"export-{name}"
    train(recipe, without(corpus, KEPT_OUT), out / name, "audio", resume=True)
    trained = read_calibration(model)
    calibration = calibration_for_shift(out / left_out, {} if trained is None else trained.priors)
    layout.write_json(model / layout.CALIBRATION, calibration.as_dict())
    parity = export(model, exported, int8=True, sample=_speech(without(corpus, KEPT_OUT)))
    scores = kept_out_scores(exported, corpus)
    return scores | {"calibration": calibration.as_dict(), "parity": parity}


if __name__ == "__main__":
    main()
