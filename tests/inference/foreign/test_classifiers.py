"""Other people's classifiers: tiny ones with random weights, really run, against plain `transformers`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import LAYERS, SMALL
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
)

from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import CheckpointError
from emofuse.inference.foreign.classifiers import model_type, open_foreign, read_card
from emofuse.model.vetting.loaders import Source
from emofuse.sound.clips import read_clip
from emofuse.types import Corpus, Prediction, Skip, Utterance

THEIRS = ("neu", "hap", "ang", "sad", "disgust")
NAMED: dict[str, Any] = {
    "id2label": dict(enumerate(THEIRS)),
    "label2id": {name: i for i, name in enumerate(THEIRS)},
}
SPEECH = {**SMALL, "num_conv_pos_embeddings": 16, "classifier_proj_size": 16}


def save_hearing(folder: Path, **settings: Any) -> Path:
    """Save a classifier of sound as the Hub has them."""
    torch.manual_seed(1)
    Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**SPEECH, **(NAMED | settings))).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(folder)
    return folder


def save_tokenizer(folder: Path) -> None:
    tokenizer = learn_vocabulary(["the furious thing number", "the lonely thing number"], "words", 60)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )


def save_reading(folder: Path, **settings: Any) -> Path:
    """Save a classifier of text as the Hub has them."""
    torch.manual_seed(2)
    config = BertConfig(**LAYERS, vocab_size=60, max_position_embeddings=12, **(NAMED | settings))
    BertForSequenceClassification(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def first(results: Any) -> Prediction:
    result = next(iter(results))
    assert isinstance(result, Prediction), result
    return result


def test_a_classifier_of_sound_says_what_it_says_in_transformers(corpus: Corpus, tmp_path: Path) -> None:
    folder = save_hearing(tmp_path / "hears")
    model = open_foreign(Source(str(folder)))
    assert (model.labels, model.kind) == (THEIRS, "audio-classification")
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
    model = open_foreign(Source(str(save_hearing(tmp_path / "hears"))))
    audio = corpus.utterances[0].audio
    whole, part = (first(model.predict_many([Utterance("u", audio=audio, end=end)])) for end in (None, 0.2))
    assert whole.probabilities != part.probabilities


def test_a_classifier_of_text_says_what_it_says_in_transformers(corpus: Corpus, tmp_path: Path) -> None:
    folder = save_reading(tmp_path / "reads")
    model = open_foreign(Source(str(folder)))
    assert (model.labels, model.kind) == (THEIRS, "text-classification")
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
        model = open_foreign(Source(str(folder)))
        said = [first(model.predict_many([Utterance("u", text=text)])) for text in (long, short)]
        assert said[0].probabilities == said[1].probabilities


def test_annotation_tokens_are_not_read(tmp_path: Path) -> None:
    model = open_foreign(Source(str(save_reading(tmp_path / "reads"))))
    said = [first(model.predict_many([Utterance("u", text=t)])) for t in ("the thing", "the [LAUGHTER] thing")]
    assert said[0].probabilities == said[1].probabilities


def test_labels_that_are_told_each_for_itself_become_shares(tmp_path: Path) -> None:
    folder = save_reading(tmp_path / "reads", problem_type="multi_label_classification")
    said = first(open_foreign(Source(str(folder))).predict_many([Utterance("u", text="the thing")]))
    with torch.inference_mode():
        tokens = AutoTokenizer.from_pretrained(folder)("the thing", return_tensors="pt")
        logits = BertForSequenceClassification.from_pretrained(folder).eval()(**tokens).logits[0]
    several = torch.sigmoid(logits)
    assert list(said.probabilities.values()) == pytest.approx((several / several.sum()).tolist(), abs=1e-6)


def test_what_cannot_be_predicted_is_a_record_in_its_place(corpus: Corpus, tmp_path: Path) -> None:
    hears = open_foreign(Source(str(save_hearing(tmp_path / "hears"))))
    click = tmp_path / "click.wav"
    import numpy as np
    import soundfile

    soundfile.write(click, np.full(20, 0.5, dtype=np.float32), 16_000)
    inputs = [
        Utterance("words", text="yes"),
        Utterance("gone", audio=tmp_path / "gone.wav"),
        Utterance("click", audio=click),
        corpus.utterances[0],
    ]
    results = list(hears.predict_many(inputs))
    assert [type(result) for result in results] == [Skip, Skip, Skip, Prediction]
    reasons = [result.reason for result in results[:3] if isinstance(result, Skip)]
    for reason, words in zip(reasons, ("has no recording", "no such file", "the model fails on it"), strict=True):
        assert words in reason
    reads = open_foreign(Source(str(save_reading(tmp_path / "reads"))))
    (silent,) = reads.predict_many([Utterance("u", text="[LAUGHTER]")])
    assert isinstance(silent, Skip)
    assert "has no words" in silent.reason


def refuses(folder: Path, *words: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        open_foreign(Source(str(folder)))
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
    refuses(tmp_path / "gone", "gone", "hf download")
    AutoConfig.for_model("vit").save_pretrained(tmp_path / "sees")
    refuses(tmp_path / "sees", "'vit'", "no audio- or text-classification model")
    refuses(save_reading(tmp_path / "one", id2label={0: "valence"}, label2id={"valence": 0}), "tells a number")
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


def test_a_card_is_read_where_there_is_one(tmp_path: Path) -> None:
    folder = save_reading(tmp_path / "reads")
    assert model_type(Source(str(folder))) == "bert"
    assert read_card(Source(str(folder))) is None
    (folder / "README.md").write_text("# A model\n")
    assert read_card(Source(str(folder))) == "# A model\n"
    assert read_card(Source("nobody/nothing")) is None
