"""Recognising a corpus: what is kept, what is done again, what becomes of old texts; engines without torch."""

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

import numpy as np
import pytest
from real_models import real_model
from small_corpus import write_tone

from emofuse.data import asr_engines
from emofuse.data.asr_engines import (
    FasterWhisper,
    PocketSphinx,
    Transcript,
    Word,
    folder_digest,
    open_engine,
)
from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.data.transcription import Recognition, recognise_corpus, save_recognised, words_file
from emofuse.errors import CheckpointError, MissingExtraError, RecipeError, RunError
from emofuse.evaluation.word_errors import word_error_rate
from emofuse.sound.clips import Clip, read_clip
from emofuse.types import Corpus, Skip, Utterance


class CountingEngine:
    """An engine that says how long a clip is, and remembers how often it was asked."""

    def __init__(
        self, name: str = "counting", version: str = "1", languages: frozenset[str] | None = None
    ) -> None:
        self.name = name
        self.version = version
        self.languages = languages
        self.asked: list[tuple[float, str | None]] = []

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        self.asked.append((round(clip.seconds, 2), language))
        word = Word.within(clip, f"{clip.seconds:.2f}", (0.1, 99.0), 0.5)
        return Transcript.of(word.word, language or "en", [word])


class FailingEngine(CountingEngine):
    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        if clip.seconds > 0.25:
            raise RuntimeError("out of\nmemory")
        return super().__call__(clip, language)


class DeafEngine(CountingEngine):
    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        super().__call__(clip, language)
        return Transcript.of("", None, [])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "transcripts"


