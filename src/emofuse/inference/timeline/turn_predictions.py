"""The predictions for the turns of a recording, in order; each stretch of sound is decoded once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emofuse.data.languages import other_language
from emofuse.errors import ModalityError
from emofuse.inference.predictor import Predictor
from emofuse.inference.recognized_text import recognized
from emofuse.inference.relative import Collector, relative_parts
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.sound.clips import SAMPLE_RATE, SILENCE, Clip
from emofuse.sound.recordings import Salvage
from emofuse.sound.streams import clips_of
from emofuse.types import ExcludedSpan, Prediction, Skip, Turn, Utterance


@dataclass(frozen=True)
class TurnResult:
    """A turn with its text, and its prediction or why there is none."""

    turn: Turn
    result: Prediction | ExcludedSpan


def predict_turns(
    predictor: Predictor, path: Path, turns: Sequence[Turn], options: TimelineOptions
) -> Iterator[TurnResult]:
    """Yield a result for each turn, in order; only some turns' sound is held at a time.

    Relative predictions take two passes.

    Raises:
        AudioError: the recording breaks off.
        ModalityError: the model needs text, and the turns have none.
        CheckpointError: the model cannot give relative predictions.
    """
    _refuse_missing_text(predictor, path, turns, options)
    if options.relative_to is not None:
        collector = Collector(options.relative_to, relative_parts(predictor.folder, predictor.runtime.traits))
        first = _predict(replace(predictor, relative=collector), path, turns, options)
        turns = [one.turn for one in first]  # with their recognised words
        predictor, options = replace(predictor, relative=collector.decision()), replace(options, engine=None)
    yield from _predict(predictor, path, turns, options)


def _predict(
    predictor: Predictor, path: Path, turns: Sequence[Turn], options: TimelineOptions
) -> Iterator[TurnResult]:
    """Yield a result for each turn, in order, in one pass."""
    waiting: deque[Turn] = deque()
    silent: deque[Turn] = deque()

    def pairs() -> Iterator[tuple[Utterance, Clip]]:
        language = options.language or _common_language(predictor, turns)
        for number, (turn, clip) in enumerate(_clips(predictor, path, turns, options), start=1):
            if _is_silent(clip):
                silent.append(turn)
                continue
            waiting.append(turn)
            yield _utterance(f"{path.stem}#{number}", path, turn, language), clip

    for result in predictor.predict_clips(pairs()):
        turn = waiting.popleft()
        while silent and silent[0].start <= turn.start:
            yield _excluded(silent.popleft(), "it is silent")
        yield _excluded(turn, result.reason) if isinstance(result, Skip) else TurnResult(turn, result)
    yield from (_excluded(turn, "it is silent") for turn in silent)


def has_unknown_text(prediction: Prediction) -> bool:
    """Return whether a segment's text was left out because the model does not know its language."""
    return prediction.text_unused is not None and bool(prediction.notes)


def notes_of_texts(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    """Return what a reader must know of the texts of segments: which were left out, and why."""
    unused = Counter(one.text_unused for one in predictions if has_unknown_text(one))
    notes = [
        f"the text of {count} of {len(predictions)} segments was not used: {why}" for why, count in unused.items()
    ]
    used = (note for one in predictions if one.text_unused is None for note in one.notes)
    return (*notes, *dict.fromkeys(used))


def _common_language(predictor: Predictor, turns: Sequence[Turn]) -> str | None:
    """Return the language of turns that name none, if together they are in one that the model does not know."""
    text = " ".join(turn.text for turn in turns if turn.text and not turn.language)
    known = predictor.text_languages
    return other_language(text, known) if text and known is not None else None


def _clips(
    predictor: Predictor, path: Path, turns: Sequence[Turn], options: TimelineOptions
) -> Iterator[tuple[Turn, Clip]]:
    """Yield the turns with their clips at the model's rate and, where there is an engine, with their text."""
    spans = [(turn.start, turn.end) for turn in turns]
    settings = predictor.preparation.audio
    rate = settings.rate if settings else SAMPLE_RATE
    salvage = None if options.strict else Salvage()
    clips = clips_of(path, spans, rate, options.channel, salvage)
    if options.engine is None:
        yield from zip(turns, clips, strict=True)
        return
    at_16_khz = clips if rate == SAMPLE_RATE else clips_of(path, spans, SAMPLE_RATE, options.channel, salvage)
    for turn, clip in zip(turns, clips, strict=True):
        sound = clip if at_16_khz is clips else next(at_16_khz)
        yield turn if _is_silent(sound) else recognized(turn, sound, options.engine, options.language), clip


def _refuse_missing_text(
    predictor: Predictor, path: Path, turns: Sequence[Turn], options: TimelineOptions
) -> None:
    """Refuse turns without text for a model that was not trained to do without."""
    modalities = predictor.runtime.traits.modalities
    with_text = options.engine is not None or any(turn.text for turn in turns)
    if with_text or not turns or "text" not in modalities:
        return
    if "audio" not in modalities:
        raise ModalityError(f"{path}: the model takes text only; give words with times, or an engine (--asr)")
    if predictor.needs_all:
        raise ModalityError(
            f"{path}: has no words with times, and the model was not trained to do without; give an engine "
            "(--asr) or words with times (--transcripts), or allow it with --allow-missing (allow_missing=True)"
        )


def _is_silent(clip: Clip) -> bool:
    return float(np.abs(clip.samples).max(initial=0.0)) < SILENCE


def _excluded(turn: Turn, reason: str) -> TurnResult:
    return TurnResult(turn, ExcludedSpan(turn.start, turn.end, reason))


def _utterance(identity: str, path: Path, turn: Turn, language: str | None) -> Utterance:
    return Utterance(
        identity,
        audio=path,
        start=turn.start,
        end=turn.end,
        text=turn.text,
        text_source=turn.text_source,
        speaker=turn.speaker,
        language=turn.language or language,
    )
