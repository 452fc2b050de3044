"""`emofuse compare`: runs on the same folds against one another, speaker by speaker."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import call
from sklearn.metrics import balanced_accuracy_score
from small_corpus import LABELS
from tiny import write_recipe

from emofuse import cross_validate, load_recipe, save_corpus
from emofuse.cli.compare_command import truth_of
from emofuse.evaluation.summary import summarise
from emofuse.layout import TRUTH
from emofuse.runs.labelled_utterances import to_arrays, write_truth
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.signature import Signature
from emofuse.runs.system import System
from emofuse.types import Corpus

pytestmark = pytest.mark.usefixtures("empty_pictures")

SMALL = ("training.epochs=1", "seeds=[0, 1]")


def refused(capsys: pytest.CaptureFixture[str], *arguments: object, says: tuple[str, ...]) -> None:
    code, out, err = call(capsys, "compare", *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    for words in says:
        assert words in err


@pytest.fixture(scope="module")
def runs(corpus: Corpus, manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two runs, `paper` and `predecessor`, which hold what is true."""
    folder = tmp_path_factory.mktemp("runs")
    cross_validate(load_recipe(write_recipe(folder / "tiny.yaml"), SMALL), corpus, folder / "paper")
    truth = truth_of(folder / "paper", manifest)
    assert truth is not None
    write_truth(folder / "paper", truth)
    for name in ("trained", "predecessor"):
        shutil.copytree(folder / "paper", folder / name)
    for name, share in (("paper", 0.8), ("predecessor", 0.4)):
        answer(folder / name, {u.id: str(u.label) for u in corpus}, share)
    return folder


def answer(run_folder: Path, truth: dict[str, str], share: float) -> None:
    """Put other answers into a run, a share of them right: a second of training teaches little."""
    rng = np.random.default_rng(0)
    for file in sorted(run_folder.glob("fold-*/seed-*/*/predictions.jsonl")):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        for row in rows:
            right = rng.random() < share
            label = truth[row["id"]] if right else LABELS[int(rng.integers(len(LABELS)))]
            row |= {"label": label, "probabilities": {name: 0.7 if name == label else 0.1 for name in LABELS}}
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def rows_of(run_folder: Path, seed: int, system: str = "fusion") -> dict[str, dict[str, Any]]:
    files = run_folder.glob(f"fold-*/seed-{seed}/{system}/predictions.jsonl")
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return {row["id"]: row for row in rows}


