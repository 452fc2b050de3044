"""From a recording to its timeline: segments, their answers, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emofuse.errors import ModalityError, RecipeError
from emofuse.inference.predictor import Predictor
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.inference.timeline.smoothing import against_baseline, smoothed
from emofuse.inference.timeline.turn_finding import listen
from emofuse.inference.timeline.turn_predictions import answers
from emofuse.types import ExcludedSpan, Segment, Timeline, Turn

__all__ = ["TimelineOptions", "compose", "compose_channels", "refuse_wordless"]


def compose(predictor: Predictor, path: Path, options: TimelineOptions | None = None) -> Timeline:
    """Say of a whole recording what is to be heard when.

    The sound is gone through twice, in blocks: once to find where somebody speaks, once to analyse that. Memory
    does not grow with the recording's length, but for the answers themselves.

    Args:
        predictor: the model.
        path: of the recording.
        options: what is chosen; None takes the defaults.

    Raises:
        AudioError: the recording cannot be read.
        CorpusError: given turns do not fit the recording.
        ModalityError: the model needs words, and there are none.
        MissingExtraError: the detector needs what is not installed.
    """
    options = options or TimelineOptions()
    heard = listen(path, options)
    refuse_wordless(predictor, path, heard.turns, options)
    segments: list[Segment] = []
    passed = list(heard.passed)
    for answer in answers(predictor, path, heard.turns, options):
        if isinstance(answer.said, ExcludedSpan):
            passed.append(answer.said)
        else:
            segments.append(Segment.of(answer.turn, answer.said))
    timeline = Timeline(
        id=path.stem if options.name is None else f"{path.stem}-{options.name}",
        audio=str(path),
        seconds=heard.seconds,
        labels=predictor.labels,
        segments=tuple(segments),
        excluded=tuple(sorted(passed, key=lambda one: (one.start, one.end))),
        channel=options.name,
        segmentation=heard.segmentation,
        model=predictor.name,
        model_scope=predictor.scope,
        notes=_notes(predictor, segments, options),
    )
    if options.baseline:
        timeline = against_baseline(timeline)
    return smoothed(timeline, options.smoothing)


def compose_channels(
    predictor: Predictor, path: Path, channels: Mapping[str, int], options: TimelineOptions | None = None
) -> tuple[Timeline, ...]:
    """Say of each of some channels of a call what is to be heard when, in a timeline of its own.

    Args:
        predictor: the model.
        path: of the recording.
        channels: name -> number, from 0.
        options: of all of them; given turns are no channel's, and are refused.

    Raises:
        RecipeError: turns are given.
        AudioError: the recording cannot be read, or has no such channel.
    """
    options = options or TimelineOptions()
    if options.turns is not None:
        raise RecipeError("turns and channels are two ways to say who speaks when; give one of them")
    return tuple(
        compose(predictor, path, replace(options, channel=number, name=name, call=options.call or channels))
        for name, number in channels.items()
    )


def refuse_wordless(predictor: Predictor, path: Path, turns: Sequence[Turn], options: TimelineOptions) -> None:
    """Refuse turns without words for a model that cannot do without.

    Raises:
        ModalityError: the model takes words, was not trained to do without, and none are given or recognised.
    """
    modalities = predictor.runtime.traits.modalities
    worded = options.engine is not None or any(turn.text for turn in turns)
    if worded or not turns or "text" not in modalities:
        return
    if "audio" not in modalities:
        raise ModalityError(f"{path}: the model only reads; give words with times, or an engine (--asr)")
    if predictor.needs_all:
        raise ModalityError(
            f"{path}: has no words with times, and the model was not trained to do without; give an engine "
            "(--asr) or words with times (--transcripts), or allow it with --allow-missing (allow_missing=True)"
        )


def _notes(predictor: Predictor, segments: Sequence[Segment], options: TimelineOptions) -> tuple[str, ...]:
    """Return what a reader must know, one sentence each."""
    notes = []
    if isinstance(options.words, str) and len(segments) > 1:
        notes.append("the words that were given have no times, so that they were left aside")
    if not segments:
        notes.append("no speech was found")
    elif "text" in predictor.runtime.traits.modalities:
        deaf = sum("text" not in segment.modalities for segment in segments)
        if deaf == len(segments):
            notes.append("there were no words: the answers are from sound alone")
        elif deaf:
            notes.append(f"{deaf} of {len(segments)} segments have no words: their answers are from sound alone")
    if options.engine is not None:
        notes.append(f"words were recognised by {options.engine.name}, and may be wrong")
    return tuple(notes)
