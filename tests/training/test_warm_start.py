"""What `strong.yaml` asks for: a start from unimodal systems, auxiliary losses, soft labels, word vectors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import TINY, write_recipe

from emofuse import cross_validate, load_recipe, train
from emofuse.config import Recipe
from emofuse.data.labels import apply_policy, label_shares
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import RecipeError
from emofuse.model.build import build
from emofuse.model.checkpoint import load_model
from emofuse.model.encoders.small_encoders import WordCNN, WordCNNConfig
from emofuse.model.encoders.word_vectors import initialise_from_vectors
from emofuse.model.heads import EmotionOutput
from emofuse.training.losses import summed_cross_entropy, with_auxiliary
from emofuse.training.warm_start import initialise_from_unimodal, stream_weights
from emofuse.types import Corpus, Task, Utterance

pytestmark = pytest.mark.usefixtures("empty_pictures")

UNIMODAL = TINY.replace(
    "training: {", "training: {start: unimodal, joint_epochs: 2, auxiliary: 0.3, mix_lr: 1e-3, "
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return load_recipe(write_recipe(tmp_path_factory.mktemp("recipe") / "start.yaml", UNIMODAL))


def test_the_fused_system_starts_as_its_unimodal_systems_bit_for_bit(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    cross_validate(recipe, corpus, tmp_path)
    job = tmp_path / "fold-1" / "seed-0"
    _, task = apply_policy(corpus, "as-is")
    texts = [str(u.text) for u in corpus if u.session != "session1"]
    fused = build(recipe, "fusion", task, texts, seed=0).model
    initialise_from_unimodal(fused, {"audio": job / "audio", "text": job / "text"})
    for modality in ("audio", "text"):
        given = stream_weights(load_model(job / modality / "model"), modality)
        began = stream_weights(fused, modality)
        assert given.keys() == began.keys()
        assert all(torch.equal(given[name], began[name]) for name in given)
    assert len((job / "fusion" / "history.jsonl").read_text().splitlines()) == 2
    assert len((job / "audio" / "history.jsonl").read_text().splitlines()) == 3


def test_fusion_without_its_unimodal_systems_says_what_is_missing(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="needs the audio system of the same fold and seed"):
        cross_validate(recipe, corpus, tmp_path, systems=("fusion",))


def test_training_the_model_to_keep_trains_its_unimodal_systems_first(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    train(recipe, corpus, tmp_path)
    for place in ("model", "audio/model", "text/model"):
        assert (tmp_path / place / "config.json").is_file()


def test_auxiliary_losses_count_where_their_modality_is_there() -> None:
    output = EmotionOutput(torch.zeros(2, 2), None, torch.tensor([[2.0, 0.0], [9.0, 9.0]]), torch.zeros(2, 2))
    targets = torch.eye(2)
    present = (torch.tensor([True, False]), torch.tensor([False, False]))

    def loss(logits: torch.Tensor, shares: torch.Tensor, _: torch.Tensor | None) -> torch.Tensor:
        return summed_cross_entropy(logits, shares, None, 0.0)

    expected = 2 * np.log(2) + 0.3 * np.log(1 + np.exp(-2.0))
    assert float(with_auxiliary(output, targets, present, loss, 0.3)) == pytest.approx(expected)
    assert float(with_auxiliary(output, targets, present, loss, 0.0)) == pytest.approx(2 * np.log(2))


def test_auxiliary_heads_speak_in_training_only(corpus: Corpus, recipe: Recipe) -> None:
    _, task = apply_policy(corpus, "as-is")
    model = build(recipe, "fusion", task, ["a b", "a b"], seed=0).model
    audio, ids = torch.randn(1, 60, 20), torch.tensor([[1, 2]])
    row = (audio, torch.ones(1, 60, dtype=torch.bool), ids, torch.ones(1, 2, dtype=torch.bool))
    assert model.train()(*row).audio_logits.shape == (1, 4)
    assert model.eval()(*row).audio_logits is None


TASK = Task(("angry", "happy"))


@pytest.mark.parametrize(
    ("votes", "soft", "shares"),
    [
        ({"angry": 2.0, "happy": 1.0, "sad": 1.0}, True, [2 / 3, 1 / 3]),
        ({"angry": 2.0, "happy": 1.0}, False, [0.0, 1.0]),
        ({"sad": 3.0}, True, [0.0, 1.0]),
        (None, True, [0.0, 1.0]),
    ],
)
def test_soft_labels_are_the_shares_of_the_votes_for_the_task(
    votes: dict[str, float] | None, soft: bool, shares: list[float]
) -> None:
    assert label_shares(Utterance("a", text="x", label="happy", votes=votes), TASK, soft) == pytest.approx(shares)


def test_soft_labels_reach_the_loss(corpus: Corpus, recipe: Recipe, tmp_path: Path) -> None:
    voted = Corpus(tuple(replace(u, votes={str(u.label): 2.0, "sad": 1.0}) for u in corpus))
    losses = []
    for soft in (False, True):
        training = recipe.training.model_copy(update={"soft_labels": soft, "epochs": 1})
        out = tmp_path / str(soft)
        train(recipe.model_copy(update={"training": training}), voted, out, system="text")
        losses.append((out / "history.jsonl").read_text())
    assert losses[0] != losses[1]


def words(size: int = 4) -> tuple[WordCNN, Any]:
    tokenizer = learn_vocabulary(["good bad", "good bad"], "words", 50)
    return WordCNN(WordCNNConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=size)), tokenizer


def test_words_start_from_the_vectors_that_a_file_has(tmp_path: Path) -> None:
    model, tokenizer = words()
    before = model.embeddings.weight.clone()
    path = tmp_path / "vectors.txt"
    path.write_text("2 4\ngood 1 2 3 4\nunknown 5 6 7 8\n")
    assert initialise_from_vectors(model, tokenizer, path) == 1
    row = tokenizer.token_to_id("good")
    assert model.embeddings.weight[row].tolist() == [1.0, 2.0, 3.0, 4.0]
    others = [index for index in range(len(before)) if index != row]
    assert torch.equal(model.embeddings.weight[others], before[others])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("good 1 2\n", "set text.config.hidden_size=2"),
        ("other 1 2 3 4\n", "for none of"),
        ("good a b\n", "format"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(content: str, message: str, tmp_path: Path) -> None:
    model, tokenizer = words()
    (tmp_path / "vectors.txt").write_text(content)
    with pytest.raises(RecipeError, match=message):
        initialise_from_vectors(model, tokenizer, tmp_path / "vectors.txt")
    with pytest.raises(RecipeError, match="cannot be read"):
        initialise_from_vectors(model, tokenizer, tmp_path / "nowhere.txt")


def test_results_say_what_word_embeddings_began_with(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("thing " + " ".join(["0.5"] * 16) + "\n")
    path = write_recipe(tmp_path / "tiny.yaml")
    found = []
    for overrides in ([], [f"text.vectors={tmp_path / 'vectors.txt'}"]):
        chosen = load_recipe(path, ["training.epochs=1", *overrides])
        found.append(cross_validate(chosen, corpus, tmp_path / f"run{len(overrides)}", systems=("text",)))
    assert [results["word_vectors"] for results in found] == ["learnt", "vectors.txt"]
