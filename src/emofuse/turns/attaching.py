"""Put speakers and words from other files into turns, by their times."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from emofuse.errors import CorpusError
from emofuse.turns.language_codes import WITHOUT_SPACES
from emofuse.types import Turn
from emofuse.types.arrays import Float64Array, IntArray

logger = logging.getLogger(__name__)

GOLD = "gold"
# A shorter piece of a turn goes to the speaker before it.
SHORTEST_PIECE_SECONDS = 0.2
# Turns that overlap are all cut by one turn of a speaker. In no conversation do so many.
MOST_PIECES_OF_A_SPEAKER = 8
NOBODY = -1


def attach_speakers(turns: Sequence[Turn], speakers: Sequence[Turn], split: bool = False) -> list[Turn]:
    """Give each turn the speaker with the largest share of it; a turn without one keeps its own speaker.

    Args:
        turns: the turns that get speakers.
        speakers: turns with speakers.
        split: cut a turn where the speaker changes, unless it has words, since words have no times.

    Raises:
        CorpusError: the turns overlap so much that cutting them gives more
            than `MOST_PIECES_OF_A_SPEAKER` for each turn of a speaker.
    """
    ordered, named, reached = sorted(turns, key=_order), list[Turn](), False
    spans = _Spans(sorted((turn for turn in speakers if turn.speaker is not None), key=_order))
    changes = _Changes.of(speakers, spans) if split else None
    for turn in ordered:
        for piece in changes.pieces(turn) if changes is not None and turn.text is None else (turn,):
            speaker = spans.main_speaker(piece)
            reached = reached or speaker is not None
            named.append(replace(piece, speaker=speaker or turn.speaker))
        if len(named) > len(ordered) + MOST_PIECES_OF_A_SPEAKER * len(speakers):
            raise CorpusError(
                f"the {len(ordered)} turns overlap each other so much that cutting them where the speaker changes "
                f"gives more than {len(named)} pieces; is it the file of turns?"
            )
    if ordered and speakers and not reached:
        logger.warning(
            "none of the %d segments got a speaker: they lie between %.1f and %.1f s, the turns of the speakers "
            "between %.1f and %.1f s; is it the file of another recording?",
            len(ordered),
            ordered[0].start,
            max(turn.end for turn in ordered),
            min(turn.start for turn in speakers),
            max(turn.end for turn in speakers),
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
    spans, outside = _Spans(ordered), 0
    for word in sorted(words, key=_order):
        number = spans.best(word)
        if number is None:
            outside += 1
        else:
            words_of[number].append(word)
    if outside:
        logger.warning("%d of %d words or sentences lie in no turn and are left out", outside, len(words))
    return [_worded(turn, words_of[number]) if number in words_of else turn for number, turn in enumerate(ordered)]


def _order(turn: Turn) -> tuple[float, float]:
    return turn.start, turn.end


class _Spans:
    """Turns in order of their start, as arrays: those that overlap with another turn are found without a loop."""

    def __init__(self, ordered: Sequence[Turn]) -> None:
        self._starts = np.array([turn.start for turn in ordered])
        self._ends = np.array([turn.end for turn in ordered])
        # When each turn ends, or one before it, whichever is later.
        self._reached = np.maximum.accumulate(self._ends)
        self._names = list(dict.fromkeys(turn.speaker for turn in ordered))
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._speakers = np.array([self._numbers[turn.speaker] for turn in ordered], dtype=np.intp)

    def best(self, word: Turn) -> int | None:
        """Return the number of the turn that words fit best: by their speaker, then by their overlap."""
        near = self._near(word)
        seconds = self._overlaps(word, near)
        if not len(seconds) or seconds.max() <= 0:
            return None
        if word.speaker in self._numbers and word.speaker is not None:
            own = np.where(self._speakers[near] == self._numbers[word.speaker], seconds, 0.0)
            seconds = own if own.max() > 0 else seconds
        return int(near.start + seconds.argmax())

    def main_speaker(self, turn: Turn) -> str | None:
        """Return the speaker with the largest share of a turn; the first one of equals."""
        near = self._near(turn)
        seconds, speakers = np.maximum(self._overlaps(turn, near), 0.0), self._speakers[near]
        if not len(seconds) or seconds.max() <= 0:
            return None
        shares = np.bincount(speakers, seconds)
        most = (shares == shares.max())[speakers] & (seconds > 0)
        return self._names[int(speakers[most.argmax()])]

    def speaker_between(self, start: float, end: float) -> int:
        """Return the number of the main speaker where nobody begins or ends; `NOBODY` without one."""
        first = int(np.searchsorted(self._reached, start, "right"))
        last = int(np.searchsorted(self._starts, start, "right"))
        speakers = self._speakers[first:last][self._ends[first:last] >= end]
        if not len(speakers):
            return NOBODY
        counts = np.bincount(speakers)
        return int(speakers[(counts == counts.max())[speakers].argmax()])

    def _near(self, turn: Turn) -> slice:
        """Return the numbers of the turns that may overlap with a turn."""
        first = int(np.searchsorted(self._reached, turn.start, "right"))
        return slice(first, max(first, int(np.searchsorted(self._starts, turn.end, "left"))))

    def _overlaps(self, turn: Turn, near: slice) -> Float64Array:
        """Return by how many seconds each of them overlaps: (turns,); not above 0 where it does not."""
        overlaps: Float64Array = np.minimum(self._ends[near], turn.end) - np.maximum(
            self._starts[near], turn.start
        )
        return overlaps


@dataclass(frozen=True)
class _Changes:
    """Where the main speaker changes in a recording.

    Attributes:
        edges: where turns of speakers begin or end, in order, and infinity on both sides: (edges,).
        speakers: the number of the main speaker from each edge to the next: (edges - 1,).
        named: the number of the stretch with a speaker that is next, itself included: (edges - 1,).
        long: the stretches that have a speaker and are long enough for a piece.
        changes: those among them whose speaker is another than that of the one before.
    """

    edges: Float64Array
    speakers: IntArray
    named: IntArray
    long: IntArray
    changes: IntArray

    @classmethod
    def of(cls, turns: Sequence[Turn], spans: _Spans) -> _Changes:
        """Find the main speaker of each stretch in which no turn begins or ends."""
        times = np.unique([time for turn in turns for time in (turn.start, turn.end)])
        edges = np.concatenate([[-np.inf], times, [np.inf]])
        main = [spans.speaker_between(start, end) for start, end in pairwise(times)]
        speakers = np.array([NOBODY, *main, NOBODY], dtype=np.int64)[: len(edges) - 1]
        count = len(speakers)
        next_named = np.where(speakers != NOBODY, np.arange(count), count)
        named = np.minimum.accumulate(next_named[::-1])[::-1]
        long = np.flatnonzero((np.diff(edges) >= SHORTEST_PIECE_SECONDS) & (speakers != NOBODY))
        changes = long[1:][np.diff(speakers[long]) != 0]
        return cls(edges, speakers, named, long, changes)

    def pieces(self, turn: Turn) -> list[Turn]:
        """Cut a turn where its speaker changes; gaps and very short pieces go to the speaker before."""
        first = self.named[int(np.searchsorted(self.edges, turn.start, "right")) - 1]
        last = int(np.searchsorted(self.edges, turn.end, "left")) - 1
        if first > last:
            return [turn]
        speaker, cuts = self.speakers[first], list[float]()
        begun = self.long[np.searchsorted(self.long, first, "right") :][:1]
        behind = np.searchsorted(self.changes, begun[0] if len(begun) else first, "right")
        changes = self.changes[behind : np.searchsorted(self.changes, last, "right")]
        for stretch in (*begun, *changes):
            start, end = self.edges[stretch], min(self.edges[stretch + 1], turn.end)
            if self.speakers[stretch] != speaker and end - start >= SHORTEST_PIECE_SECONDS:
                speaker = self.speakers[stretch]
                cuts.append(float(start))
        return [replace(turn, start=start, end=end) for start, end in pairwise((turn.start, *cuts, turn.end))]


def _worded(turn: Turn, words: Sequence[Turn]) -> Turn:
    language = turn.language or next((word.language for word in words if word.language), None)
    between = "" if language in WITHOUT_SPACES else " "
    speakers = {word.speaker for word in words}
    only = next(iter(speakers)) if len(speakers) == 1 else None
    text = between.join(word.text for word in words if word.text)
    return replace(turn, text=text, text_source=GOLD, language=language, speaker=turn.speaker or only)
