"""What is said of the turns of a recording, in order, decoding each stretch of sound once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emofuse.data.speech_recognition import Engine
from emofuse.inference.predictor import Predictor
from emofuse.inference.recognized_words import words_in
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.sound.clips import SAMPLE_RATE, SILENCE, Clip
from emofuse.sound.streams import clips_of
from emofuse.types import ExcludedSpan, Prediction, Skip, Turn, Utterance


@dataclass(frozen=True)
class Answer:
    """A turn with its words, and what is said of it: a prediction, or why there is none."""

    turn: Turn
    said: Prediction | ExcludedSpan


def answers(predictor: Predictor, path: Path, turns: Sequence[Turn], options: TimelineOptions) -> Iterator[Answer]:
    """Yield an answer for each turn, in order; only some turns' sound is held at a time.

    Raises:
        AudioError: the recording breaks off.
    """
    asked: deque[Turn] = deque()
    silent: deque[Answer] = deque()

    def pairs() -> Iterator[tuple[Utterance, Clip]]:
        for number, (turn, clip) in enumerate(_spoken(predictor, path, turns, options), start=1):
            if _is_silent(clip):
                silent.append(Answer(turn, ExcludedSpan(turn.start, turn.end, "it is silent")))
                continue
            asked.append(turn)
            yield _utterance(f"{path.stem}#{number}", path, turn), clip

    for said in predictor.predict_clips(pairs()):
        turn = asked.popleft()
        while silent and silent[0].turn.start <= turn.start:
            yield silent.popleft()
        yield Answer(turn, ExcludedSpan(turn.start, turn.end, said.reason) if isinstance(said, Skip) else said)
    yield from silent


def _spoken(
    predictor: Predictor, path: Path, turns: Sequence[Turn], options: TimelineOptions
) -> Iterator[tuple[Turn, Clip]]:
    """Yield the turns with their sound and, where there is an engine, with their words."""
    spans = [(turn.start, turn.end) for turn in turns]
    settings = predictor.preparation.audio
    rate = settings.rate if settings else SAMPLE_RATE
    clips = clips_of(path, spans, rate, options.channel)
    if options.engine is None:
        yield from zip(turns, clips, strict=True)
        return
    for_words = clips if rate == SAMPLE_RATE else clips_of(path, spans, SAMPLE_RATE, options.channel)
    for turn, clip in zip(turns, clips, strict=True):
        heard = clip if for_words is clips else next(for_words)
        yield _recognised(turn, heard, options.engine, options.language), clip


def _recognised(turn: Turn, clip: Clip, engine: Engine, language: str | None) -> Turn:
    """Return a turn with the words that an engine hears in it; words that it had stay."""
    if (turn.text and turn.text.strip()) or _is_silent(clip):
        return turn
    heard = words_in(clip, engine, turn.language or language)
    if heard is None:
        return turn
    source = f"asr:{engine.name}"
    return replace(turn, text=heard.text, text_source=source, language=turn.language or heard.language)


def _is_silent(clip: Clip) -> bool:
    return float(np.abs(clip.samples).max(initial=0.0)) < SILENCE


def _utterance(identity: str, path: Path, turn: Turn) -> Utterance:
    return Utterance(
        identity,
        audio=path,
        start=turn.start,
        end=turn.end,
        text=turn.text,
        text_source=turn.text_source,
        speaker=turn.speaker,
        language=turn.language,
    )
