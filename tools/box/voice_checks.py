"""What the voice does on bad sound and on unmoved speech, and whether it tells a corpus by its sound."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from corpus import EMOTIONAL
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from voice_scores import score_corpus

import emofuse
from emofuse import layout
from emofuse.config import AlterRecipe
from emofuse.evaluation.calibration import probabilities
from emofuse.inference.recognizer import EmotionRecognizer
from emofuse.model.checkpoint import load_checkpoint
from emofuse.runs.run_folder import RunFolder
from emofuse.sound.augmentation import load_alterations
from emofuse.sound.clips import Clip, read_clip
from emofuse.sound.conditions import noisy, opus, quieter, telephone
from emofuse.types import Corpus, Prediction, Utterance
from emofuse.types.arrays import Float64Array

# How many clips the speed is measured on.
TIMED = 120
Condition = Callable[[Clip, np.random.Generator], Clip]


def robustness(folds: Path, corpus: Corpus, data: Path) -> dict[str, Any]:
    """Return condition -> corpus -> UA, of the first fold's model on the speakers that it was not trained on."""
    run = RunFolder.open(folds)
    first = run.folds[0]
    recognizer = emofuse.load(layout.job_folder(folds, first.index, 0, "audio") / layout.MODEL)
    tested_clips = [u for u in corpus if u.id in set(first.test)]
    found: dict[str, Any] = {}
    for name, condition in _conditions(data).items():
        rng = np.random.default_rng(0)
        probabilities = {
            u.id: _probabilities_of(recognizer, condition(_clip(u, recognizer), rng)) for u in tested_clips
        }
        found[name] = {}
        for one in EMOTIONAL:
            tested = [t for t in run.truth if t.session == one and t.id in probabilities]
            found[name][one] = score_corpus(probabilities, tested, one)["restricted"]["ua"]
    return found


def corpus_probe(folds: Path, corpus: Corpus) -> dict[str, Any]:
    """Return how well a linear probe tells the corpus from the pooled vectors of the first fold's test part.

    It learns from every fourth clip of the training part: from speakers whom the network knows, and is tested on
    others.
    """
    fold = RunFolder.open(folds).folds[0]
    folder = layout.job_folder(folds, fold.index, 0, "audio") / layout.MODEL
    known = [u for u in corpus.select(fold.train) if u.session in EMOTIONAL][::4]
    tested_clips = list(corpus.select(fold.test))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced"))
    probe.fit(_pooled(folder, known), [u.session for u in known])
    predicted = probe.predict(_pooled(folder, tested_clips))
    right = float(balanced_accuracy_score([u.session for u in tested_clips], predicted))
    return {"balanced_accuracy": right, "chance": 1 / len(EMOTIONAL), "learnt": len(known), "n": len(tested_clips)}


def keyword_calls(model: Path, corpus: Corpus) -> dict[str, Any]:
    """Return what the voice predicts of single words spoken as to a machine."""
    predictions = [one for one in emofuse.load(model).predict_many(corpus) if isinstance(one, Prediction)]
    counts = Counter(one.label for one in predictions)
    return {
        "n": len(predictions),
        "not_neutral": 1 - counts["neutral"] / len(predictions),
        "labels": dict(counts.most_common()),
    }


def real_time_factor(model: Path, corpus: Corpus) -> dict[str, float]:
    """Return seconds of sound for each second of work, decoding included, after a first clip."""
    recognizer = emofuse.load(model)
    clips = list(corpus)[:: max(1, len(corpus) // TIMED)][:TIMED]
    seconds = sum(_clip(u, recognizer).seconds for u in clips)
    next(recognizer.predict_many(clips[:1]))
    begun = time.perf_counter()
    list(recognizer.predict_many(clips))
    taken = time.perf_counter() - begun
    return {"seconds_of_sound": seconds, "seconds": taken, "real_time_factor": seconds / taken}


def _conditions(data: Path) -> dict[str, Condition]:
    noises = load_alterations(AlterRecipe(noises=str(data / "noise"))).noises

    def in_noise(decibels: float) -> Condition:
        return lambda clip, rng: noisy(clip, noises[int(rng.integers(len(noises)))], decibels, rng)

    return {
        "clean": lambda clip, _: clip,
        "noise, 20 dB": in_noise(20.0),
        "noise, 10 dB": in_noise(10.0),
        "noise, 0 dB": in_noise(0.0),
        "telephone (band and companding)": lambda clip, _: telephone(clip),
        "Opus, 8.5 kbit/s": lambda clip, _: opus(clip, 8.5),
        "20 dB quieter": lambda clip, _: quieter(clip, 20.0),
    }


def _clip(utterance: Utterance, recognizer: EmotionRecognizer) -> Clip:
    assert utterance.audio is not None and recognizer.predictor.preparation.audio is not None  # noqa: PT018
    return read_clip(utterance.audio, utterance.start, utterance.end, recognizer.predictor.preparation.audio.rate)


def _probabilities_of(recognizer: EmotionRecognizer, clip: Clip) -> dict[str, float]:
    """Return the probabilities of a recogniser for a clip that is in no file."""
    item = recognizer.predictor.preparation(clip, None)
    logits = recognizer.predictor.runtime(recognizer.predictor.preparation.collate([item])).logits
    return dict(zip(recognizer.labels, map(float, probabilities(logits, False)[0]), strict=True))


def _pooled(folder: Path, utterances: Sequence[Utterance]) -> Float64Array:
    """Return what the classifier gets of each utterance, (utterances, width)."""
    checkpoint = load_checkpoint(folder)
    recognizer = emofuse.load(folder)
    kept: list[Float64Array] = []
    head = checkpoint.model.fusion.get_submodule("head")
    head.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0].double().numpy()[0]))
    for utterance in utterances:
        item = checkpoint.preparation(_clip(utterance, recognizer), None)
        arrays = checkpoint.preparation.collate([item]).arrays()
        with torch.inference_mode():
            checkpoint.model(**{name: torch.from_numpy(values) for name, values in arrays.items()})
    return np.stack(kept)
