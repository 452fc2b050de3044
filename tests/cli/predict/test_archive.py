"""A run over many inputs: what is written, what is counted, what is done again, and what a stop leaves."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import call
from noise_bursts import ENERGY
from small_corpus import write_tone

from emofuse import layout
from emofuse.cli.output import InputProgress, progress_bar
from emofuse.cli.predict import inputs
from emofuse.cli.predict.archive import Archive, Asked
from emofuse.cli.predict.journal import JOURNAL
from emofuse.cli.predict.writing import FilePerInput, OneFile, prediction_saver
from emofuse.errors import DISK_ERRORS, RunError
from emofuse.inference import utterance_stream
from emofuse.runs.held_folder import holding_folder
from emofuse.sound.clips import Clip
from emofuse.types import Prediction, Skip, Utterance

Reading = Callable[[Callable[[Path], None]], None]


@pytest.fixture
def before_reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Return what lets something happen before each recording is read."""
    read = utterance_stream.read_clip

    def plant(happens: Callable[[Path], None]) -> None:
        def reading(path: Path, *given: object, **named: object) -> Clip:
            happens(path)
            return read(path, *given, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(utterance_stream, "read_clip", reading)

    return plant


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PART", 5)


def failures(folder: Path) -> list[dict[str, str]]:
    with (folder / "failures.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def summary(folder: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "predictions.run.json").read_text())["summary"]
    return document


def test_every_run_ends_with_a_line_a_table_and_a_summary(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "predict", model, archive, "--format", "csv", "--out", tmp_path)
    assert (code, out) == (1, "")
    line = err.splitlines()[-1]
    assert line.startswith("10 of 20 inputs predicted; 10 failed, see failures.csv; 3.9 s of sound, ")
    assert line.endswith(f" times real time; results: {tmp_path / 'predictions.csv'}")
    found = failures(tmp_path)
    assert [row["file"] for row in found] == [str(archive / "day1" / f"bad{n}.wav") for n in range(10)]
    assert found[0] == {
        "file": str(archive / "day1" / "bad0.wav"),
        "reason": "is empty (0 bytes)",
        "remedy": "copy or record it again",
    }
    counts = summary(tmp_path)
    assert counts.pop("real_time_factor")
    assert counts == {
        "inputs": 20, "predicted": 10, "withheld": 0, "no_speech": 0, "failed": 10, "sound_seconds": 3.9,
        "results": "predictions.csv", "failures": "failures.csv",
    }  # fmt: skip


def test_a_run_that_was_killed_goes_on_where_it_was(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    archive: Path,
    tmp_path: Path,
    small_parts: None,
    before_reading: Reading,
) -> None:
    arguments = ("predict", model, archive, "--format", "jsonl", "--out", tmp_path)
    call(capsys, *arguments)
    path, table = tmp_path / "predictions.jsonl", tmp_path / "failures.csv"
    whole, listed = path.read_bytes(), table.read_bytes()
    journal = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:6]) + whole.splitlines()[6][:20])
    (tmp_path / JOURNAL).write_bytes(b"".join(journal[:16]) + journal[16][:30])
    heard: list[str] = []
    before_reading(lambda read: heard.append(read.stem))
    code, _, err = call(capsys, *arguments, "--resume")
    assert code == 1  # what failed is tried, and named, again
    assert (path.read_bytes(), table.read_bytes()) == (whole, listed)
    # Day 1 comes second, ten bad ones before its good ones. The part in which the run stopped is done once more.
    assert [stem for stem in heard if stem.startswith("good")] == ["good4", "good7", "good2", "good5", "good8"]
    assert len(heard) == len(set(heard))
    assert "damaged" not in err


@pytest.mark.parametrize("damage", ["flipped", "doubled", "removed", "added", "journal"])
def test_a_damaged_result_is_predicted_again(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path, small_parts: None, damage: str
) -> None:
    arguments = ("predict", model, archive, "--format", "csv", "--out", tmp_path)
    call(capsys, *arguments)
    names = ("predictions.jsonl", "predictions.csv", "failures.csv")
    wanted = {name: (tmp_path / name).read_bytes() for name in names}
    path = tmp_path / (JOURNAL if damage == "journal" else "predictions.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    changed = {
        "flipped": [*lines[:3], lines[3].replace(b"0.", b"0.9", 1), *lines[4:]],
        "doubled": [*lines[:3], lines[2], *lines[3:]],
        "removed": lines[1:],
        "added": [*lines, b'{"id": "other"}\n'],
        "journal": [lines[0].replace(b"day0", b"day9", 1), *lines[1:]],
    }
    path.write_bytes(b"".join(changed[damage]))
    code, _, err = call(capsys, *arguments, "--resume")
    assert code == 1
    assert {name: (tmp_path / name).read_bytes() for name in names} == wanted
    assert ("damaged lines" in err or "lines are damaged" in err) == (damage != "removed")


