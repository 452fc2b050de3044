"""Timelines in every format, on stdout and in files."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import call
from noise_bursts import ENERGY
from small_corpus import write_tone
from timelines import segment, timeline

from emofuse.cli.predict.timeline_writing import TimelineWriter
from emofuse.inference.timeline.formats import TIMELINE_FORMATS
from emofuse.pages.contents import PageContents
from emofuse.pages.pseudonyms import Pseudonyms
from emofuse.privacy import mask_words
from emofuse.types import ExcludedSpan


def test_json_is_one_document_of_one_recording_and_a_list_of_several(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path
) -> None:
    arguments = (*ENERGY, "--timeline", "--format", "json")
    code, out, err = call(capsys, "predict", model, talks / "talk0.wav", *arguments)
    assert (code, err) == (0, "")
    one = json.loads(out)
    assert one["segmentation"] == "energy"
    assert len(one["segments"]) == 8
    assert one["answer"] == "mean of the segments that are not withheld, weighted by their seconds"
    _, out, _ = call(capsys, "predict", model, talks, *arguments)
    several = json.loads(out)
    assert [each["id"] for each in several] == ["talk0", "talk1"]
    assert several[0]["segments"] == one["segments"]


def test_csv_of_several_has_one_header(capsys: pytest.CaptureFixture[str], model: Path, talks: Path) -> None:
    _, out, _ = call(capsys, "predict", model, talks, *ENERGY, "--timeline", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out.removeprefix("\ufeff"))))
    assert [row["id"] for row in rows] == ["talk0"] * 8 + ["talk1"] * 8


@pytest.mark.parametrize("form", [*TIMELINE_FORMATS, "page"])
def test_each_format_on_stdout_is_the_file_in_the_folder(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path, form: str
) -> None:
    talk = talks / "talk0.wav"
    arguments = (*ENERGY, "--timeline", "--format", form)
    code, out, _ = call(capsys, "predict", model, talk, *arguments)
    assert code == 0
    code, nothing, _ = call(capsys, "predict", model, talk, *arguments, "--out", tmp_path)
    assert (code, nothing) == (0, "")
    (file,) = tmp_path.glob("talk0.*")
    assert len(out) > 100
    assert file.read_text() == out


def test_formats_that_hold_one_recording_need_a_folder_for_several(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "predict", model, talks, *ENERGY, "--format", "srt")
    assert (code, out) == (2, "")
    assert "stdout can hold one timeline, not 2; add --out" in err
    assert call(capsys, "predict", model, talks, *ENERGY, "--format", "srt", "--out", tmp_path)[0] == 0
    assert {path.name for path in tmp_path.glob("*.srt")} == {"talk0.srt", "talk1.srt"}
    code, _, err = call(capsys, "predict", model, talks / "talk0.wav", "--format", "picture")
    assert (code, err) == (2, "error: --format picture: cannot be written to stdout; add --out\n")


def test_a_picture_is_written(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    talk = talks / "talk0.wav"
    assert call(capsys, "predict", model, talk, *ENERGY, "--format", "picture", "--out", tmp_path)[0] == 0
    assert (tmp_path / "talk0.svg").read_text().startswith("<?xml")
    assert len(list(tmp_path.iterdir())) == 4  # and what became of the run


def test_words_are_masked_in_a_sealed_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emofuse.cli.predict.formats.locks", lambda: ("python",))
    talk = timeline(segment(0.0, 1.0, text="I said no."), audio=str(write_tone(tmp_path / "a.wav", 440.0, 1.5, 0)))
    for form in ("table", "page"):
        text = "".join(TimelineWriter(form).joined([talk], 1))
        assert "said" not in text
        assert text.count(mask_words("I said no.")) >= 1


def test_under_pseudonyms_neither_a_file_nor_its_name_names_anybody(tmp_path: Path) -> None:
    audio = write_tone(tmp_path / "ann.wav", 440.0, 1.5, 0)
    talk = timeline(segment(0.0, 1.0, speaker="Ann", text="I said no."), id="ann", audio=str(audio))
    talk = replace(talk, excluded=(ExcludedSpan(1.0, 1.5, "bleed from channel Roberta, which is louder"),))
    pseudonyms = Pseudonyms(bytes(32))
    for form, suffix in (("page", ".html"), ("picture", ".svg")):
        writer = TimelineWriter(form, {"Ann": 0, "Roberta": 1}, PageContents(words=False, pseudonyms=pseudonyms))
        writer.write(talk, writer.file_of(tmp_path / "pages", talk.id))
        file = tmp_path / "pages" / f"{pseudonyms.of('recording', 'ann')}{suffix}"
        text = file.read_text(encoding="utf-8").replace("data:audio/wav;base64,", "")
        assert pseudonyms.of("speaker", "Ann") in text
        for name in ("Ann", "Roberta", "ann.wav", "said"):
            assert name not in text
    assert len(list((tmp_path / "pages").iterdir())) == 2


def test_without_audio_a_page_neither_holds_nor_links_the_recording(tmp_path: Path) -> None:
    audio = write_tone(tmp_path / "a.wav", 440.0, 1.5, 0)
    talk = timeline(segment(0.0, 1.0), audio=str(audio))
    page = "".join(TimelineWriter("page", contents=PageContents(audio=False)).joined([talk], 1))
    assert "<audio" not in page
    assert "media-src" not in page
    assert "is not part of this page" in page


WITHOUT = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from emofuse.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def run_without(absent: set[str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT.format(absent=absent), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "suffix"), [("page", ".html"), ("picture", ".svg")])
def test_pages_and_pictures_need_the_extra_and_no_torch(
    name: str, suffix: str, model: Path, talks: Path, tmp_path: Path
) -> None:
    call = ("predict", model, talks / "talk0.wav", *ENERGY, "--timeline", "--format", name, "--out", tmp_path)
    refused = run_without({"jinja2", "matplotlib"}, *call)
    message = f'error: --format {name} needs an optional part: pip install "emofuse[pages]"\n'
    assert (refused.returncode, refused.stderr) == (2, message)
    assert list(tmp_path.iterdir()) == []
    done = run_without({"torch", "transformers", "accelerate", "sklearn", "scipy"}, *call)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"talk0{suffix}").is_file()