@pytest.fixture
def small(tmp_path: Path) -> Corpus:
    """Return three tones of 0.2, 0.3 and 0.4 seconds with what would be said in them."""
    return Corpus(
        tuple(
            Utterance(
                f"u{number}",
                audio=write_tone(tmp_path / "wavs" / f"{number}.wav", 200 + number, number / 10, seed=number),
                text=f"gold {number}",
                text_source="gold",
                label="sad",
            )
            for number in (2, 3, 4)
        )
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def run(corpus: Corpus, engine: CountingEngine, out: Path, resume: bool = False) -> tuple[Corpus, list[Skip]]:
    found = list(recognise_corpus(corpus, engine, out, resume=resume))
    recognitions = {r.id: r for r in found if isinstance(r, Recognition)}
    return save_recognised(corpus, recognitions, out), [s for s in found if isinstance(s, Skip)]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_recognised_text_comes_in_and_the_old_one_stays_beside_it(small: Corpus, out: Path) -> None:
    recognised, skipped = run(small, CountingEngine(), out)
    assert not skipped
    assert load_corpus(out).utterances == recognised.utterances
    first = recognised.utterances[0]
    assert (first.text, first.text_source, first.language) == ("0.20", "asr:counting", "en")
    assert first.transcripts == {"gold": "gold 2", "asr:counting": "0.20"}
    assert (first.label, first.audio) == ("sad", small.utterances[0].audio)


def test_a_second_engine_adds_its_text_and_the_first_engines_stays(small: Corpus, out: Path) -> None:
    first, _ = run(small, CountingEngine(), out)
    again, _ = run(first, CountingEngine("other", "2"), out.with_name("again.jsonl"))
    assert again.utterances[0].transcripts == {"gold": "gold 2", "asr:counting": "0.20", "asr:other": "0.20"}
    assert again.utterances[0].text_source == "asr:other"


def test_a_text_of_unknown_source_is_kept_as_gold_and_a_language_is_never_overwritten(
    small: Corpus, out: Path
) -> None:
    only = replace(small.utterances[0], text_source=None, language="pl", transcripts={"notes": "x"})
    recognised, _ = run(Corpus((only,)), CountingEngine(), out)
    assert recognised.utterances[0].transcripts == {"notes": "x", "gold": "gold 2", "asr:counting": "0.20"}
    assert recognised.utterances[0].language == "pl"


def test_words_times_and_confidence_stand_beside_the_manifest(small: Corpus, out: Path) -> None:
    run(small, CountingEngine(), out)
    assert words_file(out) == out.with_name("out.words.jsonl")
    first = lines(words_file(out))[0]
    assert first.pop("check")
    assert first.pop("key")
    assert first == {
        "id": "u2", "source": "asr:counting", "language": "en", "text": "0.20", "confidence": 0.5,
        "words": [{"word": "0.20", "start": 0.1, "end": 0.2, "confidence": 0.5}],
    }  # fmt: skip


def test_times_count_from_the_start_of_a_span(small: Corpus, out: Path) -> None:
    span = replace(small.utterances[2], start=0.1, end=0.4)
    engine = CountingEngine()
    run(Corpus((span,)), engine, out)
    assert engine.asked == [(0.3, None)]
    assert lines(words_file(out))[0]["words"] == [{"word": "0.30", "start": 0.1, "end": 0.3, "confidence": 0.5}]


def test_the_language_is_the_utterances_own_or_the_one_given(small: Corpus, out: Path) -> None:
    corpus = Corpus((small.utterances[0], replace(small.utterances[1], language="pl")))
    engine = CountingEngine()
    list(recognise_corpus(corpus, engine, out, language="de"))
    assert [language for _, language in engine.asked] == ["de", "pl"]


def test_a_second_run_asks_no_engine(small: Corpus, out: Path) -> None:
    first, _ = run(small, CountingEngine(), out)
    engine = CountingEngine()
    second, _ = run(small, engine, out.with_name("second.jsonl"))
    assert engine.asked == []
    assert second.utterances == first.utterances


def test_what_stands_there_is_not_overwritten(small: Corpus, out: Path) -> None:
    run(small, CountingEngine(), out)
    with pytest.raises(RunError, match=r"out\.jsonl: exists already; add --resume"):
        run(small, CountingEngine(), out)
    out.unlink()
    with pytest.raises(RunError, match=r"out\.words\.jsonl: exists already; add --resume"):
        run(small, CountingEngine(), out)


def forget(cache: Path) -> None:
    for entry in cache.iterdir():
        entry.unlink()


def test_resume_goes_on_after_the_last_whole_line(small: Corpus, out: Path, cache: Path) -> None:
    run(small, CountingEngine(), out)
    whole, manifest = words_file(out).read_bytes(), out.read_bytes()
    first, second, _ = whole.splitlines(keepends=True)
    out.unlink()
    for torn in (b"", second[:1], second[:40], second[:-1]):
        words_file(out).write_bytes(first + torn)
        forget(cache)
        engine = CountingEngine()
        run(small, engine, out, resume=True)
        assert [seconds for seconds, _ in engine.asked] == [0.3, 0.4]
        assert (words_file(out).read_bytes(), out.read_bytes()) == (whole, manifest)


def test_a_damaged_or_doubled_line_is_done_again(small: Corpus, out: Path, cache: Path) -> None:
    run(small, CountingEngine(), out)
    whole, manifest = words_file(out).read_bytes(), out.read_bytes()
    first, second, third = whole.splitlines(keepends=True)
    for damaged, again in (
        ([first, second.replace(b"0.3", b"0.4", 1), third], [0.3]),
        ([first, second, second, third], []),
        ([first, b"nonsense\n", second, third], []),
    ):
        words_file(out).write_bytes(b"".join(damaged))
        forget(cache)
        engine = CountingEngine()
        run(small, engine, out, resume=True)
        assert [seconds for seconds, _ in engine.asked] == again
        assert (words_file(out).read_bytes(), out.read_bytes()) == (whole, manifest)


def test_a_torn_line_may_end_within_a_letter(small: Corpus, out: Path, cache: Path) -> None:
    run(small, CountingEngine(), out)
    words_file(out).write_bytes(words_file(out).read_bytes() + '{"id": "ż'.encode()[:-1])
    run(small, CountingEngine(), out, resume=True)
    assert len(lines(words_file(out))) == 3


def test_resume_does_again_what_has_changed_since(small: Corpus, out: Path, tmp_path: Path) -> None:
    run(small, CountingEngine(), out)
    write_tone(tmp_path / "wavs" / "3.wav", 900, 0.35, seed=9)
    engine = CountingEngine()
    again, _ = run(small, engine, out, resume=True)
    assert [seconds for seconds, _ in engine.asked] == [0.35]
    assert [u.text for u in again] == ["0.20", "0.35", "0.40"]
    assert [line["id"] for line in lines(words_file(out))] == ["u2", "u3", "u4"]


def test_resume_refuses_another_engines_run_and_a_file_that_is_none(small: Corpus, out: Path) -> None:
    run(small, CountingEngine(), out)
    with pytest.raises(RunError, match=r"was started with asr:counting, not asr:other"):
        run(small, CountingEngine("other"), out, resume=True)
    only = words_file(out).read_bytes().splitlines(keepends=True)[0]
    words_file(out).write_bytes(only.replace(b"a", b"b"))
    run(small, CountingEngine(), out, resume=True)  # the one line is damaged: everything is recognised again
    words_file(out).write_text('{"my": "notes"}\n')
    with pytest.raises(RunError, match="holds something else than recognised words"):
        run(small, CountingEngine(), out, resume=True)
    assert words_file(out).read_text() == '{"my": "notes"}\n'


def test_a_run_that_cannot_write_says_so(small: Corpus, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        run(small, CountingEngine(), tmp_path / "file" / "out.jsonl")


def test_bad_recordings_are_skipped_with_a_reason_and_keep_their_text(
    small: Corpus, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.wav").write_text("not sound")
    bad = [
        Utterance("gone", audio=tmp_path / "gone.wav", text="kept", text_source="gold"),
        Utterance("text", audio=tmp_path / "text.wav"),
        Utterance("late", audio=small.utterances[0].audio, start=5.0, text="kept"),
        Utterance("odd", audio=tmp_path / "nul\0.wav"),
    ]
    recognised, skipped = run(Corpus((*bad, *small)), CountingEngine(), out)
    assert [skip.id for skip in skipped] == ["gone", "text", "late", "odd"]
    assert "cannot be read" in skipped[0].reason
    assert "is not audio" in skipped[1].reason
    assert "the span starts at 5.0 s" in skipped[2].reason
    assert recognised.utterances[:4] == tuple(bad)
    assert len(lines(words_file(out))) == 3


def test_an_utterance_without_a_recording_keeps_its_text(small: Corpus, out: Path) -> None:
    written = Utterance("written", text="only words")
    recognised, skipped = run(Corpus((written, *small)), CountingEngine(), out)
    assert skipped == [Skip("written", "it has no recording; its text stays as it is")]
    assert recognised.utterances[0] == written


def test_a_clip_on_which_the_engine_fails_is_skipped_and_tried_again(small: Corpus, out: Path) -> None:
    recognised, skipped = run(small, FailingEngine(), out)
    assert [skip.id for skip in skipped] == ["u3", "u4"]
    assert skipped[0].reason == "counting fails on it: out of memory"
    assert recognised.utterances[1] == small.utterances[1]
    again, skipped = run(small, CountingEngine(), out, resume=True)
    assert not skipped
    assert again.utterances[1].text == "0.30"


def test_an_empty_recognition_is_a_text_too(small: Corpus, out: Path) -> None:
    recognised, skipped = run(small, DeafEngine(), out)
    assert not skipped
    only = recognised.utterances[0]
    assert (only.text, only.text_source, only.language) == ("", "asr:counting", None)
    assert only.modalities == ("audio",)
    assert lines(words_file(out))[0]["confidence"] is None


def test_a_language_that_the_engine_does_not_know_is_refused_or_skipped(small: Corpus, out: Path) -> None:
    engine = CountingEngine(languages=frozenset({"en"}))
    with pytest.raises(RecipeError, match="--language de: counting does not know it"):
        list(recognise_corpus(small, engine, out, language="de"))
    foreign = Corpus((replace(small.utterances[0], language="de"), *small.utterances[1:]))
    _, skipped = run(foreign, engine, out)
    assert [skip.id for skip in skipped] == ["u2"]
    assert "does not know the language 'de'" in skipped[0].reason


@pytest.mark.speech_gate
def test_sound_without_speech_has_no_words_unless_they_are_asked_for(small: Corpus, out: Path) -> None:
    engine = CountingEngine()
    recognised, skipped = run(small, engine, out)
    assert (engine.asked, skipped) == ([], [])
    assert [(u.text, u.text_source) for u in recognised] == [("", "asr:counting")] * 3
    list(recognise_corpus(small, engine, out.with_name("any.jsonl"), any_sound=True))
    assert len(engine.asked) == 3


SLOW_RUN = """
import sys, time
from pathlib import Path
from emofuse.data.asr_engines import Transcript
from emofuse.data.manifest import load_corpus
from emofuse.data.transcription import Recognition, recognise_corpus, save_recognised
from emofuse.sound.speech_turns import SpeechGate

SpeechGate.has_speech = lambda self, clip: True

class Slow:
    name, version, languages = "slow", "1", None
    def __call__(self, clip, language):
        with open(sys.argv[3], "a") as log:
            log.write(f"{clip.seconds:.2f}\\n")
        time.sleep(float(sys.argv[4]))
        return Transcript.of(f"{clip.seconds:.2f}", "en", [])

corpus, out = load_corpus(sys.argv[1]), Path(sys.argv[2])
found = {r.id: r for r in recognise_corpus(corpus, Slow(), out, resume=True) if isinstance(r, Recognition)}
save_recognised(corpus, found, out)
"""


def test_a_run_that_was_killed_goes_on_where_it_stopped(
    small: Corpus, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, log = tmp_path / "small.jsonl", tmp_path / "asked"
    save_corpus(small, manifest)
    arguments = [sys.executable, "-c", SLOW_RUN, str(manifest), str(out), str(log)]
    process = subprocess.Popen([*arguments, "1.0"])
    wait_for_lines(words_file(out), 1, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not out.exists()
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "another"))  # so that the words file alone must serve
    subprocess.run([*arguments, "0"], check=True, env=os.environ)
    assert [u.text for u in load_corpus(out)] == ["0.20", "0.30", "0.40"]
    asked = log.read_text().split()
    assert asked.count("0.20") == 1  # complete before the kill
    assert asked[-1] == "0.40"


def wait_for_lines(path: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "it wrote nothing"
        time.sleep(0.02)


# Engines.


def test_confidence_is_the_mean_of_the_words(small: Corpus) -> None:
    clip = Clip(np.zeros(16_000, dtype=np.float32), 16_000)
    words = [Word.within(clip, f" {i}", (0, 0.5), sure) for i, sure in enumerate((0.25, 0.75, None))]
    assert Transcript.of(" a ", None, words).confidence == 0.5
    assert Transcript.of("a", None, words[2:]).confidence is None


@pytest.mark.parametrize(
    ("times", "kept"), [((-0.02, 0.5), (0.0, 0.5)), ((0.9, 7.0), (0.9, 1.0)), ((2, 3), (1, 1))]
)
def test_word_times_stay_within_the_clip(times: tuple[float, float], kept: tuple[float, float]) -> None:
    word = Word.within(Clip(np.zeros(16_000, dtype=np.float32), 16_000), " a", times)
    assert (word.word, word.start, word.end, word.confidence) == ("a", *kept, None)


def test_an_engine_that_is_none_is_refused_with_the_choices() -> None:
    with pytest.raises(RecipeError, match="--asr sphinx: there is no such engine; choose pocketsphinx, faster"):
        open_engine("sphinx")
    with pytest.raises(RecipeError, match="it has its own model"):
        open_engine("pocketsphinx:small")


@pytest.mark.parametrize(
    ("spec", "package"), [("pocketsphinx", "pocketsphinx"), ("faster-whisper", "faster_whisper")]
)
def test_an_engine_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, spec: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r'pip install "emofuse\[asr\]"'):
        open_engine(spec)


def test_a_models_folder_is_known_by_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"1")
    first = folder_digest(tmp_path)
    (tmp_path / ".hidden").touch()
    (tmp_path / "logs").mkdir()
    assert folder_digest(tmp_path) == first
    (tmp_path / "model.bin").rename(tmp_path / "other.bin")
    assert folder_digest(tmp_path) != first


@pytest.fixture(scope="module")
def pocketsphinx() -> PocketSphinx:
    pytest.importorskip("pocketsphinx")
    return PocketSphinx()


def noise(seed: int, seconds: float = 0.3) -> Clip:
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=round(seconds * 16_000)) * 0.1 * np.hanning(round(seconds * 16_000))
    return Clip(samples.astype(np.float32), 16_000)


def alike_in_any_order(engine: PocketSphinx | FasterWhisper, clips: Iterable[Clip]) -> list[Transcript]:
    clips = list(clips)
    forwards = [engine(clip, None) for clip in clips]
    backwards = [engine(clip, None) for clip in reversed(clips)]
    assert forwards == backwards[::-1]
    return forwards


def test_pocketsphinx_carries_nothing_over_from_clip_to_clip(pocketsphinx: PocketSphinx) -> None:
    heard = alike_in_any_order(pocketsphinx, [noise(seed) for seed in range(2)])
    assert {transcript.language for transcript in heard} == {"en"}
    assert PocketSphinx()(noise(1), "en") == heard[1]


def test_pocketsphinx_recognises_nothing_where_there_is_next_to_nothing(
    pocketsphinx: PocketSphinx, capfd: pytest.CaptureFixture[str]
) -> None:
    quiet = np.full(8000, 1 / 32768, dtype=np.float32)
    for samples in (quiet, quiet[:160], quiet[:1]):
        assert pocketsphinx(Clip(samples, 16_000), None) == Transcript.of("", "en", [])
    assert capfd.readouterr() == ("", "")  # it logs to stderr unless told not to


@pytest.mark.data
def test_pocketsphinx_recognises_spoken_words_and_when_they_were_said(
    pocketsphinx: PocketSphinx, data: Path
) -> None:
    spoken = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
    names = ("Actor_05_03-01-05-01-02-01-05", "Actor_01_03-01-01-01-01-01-01")
    clips = [read_clip(data / "ravdess" / "audio" / f"{name}.flac") for name in names]
    heard = [pocketsphinx(clip, None) for clip in clips]
    texts = " ".join(transcript.text for transcript in heard).split()
    assert {"door", "the", "by"} <= set(texts)
    references = [spoken[name.split("-")[4]] for name in names]
    pairs = zip(references, (transcript.text for transcript in heard), strict=True)
    assert word_error_rate(pairs).rate < 0.8
    for transcript, clip in zip(heard, clips, strict=True):
        assert " ".join(word.word for word in transcript.words) == transcript.text
        assert not set(transcript.text) & set("<>[]()")
        times = [time for word in transcript.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert times[0] > 0.3  # the actors wait for about a second
        assert times[-1] < clip.seconds
        assert 0 < (transcript.confidence or 0) <= 1


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny Whisper with random weights, converted as the published ones are."""
    pytest.importorskip("faster_whisper")
    pytest.importorskip("transformers")
    from tiny_asr import save_faster_whisper

    return save_faster_whisper(tmp_path_factory.mktemp("whisper") / "tiny", seed=1)


@pytest.fixture
def all_of_it_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let faster-whisper call chirps speech, and let loops pass: random weights say one word again and again."""
    from faster_whisper import transcribe

    monkeypatch.setattr(asr_engines, "repeats_itself", lambda text: False)
    monkeypatch.setattr(
        transcribe, "get_speech_timestamps", lambda samples, options: [{"start": 0, "end": len(samples)}]
    )


def chirp(hertz: float) -> Clip:
    time = np.arange(32_000) / 16_000
    samples = 0.3 * np.sin(2 * np.pi * (hertz + 300 * time) * time) * (np.sin(6 * time) > 0)
    return Clip(samples.astype(np.float32), 16_000)


@pytest.mark.usefixtures("all_of_it_speech")
def test_faster_whisper_gives_words_times_confidence_and_language(whisper: Path) -> None:
    engine = open_engine(f"faster-whisper:{whisper}")
    assert isinstance(engine, FasterWhisper)
    assert engine.name == f"faster-whisper:tiny@{folder_digest(whisper)[:12]}"  # a path is no name
    assert folder_digest(whisper) in engine.version
    heard = alike_in_any_order(engine, [chirp(200), chirp(400)])[0]
    assert heard.language in {"en", "de", "pl"}
    assert heard.text == " ".join(word.word for word in heard.words)
    assert set(heard.text.split()) <= {"dogs", "are", "sitting", "by", "the", "door"}
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 < times[-1] <= 2.0
    assert all(0 <= word.confidence <= 1 for word in heard.words if word.confidence is not None)
    assert 0 < (heard.confidence or 0) <= 1
    json.dumps([word.start for word in heard.words])  # plain numbers, not numpy's
    assert engine(chirp(200), "pl").language == "pl"
    assert engine.languages is not None
    assert {"en", "de", "pl"} <= engine.languages


def test_faster_whisper_recognises_no_words_where_nobody_speaks(
    whisper: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(f"faster-whisper:{whisper}")
    assert engine(chirp(200), None) == Transcript("", None)
    assert engine(chirp(200), "pl") == Transcript("", "pl")
    assert capfd.readouterr() == ("", "")  # CTranslate2 tells of single precision unless told not to


@pytest.mark.usefixtures("all_of_it_speech")
def test_faster_whisper_leaves_out_what_repeats_itself(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asr_engines, "repeats_itself", lambda text: True)
    assert FasterWhisper(str(whisper))(chirp(200), "en") == Transcript("", "en")


@pytest.mark.slow  # real weights
@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_a_real_whisper_writes_nothing_into_noise_and_silence(name: str) -> None:
    engine = FasterWhisper(str(real_model(f"faster-whisper-{name}")))
    noise = np.random.default_rng(0).normal(size=160_000) * 0.01
    for samples in (noise, noise * 0, noise * 10):
        assert engine(Clip(samples.astype(np.float32), 16_000), "en") == Transcript("", "en")


def test_faster_whisper_goes_through_the_whole_loop(whisper: Path, small: Corpus, out: Path) -> None:
    engine = FasterWhisper(str(whisper))
    found = list(recognise_corpus(small, engine, out, language="de"))
    assert {r.language for r in found if isinstance(r, Recognition)} == {"de"}
    assert {line["source"] for line in lines(words_file(out))} == {f"asr:{engine.name}"}


def test_a_whisper_that_cannot_be_had_is_refused_with_the_way_out(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    (tmp_path / "empty").mkdir()
    for model in ("tiny", "no-such-size", str(tmp_path / "empty")):
        with pytest.raises(CheckpointError, match="cannot be loaded") as refusal:
            FasterWhisper(model)
        assert model in str(refusal.value)
        assert "--asr pocketsphinx" in str(refusal.value)
        assert "\n" not in str(refusal.value)
