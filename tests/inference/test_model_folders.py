"""What is read of a model folder beside its weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emofuse import layout
from emofuse.errors import CheckpointError
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.model_folders import open_folder, read_calibration, read_scope, read_text_languages


def test_a_folder_without_calibration_and_scope_has_none(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    assert read_scope(tmp_path) is None
    assert read_text_languages(tmp_path) is None


def test_calibration_scope_and_languages_are_read_back(tmp_path: Path) -> None:
    calibration = Calibration({"text": 2.0}, threshold=0.4)
    layout.write_json(tmp_path / layout.CALIBRATION, calibration.as_dict())
    layout.write_json(tmp_path / layout.SCOPE, {"scope": "for tests", "text_languages": ["en", "german"]})
    assert read_calibration(tmp_path) == calibration
    assert read_scope(tmp_path) == "for tests"
    assert read_text_languages(tmp_path) == ("en", "de")


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"temperatures": {"text": -1}})])
def test_a_damaged_calibration_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / layout.CALIBRATION).write_text(content)
    with pytest.raises(CheckpointError, match=r"calibration\.json: is not a calibration"):
        read_calibration(tmp_path)


def test_a_damaged_scope_is_refused(tmp_path: Path) -> None:
    (tmp_path / layout.SCOPE).write_text("{")
    with pytest.raises(CheckpointError, match="does not say what the model is for"):
        read_scope(tmp_path)
    (tmp_path / layout.SCOPE).write_text('{"text_languages": ["klingonish"]}')
    with pytest.raises(CheckpointError, match="write codes such as"):
        read_text_languages(tmp_path)


def test_an_exported_model_computes_on_processors_only(tmp_path: Path) -> None:
    (tmp_path / layout.EXPORT).write_text("{}")
    with pytest.raises(CheckpointError, match="an exported model computes on processors, not on cuda"):
        open_folder(tmp_path, "cuda", None)