def test_an_input_that_changed_is_predicted_again_with_those_it_was_computed_with(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path, small_parts: None
) -> None:
    recordings = Path(shutil.copytree(archive, tmp_path / "recordings"))
    arguments = ("predict", model, recordings, "--format", "jsonl")
    call(capsys, *arguments, "--out", tmp_path / "out")
    changed = recordings / "day2" / "good2.wav"
    state = changed.stat()
    write_tone(changed, 700, 0.34, 9)
    write_tone(recordings / "day1" / "bad4.wav", 400, 0.3, 4)  # and one was mended
    os.utime(changed, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert changed.stat().st_size == state.st_size
    (recordings / "day0" / "good3.wav").unlink()
    assert call(capsys, *arguments, "--out", tmp_path / "out", "--resume")[0] == 1
    call(capsys, *arguments, "--out", tmp_path / "fresh")
    assert len((tmp_path / "fresh" / "predictions.jsonl").read_bytes().splitlines()) == 10
    for name in ("predictions.jsonl", "failures.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


def test_a_folder_that_is_removed_midway_is_not_made_again(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path, before_reading: Reading
) -> None:
    out = tmp_path / "out"
    places = iter("ab")
    # At one blow: which of the files are gone first would differ from run to run.
    before_reading(lambda read: os.rename(out, tmp_path / next(places)) if read.stem == "good5" else None)
    for each in ((), ("--each",)):
        code, _, err = call(capsys, "predict", model, archive, "--format", "json", "--out", out, *each)
        assert code == 2
        assert err.splitlines()[-1].startswith(f"error: {out}: was removed or replaced while results were written")
        assert not out.exists()


def test_results_that_are_removed_midway_are_failures(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    arguments = ("predict", model, archive, "--format", "json", "--out", tmp_path, "--each")
    call(capsys, *arguments)
    wanted = {path: path.read_bytes() for path in tmp_path.rglob("*.json") if path.parent != tmp_path}
    shutil.rmtree(tmp_path)
    write = layout.write_bytes

    def removing(path: Path, content: str) -> None:
        write(path, content.encode())
        if path.stem == "good8":
            shutil.rmtree(tmp_path / "day0")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "write_text", removing)
        code, _, err = call(capsys, *arguments)
    assert code == 1
    lost = [row for row in failures(tmp_path) if "day0" in row["file"]]
    assert {row["reason"] for row in lost} == {"its result was removed while the run went on"}
    assert f"{10 - len(lost)} of 20 inputs predicted; {10 + len(lost)} failed" in err
    call(capsys, *arguments, "--resume")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json") if path.parent != tmp_path} == wanted


def test_a_file_that_cannot_be_written_is_a_failure_and_a_full_disk_ends_the_run(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    archive: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "day0").mkdir(parents=True)
    (tmp_path / "day0" / "good0.json").mkdir()
    arguments = ("predict", model, archive, "--format", "json", "--out", tmp_path, "--each")
    code, _, err = call(capsys, *arguments)
    assert code == 1
    assert "9 of 20 inputs predicted; 11 failed" in err
    assert failures(tmp_path)[0]["reason"].endswith("good0.json: cannot be written (Is a directory)")
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith(".good6"):
            raise OSError(28, "No space left on device")
        return write(path, content)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        code, _, err = call(capsys, *arguments)
    assert code == 2
    assert err.splitlines()[-1].endswith(
        "good6.json: cannot be written (No space left on device); choose another place"
    )
    code, _, err = call(capsys, *arguments)
    assert (code, "has an interrupted run; add --resume to continue it" in err) == (2, True)
    assert call(capsys, *arguments, "--resume")[0] == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_a_run_that_can_go_on(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    archive: Path,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
) -> None:
    arguments = ("predict", model, archive, "--format", "json", "--each", "--out")
    call(capsys, *arguments, tmp_path / "whole")

    def stopped(path: Path, content: str) -> None:
        with layout.writing_file(path) as temporary:
            temporary.write_text(content)
            if path.stem == "good5":
                signal.raise_signal(number)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "write_text", stopped)
        stop, _, err = call(capsys, *arguments, tmp_path / "out")
    assert stop == code
    assert err.splitlines()[-1] == (
        f"error: stopped by {number.name}; 8 of 20 inputs are predicted; add --resume to go on"
    )
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".")]
    assert len(failures(tmp_path / "out")) == 10
    call(capsys, *arguments, tmp_path / "out", "--resume")
    for path in (tmp_path / "whole").rglob("*.json"):
        if path.parent != tmp_path / "whole":
            assert (tmp_path / "out" / path.relative_to(tmp_path / "whole")).read_bytes() == path.read_bytes()


