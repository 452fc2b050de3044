"""Cheap baselines beside every cross-validation: a system that does not beat them is broken.

They are fitted to training and validation part together, for nothing is selected, and to labels alone: votes,
dimensions and multi-label tasks are not modelled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from emofuse.config import AnnotationPolicy
from emofuse.data.functionals import read_functionals
from emofuse.data.tokenization import strip_annotations
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.experiment.frozen_statistics import joined
from emofuse.types import Corpus, Fold, Modality, Skip, Task, Utterance
from emofuse.types.arrays import Float32Array

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits
except ImportError as error:
    raise MissingExtraError("train", "a baseline") from error

BASELINES = ("majority", "baseline-audio", "baseline-text", "baseline-late")
MAJORITY, AUDIO, TEXT, LATE = BASELINES
# On the features that the systems of a run with frozen encoders get.
FROZEN_BASELINES = ("frozen-audio", "frozen-text", "frozen-late", "frozen-both")
FROZEN_AUDIO, FROZEN_TEXT, FROZEN_LATE, FROZEN_BOTH = FROZEN_BASELINES

# Utterance id -> probabilities of the task's labels, in order.
LabelProbabilities: TypeAlias = dict[str, list[float]]
# Modality -> utterance id -> what its frozen encoder gives, one vector.
FrozenVectors: TypeAlias = Mapping[Modality, Mapping[str, Float32Array]]

# The inverse strength of the L2 penalty, scikit-learn's C.
AUDIO_C, TEXT_C, FROZEN_C = 0.1, 1.0, 0.02
# Words and pairs of words that are used, the commonest: memory must not grow with the corpus.
MAX_FEATURES = 50_000
MAX_ITERATIONS = 2000
# A word is what stands between spaces and punctuation, also of one letter: "I" and "a" carry information.
WORD = r"\b\w+\b"


def run_baselines(
    corpus: Corpus,
    task: Task,
    folds: Sequence[Fold],
    annotations: AnnotationPolicy = "strip",
    frozen: FrozenVectors | None = None,
) -> tuple[dict[str, LabelProbabilities], list[Skip]]:
    """Fit every baseline that a corpus allows on every fold, and predict the fold's test part.

    `majority` predicts the shares of the labels in the training part; `baseline-audio` is logistic regression on
    functionals, `baseline-text` the same on TF-IDF of words and pairs of words, with balanced classes;
    `baseline-late` is the mean of these two, or the one there is. No label of a test utterance is read. An
    utterance without input for a baseline, or a fold with nothing to fit it to, is predicted as by `majority`; one
    whose recording cannot be read is not predicted by the audio baselines, and is among the skips. A label that a
    training part lacks has probability 0 there.

    With vectors of frozen encoders there is more: `frozen-audio` and `frozen-text` are logistic regression on
    those, `frozen-both` on both side by side, which is early fusion without attention, and `frozen-late` is the mean
    of the first two. An utterance without one of the two vectors has the prediction of the other as `frozen-both`.

    Args:
        corpus: under the label policy, with the text that systems read.
        task: the labels, in the order of the probabilities.
        folds: the folds.
        annotations: strip or keep tokens such as [LAUGHTER].
        frozen: modality -> utterance id -> vector, see `frozen_statistics`; None where no encoder is frozen.

    Returns:
        baseline -> utterance id -> probabilities, over the test parts of all folds; and what could not be read.

    Raises:
        CorpusError: a training part has no label, or an id of a fold is not in the corpus.
        RunError: the cache cannot be written.
    """
    # A second thread within BLAS gains nothing here, and costs much where other programs run beside.
    with threadpool_limits(1):
        predicted, skipped = _run(corpus, task, folds, annotations)
        return predicted | _on_frozen(corpus, task, folds, frozen or {}), skipped


def _run(
    corpus: Corpus, task: Task, folds: Sequence[Fold], annotations: AnnotationPolicy
) -> tuple[dict[str, LabelProbabilities], list[Skip]]:
    used = corpus.select({i for fold in folds for i in (*fold.train, *fold.validation, *fold.test)})
    functionals, skipped = read_functionals(used)
    texts = {u.id: words for u in used if (words := _text_of(u, annotations))}
    unreadable = {skip.id for skip in skipped}
    predicted: dict[str, LabelProbabilities] = {name: {} for name in _available(functionals, texts)}
    for fold in folds:
        truth = _truth(used, fold, task)
        audio = _predict(_audio_classifier(), functionals, truth, fold.test, task)
        text = _predict(_text_classifier(), texts, truth, fold.test, task)
        prior = _prior(truth, fold, task)
        readable = [identity for identity in fold.test if identity not in unreadable]
        of_fold = {
            MAJORITY: dict.fromkeys(fold.test, prior),
            AUDIO: {identity: audio.get(identity, prior) for identity in readable},
            TEXT: {identity: text.get(identity, prior) for identity in fold.test},
            LATE: {identity: _late(identity, audio, text, prior) for identity in readable},
        }
        for name, pooled in predicted.items():
            pooled |= of_fold[name]
    return predicted, skipped


def _on_frozen(
    corpus: Corpus, task: Task, folds: Sequence[Fold], frozen: FrozenVectors
) -> dict[str, LabelProbabilities]:
    """Return the predictions of the baselines on frozen encoders' vectors."""
    audio_of, text_of, both_of = frozen.get("audio", {}), frozen.get("text", {}), joined(frozen)
    predicted: dict[str, LabelProbabilities] = {name: {} for name in FROZEN_BASELINES}
    for fold in folds:
        truth, prior = _truth(corpus, fold, task), _prior(_truth(corpus, fold, task), fold, task)
        audio, text, both = (
            _predict(_frozen_classifier(), vectors, truth, fold.test, task) for vectors in (audio_of, text_of, both_of)
        )
        late = {identity: _late(identity, audio, text, prior) for identity in fold.test}
        predicted[FROZEN_AUDIO] |= {identity: audio.get(identity, prior) for identity in fold.test}
        predicted[FROZEN_TEXT] |= {identity: text.get(identity, prior) for identity in fold.test}
        predicted[FROZEN_LATE] |= late
        predicted[FROZEN_BOTH] |= late | both
    there = {FROZEN_AUDIO: audio_of, FROZEN_TEXT: text_of, FROZEN_LATE: both_of, FROZEN_BOTH: both_of}
    return {name: predictions for name, predictions in predicted.items() if there[name]}


