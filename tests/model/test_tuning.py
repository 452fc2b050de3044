"""Which weights of an encoder are trained."""

from __future__ import annotations

import pytest
from networks import bert, network, wav2vec2

from emofuse.errors import RecipeError
from emofuse.model.tuning import apply_tuning, is_frozen


@pytest.mark.parametrize(
    ("tuning", "learning"),
    [("full", "all"), ("frozen", "none"), ("cnn-frozen", "but the front end"), ("top-1", "one")],
)
def test_tuning_policies_mark_what_learns(tuning: str, learning: str) -> None:
    backbone = network(wav2vec2(), None).audio_encoder.backbone
    apply_tuning(backbone, tuning, "audio")
    learns = {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}
    everything = {name for name, _ in backbone.named_parameters()}
    front = {name for name in everything if name.startswith("feature_extractor")}
    top = {name for name in everything if name.startswith("encoder.layers.2")}
    assert (
        learns == {"all": everything, "none": set(), "but the front end": everything - front, "one": top}[learning]
    )
    assert is_frozen(backbone) == (tuning == "frozen")


@pytest.mark.parametrize(
    ("tuning", "message"), [("cnn-frozen", "convolutional front end"), ("top-9", "has 2 layers")]
)
def test_tuning_that_does_not_apply_is_refused(tuning: str, message: str) -> None:
    backbone = network(None, bert()).text_encoder.backbone
    with pytest.raises(RecipeError, match=message):
        apply_tuning(backbone, tuning, "text")
