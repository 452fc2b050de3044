"""Models of others through every door: by folder or by name on the Hub, with our words for their labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from command_line import call
from foreign_models import put_in_cache, save_hearing, save_reading
from huggingface_hub import constants

from emofuse import load, save_corpus
from emofuse.errors import CheckpointError
from emofuse.types import Corpus

OURS = ("neutral", "happy", "angry", "sad", "disgusted")


@pytest.fixture(scope="module")
def hears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_hearing(tmp_path_factory.mktemp("models") / "hears")


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_reading(tmp_path_factory.mktemp("models") / "reads")


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[dict[str, Any], str]:
    """Run a command that succeeds; return its JSON, and stderr."""
    code, out, err = call(capsys, *arguments)
    assert code == 0, err
    document: dict[str, Any] = json.loads(out)
    return document, err


def test_recordings_and_texts_are_predicted_in_our_words(
    capsys: pytest.CaptureFixture[str], hears: Path, reads: Path, corpus: Corpus
) -> None:
    audio = corpus.utterances[0].audio
    one, err = printed(capsys, "predict", hears, audio, "--any-sound", "--format", "jsonl")
    assert tuple(one["probabilities"]) == OURS
    assert one["model"] == "hears"
    scope = "an audio classifier of others; labels: neu = neutral, hap = happy, ang = angry, disgust = disgusted"
    assert one["model_scope"] == f"{scope}; its probabilities are not calibrated"
    assert err.count("neu = neutral") == 1
    other, _ = printed(capsys, "predict", reads, "--text", "the lonely thing", "--format", "jsonl")
    assert tuple(other["probabilities"]) == OURS
    assert other["modalities"] == ["text"]


def test_a_model_of_the_hub_is_known_by_its_name(
    capsys: pytest.CaptureFixture[str], reads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    put_in_cache(reads, "someone/reads", tmp_path / "cache")
    one, _ = printed(capsys, "predict", "someone/reads", "--text", "the lonely thing", "--format", "jsonl")
    assert one["model"] == "someone/reads"
    assert load("someone/reads").predict(text="the lonely thing").probabilities == one["probabilities"]
    code, _, err = call(capsys, "predict", "someone/gone", "--text", "a")
    assert code == 2
    assert "hf download someone/gone" in err
    code, _, err = call(capsys, "predict", "a/b.wav", "--any-sound")  # a recording, not a name on the Hub
    assert "b.wav" in err
    assert "hf download" not in err


def test_labels_are_called_as_the_caller_says(
    capsys: pytest.CaptureFixture[str], reads: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, _, err = call(
        capsys, "predict", reads, "--text", "a", "--label-map", "disgust=,hap=excited", "--out", out
    )
    assert code == 0, err
    (row,) = (json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines())
    assert tuple(row["probabilities"]) == ("neutral", "excited", "angry", "sad")
    record = json.loads((out / "predictions.run.json").read_text())
    assert record["asked"]["label_map"] == {"disgust": "", "hap": "excited"}
    code, _, err = call(capsys, "predict", "box-open", "--text", "a", "--label-map", "a=b")
    assert code == 2
    assert "labels of models of others, and box-open is one of emofuse" in err


def test_timelines_are_those_of_any_model(capsys: pytest.CaptureFixture[str], hears: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "long.wav", 0.1 * rng.normal(size=8 * 16_000).astype(np.float32), 16_000)
    document, _ = printed(
        capsys,
        "predict",
        hears,
        tmp_path / "long.wav",
        "--timeline",
        "--segmentation",
        "windows",
        "--format",
        "json",
    )
    assert document["segments"]
    assert document["labels"] == list(OURS)


def test_explanations_are_by_occlusion(capsys: pytest.CaptureFixture[str], reads: Path) -> None:
    document, _ = printed(capsys, "explain", reads, "--text", "the lonely thing", "--json")
    assert document["method"] == "occlusion"
    assert document["model"] == "reads"
    assert [word["text"] for word in document["words"] if not word["special"]] == ["the", "lonely", "thing"]


def test_models_of_others_are_not_exported(
    capsys: pytest.CaptureFixture[str], reads: Path, tmp_path: Path
) -> None:
    code, _, err = call(capsys, "export", reads, "--out", tmp_path / "out")
    assert code == 2
    assert "reads: is no model of emofuse, and only these are exported" in err
    (tmp_path / "sees").mkdir()
    (tmp_path / "sees" / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(CheckpointError, match="classification model"):
        load(tmp_path / "sees")


@pytest.fixture(scope="module")
def manifest(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "tones.jsonl"
    save_corpus(corpus, path)
    return path


def test_two_models_together_go_through_every_door(
    capsys: pytest.CaptureFixture[str], hears: Path, reads: Path, corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    pair = ("--model", f"audio={hears}", "--model", f"text={reads}")
    audio = corpus.utterances[0].audio
    one, _ = printed(
        capsys, "predict", *pair, audio, "--any-sound", "--text", "the lonely thing", "--format", "jsonl"
    )
    assert (one["model"], one["modalities"]) == ("hears + reads", ["audio", "text"])
    assert "not calibrated" in one["model_scope"]
    python = load({"audio": hears, "text": reads}).predict(audio, "the lonely thing", any_sound=True)
    assert python.probabilities == pytest.approx(one["probabilities"])
    words, _ = printed(capsys, "predict", *pair, "--text", "the lonely thing", "--format", "jsonl")
    assert words["modalities"] == ["text"]
    scores, _ = printed(capsys, "evaluate", *pair, "--calibrate", manifest, manifest, "--json")
    assert (scores["kind"], scores["model"], scores["n"]) == ("late fusion", "hears + reads", 24)
    why, _ = printed(capsys, "explain", *pair, "--text", "the lonely thing", "--json")
    assert (why["method"], why["model"]) == ("occlusion", "hears + reads")
    out = tmp_path / "out"
    for resumed in ((), ("--resume",)):
        code, _, err = call(
            capsys, "predict", *pair, "--calibrate", manifest, manifest, "--any-sound", "--out", out, *resumed
        )
        assert code == 0, err
    rows = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert len(rows) == 24
    assert "from 24 utterances of tones" in rows[0]["model_scope"]
    assert "not calibrated" not in rows[0]["model_scope"]
    code, _, err = call(capsys, "predict", *pair, manifest, "--any-sound", "--out", out, "--resume")
    assert code == 2
    assert "different calibrate" in err


def test_one_model_of_others_is_calibrated_too(
    capsys: pytest.CaptureFixture[str], reads: Path, manifest: Path
) -> None:
    one, _ = printed(
        capsys, "predict", reads, "--calibrate", manifest, "--text", "the lonely thing", "--format", "jsonl"
    )
    assert "not calibrated" not in one["model_scope"]
    assert "(text) from 24 utterances of tones" in one["model_scope"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "audio=box-open"), "one for audio and one for text, not for audio"),
        (("--model", "box-open"), "write --model audio=NAME --model text=NAME"),
        (("--model", "text=a/b", "--model", "text=c/d"), "there is another model for text"),
        (("box-open", "--calibrate", "x.jsonl"), "box-open is a model of emofuse, which has a calibration"),
        (
            ("--model", "audio=box-open", "--model", "text=box-open", "--label-map", "a=b"),
            "write which model it is of",
        ),
    ],
)
def test_what_is_no_choice_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = call(capsys, "predict", *arguments, "--text", "a")
    assert code == 2
    assert words in err


def test_our_models_go_together_with_others(hears: Path) -> None:
    joined = load({"audio": hears, "text": "box-open"})
    prediction = joined.predict(text="I said no.")
    assert prediction.modalities == ("text",)
    assert prediction.model == "hears + box-open"