def test_runs_are_compared_on_what_both_scored(
    capsys: pytest.CaptureFixture[str], runs: Path, corpus: Corpus
) -> None:
    code, out, err = call(capsys, "compare", runs / "paper", runs / "predecessor", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["systems"] == ["fusion", "audio", "text"]
    assert [(one["system"], one["metric"]) for one in found["comparisons"][:3]] == [
        ("fusion", "wa"), ("fusion", "ua"), ("fusion", "macro_f1"),
    ]  # fmt: skip
    truth = {u.id: u.label for u in corpus}
    ua = [
        np.mean(
            [
                balanced_accuracy_score([truth[i] for i in rows], [row["label"] for row in rows.values()])
                for rows in (rows_of(runs / name, seed) for seed in (0, 1))
            ]
        )
        for name in ("paper", "predecessor")
    ]
    one = found["comparisons"][1]
    assert one["difference"] == pytest.approx(ua[0] - ua[1])
    assert (one["a"], one["b"], one["n"], one["seeds"]) == ("paper", "predecessor", 24, [0, 1])
    assert (one["groups"], one["smallest_p"]) == (6, 2 / 2**6)
    assert one["p"] <= one["p_adjusted"] <= 1
    assert one["ci95"][0] <= one["difference"] <= one["ci95"][1]
    assert one["mcnemar"]["label"].startswith("descriptive")


@pytest.mark.parametrize("system", ["fusion", "text", "late"])
def test_a_run_that_is_read_again_has_the_figures_of_its_results(runs: Path, system: str) -> None:
    found = RunFolder.open(runs / "trained")
    labels, label = found.results["labels"], System.from_label(system)
    again = summarise(to_arrays(labels, found.truth, [found.probabilities(label, seed) for seed in (0, 1)]))
    held = found.results["systems"][system]
    assert json.loads(json.dumps(again)) == {key: held[key] for key in again}


def test_each_run_signs(capsys: pytest.CaptureFixture[str], runs: Path) -> None:
    found = json.loads(call(capsys, "compare", runs / "paper", runs / "predecessor", "--json")[1])
    first, second = (Signature.parse(one["signature"]) for one in found["runs"])
    assert first == second
    assert (first.corpus, first.n, first.tested, first.seeds, first.text) == ("tones", 24, 24, 2, "gold")


def test_a_table_says_what_the_test_can_and_cannot_see(capsys: pytest.CaptureFixture[str], runs: Path) -> None:
    code, out, _ = call(capsys, "compare", runs / "paper", runs / "predecessor", "--system", "fusion")
    assert code == 0
    words = " ".join(out.split())
    assert "0.0312" in words  # the smallest p of six speakers
    assert "80 %" in words
    assert "descriptive" in words
    assert "6 speakers" in words


def test_more_runs_and_chosen_systems_make_pairs(
    capsys: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    shutil.copytree(runs / "paper", tmp_path / "again")
    everything = (runs / "paper", runs / "predecessor", tmp_path / "again")
    found = json.loads(call(capsys, "compare", *everything, "--system", "late", "--json")[1])
    pairs = [(one["a"], one["b"]) for one in found["comparisons"] if one["metric"] == "ua"]
    assert pairs == [("paper", "predecessor"), ("paper", "again"), ("predecessor", "again")]
    same = found["comparisons"][3]
    assert (same["difference"], same["p"], same["detectable_80"]) == (0.0, 1.0, None)
    shutil.copytree(runs / "paper", tmp_path / "twin" / "paper")
    found = json.loads(call(capsys, "compare", runs / "paper", tmp_path / "twin" / "paper", "--json")[1])
    assert [one["name"] for one in found["runs"]] == [str(runs / "paper"), str(tmp_path / "twin" / "paper")]


def test_a_run_without_the_truth_asks_for_its_manifest(
    capsys: pytest.CaptureFixture[str], runs: Path, corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    expected = call(capsys, "compare", runs / "paper", runs / "predecessor", "--json")[1]
    folders = [shutil.copytree(runs / name, tmp_path / name) for name in ("paper", "predecessor")]
    for folder in folders:
        (folder / TRUTH).unlink()
    refused(capsys, *folders, says=("paper: does not say which labels are true", "--manifest"))
    found = json.loads(call(capsys, "compare", *folders, "--manifest", manifest, "--json")[1])
    assert found["comparisons"] == json.loads(expected)["comparisons"]
    other = tmp_path / "tones.jsonl"
    save_corpus(Corpus(corpus.utterances[:-1], name="tones"), other)
    refused(capsys, *folders, "--manifest", other, says=("paper: was not run on", "tones.jsonl"))


def changed(run_folder: Path, copy: Path, file: str, **values: Any) -> Path:
    shutil.copytree(run_folder, copy)
    document = json.loads((copy / file).read_text())
    (copy / file).write_text(json.dumps(document | values))
    return copy


def test_runs_that_differ_in_what_must_be_the_same_are_refused(
    capsys: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    paper = runs / "paper"
    labels = changed(paper, tmp_path / "labels", "results.json", labels=["angry", "sad"])
    refused(capsys, paper, labels, says=("cannot be compared: their labels differ (angry, happy", "angry, sad)"))
    hashed = changed(paper, tmp_path / "hashed", "folds.json", corpus_hash="0000")
    refused(capsys, paper, hashed, says=("their corpora differ (tones", "tones 0000)"))
    rows = json.loads((paper / "folds.json").read_text())["folds"]
    folds = changed(paper, tmp_path / "folds", "folds.json", folds=rows[:2])
    refused(capsys, paper, folds, says=("their folds differ (leave-one-session-out ", "folds_seed"))
    seeds = changed(paper, tmp_path / "seeds", "results.json", seeds=[7])
    refused(capsys, paper, seeds, says=("share no seed",))
    other = changed(paper, tmp_path / "other", "results.json", systems={"late": {"n": 1}})
    refused(capsys, paper, other, says=("the runs share no system", "other has late"))
    unknown = changed(paper, tmp_path / "unknown", "results.json", systems={"video": {"n": 1}})
    refused(capsys, paper, unknown, says=("'video' is no system of a run", "fusion+speaker-norm"))


def test_validation_may_be_cut_otherwise(capsys: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    paper = runs / "paper"
    rows = json.loads((paper / "folds.json").read_text())["folds"]
    moved = [row | {"train": row["train"][4:], "validation": row["train"][:4]} for row in rows]
    best = changed(paper, tmp_path / "best", "folds.json", folds=moved, hash="other")
    assert call(capsys, "compare", paper, best)[0] == 0


def test_what_is_no_finished_run_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    paper = runs / "paper"
    refused(capsys, paper, says=("two run folders",))
    refused(capsys, paper, paper, says=("named twice",))
    refused(capsys, paper, tmp_path / "gone", says=("gone: no such run folder",))
    refused(capsys, paper, tmp_path, says=("results.json: is not there",))
    refused(capsys, paper, runs / "predecessor", "--system", "video", says=("has no system 'video'", "fusion"))
    for file, content, words in (
        ("results.json", "{", "results.json: cannot be read"),
        ("results.json", "[]", "results.json: is damaged"),
        ("folds.json", '{"folds": 3}', "folds.json: holds no folds"),
        (TRUTH, "{}\n", f"{TRUTH}: is damaged"),
        ("fold-1/seed-0/fusion/predictions.jsonl", "{", "predictions.jsonl: is missing or damaged"),
    ):
        broken = tmp_path / Path(file).name
        shutil.rmtree(broken, ignore_errors=True)
        shutil.copytree(paper, broken)
        (broken / file).write_text(content)
        refused(capsys, broken, paper, says=(words,))
