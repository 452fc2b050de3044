"""What the names of tiers say."""

from __future__ import annotations

import pytest

from emofuse.turns.tier_names import holds_sounds, speaker_of_tier


@pytest.mark.parametrize(
    ("tier", "speaker"),
    [("anna", "anna"), ("anna - words", "anna"), ("words", None), ("S1 - Text", "S1"), ("a - b", "a - b")],
)
def test_a_tier_is_named_after_its_speaker_or_its_content(tier: str, speaker: str | None) -> None:
    assert speaker_of_tier(tier) == speaker


def test_tiers_of_sounds_are_known_by_their_names() -> None:
    assert [holds_sounds(tier) for tier in ("phones", "anna - Phonemes", "anna - words", "anna")] == [
        True,
        True,
        False,
        False,
    ]
