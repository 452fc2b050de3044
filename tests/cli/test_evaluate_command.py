"""`emofuse evaluate`: any model on a corpus, scored, with what gives reason to doubt the figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import call
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from tiny import write_recipe
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
)

import emofuse
from emofuse import cross_validate, load_recipe, save_corpus, train
from emofuse.cli.results_tables import show_groups
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import CheckpointError
from emofuse.runs.signature import Signature
from emofuse.types import Corpus

pytestmark = pytest.mark.usefixtures("empty_pictures")
THEIRS = ("neu", "happiness", "anger", "sad", "disgust")
OURS = ("angry", "happy", "neutral", "sad")
NAMED: dict[str, Any] = {
    "id2label": dict(enumerate(THEIRS)),
    "label2id": {name: i for i, name in enumerate(THEIRS)},
}
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
CARD = "---\nlicense: mit\ndatasets:\n- someone/IEMOCAP_4\n---\n# A model\n"


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    code, out, err = call(capsys, "evaluate", *arguments, "--json")
    return code, json.loads(out), err


def refused(capsys: pytest.CaptureFixture[str], *arguments: object, says: tuple[str, ...]) -> None:
    code, out, err = call(capsys, "evaluate", *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    for words in says:
        assert words in err


@pytest.fixture(scope="module")
def ours(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train(load_recipe(write_recipe(out / "tiny.yaml"), ["training.epochs=1"]), corpus, out / "run")
    return out / "run"


@pytest.fixture(scope="module")
def reads(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier of text that somebody else made; its card names IEMOCAP."""
    folder = tmp_path_factory.mktemp("reads")
    torch.manual_seed(2)
    BertForSequenceClassification(BertConfig(**SMALL, vocab_size=60, **NAMED)).save_pretrained(folder)
    tokenizer = learn_vocabulary([str(u.text) for u in corpus], "words", 60)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture(scope="module")
