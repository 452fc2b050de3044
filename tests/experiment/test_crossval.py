"""Cross-validation: what stands in a run folder, what is done again, and what is refused."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from empty_pictures import no_drawing
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score
from tiny import write_recipe

from emofuse import cross_validate, load, load_recipe, train
from emofuse.config import Recipe
from emofuse.config.recipe import ModalityDropout
from emofuse.errors import CorpusError, ModalityError, RunError
from emofuse.experiment.crossval import JobProgress
from emofuse.types import Corpus


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    path = write_recipe(tmp_path_factory.mktemp("recipe") / "tiny.yaml")
    return load_recipe(path, ["training.batch_seconds=8", "training.micro_seconds=8"])


@pytest.fixture(scope="module")
def run(corpus: Corpus, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "tones"
    cross_validate(recipe.model_copy(update={"seeds": (0, 1)}), corpus, out)
    return out


@pytest.fixture(autouse=True)
def _other_runs_draw_nothing(run: Path) -> Iterator[None]:
    with no_drawing():
        yield


@pytest.fixture(scope="module")
def results(run: Path) -> dict[str, Any]:
    return json.loads((run / "results.json").read_text())  # type: ignore[no-any-return]


def comparable(results: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in results.items() if key not in ("cost", "looks")}


def test_results_have_the_keys_of_the_contract(results: dict[str, Any]) -> None:
    assert {"corpus", "protocol", "n_utterances", "labels", "folds", "folds_hash", "seeds", "systems"} <= set(
        results
    )
    assert {"comparisons", "skipped", "cost", "looks"} <= set(results)
    assert set(results["systems"]) == {"audio", "text", "fusion", "late"}
    for system in results["systems"].values():
        assert {"wa", "ua", "macro_f1", "ece", "per_class", "groups", "confusion"} <= set(system)
        assert set(system["ua"]) == {"mean", "std", "ci95", "folds_mean", "folds_range"}
    assert results["n_utterances"] == 24
    assert set(results["cost"]) == {"encoder_forwards", "cache_hits", "wall_s", "peak_rss_mb"}


def predictions(run: Path, system: str, seed: int) -> dict[str, str]:
    found = {}
    for path in sorted(run.glob(f"fold-*/seed-{seed}/{system}/predictions.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        found |= {row["id"]: row["label"] for row in rows}
    return found


def test_headline_is_pooled_within_a_seed_then_mean_and_deviation_over_seeds(
    run: Path, results: dict[str, Any], corpus: Corpus
) -> None:
    truth = {u.id: str(u.label) for u in corpus}
    for system in ("audio", "text", "fusion"):
        summary = results["systems"][system]
        figures: dict[str, list[float]] = {"wa": [], "ua": [], "macro_f1": []}
        counts = np.zeros((4, 4), dtype=int)
        for seed in (0, 1):
            said = predictions(run, system, seed)
            assert set(said) == set(truth)
            pair = [truth[i] for i in sorted(truth)], [said[i] for i in sorted(truth)]
            figures["wa"].append(accuracy_score(*pair))
            figures["ua"].append(balanced_accuracy_score(*pair))
            figures["macro_f1"].append(f1_score(*pair, average="macro"))
            counts += confusion_matrix(*pair, labels=results["labels"])
        for metric, values in figures.items():
            assert summary[metric]["mean"] == pytest.approx(np.mean(values))
            assert summary[metric]["std"] == pytest.approx(np.std(values, ddof=1))
        assert summary["confusion"] == (counts / 2).tolist()


def test_the_order_of_rows_changes_no_figure(corpus: Corpus, recipe: Recipe, run: Path, tmp_path: Path) -> None:
    shuffled = Corpus(tuple(random.Random(0).sample(corpus.utterances, len(corpus))), name="tones")
    cross_validate(recipe, shuffled, tmp_path / "run", systems=("text",))
    for path in sorted((tmp_path / "run").glob("fold-*/seed-0/text/predictions.jsonl")):
        assert path.read_bytes() == (run / path.relative_to(tmp_path / "run")).read_bytes()
    assert (tmp_path / "run" / "truth.jsonl").read_bytes() == (run / "truth.jsonl").read_bytes()


def test_comparisons_say_what_fusion_adds(results: dict[str, Any]) -> None:
    ua = {name: system["ua"]["mean"] for name, system in results["systems"].items()}
    found = {(c["a"], c["b"]): c["difference"] for c in results["comparisons"] if c["metric"] == "ua"}
    assert found == pytest.approx({(a, b): ua[a] - ua[b] for a, b in found})
    assert {("fusion", "audio"), ("fusion", "text"), ("fusion", "late")} <= set(found)


def test_a_run_folder_holds_what_the_layout_says(run: Path) -> None:
    for name in ("recipe.yaml", "environment.json", "folds.json", "results.json"):
        assert (run / name).is_file()
    for system in ("audio", "text", "fusion"):
        assert (run / f"confusion-{system}.txt").read_text().startswith("true \\ predicted")
        assert (run / f"confusion-{system}.png").read_bytes().startswith(b"\x89PNG")
        folder = run / "fold-1" / "seed-0" / system
        without = ["predictions-only-audio.jsonl", "predictions-only-text.jsonl"] if system == "fusion" else []
        assert sorted(path.name for path in folder.iterdir()) == [
            "history.jsonl",
            "metrics.json",
            "model",
            *without,
            "predictions.jsonl",
        ]
        card = (folder / "model" / "README.md").read_text()
        assert f"# {system} system for angry, happy, neutral, sad" in card
        assert "tones: 16 utterances" in card
        assert json.loads((folder / "model" / "evaluation.json").read_text())["n"] == 8
        assert len((folder / "history.jsonl").read_text().splitlines()) == 3
    assert load_recipe(run / "recipe.yaml").seeds == (0, 1)


def test_two_runs_with_one_seed_give_identical_results(corpus: Corpus, recipe: Recipe, tmp_path: Path) -> None:
    first, second = (
        comparable(cross_validate(recipe, corpus, tmp_path / name, systems=("fusion",))) for name in ("a", "b")
    )
    assert first == second
    for path in (tmp_path / "a").glob("fold-*/**/predictions.jsonl"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_resuming_redoes_only_what_is_incomplete(
    run: Path, results: dict[str, Any], corpus: Corpus, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    shutil.rmtree(copy / "fold-2" / "seed-1" / "text")
    (copy / "fold-3" / "seed-0" / "audio" / "metrics.json").unlink()
    told: list[JobProgress] = []
    recipe = load_recipe(copy / "recipe.yaml")
    again = cross_validate(recipe, corpus, copy, resume=True, on_progress=told.append)
    assert comparable(again) == comparable(results)
    trained = {progress.name for progress in told if progress.training is not None}
    assert trained == {"text, session session2, seed 1", "audio, session session3, seed 0"}


def test_a_run_is_neither_overwritten_nor_mixed_with_another(run: Path, corpus: Corpus, tmp_path: Path) -> None:
    recipe = load_recipe(run / "recipe.yaml")
    with pytest.raises(RunError, match="holds a run already; add --resume"):
        cross_validate(recipe, corpus, run)
    with pytest.raises(RunError, match="another recipe"):
        cross_validate(recipe.model_copy(update={"seeds": (0,)}), corpus, run, resume=True)
    other = Corpus(tuple(replace(u, text="other words") for u in corpus), name="tones")
    with pytest.raises(RunError, match="another manifest"):
        cross_validate(recipe, other, run, resume=True)
    with pytest.raises(RunError, match="other folds"):
        cross_validate(recipe, corpus.select(lambda u: u.session != "session1"), run, resume=True)


def test_unreadable_recordings_are_counted_and_left_out_for_every_system(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"not sound")
    broken = replace(corpus.utterances[3], audio=tmp_path / "broken.wav")
    changed = Corpus((*corpus.utterances[:3], broken, *corpus.utterances[4:]), name="tones")
    with pytest.raises(CorpusError, match=r"the audit found unreadable-audio: .* --accept unreadable-audio"):
        cross_validate(recipe, changed, tmp_path / "run", systems=("audio", "text"))
    accepted = ("unreadable-audio",)
    found = cross_validate(recipe, changed, tmp_path / "run", systems=("audio", "text"), accept=accepted)
    assert found["audit"]["accepted"] == ["unreadable-audio"]
    assert [skip["id"] for skip in found["skipped"]] == [broken.id]
    assert {system["n"] for system in found["systems"].values()} == {23}


def test_a_fold_of_which_nothing_can_be_read_is_left_out_and_named(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    gone = tuple(
        replace(u, audio=tmp_path / f"{u.id}.wav") if u.session == "session1" else u for u in corpus.utterances
    )
    accepted = ("missing-audio",)
    results = cross_validate(recipe, Corpus(gone), tmp_path / "run", systems=("audio",), accept=accepted)
    assert results["folds_unscored"] == ["session session1"]
    assert results["systems"]["audio"]["n"] == 16
    assert len(results["skipped"]) == 8


def test_a_training_part_without_the_modality_is_refused(corpus: Corpus, recipe: Recipe, tmp_path: Path) -> None:
    mute = Corpus(tuple(replace(u, text="[LAUGHTER]") for u in corpus.utterances))
    with pytest.raises(CorpusError, match="training part has no utterance that the text system can use"):
        cross_validate(recipe, mute, tmp_path / "run", systems=("text",))


def test_what_lacks_the_only_modality_is_not_trained_on_and_counted(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    mute = replace(corpus.utterances[0], text=None)
    changed = Corpus((mute, *corpus.utterances[1:]), name="tones")
    results = cross_validate(recipe, changed, tmp_path / "run", systems=("text", "fusion"))
    assert {name: system["without_modality"] for name, system in results["systems"].items()} == {
        "text": 1,
        "fusion": 0,
    }


def test_resuming_does_damaged_jobs_again_and_says_so(
    run: Path, results: dict[str, Any], corpus: Corpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    jobs = [copy / "fold-1" / "seed-0" / system for system in ("audio", "text", "fusion")]
    (jobs[0] / "metrics.json").write_text('{"n": ')
    (jobs[1] / "predictions.jsonl").write_text('{"id"')
    rows = [json.loads(line) for line in (jobs[2] / "predictions.jsonl").read_text().splitlines()]
    old = "".join(json.dumps({key: row[key] for key in row if key != "logits"}) + "\n" for row in rows)
    (jobs[2] / "predictions.jsonl").write_text(old)
    again = cross_validate(load_recipe(copy / "recipe.yaml"), corpus, copy, resume=True)
    assert comparable(again) == comparable(results)
    own = [record.getMessage() for record in caplog.records if record.name == "emofuse.experiment.crossval"]
    assert own[0].startswith("training.averaged_epochs: 3 averages all 3 epochs")  # idle keys are named first
    assert own[1:] == [
        "audio, session session1, seed 0 and 1 more: files are missing or damaged; trained again",
        "fusion, session session1, seed 0: predictions were stored without logits, by an earlier version; "
        "trained again",
    ]
    (copy / "folds.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        cross_validate(load_recipe(copy / "recipe.yaml"), corpus, copy, resume=True)


def test_a_validation_part_that_takes_everything_is_refused(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    one_each = corpus.select(["s1F_0", "s1F_1", "s1F_2", "s1F_3"])
    with pytest.raises(CorpusError, match="nothing is left to train on"):
        train(recipe.model_copy(update={"selection": "best"}), one_each, tmp_path)


def test_training_on_everything_leaves_a_model(corpus: Corpus, recipe: Recipe, tmp_path: Path) -> None:
    for selection in ("best", "fixed"):
        out = tmp_path / selection
        assert train(recipe.model_copy(update={"selection": selection}), corpus, out) == []
        validated = json.loads((out / "history.jsonl").read_text().splitlines()[-1])["validation"]["ua"]
        assert (validated is None) == (selection == "fixed")
        with pytest.raises(RunError, match="holds a model already"):
            train(recipe, corpus, out)


def test_a_network_that_met_each_modality_alone_does_without_the_other(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    dropless = recipe.model_copy(
        update={
            "selection": "fixed",
            "training": recipe.training.model_copy(update={"epochs": 1, "modality_dropout": ModalityDropout()}),
        }
    )
    heard = tuple(replace(u, id=f"{u.id}+heard", text=None) for u in corpus)
    read = tuple(replace(u, id=f"{u.id}+read", audio=None) for u in corpus)
    knows = {"pairs": (), "heard": heard, "either": heard + read}
    for name, alone in knows.items():
        train(dropless, Corpus(corpus.utterances + alone), tmp_path / name)
        recognizer = load(tmp_path / name)
        if name == "either":
            assert recognizer.predict(text="so furious").modalities == ("text",)
        else:
            with pytest.raises(ModalityError, match="not trained to do without"):
                recognizer.predict(text="so furious")
