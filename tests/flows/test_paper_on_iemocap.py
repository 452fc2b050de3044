"""The paper's experiment on a generated tree in the format of IEMOCAP, with the real classes at small size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emofuse import load_corpus
from emofuse.cli.main import run
from emofuse.data.manifest import save_corpus

ROOT = Path(__file__).parents[2]

from iemocap_tree import write_full_tree  # noqa: E402  # after its folder is on the path

pytestmark = pytest.mark.usefixtures("empty_pictures")

WAV2VEC2 = (
    "audio.config={model_type: wav2vec2, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, "
    "intermediate_size: 32, conv_dim: [16, 16, 16], conv_kernel: [10, 7, 10], conv_stride: [5, 8, 8], "
    "num_conv_pos_embeddings: 16, num_conv_pos_embedding_groups: 4}"
)
BERT = (
    "text.config={model_type: bert, vocab_size: 400, hidden_size: 16, num_hidden_layers: 1, "
    "num_attention_heads: 2, intermediate_size: 32}"
)
# Two layers, where a recipe weighs them.
WAVLM = WAV2VEC2.replace("wav2vec2", "wavlm").replace("layers: 1", "layers: 2")
HUBERT = WAV2VEC2.replace("wav2vec2", "hubert")
ROBERTA = BERT.replace("model_type: bert", "model_type: roberta").replace("layers: 1", "layers: 2")
DISTILBERT = (
    "text.config={model_type: distilbert, vocab_size: 400, dim: 16, n_layers: 1, n_heads: 2, hidden_dim: 32}"
)
# Each stage of the strong recipe for an epoch, and the fewest networks that make an average.
BRIEF = (
    "fusion.feed_forward=32",
    "head.hidden=16",
    "training.joint_epochs=1",
    "training.second_stage.epochs=1",
    "training.soup.members=2",
)
QUICK = (
    "training.epochs=1",
    "fusion.width=16",
    "fusion.heads=2",
    "training.encoders_held=0",
    "audio.max_seconds=2",
)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("iemocap")
    write_full_tree(folder, dialogues=1, audio_seconds=0.4)
    # The tree is a part of the release only: prepare writes the manifest and says so.
    assert run(["prepare", "iemocap", str(folder), "--out", str(folder / "iemocap.jsonl")]) == 1
    whole = load_corpus(folder / "iemocap.jsonl")
    save_corpus(whole.select([u.id for u in whole][::2]), folder / "half.jsonl")  # enough for every fold
    return folder / "half.jsonl"


@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        ("paper", (WAV2VEC2, BERT)),
        ("predecessor", ("audio.config.hidden_size=16", "text.config.hidden_size=16")),
        ("strong", (WAVLM, ROBERTA, *BRIEF)),
        ("light", (HUBERT, DISTILBERT)),
    ],
)
def test_recipes_run_with_the_real_classes_on_the_same_folds(
    recipe: str, overrides: tuple[str, ...], manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [word for override in (*overrides, *QUICK) for word in ("--set", override)]
    arguments = ["--manifest", str(manifest), "--out", str(tmp_path / recipe), "--seeds", "1", *settings]
    assert run(["crossval", str(ROOT / "recipes" / f"{recipe}.yaml"), *arguments]) == 0
    results = json.loads((tmp_path / recipe / "results.json").read_text())
    assert set(results["systems"]) == {"audio", "text", "fusion", "late"}
    assert results["labels"] == ["neutral", "happy", "angry", "sad"]
    assert len(results["folds"]) == 5
    assert results["word_vectors"] == "learnt"
    known = manifest.with_name("hash")
    if known.is_file():
        assert known.read_text() == results["folds_hash"]
    known.write_text(results["folds_hash"])
