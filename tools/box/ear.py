"""Train the box's voice on a pre-trained ear and judge it: unseen speakers, unseen corpora, bad sound.

    python tools/box/ear.py --data DATA --encoder MODELS/whisper-base --out runs/ear [--recipe FILE]

The encoder stays as it is; its vectors are computed once for each clip (ten minutes of a core for all of them)
and kept in the cache, so that a training takes seconds. Every stage leaves its figures in the run folder and is
not done twice. `figures.json` and the tables that are printed hold all of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus import (
    BURSTS,
    EMOTIONAL,
    KEPT_OUT,
    LABELS_OF,
    OPEN,
    kept_out_keywords,
    only_speakers,
    predefined,
    voices,
    without,
)
from left_out import calibration_for_shift, shift_figures
from voice_checks import keyword_calls, real_time_factor, robustness
from voice_scores import line_of, score_corpus, score_run

import emofuse
from emofuse import layout
from emofuse.config import Recipe, load_recipe, make_recipe
from emofuse.data.labels import apply_policy
from emofuse.experiment.crossval import cross_validate
from emofuse.experiment.train import train
from emofuse.inference.export import export
from emofuse.inference.model_folders import read_calibration
from emofuse.runs.labelled_utterances import labelled_utterances
from emofuse.types import Corpus, Fold, Prediction, Utterance

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "box" / "ear.yaml"
COLUMNS = "| corpus | system | n | speakers | UA, its labels | UA, open |"


def main() -> None:
    """Go through the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="A folder with Whisper base.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--stages", help="Only these, with commas between; figures.json is then not written.")
    options = parser.parse_args()
    data, out = options.data, layout.make_folder(options.out)
    overrides = (f"audio.alter.noises={data / 'noise'}", f"audio.alter.rooms={data / 'rooms'}")
    recipe = load_recipe(options.recipe, (*overrides, f"audio.encoder={options.encoder}"))
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
    wanted = options.stages.split(",") if options.stages else list(stages)
    if unknown := set(wanted) - set(stages):
        parser.error(f"--stages: no {', '.join(sorted(unknown))}; there are {', '.join(stages)}")
    figures = {name: _once(out / f"{name}.json", stages[name]) for name in wanted}
    show(figures)
    if len(figures) == len(stages):
        layout.write_json(out / "figures.json", figures)


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables of Markdown."""
    tables = [name for name in ("corpora", "open", "folds") if name in figures]
    for name in tables:
        print(f"\n{name}\n\n{COLUMNS}\n{'|---' * 6}|")
        for corpus, systems in figures[name].items():
            for system, found in systems.items():
                row = (corpus, system, found["n"], found["speakers"], line_of(found), line_of(found, "open"))
                print("|", " | ".join(map(str, row)), "|")
    for stage in set(figures).difference(tables):
        print(f"\n{stage}: {json.dumps(figures[stage])}")


def _once(path: Path, stage: Callable[[], Any]) -> Any:
    if not path.is_file():
        layout.write_json(path, stage())
    return json.loads(path.read_text(encoding="utf-8"))


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
    folder, exported = out / name, out / f"export-{name}"
    train(recipe, without(corpus, KEPT_OUT), folder, "audio", resume=True)
    trained = read_calibration(folder)
    calibration = calibration_for_shift(out / left_out, {} if trained is None else trained.priors)
    layout.write_json(folder / layout.CALIBRATION, calibration.as_dict())
    tested = only_speakers(corpus, KEPT_OUT)
    parity = export(folder, exported, int8=True, sample=_speech(without(corpus, KEPT_OUT)))
    labelled, _ = apply_policy(tested, "as-is")
    predictions = emofuse.load(exported).predict_many(labelled)
    probabilities = {one.id: one.probabilities for one in predictions if isinstance(one, Prediction)}
    whole = Fold(1, "kept out", (), (), tuple(u.id for u in labelled))
    scores = score_corpus(probabilities, labelled_utterances(labelled, [whole]), "emodb")
    return scores | {"calibration": calibration.as_dict(), "parity": parity}


assert set(EMOTIONAL) == set(LABELS_OF)

if __name__ == "__main__":
    main()
