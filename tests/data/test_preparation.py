from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.data.preparation import (
    AudioPreparation,
    Item,
    Preparation,
    TextPreparation,
)
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import AudioError, CheckpointError
from emofuse.sound.clips import Clip
from emofuse.sound.features import FILTER_BANKS, AudioFeatures, log_mel

FIXED = settings(derandomize=True, deadline=None)
TOKENIZER = learn_vocabulary(["yes no [laughter] maybe"] * 2, "words", 100)
WAVEFORM = Preparation(AudioPreparation(), TextPreparation(TOKENIZER))
LOG_MEL = Preparation(AudioPreparation("log-mel", bins=8), TextPreparation(TOKENIZER))


def clip(samples: int = 1600, rate: int = 16_000) -> Clip:
    return Clip(np.random.default_rng(samples).normal(0.05, 0.1, samples).astype(np.float32), rate)


def lengths(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
    return mask.sum(axis=1).tolist()


def test_a_waveform_is_left_as_it_is_unless_asked_for() -> None:
    np.testing.assert_array_equal(AudioPreparation()(clip()), clip().samples)


def test_a_normalised_waveform_has_mean_0_and_variance_1() -> None:
    values = AudioPreparation(normalise=True)(clip())
    assert values.dtype == np.float32
    assert values.mean() == pytest.approx(0, abs=1e-6)
    assert values.var() == pytest.approx(1, rel=1e-4)


def test_normalising_follows_the_formula_of_wav2vec2() -> None:
    samples = clip().samples.astype(np.float64)
    expected = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    np.testing.assert_allclose(AudioPreparation(normalise=True)(clip()), expected, rtol=1e-4, atol=1e-5)


def test_normalising_a_constant_is_finite() -> None:
    constant = Clip(np.full(100, 0.25, dtype=np.float32), 16_000)
    np.testing.assert_array_equal(AudioPreparation(normalise=True)(constant), np.zeros(100))


def test_normalising_does_not_change_the_clip() -> None:
    given_clip = clip()
    AudioPreparation(normalise=True)(given_clip)
    np.testing.assert_array_equal(given_clip.samples, clip().samples)


def quiet_clip() -> Clip:
    """Return a second of sound between seconds of silence."""
    silence = np.zeros(16_000, dtype=np.float32)
    return Clip(np.concatenate([silence, clip(16_000).samples, silence]), 16_000)


def test_silence_is_cut_before_the_clip_is_brought_to_its_level() -> None:
    values = AudioPreparation(trim=True, level=0.05)(quiet_clip())
    assert len(values) / 16_000 == pytest.approx(1.1, abs=0.05)
    assert values.dtype == np.float32
    assert np.sqrt(np.square(values, dtype=np.float64).mean()) == pytest.approx(0.05, rel=1e-5)


def test_trimming_and_levelling_come_before_all_else() -> None:
    settings = AudioPreparation("log-mel", bins=8, trim=True, level=0.05)
    trimmed = AudioPreparation(trim=True, level=0.05)(quiet_clip())
    np.testing.assert_array_equal(settings(quiet_clip()), log_mel(trimmed, 16_000, 8))
    assert AudioPreparation(normalise=True, level=0.05)(quiet_clip()).var() == pytest.approx(1, rel=1e-3)


def test_a_level_makes_loudness_meaningless() -> None:
    loud, quiet = clip(), Clip(clip().samples * np.float32(0.01), 16_000)
    np.testing.assert_allclose(*(AudioPreparation(level=0.05)(c) for c in (loud, quiet)), rtol=1e-4)


def test_silence_stays_silence_whatever_is_asked_for() -> None:
    silent = Clip(np.zeros(8000, dtype=np.float32), 16_000)
    np.testing.assert_array_equal(AudioPreparation(trim=True, level=0.05)(silent), silent.samples)


def test_log_mel_features_are_those_of_the_filterbank() -> None:
    prepared = AudioPreparation("log-mel", bins=8)(clip())
    np.testing.assert_array_equal(prepared, log_mel(clip().samples, 16_000, 8))


def test_a_clip_shorter_than_a_window_has_one_log_mel_frame() -> None:
    assert AudioPreparation("log-mel", bins=8)(clip(10)).shape == (1, 8)


def test_a_clip_of_another_rate_is_refused_with_both_rates() -> None:
    with pytest.raises(AudioError, match="takes 16000 Hz, not 8000 Hz; resample the clip first"):
        AudioPreparation()(clip(rate=8000))


def test_each_kind_of_features_but_the_waveform_has_its_filter_bank() -> None:
    assert ("waveform", *FILTER_BANKS) == get_args(AudioFeatures)


@pytest.mark.parametrize("features", get_args(AudioFeatures))
def test_width_and_steps_per_second_are_those_of_the_array(features: AudioFeatures) -> None:
    preparation = AudioPreparation(features, bins=8)
    shape = preparation(clip(16_000)).shape
    assert shape[1:] == ((preparation.width,) if preparation.width else ())
    assert shape[0] == pytest.approx(preparation.steps_per_second, rel=0.03)


@pytest.mark.parametrize("features", get_args(AudioFeatures))
def test_clips_of_different_lengths_are_collated_whatever_the_features(features: AudioFeatures) -> None:
    preparation = Preparation(AudioPreparation(features, bins=8), None)
    items = [preparation(clip(samples), None) for samples in (10, 4000)]
    batch = preparation.collate(items)
    assert lengths(batch.audio_mask) == [len(item.values) for item in items if item.values is not None]


def test_text_becomes_its_piece_numbers_between_first_and_last() -> None:
    ids = TextPreparation(TOKENIZER)("yes yes")
    assert ids.dtype == np.int64
    assert [TOKENIZER.id_to_token(int(i)) for i in ids] == ["[CLS]", "yes", "yes", "[SEP]"]


def test_annotations_are_stripped_or_kept_as_asked_for() -> None:
    stripped = TextPreparation(TOKENIZER, "strip")("yes [LAUGHTER] no")
    kept = TextPreparation(TOKENIZER, "keep")("yes [LAUGHTER] no")
    assert stripped.tolist() == TOKENIZER.encode("yes no").ids
    assert kept.tolist() == TOKENIZER.encode("yes [laughter] no").ids


@pytest.mark.parametrize("text", ["", "  \n", "[LAUGHTER]", "[breathing] [SIGH]"])
def test_a_text_without_words_has_no_pieces(text: str) -> None:
    ids = TextPreparation(TOKENIZER)(text)
    assert ids.shape == (0,)
    assert ids.dtype == np.int64


def test_an_utterance_has_the_modalities_that_are_there() -> None:
    both = WAVEFORM(clip(), "yes")
    assert both.values is not None
    assert both.ids is not None


@pytest.mark.parametrize("text", [None, "", "[LAUGHTER]"])
def test_a_text_without_words_is_an_absent_modality(text: str | None) -> None:
    assert WAVEFORM(clip(), text).ids is None


def test_what_the_network_does_not_take_is_left_aside() -> None:
    assert Preparation(AudioPreparation(), None)(clip(), "yes").ids is None
    assert Preparation(None, TextPreparation(TOKENIZER))(clip(), "yes").values is None


def test_padding_is_zero_and_masked_and_the_rest_is_as_it_was() -> None:
    short, long = WAVEFORM(clip(30), "yes"), WAVEFORM(clip(50), "no no maybe")
    batch = WAVEFORM.collate([short, long])
    assert batch.input_values.shape == batch.audio_mask.shape == (2, 50)
    assert lengths(batch.audio_mask) == [30, 50]
    assert lengths(batch.text_mask) == [3, 5]
    np.testing.assert_array_equal(batch.input_values[0, :30], clip(30).samples)
    np.testing.assert_array_equal(batch.input_values[0, 30:], 0)
    assert batch.input_ids[0].tolist() == [*TOKENIZER.encode("yes").ids, 0, 0]


def test_log_mel_frames_are_padded_in_time() -> None:
    batch = LOG_MEL.collate([LOG_MEL(clip(400), None), LOG_MEL(clip(1600), None)])
    assert batch.input_values.shape == (2, 8, 8)
    assert lengths(batch.audio_mask) == [1, 8]
    assert not batch.input_values[0, 1:].any()


def test_the_kinds_of_a_batch_are_those_that_a_network_takes() -> None:
    batch = WAVEFORM.collate([WAVEFORM(clip(), "yes")])
    kinds = {name: array.dtype.name for name, array in vars(batch).items()}
    assert kinds == {"input_values": "float32", "audio_mask": "bool", "input_ids": "int64", "text_mask": "bool"}


@pytest.mark.parametrize("preparation", [WAVEFORM, LOG_MEL], ids=["waveform", "log-mel"])
def test_an_absent_modality_is_a_row_whose_mask_is_all_false(preparation: Preparation) -> None:
    batch = preparation.collate([preparation(clip(), None), preparation(None, "yes")])
    assert batch.audio_mask.any(axis=1).tolist() == [True, False]
    assert batch.text_mask.any(axis=1).tolist() == [False, True]
    assert not batch.input_values[1].any()


def test_a_modality_that_nobody_has_is_one_masked_step() -> None:
    batch = LOG_MEL.collate([Item(None, None), Item(None, None)])
    assert batch.input_values.shape == (2, 1, 8)
    assert batch.input_ids.shape == (2, 1)
    assert not batch.audio_mask.any()
    assert not batch.text_mask.any()


def test_text_is_padded_with_the_number_of_the_encoder() -> None:
    preparation = Preparation(None, TextPreparation(TOKENIZER, pad_id=7))
    batch = preparation.collate([preparation(None, "yes"), preparation(None, None)])
    assert batch.input_ids[1].tolist() == [7, 7, 7]


@FIXED
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), min_size=1, max_size=8))
def test_masks_are_prefixes_as_long_as_what_they_mask(sizes: list[tuple[int, int]]) -> None:
    items = [
        Item(np.ones(samples, dtype=np.float32) if samples else None, np.ones(pieces, dtype=np.int64))
        for samples, pieces in sizes
    ]
    batch = WAVEFORM.collate(items)
    assert len(batch) == len(sizes)
    for mask, expected in ((batch.audio_mask, [a for a, _ in sizes]), (batch.text_mask, [t for _, t in sizes])):
        assert lengths(mask) == expected
        assert (mask == np.sort(mask, axis=1)[:, ::-1]).all()
    np.testing.assert_array_equal(batch.input_values != 0, batch.audio_mask)


