from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import text
import text_corpus
import text_figures
import text_network
import text_training
import torch
from sklearn.metrics import f1_score
from text_recognised import MARKS, as_recognised
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from emofuse.hub.snapshots import Source
from emofuse.model.pretrained import fetch_encoder, fetch_tokenizer

WORDS = ("what", "a", "good", "bad", "day", "it", "is", "day", "##s", "john", "mary")
MOODS = {"joy": "what a good day", "anger": "it is a bad bad day", "neutral": "it is a day"}
NAMES = ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")
SHAPE = text_network.Shape(pieces=300, layers=(0, 2), feed_forward=8, positions=64)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(WORDS)]
    known = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(known, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "text"
    folder.mkdir(parents=True)
    moods = [*MOODS.items()]
    comments = [
        (f"g{i}", f"{moods[i % 3][1]} {'good ' * (i // 3)}", f"{moods[i % 3][0]}|{NAMES[i % 7]}")
        for i in range(90)
    ]
    sentences = [(f"e{i}", f"a day {'bad ' * i}", 3.0 - i / 10, 3.0 + i / 9, 2.0 + i / 8) for i in range(12)]
    for name, header, rows in (
        ("goemotions_train", ("id", "text", "ekman"), comments),
        ("emobank_train_dev", ("id", "text", "valence", "arousal", "dominance"), sentences),
    ):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    return folder.parent


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("WOW!!! It's 21, isn't it? :-) 👍", "wow it's twenty one isn't it"),
        (
            "I\N{RIGHT SINGLE QUOTATION MARK}d pay $42 & 50%",
            "i'd pay forty two dollars and fifty percent",
        ),
        ("see [this](https://a.b/c?d=1) or http://x.y", "see this or"),
        ("in 1,984", "in one thousand nine hundred eighty four"),
        ("007 in 1000000", "zero zero seven in one zero zero zero zero zero zero"),
        ("*Hmm...* 'quoted' &amp; _so_", "hmm quoted so"),
        ("😂😂", ""),
    ],
)
def test_a_text_is_written_as_it_is_heard(written: str, said: str) -> None:
    assert as_recognised(written) == said
    assert as_recognised(said) == said


def test_names_and_religions_are_said_and_the_same_each_time() -> None:
    said = as_recognised("[NAME] is a [RELIGION]")
    assert said == as_recognised("[NAME] is a [RELIGION]")
    name, _, _, religion = said.split()
    assert name in MARKS["[NAME]"]
    assert religion in MARKS["[RELIGION]"]


def test_each_text_is_tested_in_one_fold_and_never_trained_on_there(data: Path) -> None:
    texts = text_corpus.goemotions(data)
    parts = [text_corpus.parts_of(texts, fold) for fold in range(1, 6)]
    assert sorted(np.concatenate([one.test for one in parts])) == list(range(len(texts)))
    for one in parts:
        assert sorted([*one.train, *one.validation, *one.test]) == list(range(len(texts)))


def test_what_is_there_twice_stands_in_one_part(data: Path) -> None:
    once = text_corpus.goemotions(data)
    twice = once.joined(once)
    for fold in range(1, 6):
        parts = text_corpus.parts_of(twice, fold)
        tested = {twice.recognised[i] for i in parts.test}
        assert not tested & {twice.recognised[i] for i in [*parts.train, *parts.validation]}


def test_macro_f1_is_that_of_another_implementation() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((400, 7)) < 0.3).astype(np.float32)
    said = np.clip(0.4 * truth + 0.6 * rng.random((400, 7)), 0, 1).astype(np.float32)
    limits = text_figures.thresholds(truth, said)
    found = text_figures.figures(truth, said, limits)
    assert found["macro_f1"] == pytest.approx(f1_score(truth, said > limits, average="macro"))
    assert found["macro_f1"] >= f1_score(truth, said > 0.5, average="macro")


def test_a_student_begins_as_a_smaller_copy_of_its_teacher(teacher: Path) -> None:
    read = text_network.new_teacher(teacher, frozen=1)
    student = text_network.new_student(read, [*MOODS.values()] * 3, SHAPE)
    table = student.reader.backbone.get_input_embeddings().weight
    given = read.reader.backbone.get_input_embeddings().weight
    theirs = read.tokenizer.get_vocab()["good"]
    assert torch.equal(table[student.tokenizer.get_vocab()["Ġgood"]], given[theirs])
    weights, before = student.reader.backbone.state_dict(), read.reader.backbone.state_dict()
    query = "encoder.layer.{}.attention.self.query.weight"
    assert torch.equal(weights[query.format(1)], before[query.format(2)])
    assert weights["encoder.layer.1.intermediate.dense.weight"].shape == (8, 16)


def test_frozen_layers_do_not_learn(teacher: Path) -> None:
    read = text_network.new_teacher(teacher, frozen=2)
    learning = {name for name, weight in read.reader.backbone.named_parameters() if weight.requires_grad}
    assert learning
    assert all(name.startswith("encoder.layer.2.") for name in learning)


def test_every_stage_leaves_an_encoder_that_a_recipe_can_name(
    teacher: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "text.yaml"
    recipe.write_text(
        "frozen: 1\nteacher: {epochs: 1, lr: 1.0e-3, batch: 16}\nstudent: {epochs: 2, lr: 1.0e-3, hidden: 0.1}\n"
        "shape: {pieces: 300, layers: [0, 2], feed_forward: 8, positions: 64}\n"
        "weights: {dimensions: 0.1, vectors: 1.0}\nsoft: 0.7\n"
    )
    out = tmp_path / "run"
    flags = ["--data", data, "--teacher", teacher, "--out", out, "--recipe", recipe, "--stages", "fold-1,shipped"]
    monkeypatch.setattr(sys, "argv", ["text.py", *map(str, flags)])
    text.main()
    figures = json.loads((out / "figures.json").read_text())
    assert figures["together"]["folds"] == 1
    assert figures["fold-1"]["student"]["plain"]["n"] == figures["fold-1"]["teacher"]["recognised"]["n"] > 0
    assert figures["shipped"]["student"] is None
    encoder = Source(str(out / "shipped" / "student"))
    assert fetch_encoder(encoder, "text").config.num_hidden_layers == 2
    assert fetch_tokenizer(encoder).encode("What a day").tokens == ["[CLS]", "Ġwhat", "Ġa", "Ġday", "[SEP]"]
    first = (out / "shipped.json").stat().st_mtime_ns
    text.main()
    assert (out / "shipped.json").stat().st_mtime_ns == first


def test_learning_lowers_the_loss(teacher: Path, data: Path) -> None:
    texts = text_corpus.goemotions(data)
    read = text_network.new_teacher(teacher, frozen=0)
    targets = text_training.Targets(texts.labels, texts.dimensions)
    history = text_training.train(
        read, texts, targets, text_training.Schedule(epochs=4, lr=5e-3, batch=16), text_training.Weights()
    )
    assert history[-1] < history[0]


def test_what_is_predicted_does_not_depend_on_the_company(teacher: Path) -> None:
    read = text_network.new_teacher(teacher, frozen=0)
    texts = ["a day", "what a good good good bad day it is", "it"]
    together = text_training.predict_texts(read, texts).labels
    alone = np.concatenate([text_training.predict_texts(read, [one]).labels for one in texts])
    np.testing.assert_allclose(together, alone, atol=5e-3)
