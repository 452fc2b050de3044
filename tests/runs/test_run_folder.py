"""The folder of a run: begun once, continued only as the same run, read as records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_run import CORPUS, FOLDS, TRUTH, WRONG, make_run, predicted, small_recipe

from emofuse import layout
from emofuse.errors import RunError
from emofuse.evaluation.calibration import Calibration
from emofuse.runs.labelled_utterances import labelled_utterances, write_truth
from emofuse.runs.run_folder import RunFolder, read_folds
from emofuse.runs.stored_predictions import write_predictions
from emofuse.runs.system import AUDIO, FUSION, LATE, TEXT, System


def begin(
    folder: Path,
    *overrides: str,
    folds: tuple = FOLDS,
    corpus: str = "hash",
    recordings: str | None = None,
    resume: bool = True,
) -> RunFolder:  # type: ignore[type-arg]
    hashes = {"corpus_hash": corpus} | ({} if recordings is None else {"recordings_hash": recordings})
    return RunFolder.begin(folder, small_recipe(folder.parent, *overrides), folds, hashes, {}, resume)


def start_a_job(run: Path) -> None:
    """Write the first file of a job."""
    (run / "fold-1").mkdir(parents=True, exist_ok=True)
    (run / "fold-1" / layout.HISTORY).touch()


def test_a_run_is_begun_with_recipe_environment_and_folds(tmp_path: Path) -> None:
    run = begin(tmp_path / "run", resume=False)
    assert sorted(path.name for path in run.path.iterdir()) == ["environment.json", "folds.json", "recipe.yaml"]
    assert (run.folds, run.corpus_hash, run.recipe.seeds) == (FOLDS, "hash", (0,))


def test_a_run_is_continued_only_as_the_same_run(tmp_path: Path) -> None:
    assert begin(tmp_path / "run", resume=False) == begin(tmp_path / "run")
    start_a_job(tmp_path / "run")
    with pytest.raises(RunError, match="holds a run already; add --resume to continue it"):
        begin(tmp_path / "run", resume=False)
    with pytest.raises(RunError, match="was run with another recipe"):
        begin(tmp_path / "run", "training.epochs=7")
    with pytest.raises(RunError, match="was run on other folds"):
        begin(tmp_path / "run", folds=FOLDS[:1])
    with pytest.raises(RunError, match="was run on another manifest"):
        begin(tmp_path / "run", corpus="other")
    (tmp_path / "run" / "folds.json").write_text("{")
    with pytest.raises(RunError, match=r"its folds\.json or recipe\.yaml is damaged"):
        begin(tmp_path / "run")


def test_a_run_that_ended_before_its_first_job_blocks_no_other(tmp_path: Path) -> None:
    begin(tmp_path / "run", resume=False)
    (tmp_path / "run" / "fold-1" / "seed-0" / "audio").mkdir(parents=True)
    other = begin(tmp_path / "run", "training.epochs=7", corpus="other", resume=False)
    assert (other.recipe.training.epochs, other.corpus_hash) == (7, "other")


def test_predictions_are_read_over_all_folds(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", ["audio", "text"]).folder
    stored = run.predictions(TEXT, 0)
    assert stored.keys() == TRUTH.keys()
    assert {i for i, each in stored.items() if each.prediction.label != TRUTH[i]} == WRONG
    assert run.job(System("text", "asr"), 2, 0).path == tmp_path / "run" / "fold-2" / "seed-0" / "text-asr"


def test_late_fusion_is_the_mean_of_audio_and_text_where_both_predict(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", ["audio", "text"]).folder
    flat = [predicted(u, 0.0, Calibration(), True) for u in CORPUS if u.id in FOLDS[0].test][:5]
    write_predictions(run.job(AUDIO, 1, 0).path / "predictions.jsonl", flat)
    audio, text, late = (run.probabilities(system, 0) for system in (AUDIO, TEXT, LATE))
    assert len(late) == 15
    assert late["u0"] == {label: (audio["u0"][label] + text["u0"][label]) / 2 for label in ("angry", "sad")}


def test_files_that_only_some_folds_have_are_read_where_they_are(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run").folder
    assert run.other_predictions(TEXT, 0, "undecided.jsonl") == {}
    row = predicted(replace(CORPUS.utterances[0], id="tie"), 1.0, Calibration(), True)
    write_predictions(run.job(TEXT, 2, 0).path / "undecided.jsonl", [row])
    assert run.other_predictions(TEXT, 0, "undecided.jsonl") == {"tie": row}
    with pytest.raises(RunError, match=r"predictions-speaker-norm\.jsonl: is missing or damaged"):
        run.predictions(TEXT.with_speaker_norm(), 0)


def test_systems_come_with_fusion_first_and_derived_ones_last(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run").folder
    labels = ["audio", "late", "fusion", "audio+speaker-norm"]
    (run.path / "results.json").write_text(json.dumps({"systems": dict.fromkeys(labels)}))
    assert run.systems == (FUSION, AUDIO, LATE, AUDIO.with_speaker_norm())


def test_the_truth_is_stored_or_comes_from_the_manifest(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run").folder
    with pytest.raises(RunError, match="does not say which labels are true; give its manifest"):
        _ = run.truth
    truth = labelled_utterances(CORPUS, FOLDS)
    assert RunFolder.open(run.path, truth).truth == truth
    write_truth(run.path, truth)
    assert RunFolder.open(run.path).truth == truth


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="gone: no such run folder"):
        RunFolder.open(tmp_path / "gone")
    with pytest.raises(RunError, match=r"results\.json: is not there"):
        _ = RunFolder.open(tmp_path).results
    (tmp_path / "folds.json").write_text('{"folds": 3}')
    with pytest.raises(RunError, match=r"folds\.json: holds no folds"):
        read_folds(tmp_path / "folds.json")


def test_jobs_of_nobody_knows_what_run_are_not_taken_for_its_own(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    start_a_job(tmp_path / "run")
    begin(tmp_path / "run")
    (tmp_path / "run" / layout.FOLDS).unlink()
    with pytest.raises(RunError, match=r"holds jobs of a run without its folds\.json"):
        begin(tmp_path / "run")


def test_a_run_goes_on_with_the_recordings_that_it_was_begun_with(tmp_path: Path) -> None:
    begin(tmp_path / "run", recordings="old")
    start_a_job(tmp_path / "run")
    begin(tmp_path / "run", recordings="old")
    with pytest.raises(RunError, match="was run on other recordings: one has changed since"):
        begin(tmp_path / "run", recordings="new")
    begin(tmp_path / "older")
    start_a_job(tmp_path / "older")
    begin(tmp_path / "older", recordings="new")  # begun before runs knew their recordings
