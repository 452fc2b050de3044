"""Attention as words by moments."""

from __future__ import annotations

import numpy as np

from emofuse.inference.explain.shown_attention import by_word_and_moment


def test_attention_is_averaged_over_queries_and_summed_over_keys() -> None:
    members = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # two pieces, then one
    by_text = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])  # three pieces look at two frames
    assert by_word_and_moment("text", by_text, members, (0.0, 0.2, 2)) == ((0.5, 0.5), (0.5, 0.5))
    by_audio = np.array([[0.25, 0.5, 0.25], [0.0, 0.0, 1.0]])
    assert by_word_and_moment("audio", by_audio, members, (0.1, 0.2, 3)) == ((0.0, 0.75, 0.0), (0.0, 0.25, 1.0))
