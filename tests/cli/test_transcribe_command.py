"""`emofuse transcribe` as its users meet it: what is written and printed, and with which exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from small_corpus import write_tone

from emofuse.cli.main import run
from emofuse.data.asr_engines import ENGINES, Transcript, Word
from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.sound.clips import Clip
from emofuse.types import Corpus, Utterance

HEARD = {0.2: "dogs are sitting by the door", 0.3: "kids are taught him by the door", 0.4: ""}


class ParrotEngine:
    """An engine that says what HEARD has for a clip's length."""

    name = "parrot"
    version = "1"
    languages = frozenset({"en"})

    def __init__(self, model: str = "") -> None:
        assert not model

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        text = HEARD[round(clip.seconds, 1)]
        words = [Word.within(clip, word, (0.01 * i, 0.01 * i + 0.01), 0.9) for i, word in enumerate(text.split())]
        return Transcript.of(text, "en", words)


@pytest.fixture(autouse=True)
def parrot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(ENGINES, "parrot", ParrotEngine)
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def small(tmp_path: Path) -> Corpus:
    def utterance(seconds: float, text: str | None, label: str, gender: str) -> Utterance:
        audio = write_tone(tmp_path / "wavs" / f"{seconds}.wav", 300, seconds, seed=0)
        return Utterance(f"u{seconds}", audio=audio, text=text, label=label, gender=gender, speaker=f"s{seconds}")

    return Corpus(
        (
            utterance(0.2, "Dogs are sitting by the door.", "sad", "female"),
            utterance(0.3, "[LAUGHTER] Kids are talking by the door.", "angry", "male"),
            utterance(0.4, "Hello!", "angry", "female"),
        )
    )


