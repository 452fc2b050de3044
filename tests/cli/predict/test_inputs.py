"""The arguments of `emofuse predict`: which is the model, what is predicted, and in which parts."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import call
from noise_bursts import rows

from emofuse import box
from emofuse.cli.predict import inputs
from emofuse.cli.predict.inputs import Inputs, Recording, State, choose_model, collect_inputs, unique_ids
from emofuse.cli.predict.listed_recordings import recordings_in, recordings_of_list
from emofuse.cli.predict.predict_options import SegmentOptions, TextOptions
from emofuse.errors import CheckpointError, CorpusError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a model, a run, recordings and a manifest; one model is in the box."""
    for name in (
        "model/config.json",
        "exported/export.json",
        "run/model/config.json",
        "recordings/a.wav",
        "b.wav",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("big", "small"):
        (tmp_path / "boxes" / name).mkdir(parents=True)
        (tmp_path / "boxes" / name / "box.json").touch()
    monkeypatch.setattr(box, "_WITHIN", tmp_path / "boxes")
    monkeypatch.setattr(box, "entry_points", lambda group: ())
    return tmp_path


@pytest.mark.parametrize(("name", "place"), [("model", "model"), ("exported", "exported"), ("run", "run/model")])
def test_a_model_folder_is_the_model(here: Path, name: str, place: str) -> None:
    assert choose_model(here / name, [here / "b.wav"]) == (here / place, [here / "b.wav"])


def test_a_name_in_the_box_is_the_model(here: Path) -> None:
    assert choose_model(Path("small"), [here / "b.wav"]) == (here / "boxes/small/exported", [here / "b.wav"])


@pytest.mark.parametrize("first", ["b.wav", "recordings", "gone.wav", "gone.jsonl"])
def test_an_input_in_its_place_is_left_to_be_predicted_by_the_one_in_the_box(here: Path, first: str) -> None:
    default = here / "boxes/big/exported"
    assert choose_model(here / first, [here / "b.wav"]) == (default, [here / first, here / "b.wav"])
    assert choose_model(None, []) == (default, [])


def test_what_is_neither_is_named(here: Path) -> None:
    with pytest.raises(CheckpointError, match="no-model: no such model, recording or folder"):
        choose_model(here / "no-model", [])


def test_where_nothing_came_along_a_model_has_to_be_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "_WITHIN", here / "nothing")
    for first in (here / "b.wav", None):
        with pytest.raises(CheckpointError, match="no model ships with this installation; name a model folder"):
            choose_model(first, [])


def test_remaining_parts_are_those_of_the_interrupted_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PART", 4)
    all_inputs = Inputs([Recording(str(n), str(n)) for n in range(10)])

    def remaining(*done: int, failed: Sequence[int] = ()) -> list[list[int]]:
        states: dict[str, State] = {str(n): "done" for n in done} | {str(n): "failed" for n in failed}
        return [list(part) for part in all_inputs.remaining_parts(lambda name: states.get(name, "new"))]

    assert remaining() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert remaining(0, 1) == remaining()
    assert remaining(0, 1, 2, 3) == remaining()[1:]
    assert remaining(0, 2, 3, 4, failed=[1]) == [[1], [4, 5, 6, 7], [8, 9]]
    assert remaining(0, 2, 3, 4, 5, 7, failed=[1, 6]) == [[1, 6], [8, 9]]
    assert remaining(0, 1, 2, 3, 4, 5, 6, 8, failed=[7, 9]) == [[7, 9]]
    assert remaining(0, 1, 2, 3, 4, 5, 7, 8, 9) == [[4, 5, 6, 7]]  # the result of 6 is damaged
    assert remaining(*range(10)) == []


