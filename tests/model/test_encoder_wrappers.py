"""Encoders of any family behind one seam."""

from __future__ import annotations

import pytest
from networks import bert, network

from emofuse.errors import RecipeError
from emofuse.model.encoder_wrappers import wrap_audio_encoder


def test_an_unknown_speech_family_is_refused_by_name() -> None:
    backbone = network(None, bert()).text_encoder.backbone
    with pytest.raises(RecipeError, match="'bert' with this configuration is not supported"):
        wrap_audio_encoder(backbone, "last", 30)