def write(corpus: Iterable[Utterance], tmp_path: Path) -> Path:
    save_corpus(Corpus(tuple(corpus)), tmp_path / "in.jsonl")
    return tmp_path / "in.jsonl"


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run(["transcribe", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_manifest_is_recognised_and_the_error_rates_are_shown(
    capsys: pytest.CaptureFixture[str], small: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    code, printed, err = call(capsys, write(small, tmp_path), "--out", out, "--asr", "parrot")
    assert (code, err) == (0, "")
    rows = [line.split() for line in printed.replace("│", " ").splitlines()]
    assert ["all", "23.1", "%", "3", "13", "3"] in rows  # 0 + 2 + 1 errors in 6 + 6 + 1 words
    assert ["label", "angry", "42.9", "%", "3", "7", "2"] in rows
    assert ["gender", "female", "14.3", "%", "1", "7", "2"] in rows
    assert "3 of 3 utterances recognised, 1 without words" in printed
    assert "parrot takes all speech for the language 'en'; name another one with --language" in printed
    assert [u.text for u in load_corpus(out)] == list(HEARD.values())
    assert load_corpus(out).utterances[1].transcripts["gold"] == "[LAUGHTER] Kids are talking by the door."
    assert (tmp_path / "out.words.jsonl").is_file()


@pytest.mark.speech_gate
def test_sound_without_speech_is_recognised_only_if_asked(
    capsys: pytest.CaptureFixture[str], small: Corpus, tmp_path: Path
) -> None:
    manifest = write(small, tmp_path)
    _, printed, _ = call(capsys, manifest, "--out", tmp_path / "a.jsonl", "--asr", "parrot")
    assert "3 of 3 utterances recognised, 3 without words" in printed
    _, printed, _ = call(
        capsys, manifest, "--out", tmp_path / "b.jsonl", "--asr", "parrot", "--any-sound", "--language", "en"
    )
    assert "3 of 3 utterances recognised, 1 without words" in printed
    assert "takes all speech" not in printed


def test_json_is_one_document(capsys: pytest.CaptureFixture[str], small: Corpus, tmp_path: Path) -> None:
    written = Utterance("written", text="only words")
    manifest = write((*small, written), tmp_path)
    code, printed, _ = call(capsys, manifest, "--out", tmp_path / "out.jsonl", "--asr", "parrot", "--json")
    document = json.loads(printed)
    assert code == 0  # an utterance without a recording is no failure
    assert document["source"] == "asr:parrot"
    assert (document["n_utterances"], document["recognised"], document["empty"]) == (4, 3, 1)
    assert document["languages"] == {"en": 3}
    assert document["word_error_rate"]["overall"] == {"utterances": 3, "words": 13, "errors": 3, "rate": 3 / 13}
    assert document["word_error_rate"]["label"]["sad"]["rate"] == 0.0
    assert list(document["word_error_rate"]["speaker"]) == ["s0.2", "s0.3", "s0.4"]
    assert [skip["id"] for skip in document["without_recording"]] == ["written"]
    assert document["failed"] == []


def test_without_gold_text_there_is_no_error_rate(
    capsys: pytest.CaptureFixture[str], small: Corpus, tmp_path: Path
) -> None:
    manifest = write((replace(u, text=None) for u in small), tmp_path)
    _, printed, _ = call(capsys, manifest, "--out", tmp_path / "out.jsonl", "--asr", "parrot")
    assert "no reference transcripts" in printed
    _, printed, _ = call(capsys, manifest, "--out", tmp_path / "json.jsonl", "--asr", "parrot", "--json")
    assert json.loads(printed)["word_error_rate"] is None


def test_a_text_that_was_not_spoken_or_was_recognised_is_no_gold_text(
    capsys: pytest.CaptureFixture[str], small: Corpus, tmp_path: Path
) -> None:
    first, second, third = small
    corpus = (
        replace(first, tags={"text_not_spoken": "true"}),
        replace(second, text_source="asr:other"),
        replace(third, text="other", text_source="asr:other", transcripts={"gold": "Hello!"}),
    )
    options = ("--out", tmp_path / "out.jsonl", "--asr", "parrot", "--json")
    _, printed, _ = call(capsys, write(corpus, tmp_path), *options)
    overall = json.loads(printed)["word_error_rate"]["overall"]
    assert overall == {"utterances": 1, "words": 1, "errors": 1, "rate": 1.0}


def test_failures_are_listed_and_the_rest_is_done(
    capsys: pytest.CaptureFixture[str], small: Corpus, tmp_path: Path
) -> None:
    gone = Utterance("gone", audio=tmp_path / "gone.wav", text="kept")
    german = replace(small.utterances[0], id="german", language="de")
    manifest, out = write((gone, german, *small), tmp_path), tmp_path / "out.jsonl"
    code, printed, err = call(capsys, manifest, "--out", out, "--asr", "parrot")
    assert code == 1
    assert "3 of 5 utterances recognised" in printed
    assert "skipped gone: " in err
    assert "skipped german: parrot does not know the language 'de'" in err
    assert [u.text for u in load_corpus(out)][:2] == ["kept", "Dogs are sitting by the door."]


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, printed, err = result
    assert (code, printed) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert err.startswith("error: ")
    for word in words:
        assert word in err


def test_wrong_calls_get_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], small: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, out = write(small, tmp_path), tmp_path / "out.jsonl"

    def says(*arguments: object) -> tuple[int, str, str]:
        return call(capsys, *arguments)

    refused(says(manifest, "--out", out, "--asr", "sphinx"), "--asr sphinx", "choose pocketsphinx")
    refused(says(manifest, "--out", out, "--asr", "transformers"), "name a model behind a colon")
    refused(says(manifest, "--out", out, "--asr", "transformers:no/such"), "no/such cannot be had", "hf download")
    refused(says(manifest, "--out", out, "--asr", "parrot", "--language", "de"), "--language de")
    refused(says(manifest, "--out", manifest, "--asr", "parrot", "--resume"), "is the input manifest")
    refused(says(tmp_path / "gone.jsonl", "--out", out, "--asr", "parrot"), "no such manifest")
    refused(says(manifest, "--asr", "parrot"), "--out")
    assert not out.exists()
    out.write_text("mine")
    refused(says(manifest, "--out", out, "--asr", "parrot"), "out.jsonl: exists already", "--resume")
    assert out.read_text() == "mine"


def test_without_an_engine_named_faster_whisper_is_taken_or_the_choices_are(
    capsys: pytest.CaptureFixture[str], small: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, out = write(small, tmp_path), tmp_path / "out.jsonl"
    monkeypatch.setattr("emofuse.cli.transcribe_command.find_spec", lambda name: None)
    refused(call(capsys, manifest, "--out", out), "pocketsphinx", 'pip install "emofuse[asr]"')
    monkeypatch.setattr("emofuse.cli.transcribe_command.find_spec", lambda name: object())
    monkeypatch.setitem(ENGINES, "faster-whisper", ParrotEngine)
    assert call(capsys, manifest, "--out", out)[0] == 0


def command(*arguments: object, cache: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "emofuse",
            "transcribe",
            *map(str, arguments),
            "--asr",
            "pocketsphinx",
            "--any-sound",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"EMOFUSE_CACHE": str(cache)},
    )


def test_a_process_that_was_killed_is_resumed_to_the_same_files(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pocketsphinx")
    few = tmp_path / "few.jsonl"
    save_corpus(replace(load_corpus(manifest), utterances=load_corpus(manifest).utterances[:5]), few)
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    process = command(few, "--out", killed, cache=tmp_path / "first")
    words = tmp_path / "killed.words.jsonl"
    deadline = time.monotonic() + 60
    while not words.exists() or words.read_bytes().count(b"\n") < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    assert not killed.exists()
    for out, options in ((killed, ("--resume",)), (whole, ())):
        code, printed, err = call(capsys, few, "--out", out, "--asr", "pocketsphinx", *options)
        assert (code, err) == (0, "")
        assert "5 of 5 utterances recognised" in printed
    assert words.read_bytes() == (tmp_path / "whole.words.jsonl").read_bytes()
    assert killed.read_bytes() == whole.read_bytes()
