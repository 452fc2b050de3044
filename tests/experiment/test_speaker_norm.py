"""Speaker-adaptive answers: what they gain, what they may not see, and where they are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from small_corpus import LABELS, make_corpus
from tiny import write_recipe

from emofuse import cross_validate, load_recipe
from emofuse.config import Recipe
from emofuse.errors import CorpusError, RecipeError
from emofuse.evaluation.calibration import probabilities
from emofuse.experiment import job as job_module
from emofuse.experiment import speaker_norm as module
from emofuse.experiment.speaker_norm import (
    L2_PENALTY,
    check_speaker_norm,
    fit_head,
    head_outputs,
    write_adapted,
)
from emofuse.model.checkpoint import load_checkpoint
from emofuse.training.loader import AudioCache, InputReader, PreparedPart, prepare_part
from emofuse.types import Corpus, Finding, Task, Utterance

pytestmark = pytest.mark.usefixtures("empty_pictures")

SPEAKERS, TAKES = 6, 2


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return six speakers, two a session, of whom each says every label twice."""
    return replace(make_corpus(tmp_path_factory.mktemp("voices"), takes=TAKES), name="voices")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    path = write_recipe(tmp_path_factory.mktemp("recipe") / "tiny.yaml")
    return load_recipe(
        path, ["speaker_norm=true", "training.epochs=1", "training.batch_seconds=8", "training.micro_seconds=8"]
    )