def _available(functionals: Mapping[str, Float32Array], texts: Mapping[str, str]) -> list[str]:
    """Return the names of the baselines that have any input."""
    available = {
        MAJORITY: True,
        AUDIO: bool(functionals),
        TEXT: bool(texts),
        LATE: bool(functionals and texts),
    }
    return [name for name in BASELINES if available[name]]


def _text_of(utterance: Utterance, annotations: AnnotationPolicy) -> str:
    """Return the text of an utterance; empty if there is no word in it."""
    text = utterance.text or ""
    text = strip_annotations(text) if annotations == "strip" else text
    return text if re.search(WORD, text) else ""


def _truth(corpus: Corpus, fold: Fold, task: Task) -> dict[str, int]:
    """Return id -> index of the label, of the training and validation part of a fold."""
    index = {label: number for number, label in enumerate(task.labels)}
    part = corpus.select((*fold.train, *fold.validation))
    labels = {u.id: u.label for u in part}
    return {identity: index[label] for identity, label in labels.items() if label in index}


def _prior(truth: Mapping[str, int], fold: Fold, task: Task) -> list[float]:
    """Return the share of each label of the task in a training part."""
    if not truth:
        raise CorpusError(
            f"fold {fold.name!r} has no label of the task in its training part; check the label policy"
        )
    counts = np.bincount(list(truth.values()), minlength=len(task.labels))
    return [float(count) / len(truth) for count in counts]


def _audio_classifier() -> Pipeline:
    return make_pipeline(StandardScaler(), _classifier(AUDIO_C))


def _frozen_classifier() -> Pipeline:
    return make_pipeline(StandardScaler(), _classifier(FROZEN_C))


def _text_classifier() -> Pipeline:
    weights = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), sublinear_tf=True, max_features=MAX_FEATURES)
    return make_pipeline(weights, _classifier(TEXT_C))


def _classifier(c: float) -> LogisticRegression:
    return LogisticRegression(C=c, class_weight="balanced", max_iter=MAX_ITERATIONS)


def _predict(
    model: Pipeline, inputs: Mapping[str, Any], truth: Mapping[str, int], tested: Sequence[str], task: Task
) -> LabelProbabilities:
    """Fit a model, and predict those tested utterances that have an input; none if there is only one label."""
    trained = [identity for identity in truth if identity in inputs]
    predicted = [identity for identity in tested if identity in inputs]
    targets = [truth[identity] for identity in trained]
    if not predicted or len(set(targets)) < 2:
        return {}
    model.fit([inputs[identity] for identity in trained], targets)
    probabilities = np.zeros((len(predicted), len(task.labels)))
    probabilities[:, model.classes_] = model.predict_proba([inputs[identity] for identity in predicted])
    return dict(zip(predicted, probabilities.tolist(), strict=True))


def _late(identity: str, audio: LabelProbabilities, text: LabelProbabilities, prior: list[float]) -> list[float]:
    """Return the mean of the probabilities of the two classifiers, those of one alone, or the prior."""
    rows = [by_id[identity] for by_id in (audio, text) if identity in by_id] or [prior]
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]
