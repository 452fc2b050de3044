"""What is measured of a trained model, so that it can predict relative to other sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exports import model_folder
from networks import network

from emofuse import load
from emofuse.experiment.relative_measuring import measure_relative
from emofuse.model.checkpoint import load_checkpoint
from emofuse.model.encoders.small_encoders import LogMelCNNConfig, WordCNNConfig
from emofuse.training.loader import AudioCache, InputReader, prepare_part
from emofuse.types import Corpus


def test_moments_are_those_of_the_sound_with_words_and_without(corpus: Corpus) -> None:
    checkpoint = load_checkpoint(model_folder())
    checkpoint.model.config.asks = "text"  # so that the first half would be the sound's own
    reader = InputReader(checkpoint.preparation, AudioCache())
    part, _ = prepare_part(corpus, checkpoint.model.config.task, reader)
    parts = measure_relative(checkpoint.model, part, 10.0)
    assert parts is not None
    recognizer, width = load(model_folder(), device="cpu"), 2 * 16
    both = np.stack(list(recognizer.embed(corpus)))[:, :width]
    sound = np.stack(list(recognizer.embed(replace(one, text=None) for one in corpus)))
    for pattern, vectors in (("audio+text", both), ("audio", sound)):
        np.testing.assert_allclose(parts.trained[pattern].mean, vectors.mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(parts.trained[pattern].variance, vectors.var(axis=0), atol=1e-4)


def test_words_that_attention_puts_in_the_place_of_sound_are_left_alone(corpus: Corpus) -> None:
    checkpoint = load_checkpoint(model_folder())
    part, _ = prepare_part(corpus, checkpoint.model.config.task, InputReader(checkpoint.preparation, AudioCache()))
    parts = measure_relative(checkpoint.model, part, 10.0)
    assert parts is not None
    assert set(parts.trained) == {"audio"}


@pytest.mark.parametrize("fusion", ["late", "text"])
def test_nothing_is_measured_of_two_heads_or_without_sound(fusion: str, corpus: Corpus) -> None:
    checkpoint = load_checkpoint(model_folder())
    part, _ = prepare_part(corpus, checkpoint.model.config.task, InputReader(checkpoint.preparation, AudioCache()))
    words = WordCNNConfig(vocab_size=60, hidden_size=16)
    model = (
        network(None, words, width=16, heads=2)
        if fusion == "text"
        else network(LogMelCNNConfig(bins=20, hidden_size=16, strides=(2, 2)), words, width=16, fusion="late")
    )
    assert measure_relative(model, part, 10.0) is None
