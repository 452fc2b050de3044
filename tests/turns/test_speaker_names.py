"""Speakers before their words and in the names of tiers."""

from __future__ import annotations

import time

import pytest

from emofuse.turns.speaker_names import (
    Prefixes,
    holds_sounds,
    name_by_prefixes,
    speaker_of_tier,
    without_prefixes,
)
from emofuse.types import Turn


@pytest.mark.parametrize(
    ("line", "speaker", "words"),
    [
        ("[SPEAKER_00]: Hello.", "SPEAKER_00", "Hello."),
        ("[SPEAKER_00] Hello.", "SPEAKER_00", "Hello."),
        ("(Speaker 2): Hello.", "Speaker 2", "Hello."),
        ("Speaker A: Hello.", "Speaker A", "Hello."),
        (">> ANNA: Hello.", "ANNA", "Hello."),
        ("DR. WU: Hello.", "DR. WU", "Hello."),
        ("SPEAKER_01", "SPEAKER_01", ""),
        ("A SPEAKER_01", "SPEAKER_01", ""),
        ("[music] Hello.", None, "[music] Hello."),
        ("Listen: nothing.", None, "Listen: nothing."),
        ("I: he said", None, "I: he said"),
        ("It is 10:30 now", None, "It is 10:30 now"),
        ("https://x.org", None, "https://x.org"),
        ("and he said: no", None, "and he said: no"),
    ],
)
def test_a_prefix_is_told_from_words(line: str, speaker: str | None, words: str) -> None:
    name, rest = Prefixes.of([line, "Other words."]).split(line)
    assert (name, rest.strip()) == (speaker, words)


def test_names_in_ordinary_letters_are_taken_where_most_lines_have_one() -> None:
    lines = ["Anna: Hello.", "Zoë Wu: Well: no.", "And so on."]
    assert [Prefixes.of(lines).split(line)[0] for line in lines] == ["Anna", "Zoë Wu", None]
    assert without_prefixes("\n".join(lines)) == "Hello. Well: no. And so on."
    assert without_prefixes("Listen: nothing.\nNot a word.\nNo.") == "Listen: nothing. Not a word. No."


def test_a_turn_that_has_a_speaker_keeps_its_words() -> None:
    turns = [Turn(0, 1, "a", "ANNA: x", "gold"), Turn(1, 2, None, "ANNA: x", "gold"), Turn(2, 3)]
    assert name_by_prefixes(turns) == [turns[0], Turn(1, 2, "ANNA", "x", "gold"), turns[2]]


def test_long_texts_take_no_long_time() -> None:
    began = time.perf_counter()
    for line in ("A" * 200_000, "[" * 200_000, "A: " * 100_000, " " * 200_000, ">>" * 100_000):
        Prefixes.of([line]).split(line)
    assert time.perf_counter() - began < 2.0


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
