"""Transcripts, turns and speakers from files beside recordings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import call
from noise_bursts import ENERGY

from emofuse.cli.predict.transcript_files import open_speakers, open_transcripts, open_turns
from emofuse.errors import CorpusError
from emofuse.types import Turn, Utterance

MILLISECONDS = "start\tend\ttext\n0\t50\tYes.\n60\t900\tNo.\n"


def recording(folder: Path, name: str) -> Utterance:
    """Write a second of silence."""
    soundfile.write(folder / name, np.zeros(16_000, dtype=np.float32), 16_000)
    return Utterance(Path(name).stem, audio=folder / name)


def test_a_table_with_times_is_a_transcript_and_the_recording_tells_its_unit(tmp_path: Path) -> None:
    talk, table = recording(tmp_path, "talk.wav"), tmp_path / "talk.tsv"
    table.write_text(MILLISECONDS)
    said = [Turn(0.0, 0.05, None, "Yes.", "gold"), Turn(0.06, 0.9, None, "No.", "gold")]
    for path in (table, tmp_path):
        assert open_transcripts(path, [talk])(talk) == said
        assert open_turns(path, [talk])(talk) == said


def test_a_table_with_files_and_times_is_the_transcript_of_several(tmp_path: Path) -> None:
    one, two, three = (recording(tmp_path, f"{name}.wav") for name in ("one", "two", "three"))
    table = tmp_path / "words.csv"
    table.write_text("file,start,end,text\none.wav,0.1,0.2,Yes.\ntwo.wav,0.5,0.9,well.\ntwo.wav,0.1,0.4,Oh\n")
    words = open_transcripts(table, [one, two, three])
    assert words(one) == [Turn(0.1, 0.2, None, "Yes.", "gold")]
    assert words(two) == [Turn(0.1, 0.4, None, "Oh", "gold"), Turn(0.5, 0.9, None, "well.", "gold")]
    assert words(three) is None
    table.write_text("start,end,text\n0.1,0.2,Yes.\n")
    with pytest.raises(CorpusError, match="belongs to one recording, not to 2; add a column called file"):
        open_transcripts(table, [one, two])


@pytest.mark.parametrize("name", ["talk.srt", "talk.wav.srt", "talk.en.srt", "talk.pt-BR.vtt", "talk.mp3.txt"])
def test_a_suffix_of_the_recording_or_a_language_may_stand_in_between(tmp_path: Path, name: str) -> None:
    talk = recording(tmp_path, "talk.wav")
    (tmp_path / name).write_text("00:00:00.100 --> 00:00:00.900\nYes.\n")
    assert open_transcripts(tmp_path, [talk])(talk) == [Turn(0.1, 0.9, None, "Yes.", "gold")]


@pytest.mark.parametrize(
    ("name", "language"),
    [("talk.de.srt", "de"), ("talk.pt-BR.vtt", "pt"), ("talk.srt", None), ("talk.wav.srt", None)],
)
def test_the_name_of_a_transcript_may_state_its_language(tmp_path: Path, name: str, language: str | None) -> None:
    talk = recording(tmp_path, "talk.wav")
    (tmp_path / name).write_text("00:00:00.100 --> 00:00:00.900\nYes.\n")
    for path in (tmp_path, tmp_path / name):
        assert open_transcripts(path, [talk]).language_of(talk) == language


def test_the_exact_name_comes_first_and_two_of_a_kind_are_refused(tmp_path: Path) -> None:
    talk, other = recording(tmp_path, "talk.wav"), recording(tmp_path, "talk.en.wav")
    for name, word in (("talk.txt", "one"), ("talk.en.txt", "two"), ("talk.wav.txt", "three")):
        (tmp_path / name).write_text(word)
    words = open_transcripts(tmp_path, [talk, other])
    assert (words(talk), words(other)) == ("one", "two")
    (tmp_path / "talk.txt").unlink()
    with pytest.raises(CorpusError, match=r"has talk.en.txt and talk.wav.txt for 'talk'; keep one"):
        open_transcripts(tmp_path, [talk])(talk)


def test_files_of_speakers_name_some(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    talk, labels = recording(tmp_path, "talk.wav"), tmp_path / "who.txt"
    labels.write_text("0.1\t0.4\tAnna\n0.5\t0.9\tBen\n")
    assert open_speakers(labels, [talk])(talk) == [Turn(0.1, 0.4, "Anna"), Turn(0.5, 0.9, "Ben")]
    assert "its labels are taken as the names of speakers" in caplog.text
    labels.write_text("0.1\t0.4\t[SPEAKER_00]: Well.\n0.5\t0.9\tNo, I did not.\n")
    assert open_speakers(labels, [talk])(talk) == [
        Turn(0.1, 0.4, "SPEAKER_00", "Well.", "gold"),
        Turn(0.5, 0.9, None, "No, I did not.", "gold"),
    ]
    labels.write_text("0.1\t0.4\tI did not say that.\n0.5\t0.9\tNo.\n")
    with pytest.raises(CorpusError, match=r"who.txt: names no speaker"):
        open_speakers(labels, [talk])


def test_words_that_cannot_be_read_fail_one_recording_only(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    (tmp_path / "talk0.json").write_text("{")
    (tmp_path / "talk1.txt").write_text("a table")
    for mode in ((), ("--timeline",)):
        arguments = (*ENERGY, "--transcripts", tmp_path, "--format", "json")
        code, out, err = call(capsys, "predict", model, talks, *mode, *arguments)
        assert code == 1
        assert "failed talk0: " in err
        assert "talk1" in out


def test_turns_and_speakers_come_from_files(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    rttm = tmp_path / "who.rttm"
    lines = [
        f"SPEAKER talk{n} 1 {start} 2.0 <NA> <NA> {who} <NA> <NA>"
        for n in (0, 1)
        for start, who in ((2, "A"), (6, "B"))
    ]
    rttm.write_text("\n".join(lines) + "\n")
    arguments = ("--timeline", "--format", "json")
    _, out, _ = call(capsys, "predict", model, talks, "--turns", rttm, *arguments)
    first, _ = json.loads(out)
    assert [(s["start"], s["speaker"]) for s in first["segments"]] == [(2.0, "A"), (6.0, "B")]
    assert first["segmentation"] == "given"
    _, out, _ = call(capsys, "predict", model, talks, "--speakers", rttm, *ENERGY, *arguments)
    first, second = json.loads(out)
    assert [s["speaker"] for s in first["segments"]][:2] == ["A", "B"]
    assert {s["speaker"] for s in second["segments"]} == {"A", "B", None}


def test_transcripts_are_found_by_file_name(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path, tmp_path: Path
) -> None:
    table = tmp_path / "said.csv"
    table.write_text("file,text\nlow.wav,furious\nhigh,wonderful\n")
    code, out, _ = call(capsys, "predict", model, wavs, "--transcripts", table, "--format", "jsonl")
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["wonderful", "furious"]
    table.write_text("file,text\nlow.wav,furious\n")
    code, out, err = call(capsys, "predict", model, wavs, "--transcripts", table, "--format", "jsonl")
    assert json.loads(out.splitlines()[0])["modalities"] == ["audio"]
    assert "no transcript for 1 of 2" in " ".join(err.split())
    table.write_text("file,text\na/low.wav,furious\nb/low.wav,wonderful\n")
    code, _, err = call(capsys, "predict", model, wavs, "--transcripts", table)
    assert code == 2
    assert "several texts for 'low.wav'" in err
    table.write_text("file,text\nother.wav,furious\n")
    code, _, err = call(capsys, "predict", model, wavs, "--transcripts", table)
    assert code == 2
    assert "has transcripts for none of the 2 recordings" in err


def test_columns_have_the_names_that_the_user_gives(tmp_path: Path) -> None:
    one, two = recording(tmp_path, "one.wav"), recording(tmp_path, "two.wav")
    table = tmp_path / "words.csv"
    table.write_text("clip,t0,t1,said,person,text\none.wav,0.1,0.2,Yes.,A,x\ntwo.wav,0.5,0.9,well.,B,x\n")
    columns = {"file": "clip", "start": "t0", "end": "t1", "text": "said", "speaker": "person"}
    assert open_transcripts(table, [one, two], columns)(two) == [Turn(0.5, 0.9, "B", "well.", "gold")]
    assert open_turns(table, [one], columns)(one) == [Turn(0.1, 0.2, "A", "Yes.", "gold")]
    assert open_speakers(table, [one], columns)(one) == [Turn(0.1, 0.2, "A", "Yes.", "gold")]
    plain = {"file": "clip", "text": "said"}
    assert open_transcripts(table, [one, two], plain)(one) == "Yes."
    with pytest.raises(CorpusError, match="has no column 'what'; its columns are clip, t0, t1"):
        open_transcripts(table, [one], columns | {"text": "what"})
    with pytest.raises(CorpusError, match="--column mood: is no field of a turn; fields are file, start"):
        open_turns(table, [one], {"mood": "said"})


def test_a_table_with_starts_only_ends_with_each_recording(tmp_path: Path) -> None:
    one, two = recording(tmp_path, "one.wav"), recording(tmp_path, "two.wav")
    table = tmp_path / "words.csv"
    table.write_text("file,start,text\none.wav,0.1,Yes.\ntwo.wav,0.5,well.\none.wav,0.4,No.\n")
    words = open_transcripts(table, [one, two])
    assert words(one) == [Turn(0.1, 0.4, None, "Yes.", "gold"), Turn(0.4, 1.0, None, "No.", "gold")]
    assert words(two) == [Turn(0.5, 1.0, None, "well.", "gold")]


def test_the_option_names_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk, table = recording(tmp_path, "talk.wav").audio, tmp_path / "words.csv"
    table.write_text("clip,said\ntalk.wav,I know that.\n")
    code, _, error = call(
        capsys, "predict", talk, "--any-sound", "--format", "json", "--transcripts", table,
        "--column", "file=clip", "--column", "text=said",
    )  # fmt: skip
    assert (code, "is silent" in error) == (2, True)  # the words were found
    code, _, error = call(capsys, "predict", talk, "--column", "text=said")
    assert (code, "--column names columns of tables; add --transcripts" in error) == (2, True)
    code, _, error = call(capsys, "predict", talk, "--transcripts", table, "--column", "text")
    assert (code, "--column text: write it as field=column" in error) == (2, True)


def test_a_transcript_in_a_linked_folder_is_found(tmp_path: Path) -> None:
    for name in ("real", "corpus"):
        (tmp_path / name).mkdir()
    (tmp_path / "corpus" / "day").symlink_to("../real")
    (tmp_path / "corpus" / "loop").symlink_to(".")
    (tmp_path / "real" / "talk.txt").write_text("no")
    talk = recording(tmp_path / "corpus" / "day", "talk.wav")
    assert open_transcripts(tmp_path / "corpus", [talk])(talk) == "no"


def test_results_below_a_folder_of_transcripts_are_none(tmp_path: Path) -> None:
    talk = recording(tmp_path, "talk.wav")
    (tmp_path / "talk.txt").write_text("no")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "talk.txt").write_text("happy")
    assert open_transcripts(tmp_path, [talk], out=tmp_path / "out")(talk) == "no"
