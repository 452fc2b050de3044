"""Train the box's fusion on pairs, judge it on speakers and sentences that nothing in it has met, and pack it.

    python tools/box/fusion.py --data DATA --voice VOICE --text TEXT --out OUT

VOICE and TEXT are the run folders of `voice.py` and `text.py`. Every training leaves its figures in the run folder
and is not done twice; one that was interrupted goes on. What is judged are the folds that were trained.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from box_packing import pack
from corpus import EMOTIONAL, KEPT_OUT, KEYWORDS, OPEN, only_speakers, speech, without
from fusion_figures import SystemOutputs, compute_outputs, joined, judge_pairs
from text_corpus import FOLDS, goemotions, parts_of
from voice_text_pairs import Sentences, conflicts, evaluation_pairs, seconds_of_voice, training_pairs

from emofuse import layout
from emofuse.config import Recipe, load_recipe
from emofuse.experiment.train import train
from emofuse.model.checkpoint import load_checkpoint
from emofuse.types import Corpus, SystemName

RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "box"
DRAWS = 3
# Stages that put together what others have left, and are done again each time.
TOGETHER = ("judged", "pack")
# Utterances on which the exported graphs are compared with the models, and from which scales are taken.
SAMPLE = 64
# What the voices of the boxes learn from, beside keywords.
CORPORA: dict[str, tuple[str, ...]] = {"box": EMOTIONAL, "box-open": OPEN}
LANGUAGES = {"ravdess": "English", "emodb": "German", "nemo": "Polish"}


@dataclass(frozen=True)
class Setting:
    """What all stages take from.

    Attributes:
        data: folder of the corpora.
        voice, text: run folders of the encoders.
        out: run folder.
        corpus: all speech.
        seconds: how long each clip speaks.
    """

    data: Path
    voice: Path
    text: Path
    out: Path
    corpus: Corpus
    seconds: dict[str, float]

    def sentences(self) -> Sentences:
        """Return all sentences."""
        texts = goemotions(self.data)
        return Sentences.of(texts, np.arange(len(texts)))

    def parts(self, fold: int) -> tuple[Sentences, Sentences]:
        """Return the sentences that a fold is trained on, and those that it is tested on."""
        texts = goemotions(self.data)
        parts = parts_of(texts, fold)
        train_rows = np.concatenate([parts.train, parts.validation])
        return Sentences.of(texts, train_rows), Sentences.of(texts, parts.test)


def main() -> None:
    """Go through the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "voice", "text", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--stages", help="Only these, with commas between.")
    options = parser.parse_args()
    out = layout.make_folder(options.out)
    corpus = speech(options.data)
    seconds = _once(out / "seconds.json", lambda: seconds_of_voice(corpus))
    setting = Setting(options.data, options.voice, options.text, out, corpus, seconds)
    stages: dict[str, Callable[[], Any]] = {
        **{fold_name(fold): partial(fold_of, setting, fold) for fold in range(1, FOLDS + 1)},
        "judged": lambda: judged(setting),
        **{name: partial(shipped, setting, name) for name in CORPORA},
        "pack": lambda: packed(setting),
    }
    wanted = options.stages.split(",") if options.stages else list(stages)
    if unknown := set(wanted) - set(stages):
        parser.error(f"--stages: no {', '.join(sorted(unknown))}; there are {', '.join(stages)}")
    for name in wanted:
        path = out / f"{name}.json"
        if name in TOGETHER:
            layout.write_json(path, stages[name]())
        print(json.dumps({name: _once(path, stages[name])}, indent=1))


def fold_of(setting: Setting, fold: int) -> Any:
    """Train on the speakers and sentences of a fold's training part; test on those of its test part."""
    folds = _read(setting.voice / "folds" / layout.FOLDS)["folds"]
    voice = layout.job_folder(setting.voice / "folds", fold, 0, "audio") / layout.MODEL
    test = set(folds[fold - 1]["test"])
    known = setting.corpus.select(lambda u: u.id not in test)
    tested = setting.corpus.select(lambda u: u.id in test)
    known_sentences, unseen = setting.parts(fold)
    pairs = training_pairs(known, known_sentences, setting.seconds)
    folder = setting.out / fold_name(fold)
    recipe = fusion_recipe(setting, voice, setting.text / fold_name(fold) / "student", folder)
    systems: tuple[SystemName, ...] = ("fusion", "text")
    for system in systems:
        train(recipe, pairs, folder / system, system, resume=True)
    models = {"voice": voice, "text": folder / "text" / layout.MODEL, "fusion": folder / "fusion" / layout.MODEL}
    test_sets = {
        "pairs": evaluation_pairs(tested, unseen, setting.seconds, DRAWS),
        "conflict": conflicts(tested, unseen, setting.seconds),
    }
    by_kind = {kind: compute_outputs(models, corpus) for kind, corpus in test_sets.items()}
    for kind, outputs in by_kind.items():
        outputs.save(folder / kind)
    return judge_pairs(by_kind, recipe.training.label_smoothing)


