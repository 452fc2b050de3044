"""Who speaks when, and what is said, from files that others have made; and both put together with turns."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.annotation_tiers import read_eaf, read_textgrid
from emofuse.turns.text_lines import ARROW, RTTM_TURN, decoded, is_labels, read_cues, read_labels, read_rttm
from emofuse.turns.turn_tables import read_segments, read_table, read_timed_words
from emofuse.types import Turn

logger = logging.getLogger(__name__)

Read = list[Turn] | str
Reader = Callable[[str, Path], Read]

GOLD = "gold"
# Languages whose words are written without blanks between them.
UNPARTED = ("zh", "yue", "ja", "th", "lo", "km", "my")
# A piece of a turn that is shorter than this, in seconds, is left to the speaker before it.
SHORTEST_PIECE = 0.2


def read_turns(path: Path, stem: str | None = None) -> list[Turn]:
    """Read turns in order of their start: RTTM, CSV, TSV, TextGrid, EAF, SRT, VTT, JSON, labels of Audacity.

    Args:
        path: the file; its suffix tells the format, for `.txt` its content.
        stem: the name of the recording without its suffix, for files with turns of several.

    Raises:
        CorpusError: the file cannot be read, is damaged, holds no turn or has no times.
    """
    found = _read(path, stem, READERS)
    if isinstance(found, str):
        raise CorpusError(f"{path}: has words without times, which are no turns; give RTTM, CSV, TextGrid or SRT")
    if not found:
        raise CorpusError(f"{path}: holds no turn; check that it is the right file")
    return sorted(found, key=_order)


def read_words(path: Path, stem: str | None = None) -> list[Turn] | str:
    """Read what is said: words or sentences with their times, in order, or one text without.

    Raises:
        CorpusError: the file cannot be read, is damaged, or holds no word.
    """
    found = _read(path, stem, READERS | {".json": read_timed_words})
    if isinstance(found, str):
        return found
    words = sorted((turn for turn in found if turn.text), key=_order)
    if not words:
        raise CorpusError(f"{path}: holds no words; check that it is the right file")
    return words


def attach_speakers(turns: Sequence[Turn], speakers: Sequence[Turn], split: bool = False) -> list[Turn]:
    """Give each turn the speaker who has most of it; where nobody has any, it keeps its own.

    Args:
        turns: what to name.
        speakers: who speaks when.
        split: cut a turn where the speaker changes, unless it has words: nobody knows which fell where.
    """
    named: list[Turn] = []
    ordered, speaking = sorted(turns, key=_order), sorted(speakers, key=_order)
    for turn, numbers in zip(ordered, _overlapping(ordered, speaking), strict=True):
        found = [speaking[number] for number in numbers]
        pieces = _pieces(turn, found) if split and turn.text is None else [turn]
        named += [replace(piece, speaker=_main_speaker(piece, found) or turn.speaker) for piece in pieces]
    return named


def attach_words(turns: Sequence[Turn], words: Sequence[Turn] | str) -> list[Turn]:
    """Give each turn what is said in it: words or a sentence go to the turn in which most of them lies.

    Where several speakers have turns at once, the one that the words name comes first. Words outside of all
    turns are left out, and a warning counts them. A turn without words keeps its text.

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
    said: dict[int, list[Turn]] = defaultdict(list)
    lost, in_order = 0, sorted(words, key=_order)
    for word, numbers in zip(in_order, _overlapping(in_order, ordered), strict=True):
        if numbers:
            fits = {number: _fit(word, ordered[number]) for number in numbers}
            said[max(numbers, key=fits.__getitem__)].append(word)
        lost += not numbers
    if lost:
        logger.warning("%d of %d stretches of words lie in no turn and are left out", lost, len(words))
    return [_worded(turn, said[number]) if number in said else turn for number, turn in enumerate(ordered)]