def hears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier of sound that somebody else made, without a card."""
    folder = tmp_path_factory.mktemp("hears")
    torch.manual_seed(1)
    convolution = {"conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
    Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**SMALL, **convolution, **NAMED)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def test_our_model_is_scored_as_scikit_learn_would(
    capsys: pytest.CaptureFixture[str], ours: Path, corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    code, found, err = evaluated(capsys, ours, manifest, "--out", tmp_path / "out")
    assert code == 0
    rows = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    truth, said = [u.label for u in corpus], [row["label"] for row in rows]
    assert [row["id"] for row in rows] == [u.id for u in corpus]
    assert found["figures"]["wa"]["mean"] == pytest.approx(accuracy_score(truth, said))
    assert found["figures"]["ua"]["mean"] == pytest.approx(balanced_accuracy_score(truth, said))
    predicted = [emofuse.load(ours).predict(u.audio, u.text) for u in corpus.utterances[:3]]
    for row, alone in zip(rows, predicted, strict=False):
        assert row["probabilities"] == pytest.approx(dict(alone.probabilities), abs=1e-5)
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == found
    assert set(found["figures"]["groups"]) == {"gender", "speaker", "session"}
    assert found["kind"] == "emofuse"
    assert found["dropped_mass"] == pytest.approx(0)
    signature = Signature.parse(found["signature"])
    assert (signature.protocol, signature.n, signature.tested, signature.text) == ("one-model", 24, 24, "gold")
    assert found["warnings"] == ["the model's card says that it was trained on 'tones': its figures are inflated"]
    assert "warning: the model's card says" in err


def test_people_see_figures_groups_and_the_signature(
    capsys: pytest.CaptureFixture[str], ours: Path, reads: Path, manifest: Path
) -> None:
    code, out, _ = call(capsys, "evaluate", ours, manifest)
    assert code == 0
    for words in ("macro-F1", "gender", "|one-model|"):
        assert words in out
    assert (
        "labels mapped: neu -> neutral, happiness -> happy, anger -> angry"
        in call(capsys, "evaluate", reads, manifest)[1]
    )


def test_the_largest_gap_between_groups_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"ua": 0.5, "wa": 0.5, "macro_f1": 0.5, "n": 12}
    gap = {"ua": 0.25, "highest": "female", "lowest": "male"}
    show_groups({"gender": {"values": {"female": scores, "male": scores}, "gap": gap}})
    assert "largest gap in UA: 0.250, female over male" in capsys.readouterr().out


def test_a_model_of_a_fold_says_how_much_it_was_trained_on(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "tiny.yaml"), ["training.epochs=1"])
    cross_validate(recipe, corpus, tmp_path / "run", systems=("text",))
    model = tmp_path / "run" / "fold-1" / "seed-0" / "text"
    _, found, _ = evaluated(capsys, model, manifest)
    assert found["warnings"] == [
        "the model was trained on 16 of the 24 utterances, the first is 's2F_0': its figures are inflated"
    ]
    tested = corpus.select(lambda u: u.session == "session1")
    assert emofuse.evaluate(model / "model", tested)["warnings"] == []
    refused(capsys, tmp_path / "run", manifest, says=("is a run of folds", "fold-1/seed-0/fusion"))


@pytest.mark.parametrize("which", ["reads", "hears"])
def test_a_foreign_model_is_scored_in_our_words(
    which: str, request: pytest.FixtureRequest, corpus: Corpus, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(which)
    found = emofuse.evaluate(folder, corpus, out=tmp_path)
    assert found["map"] == {"neu": "neutral", "happiness": "happy", "anger": "angry", "sad": "sad"}
    assert (found["unmapped"], found["unsaid"]) == (["disgust"], [])
    assert 0 < found["dropped_mass"] < 1
    assert found["kind"] == {"reads": "text-classification", "hears": "audio-classification"}[which]
    rows = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert all(sum(row["probabilities"].values()) == pytest.approx(1) for row in rows)
    assert list(rows[0]["probabilities"]) == list(OURS)
    said = [row["label"] for row in rows]
    assert found["figures"]["wa"]["mean"] == pytest.approx(accuracy_score([u.label for u in corpus], said))
    assert Signature.parse(found["signature"]).text == {"reads": "gold", "hears": "none"}[which]


def test_labels_are_mapped_as_somebody_says(
    capsys: pytest.CaptureFixture[str], reads: Path, manifest: Path, tmp_path: Path
) -> None:
    _, found, err = evaluated(capsys, reads, manifest, "--map", "disgust=angry", "--map", "happiness=")
    assert found["map"] == {"neu": "neutral", "anger": "angry", "sad": "sad", "disgust": "angry"}
    assert (found["unmapped"], found["unsaid"]) == (["happiness"], ["happy"])
    assert "without a counterpart: happiness" in err
    assert "cannot predict: happy" in err
    file = tmp_path / "map.yaml"
    file.write_text("disgust: angry\nhappiness:\n")
    again = evaluated(capsys, reads, manifest, "--map", file)[1]
    assert again == found


def test_a_card_that_names_the_corpus_is_a_warning_on_stderr_and_in_json(
    capsys: pytest.CaptureFixture[str], reads: Path, hears: Path, corpus: Corpus, tmp_path: Path
) -> None:
    manifest = tmp_path / "iemocap-gold.jsonl"
    save_corpus(corpus, manifest)
    _, found, err = evaluated(capsys, reads, manifest)
    assert "says that it was trained on 'someone/IEMOCAP_4'" in found["warnings"][0]
    assert "warning: the model's card says" in err
    assert "the model has no card" in evaluated(capsys, hears, manifest)[2]


def test_utterances_that_cannot_be_predicted_are_listed_and_signed(
    capsys: pytest.CaptureFixture[str], reads: Path, manifest: Path, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows[0]["text"] = None
    rows[1]["label"] = None
    some = tmp_path / "tones.jsonl"
    some.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    code, found, err = evaluated(capsys, reads, some)
    assert code == 1
    assert [skip["id"] for skip in found["skipped"]] == ["s1F_0"]
    assert "|n=22/23|" in found["signature"]
    figures, wrong = found["figures"]["wa"]["mean"], found["missing_as_wrong"]["wa"]["mean"]
    assert wrong == pytest.approx(figures * 22 / 23)
    assert "skipped s1F_0: s1F_0: the model takes text" in err
    for row in rows:
        row["text"] = None
    some.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    refused(capsys, reads, some, says=("none of the 23 utterances could be predicted", "the model takes text"))


def test_our_model_predicts_what_lacks_a_modality_as_a_run_does(
    capsys: pytest.CaptureFixture[str], ours: Path, manifest: Path, tmp_path: Path
) -> None:
    """Decision 4: such an utterance has a prediction in every run; leaving it out would be another corpus."""
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows[0]["text"] = None
    rows[1] |= {"text": "[LAUGHTER]", "audio": None}
    some = manifest.parent / "lacking.jsonl"
    some.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    code, found, err = evaluated(capsys, ours, some, "--out", tmp_path / "out")
    assert (code, found["n"], found["tested"], found["skipped"]) == (0, 24, 24, [])
    assert found["missing_as_wrong"] is None
    assert "warning: without a modality that the model needs: 1 of the utterances" in err
    assert "--allow-missing" not in err
    first = json.loads((tmp_path / "out" / "predictions.jsonl").read_text().splitlines()[0])
    alone = emofuse.load(ours, allow_missing=True).predict(rows[0]["audio"])
    assert first["probabilities"] == pytest.approx(dict(alone.probabilities), abs=1e-5)


def test_wrong_calls_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], ours: Path, reads: Path, manifest: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.yaml").write_text("- a\n")
    (tmp_path / "bad.yaml").write_text("a: [\n")
    refused(capsys, tmp_path / "empty", manifest, says=("is not a model folder",))
    refused(capsys, "nobody/nothing", manifest, says=("nobody/nothing", "hf download"))
    refused(capsys, reads, tmp_path / "gone.jsonl", says=("no such manifest",))
    refused(capsys, reads, manifest, "--labels", "nope", says=("no label policy is called 'nope'",))
    refused(
        capsys, reads, manifest, "--map", "disgus=angry", says=("--map disgus=angry", "did you mean 'disgust'")
    )
    refused(capsys, reads, manifest, "--map", "disgust=glad", says=("'glad' is none of the labels of the task",))
    refused(capsys, reads, manifest, "--map", tmp_path / "gone.yaml", says=("nor a file that can be read",))
    refused(capsys, reads, manifest, "--map", tmp_path / "list.yaml", says=("has no pairs of labels",))
    refused(capsys, reads, manifest, "--map", tmp_path / "bad.yaml", says=("is not YAML",))
    left_out = [word for label in ("neu", "happiness", "anger") for word in ("--map", f"{label}=")]
    refused(capsys, reads, manifest, *left_out, says=("fewer than two labels have a counterpart", "--map"))
    hollow = tmp_path / "hollow"
    shutil.copytree(ours / "model", hollow)
    (hollow / "model.safetensors").unlink()
    refused(capsys, hollow, manifest, says=("hollow", "has no weights"))
    refused(capsys, reads, manifest, "--out", manifest / "out", says=("cannot be written",))


def test_python_takes_a_path_or_a_corpus(reads: Path, corpus: Corpus, manifest: Path) -> None:
    told: list[tuple[int, int]] = []
    found = emofuse.evaluate(str(reads), manifest, progress=lambda done, of: told.append((done, of)))
    assert found == emofuse.evaluate(reads, corpus)
    assert told[-1] == (24, 24)
    with pytest.raises(CheckpointError):
        emofuse.evaluate("nobody/nothing", corpus)


def test_a_model_in_the_box_is_evaluated_by_its_name(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, tmp_path: Path
) -> None:
    save_corpus(corpus.select(lambda one: one.session == "session1"), tmp_path / "some.jsonl")
    code, document, _ = evaluated(capsys, "box-open", tmp_path / "some.jsonl")
    assert (code, document["model"], document["kind"]) == (0, "box-open", "emofuse")
