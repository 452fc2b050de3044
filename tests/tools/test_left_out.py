"""What predictions of left-out corpora show, and the calibration that fits them."""

from __future__ import annotations

from pathlib import Path

import left_out
import numpy as np
import pytest
import small_run
from small_run import make_run

from emofuse import layout
from emofuse.runs.labelled_utterances import labelled_utterances, write_truth

LABELS = ("angry", "happy", "neutral")


def logits(right: float, scale: float, seed: int) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:  # type: ignore[type-arg]
    """Predictions that are right so often, all of one confidence."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=600)
    predicted = np.where(rng.random(600) < right, truth, (truth + 1) % 3)
    return scale * np.eye(3)[predicted], truth, LABELS


@pytest.fixture
def predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"ravdess": logits(0.5, 6.0, 1), "emodb": logits(0.8, 6.0, 2)}
    monkeypatch.setattr(left_out, "left_out_logits", lambda folder: found)


@pytest.mark.usefixtures("predictions")
def test_confidence_on_left_out_corpora_is_brought_to_how_often_it_is_right() -> None:
    figures = left_out.shift_figures({"box": Path("run")})["box"]
    assert figures["ravdess"]["raw"]["confident"] == 1.0
    assert figures["ravdess"]["raw"]["accuracy_confident"] == pytest.approx(0.5, abs=0.06)
    assert figures["ravdess"]["calibrated"]["confident"] == 0.0
    assert figures["ravdess"]["calibrated"]["accuracy_confident"] is None
    assert figures["ravdess"]["raw"]["accuracy"] == figures["ravdess"]["calibrated"]["accuracy"]
    shares = [one["true"] for one in figures["emodb"]["raw"]["labels"].values()]
    assert sum(shares) == pytest.approx(1.0)


@pytest.mark.usefixtures("predictions")
def test_the_calibration_is_that_of_the_left_out_corpus_that_asks_for_most() -> None:
    calibration = left_out.calibration_for_shift(Path("run"), {})
    confidence = calibration.apply(np.array([[6.0, 0.0, 0.0]]), ["audio"]).max()
    assert confidence == pytest.approx(0.5, abs=0.06)
    assert calibration.threshold == pytest.approx(confidence)


def test_the_logits_are_those_that_were_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "run", ("audio",))
    monkeypatch.setattr(left_out, "EMOTIONAL", ("0", "1"))
    layout.write_json(tmp_path / "run" / layout.RESULTS, {"labels": list(small_run.LABELS)})
    write_truth(run.folder.path, labelled_utterances(small_run.CORPUS, small_run.FOLDS))
    found = left_out.left_out_logits(tmp_path / "run")
    stored = run.folder.predictions(left_out.AUDIO, 0)
    for session, (rows, truth, labels) in found.items():
        tested = sorted((u for u in small_run.CORPUS if u.session == session), key=lambda u: u.id)
        assert [labels[number] for number in truth] == [u.label for u in tested]
        np.testing.assert_array_equal(rows, [stored[u.id].logits_of(labels) for u in tested])
    assert len(found) == 2
