"""A sealed run leaves a receipt beside its answers, and a check of it names what has changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import call
from small_corpus import write_tone

from emofuse.cli.predict import receipt as module
from emofuse.cli.predict.inputs import Inputs, Recording
from emofuse.cli.predict.journal import JOURNAL, Entry, Journal
from emofuse.cli.predict.predict_options import OutputOptions, PredictOptions
from emofuse.cli.predict.receipt import RECEIPT, differences, read_receipt
from emofuse.cli.predict.saving import written_files
from emofuse.cli.predict.timeline_jobs import TimelineSettings
from emofuse.errors import RunError


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command think that the process is sealed: a real seal would stay for all tests."""
    monkeypatch.setattr(module, "locks", lambda: ("python",))


@pytest.fixture
def folder(sealed: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    """Return a folder with a recording, `in/tone.wav`, and a sealed run over it, `out`."""
    write_tone(tmp_path / "all" / "in" / "tone.wav", 200, 1.0, seed=0)
    folder = tmp_path / "all"
    arguments = ("predict", folder / "in" / "tone.wav", "--text", "I said no.", "--format", "csv")
    assert call(capsys, *arguments, "--out", folder / "out")[0] == 0
    return folder


def first_difference(folder: Path) -> str | None:
    path = folder / "out" / RECEIPT
    return next(differences(read_receipt(path), path.parent), None)


def test_a_receipt_states_inputs_model_settings_and_answers_and_no_words(folder: Path) -> None:
    text = (folder / "out" / RECEIPT).read_text()
    document: dict[str, Any] = json.loads(text)
    assert list(document["inputs"]) == ["../in/tone.wav"]
    assert sorted(document["answers"]) == ["predictions.csv", "predictions.jsonl"]
    assert document["model"]["name"].startswith("box")
    assert "model.onnx" in document["model"]["files"]
    assert document["settings"]["format"] == "csv"
    assert len(document["settings"]["text"]) == 64
    assert "said" not in text
    assert str(folder) not in text


def test_it_is_verified_there_and_where_all_was_moved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = shutil.move(folder, folder.parent / "moved")
    code, out, _ = call(capsys, "receipt", "verify", Path(moved) / "out" / RECEIPT)
    assert (code, out.split(":")[0]) == (0, "verified")


@pytest.mark.parametrize(
    ("file", "named"),
    [("in/tone.wav", "input"), ("out/predictions.csv", "answers"), ("out/predictions.jsonl", "answers")],
)
def test_a_changed_or_missing_file_is_named(
    file: str, named: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / file).open("ab") as changed:
        changed.write(b" ")
    code, _, err = call(capsys, "receipt", "verify", folder / "out" / RECEIPT)
    assert code == 1
    assert err.startswith(f"not verified: {named} {folder / file}: has SHA-256 ")
    (folder / file).unlink()
    assert first_difference(folder) == f"{named} {folder / file}: is missing or cannot be read"


def test_json_says_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "receipt", "verify", folder / "out" / RECEIPT, "--json")
    assert (code, json.loads(out)) == (0, {"schema": "emofuse/receipt/1", "verified": True, "differences": []})


def test_a_changed_receipt_is_refused(folder: Path) -> None:
    path = folder / "out" / RECEIPT
    path.write_text(path.read_text().replace('"csv"', '"json"'))
    with pytest.raises(RunError, match="the receipt was changed"):
        read_receipt(path)
    path.write_text("[]")
    with pytest.raises(RunError, match="is not a receipt"):
        read_receipt(path)


def test_there_is_none_without_a_seal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call(capsys, "predict", "--text", "no", "--out", tmp_path)[0] == 0
    assert not (tmp_path / RECEIPT).exists()


def test_an_unknown_action_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, "receipt", "print", tmp_path)
    assert (code, err) == (2, "error: emofuse receipt print: the only action is verify\n")


def test_pages_under_pseudonyms_are_among_the_answers(
    sealed: None, capsys: pytest.CaptureFixture[str], model: Path, wavs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("predict", model, wavs / "low.wav", "--any-sound", "--format", "page", "--pseudonyms")
    assert call(capsys, *arguments, "--out", out)[0] == 0
    (page,) = out.glob("*.html")
    assert list(read_receipt(out / RECEIPT)["answers"]) == [page.name]
    page.write_text("changed")
    assert next(differences(read_receipt(out / RECEIPT), out)).startswith(f"answers {page}: has SHA-256 ")


def test_a_result_that_is_gone_is_among_the_answers_and_what_failed_is_not(tmp_path: Path, wavs: Path) -> None:
    (tmp_path / "out").mkdir()
    options = PredictOptions(output=OutputOptions("json", tmp_path / "out", each=True))
    settings = TimelineSettings(options, Inputs([Recording(name, name) for name in ("a", "b")]))
    journal = Journal(tmp_path / "out" / JOURNAL)
    journal.add(Entry("a", "a", "", "0", "predicted"))
    journal.add(Entry("b", "b", "", None, "failed"))
    journal.close()
    assert written_files(tmp_path / "out", settings) == [tmp_path / "out" / "a.json"]


def test_a_new_run_leaves_no_results_of_an_older_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "out" / "predictions.odt").touch()
    arguments = ("predict", folder / "in" / "tone.wav", "--format", "json", "--out", folder / "out")
    assert call(capsys, *arguments)[0] == 0
    assert not (folder / "out" / "predictions.csv").exists()
    assert sorted(read_receipt(folder / "out" / RECEIPT)["answers"]) == ["predictions.json", "predictions.jsonl"]


def test_a_file_that_no_run_has_written_is_left_alone(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path
) -> None:
    (tmp_path / "predictions.csv").write_text("mine")
    assert call(capsys, "predict", model, "--text", "no", "--format", "json", "--out", tmp_path)[0] == 0
    assert (tmp_path / "predictions.csv").read_text() == "mine"
