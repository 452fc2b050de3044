"""Cheap baselines beside every cross-validation: a system that does not beat them is broken.

They learn from training and validation part together, for they choose nothing, and from labels alone: votes,
dimensions and several labels at once are left aside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from emofuse.config import AnnotationPolicy
from emofuse.data.functionals import read_functionals
from emofuse.data.text import strip_annotations
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.types import Corpus, Fold, Skip, Task, Utterance
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

# Probabilities of the task's labels by utterance id, and by baseline.
Chances: TypeAlias = dict[str, list[float]]
Answers: TypeAlias = dict[str, Chances]

# How freely a classifier may follow its training part: the inverse of the strength of its L2 penalty.
AUDIO_C, TEXT_C = 0.1, 1.0
# Words and pairs that are looked at, the commonest: memory is not to grow with the corpus, rarer ones add nothing.
MOST_TERMS = 50_000
MOST_STEPS = 2000
# A word is what stands between spaces and signs, also of one letter: "I" and "a" tell something.
WORD = r"\b\w+\b"


def run_baselines(
    corpus: Corpus, task: Task, folds: Sequence[Fold], annotations: AnnotationPolicy = "strip"
) -> tuple[Answers, list[Skip]]:
    """Train every baseline that a corpus allows on every fold, and let it answer the fold's test part.

    `majority` answers with the shares of the labels in the training part, the commonest of which is the first;
    `baseline-audio` is logistic regression on functionals, `baseline-text` the same on TF-IDF of words and pairs
    of words, with every label of the same weight; `baseline-late` is the mean of these two, or the one there is.
    No label of a test utterance is read. An utterance of which a baseline gets nothing, or that no other utterance
    could have taught it, is answered like `majority`; one whose recording cannot be read is not answered by those
    that hear, and stands in the skips. A label that a training part lacks has probability 0 there.

    Args:
        corpus: under the label policy, with the text that is to be read.
        task: the labels, in the order of the probabilities.
        folds: of which part trains what.
        annotations: strip or keep tokens such as [LAUGHTER].

    Returns:
        baseline -> utterance id -> probabilities, over the test parts of all folds; and what could not be read.

    Raises:
        CorpusError: a training part has no label, or an id of a fold is not in the corpus.
        RunError: the cache cannot be written.
    """
    # A second thread within BLAS gains nothing here, and costs much where other programs run beside.
    with threadpool_limits(1):
        return _run(corpus, task, folds, annotations)


def _run(
    corpus: Corpus, task: Task, folds: Sequence[Fold], annotations: AnnotationPolicy
) -> tuple[Answers, list[Skip]]:
    used = corpus.select({i for fold in folds for i in (*fold.train, *fold.validation, *fold.test)})
    heard, skipped = read_functionals(used)
    words = {u.id: written for u in used if (written := _words(u, annotations))}
    unread = {skip.id for skip in skipped}
    answers: Answers = {name: {} for name in _allowed(heard, words)}
    for fold in folds:
        truth = _truth(used, fold, task)
        audio = _answer(_hearer(), heard, truth, fold.test, task)
        text = _answer(_reader(), words, truth, fold.test, task)
        prior = _prior(truth, fold, task)
        hearing = [identity for identity in fold.test if identity not in unread]
        said = {
            MAJORITY: dict.fromkeys(fold.test, prior),
            AUDIO: {identity: audio.get(identity, prior) for identity in hearing},
            TEXT: {identity: text.get(identity, prior) for identity in fold.test},
            LATE: {identity: _late(identity, audio, text, prior) for identity in hearing},
        }
        for name, pooled in answers.items():
            pooled |= said[name]
    return answers, skipped


def _allowed(heard: Mapping[str, Float32Array], words: Mapping[str, str]) -> list[str]:
    """Return the names of the baselines for which there is anything to hear or to read."""
    there = {MAJORITY: True, AUDIO: bool(heard), TEXT: bool(words), LATE: bool(heard and words)}
    return [name for name in BASELINES if there[name]]


def _words(utterance: Utterance, annotations: AnnotationPolicy) -> str:
    """Return what there is to read of an utterance; signs without a word are nothing."""
    text = utterance.text or ""
    text = strip_annotations(text) if annotations == "strip" else text
    return text if re.search(WORD, text) else ""


def _truth(corpus: Corpus, fold: Fold, task: Task) -> dict[str, int]:
    """Return id -> number of the label of everything that a fold may learn from."""
    index = {label: number for number, label in enumerate(task.labels)}
    part = corpus.select((*fold.train, *fold.validation))
    labels = {u.id: u.label for u in part}
    return {identity: index[label] for identity, label in labels.items() if label in index}


def _prior(truth: Mapping[str, int], fold: Fold, task: Task) -> list[float]:
    """Return the share of each label of the task in a training part."""
    if not truth:
        raise CorpusError(f"fold {fold.name!r} has no label of the task to learn from; check the label policy")
    counts = np.bincount(list(truth.values()), minlength=len(task.labels))
    return [float(count) / len(truth) for count in counts]


def _hearer() -> Pipeline:
    return make_pipeline(StandardScaler(), _classifier(AUDIO_C))


def _reader() -> Pipeline:
    weights = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), sublinear_tf=True, max_features=MOST_TERMS)
    return make_pipeline(weights, _classifier(TEXT_C))


def _classifier(freedom: float) -> LogisticRegression:
    return LogisticRegression(C=freedom, class_weight="balanced", max_iter=MOST_STEPS)


def _answer(
    model: Pipeline, inputs: Mapping[str, Any], truth: Mapping[str, int], tested: Sequence[str], task: Task
) -> Chances:
    """Train a model and let it answer those of the tested of which it gets something.

    Nobody is answered where there are not two labels to tell apart.
    """
    learnt = [identity for identity in truth if identity in inputs]
    asked = [identity for identity in tested if identity in inputs]
    targets = [truth[identity] for identity in learnt]
    if not asked or len(set(targets)) < 2:
        return {}
    model.fit([inputs[identity] for identity in learnt], targets)
    chances = np.zeros((len(asked), len(task.labels)))
    chances[:, model.classes_] = model.predict_proba([inputs[identity] for identity in asked])
    return dict(zip(asked, chances.tolist(), strict=True))


def _late(identity: str, audio: Chances, text: Chances, prior: list[float]) -> list[float]:
    """Return the mean of what the two say of an utterance, what one says alone, or the prior."""
    rows = [said[identity] for said in (audio, text) if identity in said] or [prior]
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]
