"""From pieces and frames to words and moments: nothing is lost, and everything is where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from emofuse.data.preparation import AudioPreparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.inference.explain.moments import by_moment, count_moments, seconds_cut, shares, usual
from emofuse.inference.explain.shown_attention import by_word_and_moment
from emofuse.inference.explain.word_spans import tokenize_text
from emofuse.sound.clips import Clip

TEXT = "I don't know, wonderful Tables!"


def preparation(kind: str) -> TextPreparation:
    return TextPreparation(learn_vocabulary(["i know the tables"] * 2, kind, 300))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["bpe", "words"])
def test_pieces_are_joined_to_the_words_that_a_reader_sees(kind: str) -> None:
    reading = tokenize_text(preparation(kind), TEXT)
    values = np.arange(len(reading.pieces), dtype=np.float64)
    words = reading.with_attributions(values)
    assert [word.text for word in words] == ["[CLS]", "I", "don't", "know,", "wonderful", "Tables!", "[SEP]"]
    assert [word.special for word in words] == [True, *[False] * 5, True]
    assert sum(word.attribution for word in words) == values.sum()
    assert all(TEXT[word.start : word.end] == word.text for word in words if not word.special)
    assert reading.ids.tolist() == preparation(kind)(TEXT).tolist()
    assert reading.members().sum(axis=0).tolist() == [1.0] * len(reading.pieces)


def test_annotations_that_the_model_does_not_read_are_left_out() -> None:
    assert tokenize_text(preparation("words"), "I [LAUGHTER] know").text == "I know"


def test_a_text_without_spaces_keeps_the_words_of_its_tokenizer() -> None:
    words = tokenize_text(preparation("words"), "tables!know").with_attributions(np.zeros(5))
    assert [word.text for word in words] == ["[CLS]", "tables", "!", "know", "[SEP]"]


def test_samples_and_frames_fall_into_the_moment_of_their_middle() -> None:
    assert by_moment(np.ones(2500), 10_000.0, 0.0, 3).tolist() == [1000.0, 1000.0, 500.0]
    assert by_moment(np.ones(25), 100.0, 0.05, 3).tolist() == [5.0, 10.0, 10.0]
    assert by_moment(np.ones(12), 100.0, 0.0, 1).tolist() == [12.0]


def test_long_frames_are_shared_between_moments() -> None:
    table = shares(2, 0.0, 0.3, 3)
    np.testing.assert_allclose(table, [[2 / 3, 1 / 3, 0.0], [0.0, 1 / 3, 2 / 3]])
    assert shares(7, 0.05, 0.26, 3).sum(axis=1) == pytest.approx(1.0)


def test_a_recording_has_a_moment_for_each_begun_tenth_of_a_second() -> None:
    assert [count_moments(seconds) for seconds in (0.01, 0.1, 0.3, 0.7, 1.01)] == [1, 1, 3, 7, 11]


def test_attention_is_averaged_over_who_asks_and_summed_over_who_answers() -> None:
    members = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # two pieces, then one
    by_text = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])  # three pieces look at two frames
    assert by_word_and_moment("text", by_text, members, (0.0, 0.2, 2)) == ((0.5, 0.5), (0.5, 0.5))
    by_audio = np.array([[0.25, 0.5, 0.25], [0.0, 0.0, 1.0]])
    assert by_word_and_moment("audio", by_audio, members, (0.1, 0.2, 3)) == ((0.0, 0.75, 0.0), (0.0, 0.25, 1.0))


def test_the_silence_that_is_cut_is_counted() -> None:
    samples = np.zeros(16_000, dtype=np.float32)
    samples[8000:12_000] = 0.5
    trimmed = AudioPreparation("log-mel", bins=20, trim=True)
    assert seconds_cut(samples, trimmed) == pytest.approx(0.43, abs=0.03)
    assert seconds_cut(samples, AudioPreparation("log-mel", bins=20)) == 0.0


def test_sound_is_compared_with_a_hiss_or_with_what_it_usually_is() -> None:
    samples = 0.3 * np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    hiss = usual(AudioPreparation(), samples)
    assert hiss.shape == samples.shape
    assert float(np.std(hiss)) == pytest.approx(0.003, rel=0.05)
    mel = AudioPreparation("log-mel", bins=20)
    samples[:4000] *= 1e-3
    frames = mel(Clip(samples, 16_000))
    np.testing.assert_allclose(usual(mel, frames), np.median(frames[30:], axis=0), atol=0.7)
