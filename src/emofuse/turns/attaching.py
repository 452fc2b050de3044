"""Put speakers and words from other files into turns, by their times."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from emofuse.errors import CorpusError
from emofuse.types import Turn

logger = logging.getLogger(__name__)

GOLD = "gold"
# Languages whose words are written without spaces between them.
WITHOUT_SPACES = ("zh", "yue", "ja", "th", "lo", "km", "my")
# A shorter piece of a turn goes to the speaker before it.
SHORTEST_PIECE_SECONDS = 0.2


def attach_speakers(turns: Sequence[Turn], speakers: Sequence[Turn], split: bool = False) -> list[Turn]:
    """Give each turn the speaker with the largest share of it; a turn without one keeps its own speaker.

    Args:
        turns: the turns that get speakers.
        speakers: turns with speakers.
        split: cut a turn where the speaker changes, unless it has words, since words have no times.
    """
    named: list[Turn] = []
    reached = 0
    ordered, speaking = sorted(turns, key=_order), sorted(speakers, key=_order)
    for turn, numbers in zip(ordered, _overlapping(ordered, speaking), strict=True):
        others = [speaking[number] for number in numbers]
        reached += any(other.speaker is not None for other in others)
        pieces = _pieces(turn, others) if split and turn.text is None else [turn]
        named += [replace(piece, speaker=_main_speaker(piece, others) or turn.speaker) for piece in pieces]
    if ordered and speaking and not reached:
        logger.warning(
            "none of the %d segments got a speaker: they lie between %.1f and %.1f s, the turns of the speakers "
            "between %.1f and %.1f s; is it the file of another recording?",
            len(ordered),
            ordered[0].start,
            max(turn.end for turn in ordered),
            speaking[0].start,
            max(turn.end for turn in speaking),
        )
    return named


def attach_words(turns: Sequence[Turn], words: Sequence[Turn] | str) -> list[Turn]:
    """Give each turn its words: a word or sentence goes to the turn that it overlaps most.

    Where turns overlap, a turn of the speaker of the words comes first. Words outside of all turns are left out,
    and a warning counts them. A turn without words keeps its text.

    Raises:
        CorpusError: the words have no times, and there is not exactly one turn.
    """
    ordered = sorted(turns, key=_order)
    if isinstance(words, str):
        if len(ordered) != 1:
            raise CorpusError(
                f"the words have no times, and the recording has {len(ordered)} turns; give words with times "
                "(SRT, VTT, TextGrid, JSON), or take the recording as one turn"
            )
        return [replace(ordered[0], text=words, text_source=GOLD)]
    words_of: dict[int, list[Turn]] = defaultdict(list)
    outside, in_order = 0, sorted(words, key=_order)
    for word, numbers in zip(in_order, _overlapping(in_order, ordered), strict=True):
        if numbers:
            fits = {number: _fit(word, ordered[number]) for number in numbers}
            words_of[max(numbers, key=fits.__getitem__)].append(word)
        outside += not numbers
    if outside:
        logger.warning("%d of %d words or sentences lie in no turn and are left out", outside, len(words))
    return [_worded(turn, words_of[number]) if number in words_of else turn for number, turn in enumerate(ordered)]


def _order(turn: Turn) -> tuple[float, float]:
    return turn.start, turn.end


def _overlap(one: Turn, other: Turn) -> float:
    return min(one.end, other.end) - max(one.start, other.start)


def _fit(word: Turn, turn: Turn) -> tuple[bool, float]:
    """Return how well words fit a turn: by their speaker, then by their overlap."""
    return word.speaker is not None and word.speaker == turn.speaker, _overlap(word, turn)


def _overlapping(ordered: Sequence[Turn], others: Sequence[Turn]) -> Iterator[list[int]]:
    """Yield the indices of the others that overlap with each turn; both are in order of their start."""
    first = 0
    for turn in ordered:
        while first < len(others) and others[first].end <= turn.start:
            first += 1
        indices = []
        for number in range(first, len(others)):
            if others[number].start >= turn.end:
                break
            if others[number].end > turn.start:
                indices.append(number)
        yield indices


def _main_speaker(turn: Turn, others: Sequence[Turn]) -> str | None:
    """Return the speaker with the largest share of a turn; the first one of equals."""
    seconds: dict[str, float] = defaultdict(float)
    for other in others:
        if other.speaker is not None and _overlap(turn, other) > 0:
            seconds[other.speaker] += _overlap(turn, other)
    return max(seconds, key=lambda name: seconds[name]) if seconds else None


def _pieces(turn: Turn, others: Sequence[Turn]) -> list[Turn]:
    """Cut a turn where its speaker changes; gaps and very short pieces go to the speaker before."""
    edges = sorted(
        {turn.start, turn.end} | {t for o in others for t in (o.start, o.end) if turn.start < t < turn.end}
    )
    pieces: list[Turn] = []
    for start, end in pairwise(edges):
        piece = replace(turn, start=start, end=end)
        piece = replace(piece, speaker=_main_speaker(piece, others))
        short = piece.seconds < SHORTEST_PIECE_SECONDS or piece.speaker is None
        if pieces and (short or pieces[-1].speaker in (piece.speaker, None)):
            kept = pieces[-1].speaker or piece.speaker
            pieces[-1] = replace(pieces[-1], end=end, speaker=kept)
        else:
            pieces.append(piece)
    return pieces


def _worded(turn: Turn, words: Sequence[Turn]) -> Turn:
    language = turn.language or next((word.language for word in words if word.language), None)
    between = "" if language in WITHOUT_SPACES else " "
    speakers = {word.speaker for word in words}
    only = next(iter(speakers)) if len(speakers) == 1 else None
    text = between.join(word.text for word in words if word.text)
    return replace(turn, text=text, text_source=GOLD, language=language, speaker=turn.speaker or only)