def test_timelines_are_done_again_where_they_are_damaged_or_their_recording_changed(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    recordings = Path(shutil.copytree(talks, tmp_path / "talks"))
    arguments = ("predict", model, recordings, *ENERGY, "--timeline", "--format", "csv", "--out", tmp_path / "out")
    code, _, err = call(capsys, *arguments)
    assert (code, err.startswith("2 of 2 inputs predicted; 0 failed; 68.0 s of sound")) == (0, True)
    first, second = (tmp_path / "out" / f"talk{number}.csv" for number in range(2))
    wanted = first.read_bytes()
    first.write_bytes(b"damaged")
    kept = second.stat().st_ino
    assert call(capsys, *arguments, "--resume")[0] == 0
    assert (first.read_bytes(), second.stat().st_ino) == (wanted, kept)
    (recordings / "talk1.wav").write_bytes(b"no sound")
    code, _, err = call(capsys, *arguments, "--resume")
    assert (code, second.exists()) == (1, False)  # nothing stale is left
    assert summary(tmp_path / "out")["predicted"] == 1


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Archive[Prediction]]:
    """Return an archive that goes on with a run in which `a` was predicted."""
    asked, answer = [Asked(name, Utterance(name, text="no")) for name in ("a", "b")], {"sad": 1.0}
    for resumed in (False, True):
        with (
            progress_bar(False) as bar,
            holding_folder(tmp_path) as held,
            Archive(held, OneFile(tmp_path, "jsonl", ("sad",)), InputProgress(bar, 2), 2) as archive,
        ):
            if resumed:
                archive.resume([asked])
            for one in asked:
                archive.expect(one)
            if resumed:
                yield archive
            else:
                archive.add(iter([Prediction.of(asked[0].utterance, answer, ("text",))]))


def test_what_an_earlier_run_has_done_does_not_fail(opened: Archive[Prediction]) -> None:
    opened.fail(Skip("a", "its transcript cannot be read"))
    opened.fail(Skip("b", "its transcript cannot be read"))
    summary, failed = opened.finish(["a", "b"])
    assert (summary.predicted, [one.id for one in failed]) == (1, ["b"])


def test_a_file_of_all_predictions_that_is_removed_midway_ends_the_run(
    opened: Archive[Prediction], tmp_path: Path
) -> None:
    (tmp_path / layout.PREDICTIONS).unlink()
    with pytest.raises(RunError, match=r"predictions\.jsonl: was removed or replaced while it was written"):
        opened.add(iter([Prediction.of(Utterance("b", text="no"), {"sad": 1.0}, ("text",))]))
    assert opened.state_of("b") == "new"


@pytest.mark.parametrize("number", DISK_ERRORS)
def test_a_disk_that_takes_nothing_ends_the_run_in_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("xlsxwriter.workbook.ZipFile", full)
    monkeypatch.setattr(Path, "write_bytes", full)
    asked = Asked(".a", Utterance(".a", text="no"))
    for form in ("xlsx", "json"):
        files = FilePerInput(tmp_path, (tmp_path / form).with_suffix, prediction_saver(form, ("sad",)))
        with (
            progress_bar(False) as bar,
            holding_folder(tmp_path) as held,
            Archive(held, files, InputProgress(bar, 2), 2) as archive,
        ):
            archive.expect(asked)
            with pytest.raises(RunError, match=rf"/{form}\.a: cannot be written \({os.strerror(number)}\)"):
                archive.add(iter([Prediction.of(asked.utterance, {"sad": 1.0}, ("text",))]))
