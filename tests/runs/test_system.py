"""Systems: their names in folders and in results, and back."""

from __future__ import annotations

import pytest

from emofuse.errors import RunError
from emofuse.runs.system import AUDIO, FUSION, LATE, TEXT, System


@pytest.mark.parametrize(
    ("system", "folder", "label"),
    [
        (AUDIO, "audio", "audio"),
        (System("text", "asr"), "text-asr", "text-asr"),
        (FUSION.with_speaker_norm(), "fusion", "fusion+speaker-norm"),
        (System("fusion", "asr", adapted=True), "fusion-asr", "fusion-asr+speaker-norm"),
    ],
)
def test_a_system_has_a_folder_and_a_label_that_names_it(system: System, folder: str, label: str) -> None:
    assert (system.folder_name, system.label) == (folder, label)
    assert System.from_label(label) == system


def test_late_fusion_is_derived_from_audio_and_text() -> None:
    assert System.from_label("late") == LATE
    assert LATE.parts == (AUDIO, TEXT)
    assert not LATE.trained
    assert AUDIO.parts == (AUDIO,)


def test_trained_systems_are_told_from_derived_ones() -> None:
    assert [s.trained for s in (AUDIO, System("text", "asr"), AUDIO.with_speaker_norm())] == [True, True, False]
    assert [s.reads_text for s in (AUDIO, TEXT, LATE, AUDIO.with_speaker_norm())] == [False, True, True, False]


def test_predictions_with_speaker_norm_are_in_a_file_of_their_own() -> None:
    assert AUDIO.predictions_file == "predictions.jsonl"
    assert AUDIO.with_speaker_norm().predictions_file == "predictions-speaker-norm.jsonl"


def test_unimodal_systems_are_trained_on_the_same_text() -> None:
    fused = System("fusion", "asr")
    assert (fused.unimodal("audio"), fused.unimodal("text")) == (AUDIO, System("text", "asr"))


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(RunError, match="'audio-asr' is no system of a run; known systems are audio, text"):
        System.from_label("audio-asr")
