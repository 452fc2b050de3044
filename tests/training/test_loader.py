"""What is read once, kept, cropped, thinned and skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_corpus import write_tone

from emofuse.config import AlterRecipe, Recipe, make_recipe
from emofuse.data.preparation import AudioPreparation, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import AudioError
from emofuse.sound.clips import Clip
from emofuse.training.audio_cache import AudioCache, audio_cache_for
from emofuse.training.input_augmentation import InputAugmentation
from emofuse.training.loader import (
    NO_LABEL,
    InputReader,
    PreparedPart,
    prepare_part,
    scoring_batches,
    texts_in,
)
from emofuse.types import Corpus, Task, Utterance
from emofuse.types.arrays import Float32Array

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
    roomy, narrow = AudioCache(), AudioCache(limit=40_000)  # one clip of 0.5 s has 32,000 bytes
    for store in (roomy, narrow):
        kept = store(first, settings)
        store(second, settings)
        again = store(first, settings)
        assert (again is kept) == (store is roomy)
        np.testing.assert_array_equal(again, kept)


def test_what_cannot_be_read_is_skipped_with_a_record(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is not sound")
    broken = replace(corpus.utterances[0], id="broken", audio=tmp_path / "text.wav")
    part, skipped = prepare_part(
        Corpus((broken, *corpus.utterances[1:])), TASK, InputReader(preparation(), AudioCache())
    )
    assert [skip.id for skip in skipped] == ["broken"]
    assert "text.wav: is not audio" in skipped[0].reason
    assert len(part) == len(part.targets) == len(part.costs) == len(corpus) - 1


def test_a_system_that_only_reads_is_not_stopped_by_sound(corpus: Corpus, tmp_path: Path) -> None:
    deaf = Preparation(None, preparation().text)
    gone = replace(corpus.utterances[0], audio=tmp_path / "gone.wav")
    part, skipped = prepare_part(Corpus((gone,)), TASK, InputReader(deaf, AudioCache()))
    assert not skipped
    assert part.item(0).values is None


def test_costs_are_the_same_whatever_the_system_takes(corpus: Corpus) -> None:
    whole = preparation()
    costs = [
        prepare_part(corpus, TASK, InputReader(Preparation(audio, text), AudioCache()))[0].costs.tolist()
        for audio, text in ((whole.audio, whole.text), (None, whole.text), (whole.audio, None))
    ]
    assert costs[0] == costs[1] == costs[2]
    assert costs[0][0] == pytest.approx(0.4)


def test_spans_cost_what_they_last(corpus: Corpus) -> None:
    span = replace(corpus.utterances[0], start=0.1, end=0.3)
    part, _ = prepare_part(Corpus((span,)), TASK, InputReader(preparation(), AudioCache()))
    assert part.costs.tolist() == pytest.approx([0.2])
    values = part.item(0).values
    assert values is not None
    assert len(values) == 3200


def test_training_crops_and_scoring_does_not(corpus: Corpus) -> None:
    part, _ = prepare_part(corpus, TASK, InputReader(preparation(), AudioCache()))
    rng = np.random.default_rng(0)
    assert (
        InputAugmentation.of_recipe(recipe()).batch(part, range(len(part)), rng)["input_values"].shape[1] == 4800
    )
    longest = max(batch["input_values"].shape[1] for _, batch in scoring_batches(part, 5.0))
    assert longest > 4800


def test_scoring_sees_every_utterance_once(corpus: Corpus) -> None:
    part, _ = prepare_part(corpus, TASK, InputReader(preparation(), AudioCache()))
    positions = [position for chosen, _ in scoring_batches(part, 2.0) for position in chosen]
    assert sorted(positions) == list(range(len(part)))


def test_modality_dropout_takes_one_at_its_rate_and_never_both(corpus: Corpus) -> None:
    part, _ = prepare_part(corpus, TASK, InputReader(preparation(), AudioCache()))
    chosen = recipe(modality_dropout={"audio": 0.3, "text": 0.2})
    rng = np.random.default_rng(0)
    batches = [InputAugmentation.of_recipe(chosen).batch(part, range(len(part)), rng) for _ in range(40)]
    deaf = np.concatenate([~batch["audio_mask"].any(axis=1) for batch in batches])
    mute = np.concatenate([~batch["text_mask"].any(axis=1) for batch in batches])
    assert not (deaf & mute).any()
    assert deaf.mean() == pytest.approx(0.3, abs=0.05)
    assert mute.mean() == pytest.approx(0.2, abs=0.05)


def test_strict_reading_of_one_item_raises(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        AudioCache()(Utterance("a", audio=tmp_path / "gone.wav"), AudioPreparation())
    assert AudioCache()(Utterance("a", text="words"), AudioPreparation()) is None


def test_texts_are_those_that_there_are(corpus: Corpus) -> None:
    silent = Utterance("silent", audio=corpus.utterances[0].audio)
    assert len(texts_in([*corpus, silent])) == len(corpus)


def hearing(**audio: Any) -> Recipe:
    """Return a recipe without crops."""
    return make_recipe(
        {
            "audio": {"config": {"model_type": "emofuse-waveform-cnn", "hidden_size": 8}, **audio},
            "text": {"config": {"model_type": "emofuse-word-cnn", "hidden_size": 8}},
            "training": {"epochs": 1, "micro_seconds": 5.0, "batch_seconds": 5.0},
            "selection": "fixed",
            "fusion": {"width": 8, "heads": 2},
        }
    )


def altering(**alter: Any) -> Recipe:
    """Return a recipe whose training recordings are altered."""
    return hearing(alter=alter)


def telling(clip: Clip, rng: np.random.Generator) -> Clip:
    """Put a number from 0.5 to 1, by which a copy is known, in place of every sample; the tones are below that."""
    return Clip(np.full(len(clip.samples), rng.uniform(0.5, 1.0), dtype=np.float32), clip.rate)


def told(part: PreparedPart, chosen: Recipe, times: int = 1) -> Float32Array:
    """Return the first sample of every utterance of a part, drawn for training so many times."""
    rng = np.random.default_rng(0)
    batches = [
        InputAugmentation.of_recipe(chosen).batch(part, range(len(part)), rng)["input_values"]
        for _ in range(times)
    ]
    return np.stack([batch[:, 0] for batch in batches])


@pytest.fixture
def altered_part(corpus: Corpus) -> PreparedPart:
    return prepare_part(corpus, TASK, InputReader(preparation(), AudioCache(alterer=telling)))[0]


def test_a_share_of_training_draws_is_untouched_and_the_copies_are_drawn_alike(altered_part: PreparedPart) -> None:
    seen = told(altered_part, altering(copies=3, untouched=0.3), times=100)
    copies = seen >= 0.5
    assert 1 - copies.mean() == pytest.approx(0.3, abs=0.03)
    for utterance in range(len(altered_part)):
        numbers, counts = np.unique(seen[copies[:, utterance], utterance], return_counts=True)
        assert len(numbers) == 3
        assert counts.min() > 8


def test_without_copies_nothing_is_altered_and_nothing_drawn(altered_part: PreparedPart) -> None:
    assert (told(altered_part, altering(), times=5) < 0.5).all()
    rng, dropped = np.random.default_rng(0), np.random.default_rng(0)
    InputAugmentation.of_recipe(altering()).batch(altered_part, range(5), rng)
    dropped.random(5)  # the only draws: of each utterance, which modality is taken away
    assert rng.random() == dropped.random()


def test_scoring_never_uses_a_copy(altered_part: PreparedPart) -> None:
    assert (told(altered_part, altering(copies=3, untouched=0.0), times=3) >= 0.5).all()
    for _, batch in scoring_batches(altered_part, 5.0):
        assert (np.abs(batch["input_values"]) < 0.5).all()


def test_a_copy_is_the_same_in_any_order_of_asking_and_of_forgetting(corpus: Corpus) -> None:
    first, second = corpus.utterances[:2]
    settings, forward, backward = AudioPreparation(), AudioCache(alterer=telling), AudioCache(0, telling)
    asked = [(u, k) for u in (first, second, replace(first, id="the same file")) for k in (1, 2)]
    found = {(u.id, k): forward(u, settings, k) for u, k in asked}
    again = {(u.id, k): backward(u, settings, k) for u, k in reversed(asked)}
    for key, values in found.items():
        assert values is not None
        assert values.dtype == np.float32
        np.testing.assert_array_equal(again[key], values)
    assert len({float(values[0]) for values in found.values() if values is not None}) == len(asked)


def test_copies_are_made_once_and_kept_in_half_precision(corpus: Corpus) -> None:
    made: list[Clip] = []

    def counting(clip: Clip, rng: np.random.Generator) -> Clip:
        made.append(clip)
        return telling(clip, rng)

    whole = AudioCache()(corpus.utterances[0], AudioPreparation())
    assert whole is not None
    store = AudioCache(limit=whole.nbytes // 2, alterer=counting)
    first, again = (store(corpus.utterances[0], AudioPreparation(), 1) for _ in range(2))
    assert len(made) == 1
    np.testing.assert_array_equal(first, again)


SAME_COPY = """
import json, sys
from pathlib import Path
from emofuse.config import AlterRecipe, AlterRecipe
from emofuse.data.preparation import AudioPreparation
from emofuse.training.audio_cache import audio_cache_for
from emofuse.types import Utterance
store = audio_cache_for(AlterRecipe(copies=3))
utterance = Utterance(sys.argv[1], audio=Path(sys.argv[2]))
settings = AudioPreparation("log-mel", bins=8, trim=True, level=0.05)
print(json.dumps([store(utterance, settings, copy).tobytes().hex() for copy in (3, 2, 1)]))
"""


def test_a_copy_is_the_same_in_another_process_and_on_disk(corpus: Corpus, tmp_path: Path) -> None:
    utterance = corpus.utterances[3]
    command = [sys.executable, "-c", SAME_COPY, utterance.id, str(utterance.audio)]
    elsewhere = os.environ | {"EMOFUSE_CACHE": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=elsewhere)
    there = json.loads(done.stdout)
    settings = AudioPreparation("log-mel", bins=8, trim=True, level=0.05)
    for _ in range(2):  # made, then read from the disk
        store = audio_cache_for(AlterRecipe(copies=3))
        here = [store(utterance, settings, copy) for copy in (1, 2, 3)]
        assert [values.tobytes().hex() for values in here if values is not None] == there[::-1]


def test_copies_on_disk_are_those_of_their_recipe(corpus: Corpus) -> None:
    utterance, settings = corpus.utterances[3], AudioPreparation("log-mel", bins=8)
    plain = audio_cache_for(AlterRecipe(copies=1, speed=0.0, opus=0.0, noise=0.0))(utterance, settings, 1)
    noisy = audio_cache_for(AlterRecipe(copies=1, speed=0.0, opus=0.0, noise=1.0))(utterance, settings, 1)
    assert plain is not None
    assert noisy is not None
    assert not np.array_equal(plain, noisy)


def test_a_label_called_none_is_not_that_of_unlabelled_utterances(corpus: Corpus) -> None:
    labelled, unlabelled = corpus.utterances[:2]
    rows = Corpus((replace(labelled, label="None"), replace(unlabelled, label=None)))
    part, _ = prepare_part(rows, Task(("None", "happy")), InputReader(preparation(), AudioCache()))
    assert part.targets.tolist() == [0, NO_LABEL]