def read_text(text: str, path: Path) -> Read:
    """Read a plain text: whole words without times, unless it looks like another format."""
    first = text.lstrip().split("\n", 1)[0]
    if first.startswith("WEBVTT") or re.search(rf"^[\d:.,]+\s*{ARROW}", text, flags=re.MULTILINE):
        return read_cues(text, path)
    if first.startswith("File type") or first.strip('"') == "ooTextFile":
        return read_textgrid(text, path)
    return read_labels(text, path) if is_labels(text) else " ".join(text.split())


READERS: dict[str, Reader] = {
    ".csv": read_table,
    ".tsv": read_table,
    ".textgrid": read_textgrid,
    ".eaf": read_eaf,
    ".srt": read_cues,
    ".vtt": read_cues,
    ".json": read_segments,
    ".txt": read_text,
}


def _read(path: Path, stem: str | None, readers: dict[str, Reader]) -> Read:
    suffix, text = path.suffix.lower(), decoded(path)
    if suffix == ".rttm" or (suffix == ".txt" and text.startswith(f"{RTTM_TURN} ")):
        return read_rttm(text, path, stem)
    if suffix not in readers:
        raise CorpusError(
            f"{path}: turns and words are read from .rttm, {', '.join(sorted(readers))}; convert it to one of them"
        )
    return readers[suffix](text, path)


def _order(turn: Turn) -> tuple[float, float]:
    return turn.start, turn.end


def _overlap(one: Turn, other: Turn) -> float:
    return min(one.end, other.end) - max(one.start, other.start)


def _fit(word: Turn, turn: Turn) -> tuple[bool, float]:
    """Say how well words go with a turn: by their speaker, then by how much of them lies in it."""
    return word.speaker is not None and word.speaker == turn.speaker, _overlap(word, turn)


def _overlapping(ordered: Sequence[Turn], others: Sequence[Turn]) -> Iterator[list[int]]:
    """Yield, for each of the turns, the numbers of the others that overlap with it; both are in order."""
    first = 0
    for turn in ordered:
        while first < len(others) and others[first].end <= turn.start:
            first += 1
        found = []
        for number in range(first, len(others)):
            if others[number].start >= turn.end:
                break
            if others[number].end > turn.start:
                found.append(number)
        yield found


def _main_speaker(turn: Turn, found: Sequence[Turn]) -> str | None:
    """Return who has most of a turn; of equals, who speaks first."""
    seconds: dict[str, float] = defaultdict(float)
    for other in found:
        if other.speaker is not None and _overlap(turn, other) > 0:
            seconds[other.speaker] += _overlap(turn, other)
    return max(seconds, key=lambda name: seconds[name]) if seconds else None


def _pieces(turn: Turn, found: Sequence[Turn]) -> list[Turn]:
    """Cut a turn where its speaker changes; what nobody has, and what is very short, is left to the one before."""
    edges = sorted(
        {turn.start, turn.end} | {t for o in found for t in (o.start, o.end) if turn.start < t < turn.end}
    )
    pieces: list[Turn] = []
    for start, end in pairwise(edges):
        piece = replace(turn, start=start, end=end)
        piece = replace(piece, speaker=_main_speaker(piece, found))
        short = piece.seconds < SHORTEST_PIECE or piece.speaker is None
        if pieces and (short or pieces[-1].speaker in (piece.speaker, None)):
            kept = pieces[-1].speaker or piece.speaker
            pieces[-1] = replace(pieces[-1], end=end, speaker=kept)
        else:
            pieces.append(piece)
    return pieces


def _worded(turn: Turn, words: Sequence[Turn]) -> Turn:
    language = turn.language or next((word.language for word in words if word.language), None)
    between = "" if language in UNPARTED else " "
    speakers = {word.speaker for word in words}
    only = next(iter(speakers)) if len(speakers) == 1 else None
    text = between.join(word.text for word in words if word.text)
    return replace(turn, text=text, text_source=GOLD, language=language, speaker=turn.speaker or only)
