"""Occlusion: what a part contributes, with parts that suffice, that need each other, and that are not heard."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from emofuse.data.preparation import AudioPreparation, Batch, Item, Outputs, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.inference.explain.contributions import Contributions
from emofuse.inference.explain.explained_input import ExplainedInput
from emofuse.inference.explain.occlusion import MOST_STRETCHES, SECONDS_AT_ONCE, occlude, step_seconds
from emofuse.inference.explain.word_spans import tokenize_text
from emofuse.inference.runtime import Traits
from emofuse.sound.clips import Clip
from emofuse.types import Task
from emofuse.types.arrays import Float32Array

TEXT = TextPreparation(learn_vocabulary(["the sad , table"] * 2, "words", 20))
RATE = 16_000


@dataclass
class Counting:
    """A model of two labels: the score of the first one is what `rule` makes of words and of loud time steps."""

    rule: str = "either"
    traits: Traits = field(
        default_factory=lambda: Traits("counting", Task(("sad", "happy")), ("audio", "text"), True)
    )
    padded_seconds: float = 0.0
    batches: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, batch: Batch) -> Outputs:
        self.batches.append(batch.input_values.shape)
        telling = np.stack([(batch.input_ids == self.piece(word)).any(1) for word in ("sad", "table")], axis=1)
        found = telling.any(1) if self.rule == "either" else telling.all(1)
        loud = (np.abs(batch.input_values) > 1.0).reshape(len(batch), -1).any(1)
        missing = ~batch.text_mask.any(1)
        score = found + 0.5 * loud + 0.25 * missing
        return Outputs(np.stack([score, np.zeros_like(score)], axis=1).astype(np.float32))

    def embed(self, batch: Batch) -> Float32Array:
        raise NotImplementedError

    @staticmethod
    def piece(word: str) -> int:
        number = TEXT.tokenizer.token_to_id(word)
        assert number is not None, f"{word} is no piece of the small vocabulary"
        return int(number)


def given(text: str | None, values: Float32Array | None = None, start: float = 0.0) -> ExplainedInput:
    """Return an utterance of so many samples, behind some seconds that the preparation has cut."""
    clip = None if values is None else Clip(np.zeros(len(values) + round(start * RATE), np.float32), RATE)
    reading = None if text is None else tokenize_text(TEXT, text)
    return ExplainedInput("a", None, clip, reading, Item(values, None if reading is None else reading.ids), start)


def contributions(model: Counting, source: ExplainedInput) -> Contributions:
    return occlude(model, Preparation(AudioPreparation("waveform"), TEXT), source, 0)


def by_word(source: ExplainedInput, found: Contributions) -> dict[str, float]:
    assert source.reading is not None
    return {word.text: word.attribution for word in source.reading.with_attributions(found.pieces)}


@pytest.mark.parametrize("rule", ["either", "both"])
def test_words_that_suffice_alone_and_words_that_need_each_other_both_count(rule: str) -> None:
    source = given("the sad table")
    found = by_word(source, contributions(Counting(rule), source))
    assert found == {"[CLS]": 0.0, "the": 0.0, "sad": 0.5, "table": 0.5, "[SEP]": 0.0}


def test_the_moment_that_tells_is_found_behind_what_the_preparation_cut() -> None:
    values = np.full(RATE, 0.01, np.float32)
    values[round(0.42 * RATE) : round(0.48 * RATE)] = 2.0
    source = given("the", values, start=0.3)
    found = contributions(Counting(), source)
    assert found.method == "occlusion"
    assert (found.step, found.completeness) == (0.1, None)
    assert found.moments.tolist() == pytest.approx([0.5 * (n == 7) for n in range(13)])


def test_an_utterance_without_its_words_is_one_without_text() -> None:
    source = given("sad", np.full(RATE // 2, 0.01, np.float32))
    assert (
        by_word(source, contributions(Counting(), source))["sad"] == 0.75
    )  # 1.0 with it, 0.25 for a missing text


def test_a_word_of_several_pieces_is_left_out_whole() -> None:
    source = given("the sad,")
    assert contributions(Counting(), source).pieces.tolist() == [0.0, 0.0, 0.5, 0.5, 0.0]
    assert by_word(source, contributions(Counting(), source))["sad,"] == 1.0


def test_a_long_recording_has_longer_stretches_and_is_computed_in_small_batches() -> None:
    assert step_seconds(10.0) == 0.1
    model, values = Counting(), np.full(30 * RATE, 0.01, np.float32)
    found = contributions(model, given(None, values))
    assert found.step == 0.3
    assert len(found.moments) == MOST_STRETCHES
    assert max(rows * samples for rows, samples in model.batches) <= SECONDS_AT_ONCE * RATE
    assert sum(rows for rows, _ in model.batches) == 2 + 2 * MOST_STRETCHES