@pytest.fixture(scope="module")
def run(voices: Corpus, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "voices"
    cross_validate(recipe, voices, out)
    return out


@pytest.fixture(scope="module")
def results(run: Path) -> dict[str, Any]:
    return json.loads((run / "results.json").read_text())  # type: ignore[no-any-return]


def told_apart(corpus: Corpus, offset: float) -> dict[str, np.ndarray]:
    """Return a vector of each utterance: noise, what its label adds, and `offset` times what its speaker adds."""
    rng = np.random.default_rng(0)
    of_label = {label: rng.normal(size=6) for label in LABELS}
    of_speaker = {speaker: rng.normal(size=6) for speaker in sorted({str(u.speaker) for u in corpus})}
    return {
        u.id: 2 * of_label[str(u.label)] + offset * of_speaker[str(u.speaker)] + 0.5 * rng.normal(size=6)
        for u in corpus
    }


def adapted_ua(corpus: Corpus, recipe: Recipe, out: Path, monkeypatch: pytest.MonkeyPatch, offset: float) -> float:
    vectors = told_apart(corpus, offset)

    def pooled(model: Any, part: PreparedPart, micro_seconds: float) -> np.ndarray:
        return np.array([vectors[u.id] for u in part.utterances])

    monkeypatch.setattr(module, "pooled_vectors", pooled)
    found = cross_validate(recipe, corpus, out, systems=("text",))
    return float(found["systems"]["text+speaker-norm"]["ua"]["mean"])


def test_speakers_with_large_offsets_are_judged_far_better(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = make_corpus(tmp_path / "recordings", takes=5)
    several = replace(several, utterances=tuple(replace(u, audio=None) for u in several))
    after = adapted_ua(several, recipe, tmp_path / "after", monkeypatch, offset=4.0)
    monkeypatch.setattr(module, "normalise", lambda vectors, speakers, overall: overall.standardise(vectors))
    before = adapted_ua(several, recipe, tmp_path / "before", monkeypatch, offset=4.0)
    assert after >= 0.9
    assert before <= after - 0.2


def test_adapted_systems_stand_in_columns_of_their_own(results: dict[str, Any], run: Path) -> None:
    transductive = {name: system["transductive"] for name, system in results["systems"].items()}
    own = ("audio", "text", "fusion")
    assert {name for name, known in transductive.items() if known} == {f"{name}+speaker-norm" for name in own}
    assert {name for name, known in transductive.items() if not known} >= {*own, "late"}
    for name in own:
        adapted = results["systems"][f"{name}+speaker-norm"]
        assert {"wa", "ua", "macro_f1", "ece", "per_class", "groups", "confusion", "intervals", "n"} <= set(
            adapted
        )
        assert adapted["n"] == results["systems"][name]["n"] == SPEAKERS * TAKES * len(LABELS)
        assert (run / f"confusion-{name}+speaker-norm.txt").is_file()
    ua = {name: system["ua"]["mean"] for name, system in results["systems"].items()}
    found = {(c["a"], c["b"]): c["difference"] for c in results["comparisons"] if c["metric"] == "ua"}
    for name in own:
        assert found[f"{name}+speaker-norm", name] == pytest.approx(ua[f"{name}+speaker-norm"] - ua[name])


def test_without_it_nothing_is_adapted(voices: Corpus, recipe: Recipe, run: Path, tmp_path: Path) -> None:
    plain = recipe.model_copy(update={"speaker_norm": False})
    found = cross_validate(plain, voices, tmp_path / "run", systems=("audio",))
    assert "audio+speaker-norm" not in found["systems"]
    assert found["systems"]["audio"]["transductive"] is False
    assert not list((tmp_path / "run").rglob("predictions-speaker-norm.jsonl"))
    said = sorted((tmp_path / "run").glob("fold-*/seed-0/audio/predictions.jsonl"))
    assert len(said) == 3
    for path in said:  # and what the network itself says is the same with and without
        assert path.read_bytes() == (run / path.relative_to(tmp_path / "run")).read_bytes()


def test_adapted_answers_are_the_same_again(voices: Corpus, recipe: Recipe, run: Path, tmp_path: Path) -> None:
    cross_validate(recipe, voices, tmp_path / "run", systems=("fusion",))
    written = sorted((tmp_path / "run").rglob("predictions-speaker-norm.jsonl"))
    assert len(written) == 3
    for path in written:
        assert path.read_bytes() == (run / path.relative_to(tmp_path / "run")).read_bytes()


class Watched(Utterance):
    """An utterance that tells when somebody looks at its label or votes."""

    tell: ClassVar[Callable[[str], None]] = staticmethod(lambda identity: None)

    def __getattribute__(self, name: str) -> Any:
        if name in ("label", "votes", "dimensions"):
            Watched.tell(object.__getattribute__(self, "id"))
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("selection", ["best", "fixed"])
def test_no_test_label_is_looked_at(
    voices: Corpus, recipe: Recipe, tmp_path: Path, selection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = [{field.name: getattr(u, field.name) for field in fields(u)} for u in voices]
    watched = Corpus(tuple(Watched(**values) for values in plain), name="voices")
    looks: list[str] = []
    calls: list[tuple[set[str], set[str]]] = []

    def give(writer: Any, file: str, trained_on: Any, test: PreparedPart, recipe: Recipe) -> None:
        wrong = replace(test, targets=np.full_like(test.targets, -1), shares=np.full_like(test.shares, np.nan))
        looks.clear()
        write_adapted(writer, file, trained_on, wrong, recipe)
        calls.append((set(looks), {object.__getattribute__(u, "id") for u in test.utterances}))

    monkeypatch.setattr(Watched, "tell", staticmethod(looks.append))
    monkeypatch.setattr(job_module, "write_adapted", give)
    cross_validate(
        recipe.model_copy(update={"selection": selection}), watched, tmp_path / "run", systems=("audio",)
    )
    assert len(calls) == 3
    assert all(tested and not seen & tested for seen, tested in calls)


def test_other_labels_of_the_test_part_change_nothing(
    voices: Corpus, recipe: Recipe, run: Path, tmp_path: Path
) -> None:
    folds = json.loads((run / "folds.json").read_text())["folds"]
    tested = set(folds[0]["test"])
    turned = dict(zip(LABELS, LABELS[1:] + LABELS[:1], strict=True))
    changed = replace(
        voices,
        utterances=tuple(replace(u, label=turned[str(u.label)]) if u.id in tested else u for u in voices),
    )
    cross_validate(recipe, changed, tmp_path / "run", systems=("audio",))
    name = "fold-1/seed-0/audio/predictions-speaker-norm.jsonl"
    assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes()


def test_a_speaker_with_a_single_label_refuses_it_before_anything_is_trained(
    voices: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    confounded = replace(
        voices, utterances=tuple(u for u in voices if u.speaker not in ("s1F", "s2M") or u.label == "sad")
    )
    with pytest.raises(CorpusError, match=r"speaker_norm .* speaker-single-label: 2 of 6 .*; set speaker_norm"):
        cross_validate(recipe, confounded, tmp_path / "run", systems=("audio",))
    assert not (tmp_path / "run").exists()


def test_unknown_speakers_refuse_it_too(voices: Corpus, recipe: Recipe, tmp_path: Path) -> None:
    unknown = replace(voices, utterances=tuple(replace(u, speaker=None) for u in voices))
    with pytest.raises(CorpusError, match="voices names none; give the manifest its speakers"):
        cross_validate(recipe, unknown, tmp_path / "run", systems=("audio",))
    assert not (tmp_path / "run").exists()


def test_late_fusion_has_two_heads_and_is_refused(voices: Corpus, recipe: Recipe) -> None:
    late = recipe.model_copy(update={"fusion": recipe.fusion.model_copy(update={"kind": "late"})})
    with pytest.raises(RecipeError, match=r"fusion\.kind late has two"):
        check_speaker_norm(late, voices, ("audio", "fusion"), ())
    check_speaker_norm(late, voices, ("audio", "text"), ())


def test_an_accepted_confound_is_not_refused(voices: Corpus, recipe: Recipe) -> None:
    found = (Finding("speaker-single-label", "warning", 1, ("s1F_0",), "1 of 6", "do not"),)
    with pytest.raises(CorpusError, match="remove emotion together with the speaker"):
        check_speaker_norm(recipe, voices, ("audio",), found)
    check_speaker_norm(recipe, voices, ("audio",), found, accepted=("speaker-single-label",))
    check_speaker_norm(recipe.model_copy(update={"speaker_norm": False}), voices, ("audio",), found)


def part_of(shares: np.ndarray, dimensions: np.ndarray | None = None) -> PreparedPart:
    count = len(shares)
    nothing: Any = None
    return PreparedPart(
        utterances=(Utterance("x", text="x"),) * count,
        targets=shares.argmax(axis=1),
        shares=shares.astype(np.float32),
        dimensions=np.zeros((count, 0), np.float32) if dimensions is None else dimensions.astype(np.float32),
        costs=np.ones(count),
        modalities=(("text",),) * count,
        reader=InputReader(nothing, AudioCache()),
    )


def drawn(seed: int = 0, count: int = 120, width: int = 10) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, width))
    labels = (vectors @ rng.normal(size=(width, 3)) + rng.gumbel(size=(count, 3))).argmax(axis=1)
    return vectors, labels


def test_the_new_head_is_a_logistic_regression(recipe: Recipe) -> None:
    vectors, labels = drawn()
    head = fit_head(vectors, part_of(np.eye(3)[labels]), recipe, Task(("a", "b", "c")))
    reference = LogisticRegression(C=1 / L2_PENALTY, tol=1e-8, max_iter=5000).fit(vectors, labels)
    found = probabilities(head_outputs(head, vectors).logits)
    np.testing.assert_allclose(found, reference.predict_proba(vectors), atol=2e-3)


def test_the_new_head_tells_several_labels_and_dimensions(recipe: Recipe) -> None:
    vectors, labels = drawn()
    several = np.stack([labels == 0, labels != 2], axis=1).astype(float)
    valence = 3 + vectors[:, :1]
    told = np.where(np.arange(len(vectors))[:, None] % 5 == 0, np.nan, valence)
    both = recipe.model_copy(update={"multi_label": True, "dimensions": {"valence": (1.0, 5.0)}})
    task = Task(("a", "b"), ("valence",), ((1.0, 5.0),), multi_label=True)
    outputs = head_outputs(fit_head(vectors, part_of(several, told), both, task), vectors)
    assert ((outputs.logits > 0) == several).mean() > 0.75
    assert outputs.dimensions is not None
    assert np.corrcoef(outputs.dimensions[:, 0], valence[:, 0])[0, 1] > 0.99


def test_utterances_without_a_modality_are_adapted_to_nobody(
    voices: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    mute = tuple(replace(u, text=None) if u.id.endswith("_0") else u for u in voices)
    found = cross_validate(recipe, Corpus(mute, name="voices"), tmp_path / "run", systems=("fusion",))
    adapted = found["systems"]["fusion+speaker-norm"]
    assert adapted["n"] == found["systems"]["fusion"]["n"] == len(voices)


def test_a_fold_of_which_nothing_can_be_read_is_gone_on_from(
    voices: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    gone = tuple(
        replace(u, audio=tmp_path / f"{u.id}.wav") if u.session == "session1" else u for u in voices.utterances
    )
    results = cross_validate(recipe, Corpus(gone), tmp_path / "run", systems=("audio",), accept=("missing-audio",))
    assert results["systems"]["audio+speaker-norm"]["n"] == len(voices) * 2 // 3


def test_frozen_encoders_are_adapted_from_their_cached_frames(
    voices: Corpus, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    frozen = recipe.model_copy(update={"audio": recipe.audio.model_copy(update={"tuning": "frozen"})})
    found = cross_validate(frozen, voices, tmp_path / "run", systems=("audio",))
    assert found["systems"]["audio+speaker-norm"]["n"] == len(voices)
    assert found["cost"]["encoder_forwards"] == len(voices)  # each utterance once, for all that is done with it


def test_what_did_not_fit_into_memory_is_not_taken_twice(
    voices: Corpus, recipe: Recipe, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = load_checkpoint(run / "fold-1" / "seed-0" / "audio" / "model")
    task = checkpoint.model.config.task
    part, _ = prepare_part(voices, task, InputReader(checkpoint.preparation, AudioCache()))
    wanted = module.pooled_vectors(checkpoint.model, part, 3.0)
    score = module.predict_part

    def refused_once(model: Any, part: PreparedPart, micro_seconds: float) -> Any:
        model.fusion.head(torch.full((5, wanted.shape[1]), 7.0))
        return score(model, part, micro_seconds)

    monkeypatch.setattr(module, "predict_part", refused_once)
    np.testing.assert_array_equal(module.pooled_vectors(checkpoint.model, part, 3.0), wanted)
    monkeypatch.undo()
    alone = [
        module.pooled_vectors(checkpoint.model, prepare_part(voices.select([u.id]), task, part.reader)[0], 3.0)
        for u in part.utterances[:5]
    ]
    np.testing.assert_allclose(np.concatenate(alone), wanted[:5], atol=1e-5)
