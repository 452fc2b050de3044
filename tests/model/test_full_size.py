"""The encoders at their full size, with random weights: shapes, parameter counts, what adapters cost."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch
from networks import LABELS, pad
from transformers import BertConfig, Wav2Vec2Config

from emofuse import layout
from emofuse.config import make_recipe
from emofuse.model.build import build
from emofuse.model.checkpoint import save_checkpoint
from emofuse.model.configuration import EmotionConfig
from emofuse.model.encoder_wrappers import build_encoder
from emofuse.model.network import EmotionModel, count_parameters
from emofuse.types import Task

pytestmark = pytest.mark.slow


def test_encoders_have_the_published_numbers_of_parameters() -> None:
    assert count_parameters(build_encoder(Wav2Vec2Config())) / 1e6 == pytest.approx(94.4, abs=0.05)
    assert count_parameters(build_encoder(BertConfig())) / 1e6 == pytest.approx(109.5, abs=0.05)


def test_the_paper_network_runs_at_full_size() -> None:
    config = EmotionConfig(
        audio_encoder=Wav2Vec2Config(),
        text_encoder=BertConfig(),
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    torch.manual_seed(0)
    model = EmotionModel(config).eval()
    rows = [torch.randn(length) for length in (16_000, 47_999)]
    texts = [torch.randint(5, 30_000, (count,)) for count in (7, 30)]
    with torch.no_grad():
        encoded = model.encode(*pad(rows), *pad(texts))
        assert encoded.audio is not None
        assert encoded.audio.frames.shape == (2, 149, 768)
        assert encoded.audio.mask.sum(dim=1).tolist() == [49, 149]
        together = model.decide(encoded).logits
        alone = torch.cat([model(*pad([a]), *pad([t])).logits for a, t in zip(rows, texts, strict=True)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    assert peak_gb < 8  # the machine's memory, not a benchmark: 205 M numbers in float32 are 0.8 GB


def test_adapters_are_under_two_percent_and_their_checkpoint_under_five(tmp_path: Path) -> None:
    build_encoder(Wav2Vec2Config()).save_pretrained(tmp_path / "hears")
    values = {
        "audio": {"encoder": str(tmp_path / "hears"), "tuning": "lora"},
        "text": {"config": {"model_type": "bert", "vocab_size": 300}, "tuning": "lora"},
    }
    checkpoint = build(make_recipe(values), "audio", Task(LABELS), [], seed=0)
    everything = count_parameters(checkpoint.model)
    encoder = checkpoint.model.audio_encoder
    adapters = sum(p.numel() for p in encoder.parameters() if p.requires_grad)
    learning = sum(p.numel() for p in checkpoint.model.parameters() if p.requires_grad)
    assert adapters / count_parameters(encoder) < 0.01
    assert learning / everything < 0.02
    save_checkpoint(checkpoint, tmp_path / "model")
    held = sum(path.stat().st_size for path in (tmp_path / "model").iterdir())
    assert held / (4 * everything) < 0.05
    assert (tmp_path / "model" / layout.WEIGHTS).is_file()
