"""What is read once, kept, cropped, thinned and skipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import write_tone
from emofuse.config import Recipe, make_recipe
from emofuse.data.prepare import AudioPreparation, Preparation, TextPreparation
from emofuse.data.text import learn_vocabulary
from emofuse.errors import AudioError
from emofuse.training.loader import AudioStore, Reader, load_part, scoring_batches, texts_of, training_batch
from emofuse.types import Corpus, Task, Utterance

TASK = Task(("angry", "happy", "neutral", "sad"))


def preparation() -> Preparation:
    tokenizer = learn_vocabulary(["the thing", "the thing number"], "words", 50)
    return Preparation(AudioPreparation(), TextPreparation(tokenizer))


def recipe(**training: object) -> Recipe:
    config = {"model_type": "emofuse-waveform-cnn"}
    return make_recipe(
        {
            "audio": {"config": config, "max_seconds": 0.3},
            "text": {"config": {"model_type": "emofuse-word-cnn"}, "max_tokens": 8},
            "training": training,
        }
    )


def test_a_clip_is_decoded_once_until_memory_runs_out(tmp_path: Path) -> None:
    first, second = (
        Utterance(name, audio=write_tone(tmp_path / f"{name}.wav", 200, 0.5, seed=0)) for name in ("a", "b")
    )
    settings = AudioPreparation()
    roomy, narrow = AudioStore(), AudioStore(limit=40_000)  # one clip of 0.5 s has 32,000 bytes
    for store in (roomy, narrow):
        kept = store(first, settings)
        store(second, settings)
        again = store(first, settings)
        assert (again is kept) == (store is roomy)
        np.testing.assert_array_equal(again, kept)


def test_what_cannot_be_read_is_skipped_with_a_record(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is not sound")
    broken = replace(corpus.utterances[0], id="broken", audio=tmp_path / "text.wav")
    part, skipped = load_part(Corpus((broken, *corpus.utterances[1:])), TASK, Reader(preparation(), AudioStore()))
    assert [skip.id for skip in skipped] == ["broken"]
    assert "text.wav: is not audio" in skipped[0].reason
    assert len(part) == len(part.targets) == len(part.costs) == len(corpus) - 1


def test_a_system_that_only_reads_is_not_stopped_by_sound(corpus: Corpus, tmp_path: Path) -> None:
    deaf = Preparation(None, preparation().text)
    gone = replace(corpus.utterances[0], audio=tmp_path / "gone.wav")
    part, skipped = load_part(Corpus((gone,)), TASK, Reader(deaf, AudioStore()))
    assert not skipped
    assert part.item(0).values is None


def test_costs_are_the_same_whatever_the_system_takes(corpus: Corpus) -> None:
    whole = preparation()
    costs = [
        load_part(corpus, TASK, Reader(Preparation(audio, text), AudioStore()))[0].costs.tolist()
        for audio, text in ((whole.audio, whole.text), (None, whole.text), (whole.audio, None))
    ]
    assert costs[0] == costs[1] == costs[2]
    assert costs[0][0] == pytest.approx(0.4)


def test_spans_cost_what_they_last(corpus: Corpus) -> None:
    span = replace(corpus.utterances[0], start=0.1, end=0.3)
    part, _ = load_part(Corpus((span,)), TASK, Reader(preparation(), AudioStore()))
    assert part.costs.tolist() == pytest.approx([0.2])
    values = part.item(0).values
    assert values is not None
    assert len(values) == 3200


def test_training_crops_and_scoring_does_not(corpus: Corpus) -> None:
    part, _ = load_part(corpus, TASK, Reader(preparation(), AudioStore()))
    rng = np.random.default_rng(0)
    assert training_batch(part, range(len(part)), recipe(), rng)["input_values"].shape[1] == 4800
    longest = max(batch["input_values"].shape[1] for _, batch in scoring_batches(part, 5.0))
    assert longest > 4800


def test_scoring_sees_every_utterance_once(corpus: Corpus) -> None:
    part, _ = load_part(corpus, TASK, Reader(preparation(), AudioStore()))
    positions = [position for chosen, _ in scoring_batches(part, 2.0) for position in chosen]
    assert sorted(positions) == list(range(len(part)))


def test_modality_dropout_takes_one_at_its_rate_and_never_both(corpus: Corpus) -> None:
    part, _ = load_part(corpus, TASK, Reader(preparation(), AudioStore()))
    chosen = recipe(modality_dropout={"audio": 0.3, "text": 0.2})
    rng = np.random.default_rng(0)
    batches = [training_batch(part, range(len(part)), chosen, rng) for _ in range(40)]
    deaf = np.concatenate([~batch["audio_mask"].any(axis=1) for batch in batches])
    mute = np.concatenate([~batch["text_mask"].any(axis=1) for batch in batches])
    assert not (deaf & mute).any()
    assert deaf.mean() == pytest.approx(0.3, abs=0.05)
    assert mute.mean() == pytest.approx(0.2, abs=0.05)


def test_strict_reading_of_one_item_raises(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        AudioStore()(Utterance("a", audio=tmp_path / "gone.wav"), AudioPreparation())
    assert AudioStore()(Utterance("a", text="words"), AudioPreparation()) is None


def test_texts_are_those_that_there_are(corpus: Corpus) -> None:
    silent = Utterance("silent", audio=corpus.utterances[0].audio)
    assert len(texts_of([*corpus, silent])) == len(corpus)
