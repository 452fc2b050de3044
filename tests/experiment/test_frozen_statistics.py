"""Vectors of frozen encoders for the baselines, against what the encoder itself gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpus import LABELS, make_corpus
from small_run import small_recipe

from emofuse.experiment.frozen_statistics import frozen_statistics, joined
from emofuse.experiment.job import JobContext
from emofuse.model.build import build
from emofuse.sound.clips import read_clip
from emofuse.training.audio_cache import AudioCache
from emofuse.types import Corpus, Task

WORD_PIECES = (
    "text.config={model_type: bert, vocab_size: 60, hidden_size: 16, num_hidden_layers: 2, "
    "num_attention_heads: 2, intermediate_size: 16}"
)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    return Corpus(make_corpus(tmp_path / "tones", sessions=1).utterances[:3])


def context(folder: Path, *overrides: str) -> JobContext:
    return JobContext(small_recipe(folder, *overrides), Task(LABELS), AudioCache(), lambda progress: None)


def test_a_vector_is_mean_and_deviation_over_time_of_the_layers_mean(corpus: Corpus, tmp_path: Path) -> None:
    frozen = ("audio.tuning=frozen", "text.tuning=frozen", WORD_PIECES, "text.layers=weighted")
    used = context(tmp_path, *frozen)
    vectors = frozen_statistics(used, corpus, ("fusion",))
    texts = [u.text for u in corpus if u.text]
    checkpoint = build(used.recipe, "fusion", used.task, texts, 0)
    model, preparation = checkpoint.model.eval(), checkpoint.preparation
    for utterance in corpus:
        assert utterance.audio is not None
        item = preparation(read_clip(utterance.audio), utterance.text)
        arrays = {name: torch.from_numpy(v) for name, v in preparation.collate([item]).arrays().items()}
        with torch.inference_mode():
            encoded = model.encode(**arrays)
        assert encoded.audio is not None and encoded.text is not None  # noqa: PT018
        for modality, frames in (("audio", encoded.audio.frames[0]), ("text", encoded.text.frames[0].mean(dim=0))):
            expected = torch.cat([frames.mean(dim=0), frames.std(dim=0, unbiased=False)])
            np.testing.assert_allclose(
                vectors[modality][utterance.id], expected, atol=2e-3
            )  # kept in half precision
    both = joined(vectors)[corpus.utterances[0].id]
    assert len(both) == sum(len(vectors[m][corpus.utterances[0].id]) for m in ("audio", "text"))


def test_what_is_not_frozen_or_in_no_system_has_no_vectors(corpus: Corpus, tmp_path: Path) -> None:
    frozen = context(tmp_path, "audio.tuning=frozen")
    assert list(frozen_statistics(frozen, corpus, ("audio", "text", "fusion"))) == ["audio"]
    assert frozen_statistics(frozen, corpus, ("text",)) == {}


def test_an_utterance_without_sound_that_can_be_read_has_no_vector(corpus: Corpus, tmp_path: Path) -> None:
    first, second, third = corpus.utterances
    broken = Corpus((replace(first, audio=tmp_path / "gone.wav"), replace(second, audio=None), third))
    vectors = frozen_statistics(context(tmp_path, "audio.tuning=frozen"), broken, ("audio",))
    assert list(vectors["audio"]) == [third.id]


def test_what_a_network_pools_as_it_is_is_the_vector(corpus: Corpus, tmp_path: Path) -> None:
    used = context(tmp_path, "audio.tuning=frozen", "pooling=layers", "fusion.kind=late")
    vectors = frozen_statistics(used, corpus, ("audio",))["audio"]
    pooled = frozen_statistics(context(tmp_path, "audio.tuning=frozen"), corpus, ("audio",))["audio"]
    for identity, vector in vectors.items():
        np.testing.assert_allclose(vector, pooled[identity], atol=2e-3)  # one layer: the same statistics