@pytest.mark.parametrize(
    "preparation",
    [
        WAVEFORM,
        LOG_MEL,
        Preparation(AudioPreparation(rate=8000, normalise=True), None),
        Preparation(AudioPreparation("log-mel", bins=8, trim=True, level=0.05), None),
        Preparation(None, TextPreparation(TOKENIZER, "keep", pad_id=3)),
    ],
    ids=["waveform", "log-mel", "audio", "levelled", "text"],
)
def test_what_is_saved_is_loaded_back_the_same(tmp_path: Path, preparation: Preparation) -> None:
    preparation.save(tmp_path)
    loaded = Preparation.load(tmp_path)
    assert loaded.audio == preparation.audio
    if preparation.text is None:
        assert loaded.text is None
        assert not (tmp_path / "tokenizer.json").exists()
    else:
        assert loaded.text is not None
        assert loaded.text.tokenizer.to_str() == preparation.text.tokenizer.to_str()
        assert (loaded.text.annotations, loaded.text.pad_id) == (
            preparation.text.annotations,
            preparation.text.pad_id,
        )


def test_settings_of_before_trimming_and_levelling_are_loaded(tmp_path: Path) -> None:
    older = {"features": "log-mel", "rate": 16_000, "normalise": False, "bins": 8}
    document = {"processor_class": "EmotionProcessor", "audio": older, "text": None}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(document))
    assert Preparation.load(tmp_path).audio == AudioPreparation("log-mel", bins=8, trim=False, level=None)