def judged(setting: Setting) -> Any:
    """Judge the outputs of all folds that there are, together."""
    names = [fold_name(fold) for fold in range(1, FOLDS + 1)]
    folders = [setting.out / name for name in names if (setting.out / f"{name}.json").is_file()]
    kinds = ("pairs", "conflict")
    by_kind = {kind: joined([SystemOutputs.load(folder / kind) for folder in folders]) for kind in kinds}
    smoothing = _read(setting.out / f"{folders[0].name}.json")["smoothing"]
    return {"folds": len(folders)} | judge_pairs(by_kind, smoothing)


def fold_name(fold: int) -> str:
    """Return what a fold's stage and folder are called."""
    return f"fold-{fold}"


def shipped(setting: Setting, name: str) -> Any:
    """Train what is shipped, on all sentences and on all speakers but those kept out."""
    folder = setting.out / name
    voice = setting.voice / ("shipped" if name == "box" else "shipped-open") / layout.MODEL
    allowed = (*CORPORA[name], KEYWORDS)
    known = without(setting.corpus.select(lambda u: u.session in allowed), KEPT_OUT)
    pairs = training_pairs(known, setting.sentences(), setting.seconds)
    recipe = fusion_recipe(setting, voice, setting.text / "shipped" / "student", folder)
    train(recipe, pairs, folder / "fusion", "fusion", resume=True)
    kept_out = only_speakers(setting.corpus, KEPT_OUT)
    test_sets = evaluation_pairs(kept_out, setting.sentences(), setting.seconds, DRAWS)
    models = {"voice": voice, "fusion": folder / "fusion" / layout.MODEL}
    return judge_pairs({"pairs": compute_outputs(models, test_sets)}, recipe.training.label_smoothing)


def packed(setting: Setting) -> Any:
    """Pack both boxes; their cards tell the figures of all stages."""
    judged, text = _read(setting.out / "judged.json"), _read(setting.text / "figures.json")
    sizes = {}
    for name, corpora in CORPORA.items():
        own = _read(setting.out / f"{name}.json")
        whole = name == "box"
        figures = {
            "voice": _read(setting.voice / "folds.json") if whole else {},
            "voices": ", ".join(LANGUAGES[corpus] for corpus in corpora),
            "text": text,
            "pairs": judged if whole else None,
            "kept_out": own,
            "calibration": judged if whole else own,
        }
        known = setting.corpus.select([u.id for u in setting.corpus if u.session in corpora])
        sample = evaluation_pairs(known, setting.sentences(), setting.seconds, 1)
        some = replace(sample, utterances=sample.utterances[:: max(1, len(sample) // SAMPLE)][:SAMPLE])
        sizes[name] = pack(name, setting.out / name / "fusion", setting.out / "packed" / name, figures, some)
    return sizes


def fusion_recipe(setting: Setting, voice: Path, text: Path, folder: Path) -> Recipe:
    """Return the recipe with its encoders; that of a voice model is put into a folder of its own."""
    encoder = folder / "voice-encoder"
    if not encoder.exists():
        layout.make_folder(folder)
        load_checkpoint(voice).model.audio_encoder.backbone.save_pretrained(encoder)
    return load_recipe(
        RECIPES / "fusion.yaml",
        (
            f"audio.encoder={encoder}",
            f"text.encoder={text}",
            f"audio.alter.noises={setting.data / 'noise'}",
            f"audio.alter.rooms={setting.data / 'rooms'}",
        ),
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _once(path: Path, stage: Callable[[], Any]) -> Any:
    if not path.is_file():
        layout.write_json(path, stage())
    return _read(path)


if __name__ == "__main__":
    main()
