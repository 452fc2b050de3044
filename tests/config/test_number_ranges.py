"""The numbers of configurations lie in ranges that every known model keeps, and no folder of a stranger leaves."""

from __future__ import annotations

import pytest
from networks import BANKS, SPEECH, TEXT
from transformers import WhisperFeatureExtractor

from emofuse.config.number_ranges import find_out_of_range


@pytest.mark.parametrize("family", [*SPEECH, *BANKS, *TEXT])
def test_every_family_keeps_to_them(family: str) -> None:
    config = (SPEECH | BANKS | TEXT)[family]
    assert find_out_of_range(config.to_dict()) is None
    assert find_out_of_range(type(config)().to_dict()) is None


def test_the_sizes_of_large_models_keep_to_them() -> None:
    assert find_out_of_range(WhisperFeatureExtractor(feature_size=128).to_dict()) is None
    large = {"num_hidden_layers": 48, "num_attention_heads": 64, "hidden_size": 4096, "vocab_size": 250_002}
    assert (
        find_out_of_range({"audio_encoder": large, "alignment_heads": [[0, 3]], "label2id": {"rate": 3}}) is None
    )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"audio": {"rate": 10**8}}, "rate is 100000000, not 4000 to 192000"),
        ({"text_encoder": {"encoder_layers": 10**6}}, "encoder_layers is 1000000, not 0 to 256"),
        ({"num_attention_heads": 0}, "num_attention_heads is 0, not 1 to 4096"),
        ({"conv_stride": [5, 0]}, "conv_stride is 0, not 1 to 65536"),
        ({"hidden_dropout_prob": -0.5}, "hidden_dropout_prob is -0.5, not 0 to 1"),
        ({"anything": float("nan")}, "anything is nan"),
        ({"anything": 10**30}, "anything is 1e[+]30"),
        ({"suppress_tokens": [1] * 100_001}, "suppress_tokens has 100001 entries"),
    ],
)
def test_what_no_model_has_is_named(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        assert find_out_of_range(settings) is None, find_out_of_range(settings)