def test_settings_are_written_as_plain_json(tmp_path: Path) -> None:
    WAVEFORM.save(tmp_path)
    assert json.loads((tmp_path / "preprocessor_config.json").read_text()) == {
        "processor_class": "EmotionProcessor",
        "audio": asdict(AudioPreparation()),
        "text": {"annotations": "strip", "pad_id": 0},
    }


@pytest.mark.parametrize("name", ["preprocessor_config.json", "tokenizer.json"])
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    WAVEFORM.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name}: no such file"):
        Preparation.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not JSON",
        b"5",
        b"[]",
        b"{}",
        b'{"audio": {"speed": 1}, "text": null}',
        b'{"audio": "loud", "text": null}',
        b'{"audio": null, "text": {"colour": 1}}',
        b'{"audio": {"trim": "yes"}, "text": null}',
        b'{"audio": {"trim": 1}, "text": null}',
        b'{"audio": {"level": 0.0}, "text": null}',
        b'{"audio": {"level": -0.05}, "text": null}',
        b'{"audio": {"level": Infinity}, "text": null}',
        b'{"audio": {"level": "0.05"}, "text": null}',
        pytest.param(
            b"\xff\xfe",
            id="binary",
        ),
        pytest.param(
            b'{"audio": {"features": "spectrogram"}, "text": null}',
        ),
        pytest.param(
            b'{"audio": {"rate": "fast"}, "text": null}',
        ),
    ],
)
def test_garbage_for_settings_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    WAVEFORM.save(tmp_path)
    (tmp_path / "preprocessor_config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json: "):
        Preparation.load(tmp_path)


def test_a_file_for_a_model_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with pytest.raises(CheckpointError, match="model"):
        Preparation.load(tmp_path / "model")


def test_garbage_for_a_tokenizer_is_refused_with_its_path(tmp_path: Path) -> None:
    WAVEFORM.save(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: is not a tokenizer"):
        Preparation.load(tmp_path)
