"""What the encoders do in training: masking as the family defines it, gradient checkpointing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import BANKS, BINS, SPEECH, TEXT, bert, inputs, network, pad, wav2vec2

from emofuse.model.network import EmotionModel


def gradients(model: EmotionModel, checkpointing: bool) -> dict[str, torch.Tensor]:
    if checkpointing:
        model.gradient_checkpointing_enable()
    rows = inputs([5431, 9001], [7, 12])
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  # transformers draws its masks from numpy's global generator
    model.train()(*pad([a for a, _ in rows]), *pad([t for _, t in rows])).logits.square().sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_gradient_checkpointing_changes_no_gradient() -> None:
    audio = wav2vec2(layerdrop=0.0)
    plain = gradients(network(audio, bert()), checkpointing=False)
    saving = gradients(network(audio, bert()), checkpointing=True)
    assert plain.keys() == saving.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(saving[name], gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", [*SPEECH, *BANKS])
def test_clips_shorter_than_a_masked_stretch_can_be_trained_on(family: str) -> None:
    model = network(SPEECH.get(family) or BANKS[family], None).train()
    rows = inputs([5, 3], [1, 1], bins=BINS[family]) if family in BANKS else inputs([900, 450], [1, 1])
    logits = model(*pad([audio for audio, _ in rows])).logits
    logits.sum().backward()
    assert bool(logits.isfinite().all())


@pytest.mark.parametrize("family", ["wav2vec2 group norm", "hubert group norm", "wavlm", "data2vec-audio"])
def test_training_hides_stretches_of_time_as_the_family_defines_it(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(SPEECH[family], None)
    backbone = model.audio_encoder.backbone
    assert backbone.config.mask_time_prob > 0
    hidden_share: list[float] = []
    original = backbone._mask_hidden_states

    def watch(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        before = hidden.clone()
        after = original(hidden, attention_mask=attention_mask)
        hidden_share.append(float((after != before).any(dim=-1).float().mean()))
        return after

    monkeypatch.setattr(backbone, "_mask_hidden_states", watch)
    (audio, _), *_ = inputs([40_000], [1])
    with torch.no_grad():
        model.eval().audio_encoder(*pad([audio]))
        assert hidden_share == []
        model.train().audio_encoder(*pad([audio]))
    assert 0 < hidden_share[0] < 1


@pytest.mark.parametrize("family", TEXT)
def test_every_text_family_can_be_trained_on(family: str) -> None:
    model = network(None, TEXT[family]).train()
    rows = inputs([1, 1], [9, 50])
    model(None, None, *pad([text for _, text in rows])).logits.sum().backward()
    assert all(p.grad is not None for p in model.text_features.parameters())
