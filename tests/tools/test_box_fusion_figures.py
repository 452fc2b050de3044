"""What judges the box's fusion: late fusion, temperatures of the other half, abstention, one modality alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fusion_figures
import numpy as np
import pytest
from fusion_figures import SYSTEMS, SystemOutputs

from emofuse.evaluation.calibration import probabilities
from emofuse.types import Utterance

LABELS = ("angry", "neutral", "sad")
SPEAKERS = 6


def utterance(number: int, rng: np.random.Generator) -> Utterance:
    voice, words = (str(LABELS[i]) for i in rng.integers(0, 3, size=2))
    kind = "both" if voice == words else "words" if voice == "neutral" else "voice"
    tags = {"corpus": "made", "pair": kind, "voice": voice, "words": words}
    label = words if kind == "words" else voice
    speaker = f"s{number % SPEAKERS}"
    return Utterance(
        id=str(number),
        audio=Path("a.wav"),
        text="a",
        label=label,
        speaker=speaker,
        session="made",
        gender="female",
        tags=tags,
    )


@pytest.fixture
def outputs() -> SystemOutputs:
    """Return 300 pairs; a system knows, with noise, the label of what it gets."""
    rng = np.random.default_rng(0)
    utterances = tuple(utterance(number, rng) for number in range(300))
    logits = {}
    for system, (_, modalities) in SYSTEMS.items():
        tags = [
            u.label if len(modalities) == 2 else u.tags[{"audio": "voice", "text": "words"}[modalities[0]]]
            for u in utterances
        ]
        logits[system] = 3 * np.eye(3)[[LABELS.index(str(tag)) for tag in tags]] + rng.normal(0, 1.5, (300, 3))
    return SystemOutputs(utterances, LABELS, logits)


def test_temperatures_come_from_the_other_half_of_the_speakers(outputs: SystemOutputs) -> None:
    before = fusion_figures._calibrated(outputs, outputs.logits["fusion"])
    here = outputs.half == 0
    disturbed = outputs.logits["fusion"].copy()
    disturbed[here] = np.random.default_rng(1).normal(0, 5, disturbed[here].shape)
    after = fusion_figures._calibrated(outputs, disturbed)
    told = probabilities(disturbed[here] / 1.0)
    assert not np.allclose(after[~here], before[~here])  # these have the temperature of the disturbed half
    ratio = np.log(after[here] / after[here][:, :1])[:, 1:] / np.log(told / told[:, :1])[:, 1:]
    ratio_before = np.log(before[here] / before[here][:, :1])[:, 1:]
    plain = outputs.logits["fusion"][here]
    assert np.allclose(ratio, (ratio_before / (plain - plain[:, :1])[:, 1:]).mean())


def test_late_fusion_is_the_mean_and_the_normalised_product() -> None:
    voice, text = np.array([[0.6, 0.3, 0.1]]), np.array([[0.2, 0.5, 0.3]])
    late = fusion_figures._late(voice, text)
    assert np.allclose(late["late, mean"], [[0.4, 0.4, 0.2]])
    assert np.allclose(late["late, product"], np.array([[0.12, 0.15, 0.03]]) / 0.30)


def test_six_of_ten_are_accepted_and_more_often_right(outputs: SystemOutputs) -> None:
    chances = fusion_figures._calibrated(outputs, outputs.logits["fusion"])
    found = fusion_figures._abstention(outputs, chances)
    right = chances.argmax(axis=1) == outputs.truth
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["coverage"] == pytest.approx(0.6, abs=0.06)
    assert found["accuracy_answered"] > found["accuracy"]
    surest = np.sort(chances.max(axis=1))[::-1]
    assert (chances.max(axis=1) >= found["threshold"]).sum() == pytest.approx(180, abs=1)
    assert surest[178] >= found["threshold"] >= surest[182]


def test_one_modality_is_asked_for_its_own_label(outputs: SystemOutputs) -> None:
    found = fusion_figures.judge_pairs({"pairs": outputs}, 0.0)
    for own, missing, tag in (("voice", "text", "voice"), ("text", "audio", "words")):
        wanted = np.array([LABELS.index(u.tags[tag]) for u in outputs.utterances])
        for system in (own, f"fusion, {missing} missing"):
            said = outputs.logits[system].argmax(axis=1)
            recalls = [float((said[wanted == label] == label).mean()) for label in range(3)]
            assert found["alone"][own][system]["ua"] == pytest.approx(np.mean(recalls))
    pairs_own = found["systems"]["voice"]["ua"]
    assert found["alone"]["voice"]["voice"]["ua"] > pairs_own  # of a pair, the words may have the say


def test_the_temperature_of_one_modality_is_for_its_own_label(outputs: SystemOutputs) -> None:
    found = fusion_figures.judge_pairs({"pairs": outputs}, 0.0)["temperatures"]
    by_pair = replace(outputs, logits={"voice": outputs.logits["voice"]})
    blurred = fusion_figures.fit_temperature(by_pair.logits["voice"], by_pair.truth)
    assert found["voice"] < blurred


def test_confidence_on_conflicts_stands_beside_that_on_agreeing_pairs(outputs: SystemOutputs) -> None:
    clashing = tuple(u for u in outputs.utterances if u.tags["pair"] == "voice" and u.tags["words"] != "neutral")
    rows = np.array([u in clashing for u in outputs.utterances])
    conflict = replace(
        outputs,
        utterances=clashing,
        logits={system: values[rows] for system, values in outputs.logits.items()},
    )
    found = fusion_figures.judge_pairs({"pairs": outputs, "conflict": conflict}, 0.0)["conflict"]
    said = conflict.logits["fusion"].argmax(axis=1)
    voices = np.array([LABELS.index(u.tags["voice"]) for u in clashing])
    assert found["n"] == len(clashing) > 20
    assert found["voice_wins"] == pytest.approx((said == voices).mean())
    assert found["voice_wins"] + found["words_win"] + found["neither"] == pytest.approx(1)


def test_predictions_are_kept_and_those_of_several_folds_are_judged_together(
    outputs: SystemOutputs, tmp_path: Path
) -> None:
    parts = []
    for number in (0, 1):
        rows = np.flatnonzero(outputs.half == number)
        part = SystemOutputs(
            tuple(outputs.utterances[row] for row in rows),
            outputs.labels,
            {system: values[rows] for system, values in outputs.logits.items()},
        )
        part.save(tmp_path / f"{number}")
        parts.append(SystemOutputs.load(tmp_path / f"{number}"))
    together = fusion_figures.joined(parts)
    assert sorted(u.id for u in together.utterances) == sorted(u.id for u in outputs.utterances)
    found, wanted = (fusion_figures.judge_pairs({"pairs": one}, 0.0) for one in (together, outputs))
    for system in SYSTEMS:
        assert found["systems"][system]["ua"] == pytest.approx(wanted["systems"][system]["ua"])
        assert found["systems"][system]["ece"] == pytest.approx(wanted["systems"][system]["ece"])


def test_the_smoothing_of_training_is_undone_before_anything_is_judged(outputs: SystemOutputs) -> None:
    sure = {system: np.log(0.9 * probabilities(z) + 0.1 / 3) for system, z in outputs.logits.items()}
    found = fusion_figures.judge_pairs({"pairs": replace(outputs, logits=sure)}, 0.1)
    wanted = fusion_figures.judge_pairs({"pairs": outputs}, 0.0)
    for system in SYSTEMS:
        assert found["temperatures"][system] == pytest.approx(wanted["temperatures"][system], rel=0.05)
        assert found["systems"][system]["ua"] == pytest.approx(wanted["systems"][system]["ua"])
    assert found["smoothing"] == 0.1