def test_a_list_names_recordings_a_line(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    paths = sorted(archive.rglob("good*.wav"))
    (tmp_path / "list.txt").write_text("".join(f"{path}\n" for path in [*paths, archive / "gone.wav"]) + "\n")
    code, out, err = call(capsys, "predict", model, "--list", tmp_path / "list.txt", "--format", "jsonl")
    assert code == 1
    assert [row["audio"] for row in rows(out)] == [str(path) for path in paths]
    assert rows(out)[0]["id"] == "day0/good0"
    assert err.startswith("failed gone: ")
    (tmp_path / "empty.txt").write_text("\n")
    code, _, err = call(capsys, "predict", model, "--list", tmp_path / "empty.txt")
    assert (code, err) == (
        2,
        f"error: --list {tmp_path / 'empty.txt'}: is empty; write one path per line into it\n",
    )


def test_predict_reads_text_alone_and_whole_manifests(
    capsys: pytest.CaptureFixture[str], model: Path, manifest: Path
) -> None:
    code, out, _ = call(capsys, "predict", model, "--text", "so lonely", "--format", "jsonl")
    assert code == 0
    assert json.loads(out)["modalities"] == ["text"]
    code, out, _ = call(capsys, "predict", model, manifest, "--format", "jsonl")
    assert code == 0
    assert len(out.splitlines()) == 24


def test_a_folder_search_finds_recordings_by_how_they_begin_and_no_texts(tmp_path: Path) -> None:
    for name, form in (("a", "WAV"), ("b.bin", "FLAC"), ("c.wav.part", "OGG"), ("d.dat", "MP3"), ("e", "AIFF")):
        soundfile.write(tmp_path / name, np.full(16_000, 0.1, dtype=np.float32), 16_000, format=form)
    soundfile.write(tmp_path / "f.old", np.zeros(16_000, dtype=np.int16), 16_000, format="NIST", subtype="PCM_16")
    others = {
        "notes": b"MAC address of the recorder: not known, nobody wrote it down, which is a pity for all of us",
        "riff": b"RIFF and WAVE are words too",
        "picture.webp": b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0",
        "picture": b"\0\0\0\x18ftypheic\0\0\0\0",
        "wide.txt": "\ufeffwords".encode("utf-16"),
        "empty": b"",
    }
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    soundfile.write(tmp_path / ".hidden", np.zeros(16_000, dtype=np.float32), 16_000, format="WAV")
    found = collect_inputs([tmp_path], None, TextOptions(), SegmentOptions())
    assert [Path(str(one.audio)).name for one in found.items] == [
        "a",
        "b.bin",
        "c.wav.part",
        "d.dat",
        "e",
        "f.old",
    ]


def test_lists_are_read_as_people_write_them(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("a one.wav", "b/two.wav"):
        (tmp_path / name).touch()
    lines = f'"{tmp_path}/a one.wav"\r\n{tmp_path}\\b\\two.wav\r\n\r\n'
    found = [Recording("a one", f"{tmp_path}/a one.wav"), Recording("b/two", f"{tmp_path}/b/two.wav")]
    path = tmp_path / "list.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le"):
        path.write_bytes(lines.encode(encoding))
        assert recordings_of_list(path) == found
    path.write_bytes(b"\0".join(os.fsencode(one.audio) for one in found) + b"\0")  # find -print0
    assert recordings_of_list(path) == found
    path.write_bytes(b"RIFF\0\0\x01\n\0data")
    with pytest.raises(CorpusError, match="is no list; write one path per line"):
        recordings_of_list(path)
    path.write_bytes(lines.encode("utf-16") + b"x")
    with pytest.raises(CorpusError, match=r"list\.txt: is damaged UTF-16; save it as UTF-8"):
        recordings_of_list(path)


def test_hidden_recordings_are_left_out_and_links_are_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    for name in ("folder/.takes/1/x.wav", "folder/.git/HEAD", "folder/._a.wav", "folder/a.wav", "elsewhere/b.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    (folder / "broken.wav").symlink_to("nowhere")
    assert [one.id for one in recordings_in(folder)] == ["a", "broken", "linked/b"]
    assert "hidden recordings are left out (1, and those in .takes); name them" in caplog.text
    (folder / "._a.wav").unlink()
    caplog.clear()
    recordings_in(folder)
    assert "hidden recordings are left out (those in .takes); name them" in caplog.text


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"^--list \S+/gone\.txt: no such file; check the path$"):
        recordings_of_list(tmp_path / "gone.txt")
    with pytest.raises(CorpusError, match=rf"^--list {tmp_path}: cannot be read \(Is a directory\)$"):
        recordings_of_list(tmp_path)


def test_a_repeated_id_gets_a_number_that_no_other_id_has() -> None:
    assert unique_ids(["a", "b", "a", "a"]) == ["a", "b", "a#2", "a#3"]
    assert unique_ids(["a#2", "a", "a", "a", "a#2"]) == ["a#2", "a", "a#3", "a#4", "a#2#2"]
