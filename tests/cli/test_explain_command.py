"""`emofuse explain` as its users meet it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from command_line import call
from exports import exported_folder, model_folder
from small_corpus import write_tone

from emofuse import layout
from emofuse.privacy import MASK


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_tone(tmp_path / "call.wav", 300.0, 0.6, 0)


def test_the_page_is_written_and_the_strongest_are_shown(
    capsys: pytest.CaptureFixture[str], recording: Path, tmp_path: Path
) -> None:
    page = tmp_path / "new" / "page.html"
    code, out, err = call(
        capsys, "explain", model_folder(), recording, "--text", "the <b>table</b>", "--out", page
    )
    assert (code, err) == (0, "")
    for said in (
        "word",
        "moment",
        "without the audio:",
        "without the text:",
        "explained:",
        f"page written to {page}",
    ):
        assert said in out
    html = page.read_text(encoding="utf-8")
    assert "data:audio/wav;base64," in html
    assert "<b>" not in html
    assert "&lt;b&gt;table" in html


def test_json_is_one_document_of_everything(
    capsys: pytest.CaptureFixture[str], recording: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    options = ("--text", "the table", "--label", "sad", "--out", page, "--json")
    code, out, err = call(capsys, "explain", model_folder(), recording, *options)
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["label"] == "sad"
    assert [word["text"] for word in document["words"]] == ["[CLS]", "the", "table", "[SEP]"]
    assert len(document["moments"]) == 6
    assert [len(row) for row in document["attention"]["text_asks"]] == [6] * 4
    assert [one["modality"] for one in document["removals"]] == ["audio", "text"]
    assert document["completeness"]["held"]
    assert page.is_file()


def test_a_page_may_leave_out_the_recording_the_words_and_the_name(
    capsys: pytest.CaptureFixture[str], recording: Path, tmp_path: Path
) -> None:
    page, options = tmp_path / "page.html", ("--without-audio", "--without-words", "--pseudonyms")
    code, _, err = call(capsys, "explain", model_folder(), recording, "--text", "the zebra", *options)
    assert (code, err) == (2, "error: --without-audio applies to the page only; add --out\n")
    code, out, _ = call(
        capsys, "explain", model_folder(), recording, "--text", "the zebra", "--out", page, *options
    )
    assert code == 0
    html = page.read_text(encoding="utf-8")
    assert "<audio" not in html
    assert "zebra" not in html
    assert "for <bdi>recording-" in html
    assert "zebra" in out  # the terminal is the owner's


def test_words_are_masked_in_a_sealed_process(
    capsys: pytest.CaptureFixture[str], recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emofuse.cli.explain_command.locks", lambda: ("python",))
    page = tmp_path / "page.html"
    code, out, _ = call(capsys, "explain", model_folder(), recording, "--text", "the zebra", "--out", page)
    assert code == 0
    for text in (out, page.read_text(encoding="utf-8")):
        assert MASK in text
        assert "zebra" not in text


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("a damaged export", "is of format None"),
        ("no model", "no such model folder"),
        ("no recording", "gone.wav"),
        ("an unknown label", "the labels of the model are angry, happy, neutral, sad"),
        ("nothing", "there is nothing to explain"),
        ("too few steps", "at least 48"),
    ],
)
def test_what_cannot_be_explained_gets_one_line_and_exit_code_2(
    what: str, said: str, capsys: pytest.CaptureFixture[str], recording: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    layout.write_json(tmp_path / "exported" / layout.EXPORT, {})
    arguments = {
        "a damaged export": (tmp_path / "exported", recording),
        "no model": (tmp_path / "nowhere", recording),
        "no recording": (model_folder(), tmp_path / "gone.wav"),
        "an unknown label": (model_folder(), recording, "--label", "bored"),
        "nothing": (model_folder(),),
        "too few steps": (model_folder(), recording, "--steps", "5"),
    }
    code, out, err = call(capsys, "explain", *arguments[what], "--out", page)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert err.startswith("error: ")
    assert said in err
    assert not page.exists()


def test_without_captum_a_model_folder_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    code, out, err = call(capsys, "explain", model_folder(), recording, "--text", "the table")
    assert (code, out) == (2, "")
    assert err == 'error: an explanation by gradients needs an optional part: pip install "emofuse[train]"\n'


def test_an_exported_model_has_the_same_page_and_names_its_method(
    capsys: pytest.CaptureFixture[str], recording: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    code, out, err = call(
        capsys, "explain", exported_folder(), recording, "--text", "the table", "--any-sound", "--out", page
    )
    assert (code, err) == (0, "")
    for said in ("word", "moment", "without the audio:", "explained:", "method: occlusion\n"):
        assert said in out
    html = page.read_text(encoding="utf-8")
    assert "by a method called occlusion" in html
    assert "integrated gradients" not in html
