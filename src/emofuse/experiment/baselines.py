"""Cheap baselines beside every cross-validation: a system that does not beat them is broken.

They are fitted to training and validation part together, for nothing is selected, and to labels alone: votes,
dimensions and multi-label tasks are not modelled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from emofuse.config import AnnotationPolicy
from emofuse.data.functionals import read_functionals
from emofuse.data.tokenization import strip_annotations
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.experiment.frozen_statistics import FrozenVectors, joined
from emofuse.types import MODALITIES, Corpus, Fold, Modality, Skip, Task, Utterance

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
# Those that need no recording.
READING_ALONE = (MAJORITY, TEXT, FROZEN_TEXT)

# Utterance id -> probabilities of the task's labels, in order.
LabelProbabilities: TypeAlias = dict[str, list[float]]

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
    those, `frozen-both` on both side by side, which is early fusion without attention, and `frozen-late` is the
    mean of the first two. Without one of the two vectors, `frozen-both` is the prediction from the other.

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
        return _run(corpus, task, folds, annotations, frozen or {})


@dataclass(frozen=True)
class _Family:
    """Baselines on one kind of input: on each modality alone, and on both.

    Attributes:
        audio: name of the one on audio.
        text: of the one on text.
        late: of the mean of these two.
        both: of the one on both side by side; None without.
        inputs: of each modality, utterance id -> input.
        classifiers: of each modality.
    """

    audio: str
    text: str
    late: str
    both: str | None
    inputs: Mapping[Modality, Mapping[str, Any]]
    classifiers: Mapping[Modality, Callable[[], Pipeline]]

    @property
    def available(self) -> list[str]:
        """The names of those that have any input."""
        audio, text = (bool(self.inputs.get(modality)) for modality in MODALITIES)
        there = {self.audio: audio, self.text: text, self.late: audio and text}
        if self.both is not None:
            there[self.both] = audio and text
        return [name for name, has_input in there.items() if has_input]

    def predict(
        self, truth: Mapping[str, int], tested: Sequence[str], task: Task
    ) -> dict[str, LabelProbabilities]:
        """Fit to the labels in `truth`; return baseline -> utterance id -> probabilities, where there is input."""
        audio, text = (
            _predict(self.classifiers[modality](), self.inputs.get(modality, {}), truth, tested, task)
            for modality in MODALITIES
        )
        late = {identity: _mean([audio, text], identity) for identity in tested if identity in audio | text}
        predicted = {self.audio: audio, self.text: text, self.late: late}
        if self.both is not None:
            side_by_side = _predict(self.classifiers["audio"](), joined(self.inputs), truth, tested, task)
            predicted[self.both] = late | side_by_side
        return {name: predicted[name] for name in self.available}


def _run(
    corpus: Corpus, task: Task, folds: Sequence[Fold], annotations: AnnotationPolicy, frozen: FrozenVectors
) -> tuple[dict[str, LabelProbabilities], list[Skip]]:
    used = corpus.select({i for fold in folds for i in (*fold.train, *fold.validation, *fold.test)})
    functionals, skipped = read_functionals(used)
    texts = {u.id: words for u in used if (words := _text_of(u, annotations))}
    unreadable = {skip.id for skip in skipped}
    plain = _Family(
        AUDIO,
        TEXT,
        LATE,
        None,
        {"audio": functionals, "text": texts},
        {"audio": _audio_classifier, "text": _text_classifier},
    )
    on_frozen = _Family(
        FROZEN_AUDIO, FROZEN_TEXT, FROZEN_LATE, FROZEN_BOTH, frozen, dict.fromkeys(MODALITIES, _frozen_classifier)
    )
    predicted: dict[str, LabelProbabilities] = {
        name: {} for name in (MAJORITY, *plain.available, *on_frozen.available)
    }
    for fold in folds:
        truth = _truth(used, fold, task)
        prior = _prior(truth, fold, task)
        of_fold = plain.predict(truth, fold.test, task) | on_frozen.predict(truth, fold.test, task)
        for name, pooled in predicted.items():
            left_out = unreadable if name not in READING_ALONE else set()
            there = of_fold.get(name, {})
            pooled |= {identity: there.get(identity, prior) for identity in fold.test if identity not in left_out}
    return predicted, skipped


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


def _mean(predicted: Sequence[LabelProbabilities], identity: str) -> list[float]:
    """Return the mean of the probabilities of those classifiers that predicted an utterance."""
    rows = [by_id[identity] for by_id in predicted if identity in by_id]
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]
