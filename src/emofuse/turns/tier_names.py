"""What the names of tiers say: the speaker, and whether a tier holds words or sounds."""

from __future__ import annotations

# Tiers of a forced aligner that hold sounds, not words.
SOUND_TIERS = ("phone", "phones", "phoneme", "phonemes")
# Tiers with these names are named after their content, not after a speaker.
CONTENT_TIERS = ("word", "words", "text", "transcript", "transcription", "utterance", "utterances", "orthography")


def speaker_of_tier(tier: str) -> str | None:
    """Return the speaker of a tier: its name, or the part before the dash in "anna - words"."""
    name, _, content = tier.rpartition(" - ")
    if content.strip().lower() not in CONTENT_TIERS:
        return tier
    return name or None


def holds_sounds(tier: str) -> bool:
    """Tell whether a tier holds sounds by its name, as in "anna - phones"."""
    return tier.rpartition(" - ")[2].strip().lower() in SOUND_TIERS
