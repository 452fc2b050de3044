"""Recognisers of the Hub, by tiny models of the real classes with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from real_models import real_model
from tiny_asr import LANGUAGES, WORDS, save_ctc, save_whisper

from emofuse.data.asr_engines import Transcript, Word, folder_digest
from emofuse.data.tokenization import repeats_itself
from emofuse.errors import CheckpointError, RecipeError
from emofuse.inference.foreign import transformers_asr
from emofuse.inference.foreign.transformers_asr import TransformersEngine, _confidence, _without_loops
from emofuse.sound.clips import Clip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recognisers")
    save_whisper(root / "whisper", seed=1)
    save_whisper(root / "english", seed=1, multilingual=False)
    save_ctc(root / "ctc")
    return root


@pytest.fixture(autouse=True)
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let loops pass: random weights say one word again and again."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(transformers_asr, "repeats_itself", lambda text: False)


def clip(seed: int = 0, seconds: float = 2.0) -> Clip:
    samples = np.random.default_rng(seed).normal(size=round(seconds * 16_000)) * 0.1
    return Clip(samples.astype(np.float32), 16_000)


def check_words(heard: Transcript, seconds: float) -> None:
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times
    assert all(0 <= word.start <= word.end <= seconds for word in heard.words)
    assert [word.start for word in heard.words] == sorted(word.start for word in heard.words)
    json.dumps(times)  # plain numbers, not numpy's


def test_a_whisper_gives_words_times_and_the_language_that_it_detects(folders: Path) -> None:
    engine = TransformersEngine(str(folders / "whisper"))
    assert engine.name == f"transformers:whisper@{folder_digest(folders / 'whisper')[:12]}"  # a path is no name
    assert engine.languages == frozenset(LANGUAGES)
    heard = engine(clip(), None)
    assert heard.language in LANGUAGES
    assert set(heard.text.split()) <= set(WORDS)
    assert [word.word for word in heard.words] == heard.text.split()
    check_words(heard, 2.0)
    assert heard.confidence is None  # the pipeline does not tell


def test_the_language_that_is_detected_is_the_one_that_would_be_given(folders: Path) -> None:
    engine = TransformersEngine(str(folders / "whisper"))
    heard = engine(clip(), None)
    assert engine(clip(), heard.language) == heard
    other = next(code for code in LANGUAGES if code != heard.language)
    assert engine(clip(), other).language == other


def test_an_english_whisper_is_not_told_a_language(folders: Path) -> None:
    engine = TransformersEngine(str(folders / "english"))
    assert engine.languages == frozenset({"en"})
    assert engine(clip(), None).language == "en"
    assert engine(clip(), "en") == engine(clip(), None)


def test_a_whisper_without_the_heads_that_tell_times_gives_none(folders: Path, tmp_path: Path) -> None:
    folder = save_whisper(tmp_path / "tuned", seed=1)
    settings = json.loads((folder / "generation_config.json").read_text())
    del settings["alignment_heads"]
    (folder / "generation_config.json").write_text(json.dumps(settings))
    heard = TransformersEngine(str(folder))(clip(), "de")
    assert heard.text
    assert heard.words == ()


def test_a_window_that_repeats_itself_has_no_words(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(text: str, start: float) -> dict[str, object]:
        return {"text": text, "timestamp": (start, start + 0.1)}

    words = [said(" dogs", 1.0), said(" sit", 61.0)]
    loop = [said(" a little", 30.0 + number / 10) for number in range(40)]
    monkeypatch.setattr(transformers_asr, "repeats_itself", lambda text: "little" in text)
    assert _without_loops([words[0], *loop, words[1]]) == words
    monkeypatch.setattr(transformers_asr, "repeats_itself", lambda text: True)
    engine = TransformersEngine(str(folders / "whisper"))
    assert engine(clip(), None) == Transcript("", None)  # of a language that was detected nothing is told
    assert engine(clip(), "de") == Transcript("", "de")


@pytest.mark.slow  # real weights
def test_a_real_whisper_writes_no_loop_into_noise() -> None:
    engine = TransformersEngine(str(real_model("whisper-tiny.en")))
    noise = np.random.default_rng(0).normal(size=160_000) * 0.01
    assert not repeats_itself(engine(Clip(noise.astype(np.float32), 16_000), None).text)


def test_a_whisper_takes_more_than_its_thirty_seconds(folders: Path) -> None:
    heard = TransformersEngine(str(folders / "whisper"))(clip(seconds=40.0), "en")
    check_words(heard, 40.0)
    assert heard.words[-1].end > 30.0


def test_a_ctc_model_gives_words_times_and_confidence(folders: Path) -> None:
    engine = TransformersEngine(str(folders / "ctc"))
    assert engine.languages is None
    heard = engine(clip(), "pl")
    assert heard.text == " ".join(word.word for word in heard.words)
    assert not set(heard.text) & set("<>|")  # a random model says <unk> and </s> too
    assert heard.language == "pl"
    assert engine(clip(), None).language is None
    check_words(heard, 2.0)
    assert all(word.confidence is not None and 0 < word.confidence <= 1 for word in heard.words)


def test_a_long_clip_goes_through_a_ctc_model_in_windows(folders: Path) -> None:
    engine = TransformersEngine(str(folders / "ctc"))
    heard = engine(clip(seconds=31.0), None)
    check_words(heard, 31.0)
    assert heard.words[-1].end > 30.0
    assert heard.confidence is None


@pytest.mark.parametrize("name", ["whisper", "ctc"])
def test_what_was_recognised_before_changes_nothing(folders: Path, name: str) -> None:
    engine = TransformersEngine(str(folders / name))
    first = engine(clip(1), None)
    engine(clip(2, seconds=3.0), None)
    assert engine(clip(1), None) == first


def test_the_version_tells_the_weights(folders: Path, tmp_path: Path) -> None:
    engine = TransformersEngine(str(folders / "ctc"))
    assert folder_digest(folders / "ctc") in engine.version
    assert TransformersEngine(str(save_ctc(tmp_path / "ctc", seed=1))).version != engine.version


def test_confidence_is_the_mean_probability_of_the_likeliest_piece_over_the_word() -> None:
    probabilities = torch.tensor([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]])
    second = Clip(np.zeros(16_000, dtype=np.float32), 16_000)
    word = Word("a", 0.25, 0.75)
    assert _confidence(probabilities.log(), second, word) == pytest.approx(0.8)
    assert _confidence(probabilities.log(), second, Word("a", 1.0, 1.0)) == pytest.approx(0.6)


def test_a_clip_that_is_too_short_for_the_model_is_a_value_or_runtime_error(folders: Path) -> None:
    with pytest.raises((RuntimeError, ValueError)):
        TransformersEngine(str(folders / "ctc"))(clip(seconds=0.001), None)


def test_a_model_that_cannot_be_had_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="name a model behind a colon"):
        TransformersEngine("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    for model in ("openai/whisper-tiny", str(tmp_path / "empty"), str(tmp_path / "bert"), "no such model"):
        with pytest.raises(CheckpointError, match=r"cannot be had|has no weights") as refusal:
            TransformersEngine(model)
        assert model in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_model_of_another_rate_is_refused(tmp_path: Path) -> None:
    folder = save_ctc(tmp_path / "ctc")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(settings | {"sampling_rate": 8000}))
    with pytest.raises(CheckpointError, match="takes 8000 Hz, not 16000 Hz"):
        TransformersEngine(str(folder))
