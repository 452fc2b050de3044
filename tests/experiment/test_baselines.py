from __future__ import annotations

import sys
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
import pytest
import soundfile
from small_corpus import LABELS, make_corpus

from emofuse import make_folds
from emofuse.data import functionals
from emofuse.data.corpora.user_table import read_table
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.evaluation.scores import evaluate_labels
from emofuse.experiment.baselines import (
    AUDIO,
    BASELINES,
    FROZEN_AUDIO,
    FROZEN_BASELINES,
    FROZEN_BOTH,
    FROZEN_LATE,
    FROZEN_TEXT,
    LATE,
    MAJORITY,
    TEXT,
    LabelProbabilities,
    run_baselines,
)
from emofuse.experiment.frozen_statistics import FrozenVectors
from emofuse.layout import cache_folder
from emofuse.types import Corpus, Fold, Task, Utterance

TASK = Task(LABELS)
Predicted: TypeAlias = dict[str, LabelProbabilities]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("tones"), takes=2)


@pytest.fixture(scope="module")
def folds(tones: Corpus) -> tuple[Fold, ...]:
    return make_folds(tones, "leave-one-session-out")


def labels_of(said: dict[str, list[float]]) -> dict[str, str]:
    return {identity: LABELS[int(np.argmax(row))] for identity, row in said.items()}


def prior_of(corpus: Corpus, fold: Fold) -> list[float]:
    labels = [u.label for u in corpus if u.id in {*fold.train, *fold.validation}]
    return [labels.count(label) / len(labels) for label in LABELS]


def assert_same(one: Predicted, other: Predicted, left_out: str = "") -> None:
    assert one.keys() == other.keys()
    for name in one:
        for identity in one[name].keys() - {left_out}:
            assert one[name][identity] == pytest.approx(other[name][identity], abs=1e-9), (name, identity)


def changed(corpus: Corpus, identity: str, **values: Any) -> Corpus:
    return replace(corpus, utterances=tuple(replace(u, **values) if u.id == identity else u for u in corpus))


def test_every_test_utterance_gets_a_distribution_of_every_baseline(
    tones: Corpus, folds: tuple[Fold, ...]
) -> None:
    answers, skipped = run_baselines(tones, TASK, folds)
    assert tuple(answers) == BASELINES
    assert skipped == []
    for said in answers.values():
        assert list(said) == [identity for fold in folds for identity in fold.test]
        for row in said.values():
            assert len(row) == 4
            assert all(type(value) is float for value in row)
            assert sum(row) == pytest.approx(1.0, abs=1e-5)
            assert min(row) >= 0.0


