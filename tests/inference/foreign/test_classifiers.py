"""Other people's classifiers: tiny ones with random weights, really run, against plain `transformers`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from foreign_models import NAMED, SPEECH, THEIRS, save_hearing, save_reading, save_tokenizer
from networks import LAYERS
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
)

from emofuse.errors import CheckpointError
from emofuse.inference.foreign.classifier_runtime import OutputNames, SoundInput
from emofuse.inference.model_folders import open_predictor
from emofuse.inference.predictor import Predictor
from emofuse.sound.clips import read_clip
from emofuse.types import Corpus, Prediction, Skip, Utterance


def opened(folder: Path) -> Predictor:
    """Open a model of others with its own labels."""
    return open_predictor(folder, own_labels=True)


def first(results: Any) -> Prediction:
    result = next(iter(results))
    assert isinstance(result, Prediction), result
    return result


def test_a_classifier_of_sound_says_what_it_says_in_transformers(corpus: Corpus, tmp_path: Path) -> None:
    folder = save_hearing(tmp_path / "hears")
    model = opened(folder)
    assert (model.labels, model.runtime.traits.modalities) == (THEIRS, ("audio",))
    plain = Wav2Vec2ForSequenceClassification.from_pretrained(folder).eval()
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(folder)
    for utterance, said in zip(corpus, model.predict_many(corpus), strict=True):
        assert isinstance(said, Prediction)
        assert utterance.audio is not None
        samples = read_clip(utterance.audio).samples
        with torch.inference_mode():
            logits = plain(**extractor(samples, sampling_rate=16_000, return_tensors="pt")).logits[0]
        assert list(said.probabilities.values()) == pytest.approx(torch.softmax(logits, 0).tolist(), abs=1e-6)
        assert said.label == THEIRS[int(logits.argmax())]
        assert said.modalities == ("audio",)


def test_a_span_is_heard_alone(corpus: Corpus, tmp_path: Path) -> None:
    model = opened(save_hearing(tmp_path / "hears"))
    audio = corpus.utterances[0].audio
    whole, part = (first(model.predict_many([Utterance("u", audio=audio, end=end)])) for end in (None, 0.2))
    assert whole.probabilities != part.probabilities


def test_a_classifier_of_text_says_what_it_says_in_transformers(corpus: Corpus, tmp_path: Path) -> None:
    folder = save_reading(tmp_path / "reads")
    model = opened(folder)
    assert (model.labels, model.runtime.traits.modalities) == (THEIRS, ("text",))
    plain, tokenizer = (
        BertForSequenceClassification.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    for utterance, said in zip(corpus, model.predict_many(corpus), strict=True):
        assert isinstance(said, Prediction)
        with torch.inference_mode():
            logits = plain(**tokenizer(utterance.text, return_tensors="pt")).logits[0]
        assert list(said.probabilities.values()) == pytest.approx(torch.softmax(logits, 0).tolist(), abs=1e-6)


def test_a_text_is_cut_where_the_model_can_read_no_more(tmp_path: Path) -> None:
    long, short = "the " * 40, "the " * 10  # with its first and last piece, twelve
    torch.manual_seed(0)
    places = RobertaConfig(**LAYERS, vocab_size=60, max_position_embeddings=14, pad_token_id=1, **NAMED)
    RobertaForSequenceClassification(places).save_pretrained(tmp_path / "roberta")  # two places are not for pieces
    save_tokenizer(tmp_path / "roberta")
    for folder in (save_reading(tmp_path / "bert"), tmp_path / "roberta"):
        model = opened(folder)
        said = [first(model.predict_many([Utterance("u", text=text)])) for text in (long, short)]
        assert said[0].probabilities == said[1].probabilities
        assert said[0].notes == ("the model takes 12 pieces of a text, and the rest of this one was not used",)
        assert said[1].notes == ()


def test_annotation_tokens_are_not_read(tmp_path: Path) -> None:
    model = opened(save_reading(tmp_path / "reads"))
    said = [first(model.predict_many([Utterance("u", text=t)])) for t in ("the thing", "the [LAUGHTER] thing")]
    assert said[0].probabilities == said[1].probabilities


def test_labels_that_are_told_each_for_itself_stay_so(tmp_path: Path) -> None:
    folder = save_reading(tmp_path / "reads", problem_type="multi_label_classification")
    said = first(opened(folder).predict_many([Utterance("u", text="the thing")]))
    with torch.inference_mode():
        tokens = AutoTokenizer.from_pretrained(folder)("the thing", return_tensors="pt")
        logits = BertForSequenceClassification.from_pretrained(folder).eval()(**tokens).logits[0]
    assert list(said.probabilities.values()) == pytest.approx(torch.sigmoid(logits).tolist(), abs=1e-6)
    assert said.label == THEIRS[int(logits.argmax())]
    assert "each label has a probability of its own" in str(said.model_scope)


def test_what_cannot_be_predicted_is_a_record_in_its_place(corpus: Corpus, tmp_path: Path) -> None:
    hears = opened(save_hearing(tmp_path / "hears"))
    click = tmp_path / "click.wav"
    soundfile.write(click, np.full(20, 0.5, dtype=np.float32), 16_000)
    inputs = [
        Utterance("words", text="yes"),
        Utterance("gone", audio=tmp_path / "gone.wav"),
        Utterance("click", audio=click),  # filled up with silence
        corpus.utterances[0],
    ]
    results = list(hears.predict_many(inputs))
    assert [type(result) for result in results] == [Skip, Skip, Prediction, Prediction]
    reasons = [result.reason for result in results[:2] if isinstance(result, Skip)]
    for reason, words in zip(reasons, ("the model takes audio", "no such file"), strict=True):
        assert words in reason
    reads = opened(save_reading(tmp_path / "reads"))
    (silent,) = reads.predict_many([Utterance("u", text="[LAUGHTER]")])
    assert isinstance(silent, Skip)
    assert "the model takes text" in silent.reason


def test_what_a_network_fails_on_is_skipped_and_the_others_are_predicted(tmp_path: Path) -> None:
    """A tokenizer that knows more pieces than the network."""
    folder = tmp_path / "reads"
    torch.manual_seed(0)
    config = BertConfig(**LAYERS, vocab_size=6, pad_token_id=0, max_position_embeddings=12, **NAMED)
    BertForSequenceClassification(config).save_pretrained(folder)
    save_tokenizer(folder)
    model = opened(folder)
    known, unknown = model.predict_many([Utterance("a", text="the"), Utterance("b", text="thing thing")])
    assert isinstance(known, Prediction)
    assert isinstance(unknown, Skip)
    assert "the model fails on it" in unknown.reason


def test_nobody_depends_on_company(corpus: Corpus, tmp_path: Path) -> None:
    model = opened(save_hearing(tmp_path / "hears"))
    together = list(model.predict_many(corpus))
    alone = [first(model.predict_many([one])) for one in corpus]
    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, Prediction)
        assert list(one.probabilities.values()) == pytest.approx(list(other.probabilities.values()), abs=1e-6)


def test_sound_beyond_the_longest_is_cut_into_equal_parts_and_nothing_is_lost() -> None:
    sound = SoundInput(None, 10, longest=3.0)
    assert [len(part) for part in sound.parts(np.zeros(60, np.float32))] == [30, 30]
    assert [len(part) for part in sound.parts(np.zeros(61, np.float32))] == [21, 20, 20]
    assert [len(part) for part in sound.parts(np.zeros(30, np.float32))] == [30]
    several = OutputNames("one label", [[0], [1]]).mean(np.log([[0.2, 0.8], [0.6, 0.4]]))
    assert np.exp(several) == pytest.approx([0.4, 0.6])


def test_labels_of_one_name_have_the_sum_of_their_probabilities(corpus: Corpus, tmp_path: Path) -> None:
    """Lists such as `female_angry, male_angry`."""
    words = ("female_angry", "male_angry", "female_sad", "male_sad", "female_calm")
    named = {"id2label": dict(enumerate(words)), "label2id": {name: number for number, name in enumerate(words)}}
    folder = save_hearing(tmp_path / "hears", **named)
    theirs = first(opened(folder).predict_many(corpus)).probabilities
    ours = first(open_predictor(folder).predict_many(corpus))
    assert ours.probabilities == pytest.approx(
        {
            "angry": theirs["female_angry"] + theirs["male_angry"],
            "sad": theirs["female_sad"] + theirs["male_sad"],
            "calm": theirs["female_calm"],
        },
        abs=1e-6,
    )
    assert "female_angry = angry" in str(ours.model_scope)
    assert "not calibrated" in str(ours.model_scope)


def test_vectors_are_what_the_last_layer_decides_from(corpus: Corpus, tmp_path: Path) -> None:
    folder = save_hearing(tmp_path / "hears")
    (vector,) = open_predictor(folder).embed([corpus.utterances[0]])
    plain = Wav2Vec2ForSequenceClassification.from_pretrained(folder).eval()
    prediction = first(opened(folder).predict_many(corpus))
    with torch.inference_mode():
        shares = torch.softmax(plain.classifier(torch.from_numpy(vector)), 0).tolist()
    assert shares == pytest.approx(list(prediction.probabilities.values()), abs=1e-6)


def refuses(folder: Path, *words: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        opened(folder)
    for word in words:
        assert word in str(raised.value)


def test_a_head_that_was_never_trained_is_refused(tmp_path: Path) -> None:
    config = Wav2Vec2Config(**SPEECH, vocab_size=8)
    Wav2Vec2ForCTC(config).save_pretrained(tmp_path / "ctc")
    refuses(tmp_path / "ctc", "lacks the weight 'classifier.bias'", "random")
    AutoModel.from_config(BertConfig(**LAYERS, vocab_size=60)).save_pretrained(tmp_path / "bare")
    refuses(tmp_path / "bare", "lacks the weight 'classifier.bias'")
    folder = save_hearing(tmp_path / "hears")
    weights = load_file(folder / "model.safetensors")
    renamed = {name.replace("classifier.", "classifier.dense."): value for name, value in weights.items()}
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    refuses(folder, "lacks the weight 'classifier.bias'")


def test_what_is_no_classifier_is_refused_in_one_sentence(tmp_path: Path) -> None:
    AutoConfig.for_model("vit").save_pretrained(tmp_path / "sees")
    refuses(tmp_path / "sees", "'vit'", "no audio- or text-classification model")
    refuses(save_reading(tmp_path / "one", id2label={0: "stars"}, label2id={"stars": 0}), "tells numbers")
    deaf = save_hearing(tmp_path / "deaf")
    (deaf / "preprocessor_config.json").unlink()
    refuses(deaf, "does not say how sound is to be prepared")
    blind = save_reading(tmp_path / "blind")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (blind / name).unlink()
    refuses(blind, "tokenizer")
    hollow = save_reading(tmp_path / "hollow")
    (hollow / "model.safetensors").unlink()
    refuses(hollow, "has no weights")
    remote = save_reading(tmp_path / "remote")
    document = json.loads((remote / "config.json").read_text())
    document |= {"model_type": "own", "auto_map": {"AutoConfig": "code.Own"}}
    (remote / "config.json").write_text(json.dumps(document))
    (remote / "code.py").write_text("raise SystemExit('their code was run')")
    refuses(remote, "remote")