def test_where_voice_and_words_tell_all_but_the_majority_find_it(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    answers, _ = run_baselines(tones, TASK, folds)
    truth = {u.id: str(u.label) for u in tones}
    ua = {name: evaluate_labels(truth, labels_of(answers[name]), LABELS).ua for name in BASELINES}
    assert ua[TEXT] == ua[LATE] == 1.0
    assert ua[AUDIO] > 0.9
    assert ua[MAJORITY] == 0.25


def test_the_majority_is_the_share_of_labels_in_training_and_validation(tones: Corpus) -> None:
    uneven = tones.select(lambda u: u.label == "sad" or not u.id.endswith(("_4", "_5", "_6")))
    folds = make_folds(uneven, "leave-one-session-out")
    assert all(fold.validation for fold in folds)
    answers, _ = run_baselines(uneven, TASK, folds)
    for fold in folds:
        for identity in fold.test:
            assert answers[MAJORITY][identity] == pytest.approx(prior_of(uneven, fold))
    assert set(labels_of(answers[MAJORITY]).values()) == {"sad"}


def test_late_fusion_is_the_mean_of_the_two(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    answers, _ = run_baselines(tones, TASK, folds)
    for identity, row in answers[LATE].items():
        assert row == pytest.approx(np.mean([answers[AUDIO][identity], answers[TEXT][identity]], axis=0))


class Watched(Utterance):
    """Notes of whom what is read that a test part must not tell."""

    read: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> Any:
        if name in ("label", "votes", "dimensions"):
            Watched.read.add(object.__getattribute__(self, "id"))
        return object.__getattribute__(self, name)


def test_no_label_of_a_test_utterance_is_read(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    watched = tuple(Watched(**{field.name: getattr(u, field.name) for field in fields(u)}) for u in tones)
    Watched.read.clear()
    run_baselines(Corpus(watched), TASK, folds[:1])
    assert Watched.read == {*folds[0].train, *folds[0].validation}


def test_a_test_utterance_changes_nothing_for_the_others(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    before, _ = run_baselines(tones, TASK, folds[:1])
    identity = folds[0].test[0]
    other = next(u for u in tones if u.label == "sad").audio
    after, _ = run_baselines(changed(tones, identity, text="new words", audio=other), TASK, folds[:1])
    assert after[AUDIO][identity] != before[AUDIO][identity]
    assert after[TEXT][identity] != before[TEXT][identity]
    assert_same(before, after, left_out=identity)
    unlabelled, _ = run_baselines(changed(tones, identity, label=None), TASK, folds[:1])
    assert_same(before, unlabelled)


def test_a_second_run_decodes_nothing(
    tones: Corpus, folds: tuple[Fold, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = run_baselines(tones, TASK, folds)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was decoded")

    monkeypatch.setattr(functionals, "read_clip", refuse)
    after, skipped = run_baselines(tones, TASK, folds)
    assert after == before
    assert skipped == []


def test_a_damaged_entry_of_the_cache_is_computed_again(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    before, _ = run_baselines(tones, TASK, folds)
    entries = sorted(cache_folder().rglob("*.safetensors"))
    assert len(entries) == len(tones)
    for entry in entries[::2]:
        entry.write_bytes(entry.read_bytes()[:-4] + b"\x00\x00\x80\x7f")
    after, skipped = run_baselines(tones, TASK, folds)
    assert after == before
    assert skipped == []


def test_only_what_stands_in_a_fold_is_read(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    gone = Utterance("gone", audio=Path("/nowhere/gone.wav"), label="sad")
    _, skipped = run_baselines(Corpus((*tones, gone)), TASK, folds)
    assert skipped == []


@pytest.mark.parametrize(
    ("lacking", "names"),
    [
        ({"audio": None}, (MAJORITY, TEXT)),
        ({"text": None}, (MAJORITY, AUDIO)),
        ({"text": "[SIGH]"}, (MAJORITY, AUDIO)),
    ],
)
def test_a_corpus_of_one_modality_has_no_other_baseline(
    tones: Corpus, folds: tuple[Fold, ...], lacking: dict[str, Any], names: tuple[str, ...]
) -> None:
    only = replace(tones, utterances=tuple(replace(u, **lacking) for u in tones))
    answers, _ = run_baselines(only, TASK, folds)
    assert tuple(answers) == names


def test_what_a_baseline_gets_nothing_of_is_predicted_by_the_training_prior(
    tones: Corpus, folds: tuple[Fold, ...]
) -> None:
    deaf, dumb, neither = folds[0].test[:3]
    corpus = changed(changed(tones, deaf, audio=None), dumb, text=None)
    corpus = changed(corpus, neither, audio=None, text="[LAUGHTER] ...")
    answers, skipped = run_baselines(corpus, TASK, folds)
    prior = pytest.approx(prior_of(tones, folds[0]))
    assert skipped == []
    assert answers[AUDIO][deaf] == answers[TEXT][dumb] == prior
    assert answers[LATE][deaf] == answers[TEXT][deaf] != prior
    assert answers[LATE][dumb] == answers[AUDIO][dumb] != prior
    assert answers[AUDIO][neither] == answers[TEXT][neither] == answers[LATE][neither] == prior


def test_a_recording_that_cannot_be_read_is_told_and_not_predicted(
    tones: Corpus, folds: tuple[Fold, ...], tmp_path: Path
) -> None:
    tested, learnt = folds[0].test[0], folds[0].train[0]
    soundfile.write(tmp_path / "silent.wav", np.zeros(1600), 16_000)
    corpus = changed(tones, tested, audio=tmp_path / "missing.wav")
    corpus = changed(corpus, learnt, audio=tmp_path / "silent.wav")
    answers, skipped = run_baselines(corpus, TASK, folds[:1])
    assert {skip.id for skip in skipped} == {tested, learnt}
    assert all(skip.reason.startswith(str(tmp_path)) for skip in skipped)
    for name in (MAJORITY, TEXT):
        assert set(answers[name]) == set(folds[0].test)
    for name in (AUDIO, LATE):
        assert set(answers[name]) == set(folds[0].test) - {tested}


def test_a_label_that_the_training_part_lacks_has_probability_zero(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    learnt = {*folds[0].train, *folds[0].validation}
    never = {u.id for u in tones if u.label == "happy" and u.id in learnt}
    fold = replace(folds[0], train=tuple(learnt - never), validation=())
    answers, _ = run_baselines(tones, TASK, [fold])
    for said in answers.values():
        assert all(row[LABELS.index("happy")] == 0.0 and sum(row) == pytest.approx(1.0) for row in said.values())
    found = labels_of(answers[LATE])
    assert all(found[u.id] == u.label for u in tones if u.id in found and u.label != "happy")


def test_where_there_is_one_label_to_learn_everything_is_that(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    sad = tuple(u.id for u in tones if u.label == "sad" and u.id not in folds[0].test)
    answers, _ = run_baselines(tones, TASK, [replace(folds[0], train=sad, validation=())])
    assert tuple(answers) == BASELINES
    assert all(row == [0.0, 0.0, 0.0, 1.0] for said in answers.values() for row in said.values())


def test_a_modality_that_the_training_part_lacks_is_predicted_by_the_prior(
    tones: Corpus, folds: tuple[Fold, ...]
) -> None:
    tested = set(folds[0].test)
    corpus = replace(tones, utterances=tuple(u if u.id in tested else replace(u, text=None) for u in tones))
    answers, _ = run_baselines(corpus, TASK, folds[:1])
    assert all(row == pytest.approx(prior_of(tones, folds[0])) for row in answers[TEXT].values())
    assert answers[LATE] == answers[AUDIO]


def test_labels_outside_the_task_are_not_trained(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    task = Task(("sad", "angry"))
    answers, _ = run_baselines(tones, task, folds)
    for identity, row in answers[TEXT].items():
        label = next(u.label for u in tones if u.id == identity)
        if label in task.labels:
            assert task.labels[int(np.argmax(row))] == label
    assert Counter(map(len, answers[MAJORITY].values())) == {2: len(tones)}


def test_annotations_are_words_only_where_they_are_kept(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    sounds = {"angry": "[NOISE]", "happy": "[LAUGHTER]", "neutral": "[BREATHING]", "sad": "[CRYING]"}
    corpus = replace(
        tones, utterances=tuple(replace(u, text=f"well {sounds[str(u.label)]}", audio=None) for u in tones)
    )
    truth = {u.id: str(u.label) for u in tones}
    stripped, _ = run_baselines(corpus, TASK, folds, "strip")
    kept, _ = run_baselines(corpus, TASK, folds, "keep")
    assert evaluate_labels(truth, labels_of(stripped[TEXT]), LABELS).ua < 0.5
    assert evaluate_labels(truth, labels_of(kept[TEXT]), LABELS).ua == 1.0


def test_a_fold_without_a_label_is_refused(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    bare = replace(tones, utterances=tuple(replace(u, label=None) for u in tones))
    with pytest.raises(CorpusError, match=f"fold {folds[0].name!r} has no label"):
        run_baselines(bare, TASK, folds)


def test_without_scikit_learn_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "emofuse.experiment.baselines")
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match=r"emofuse\[train\]"):
        import emofuse.experiment.baselines  # noqa: F401


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "reference"),
    # RAVDESS has 1440 recordings: half a minute.
    [("emodb", 0.66), pytest.param("ravdess", 0.48, marks=pytest.mark.slow)],
)
def test_real_voices_reach_the_reference(name: str, reference: float, data: Path) -> None:
    corpus = read_table(data / name / "manifest.csv").corpus
    task = Task(tuple(sorted({str(u.label) for u in corpus})))
    answers, skipped = run_baselines(corpus, task, make_folds(corpus, "speaker-kfold", "fixed"))
    said = {identity: task.labels[int(np.argmax(row))] for identity, row in answers[AUDIO].items()}
    assert evaluate_labels({u.id: str(u.label) for u in corpus}, said, task.labels).ua >= reference
    assert skipped == []


def frozen_vectors(corpus: Corpus) -> FrozenVectors:
    """Return vectors of which each modality tells one half of the labels apart, both together all of them."""
    draws, index = np.random.default_rng(0), {label: number for number, label in enumerate(LABELS)}

    def vectors(part: int) -> dict[str, Any]:
        told = {u.id: index[u.label] // 2 if part else index[u.label] % 2 for u in corpus if u.label}
        return {i: draws.normal(0, 0.1, 4).astype(np.float32) + 5 * value for i, value in told.items()}

    return {"audio": vectors(0), "text": vectors(1)}


def test_baselines_on_frozen_vectors_are_logistic_regression_on_each_and_on_both(
    tones: Corpus, folds: tuple[Fold, ...]
) -> None:
    from sklearn.linear_model import LogisticRegression

    frozen, fold = frozen_vectors(tones), folds[0]
    predicted, _ = run_baselines(tones, TASK, [fold], frozen=frozen)
    trained = tones.select((*fold.train, *fold.validation))
    for name, parts in ((FROZEN_AUDIO, ["audio"]), (FROZEN_TEXT, ["text"]), (FROZEN_BOTH, ["audio", "text"])):

        def row(identity: str, parts: list[Any] = parts) -> Any:
            return np.concatenate([frozen[part][identity] for part in parts])

        rows = np.stack([row(u.id) for u in trained])
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        model = LogisticRegression(C=0.02, class_weight="balanced", max_iter=2000)
        model.fit((rows - mean) / spread, [LABELS.index(u.label) for u in trained])
        expected = model.predict_proba((np.stack([row(i) for i in fold.test]) - mean) / spread)
        np.testing.assert_allclose([predicted[name][i] for i in fold.test], expected, atol=1e-4)
    late = np.mean([[predicted[name][i] for i in fold.test] for name in (FROZEN_AUDIO, FROZEN_TEXT)], axis=0)
    np.testing.assert_allclose([predicted[FROZEN_LATE][i] for i in fold.test], late, atol=1e-9)


def test_without_one_of_the_vectors_the_other_alone_predicts(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    frozen, fold = frozen_vectors(tones), folds[0]
    textless, neither = fold.test[:2]
    held = {"audio": {i: v for i, v in frozen["audio"].items() if i != neither}}
    held["text"] = {i: v for i, v in frozen["text"].items() if i not in (textless, neither)}
    predicted, _ = run_baselines(tones, TASK, [fold], frozen=held)
    for name in (FROZEN_LATE, FROZEN_BOTH):
        assert predicted[name][textless] == predicted[FROZEN_AUDIO][textless]
        assert predicted[name][neither] == prior_of(tones, fold)


def test_there_are_baselines_for_the_encoders_that_are_frozen(tones: Corpus, folds: tuple[Fold, ...]) -> None:
    audio = {"audio": frozen_vectors(tones)["audio"]}
    predicted, _ = run_baselines(tones, TASK, folds[:1], frozen=audio)  # type: ignore[arg-type]
    assert [name for name in predicted if name in FROZEN_BASELINES] == [FROZEN_AUDIO]
