"""From a recording to its timeline: segments, their predictions, and notes for the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emofuse.data.speaker_statistics import FEWEST
from emofuse.data.transcription import only_language
from emofuse.errors import RecipeError
from emofuse.inference.predictor import Predictor
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.inference.timeline.smoothing import against_baseline, smoothed
from emofuse.inference.timeline.turn_finding import find_turns
from emofuse.inference.timeline.turn_predictions import has_unknown_text, notes_of_texts, predict_turns
from emofuse.types import ExcludedSpan, Prediction, Segment, Timeline


def compose(predictor: Predictor, path: Path, options: TimelineOptions | None = None) -> Timeline:
    """Return the timeline of a whole recording, or of one channel of it.

    The sound is streamed twice: once to find the turns, once to predict them. Memory grows with the number of
    segments, not with the length of the recording.

    Args:
        predictor: the model.
        path: of the recording.
        options: how it is made; None takes the defaults.

    Raises:
        AudioError: the recording cannot be read.
        CorpusError: given turns do not fit the recording.
        ModalityError: the model needs text, and there is none.
        RecipeError: the model predicts dimensions only.
        MissingExtraError: the detector of speech needs a package that is not installed.
    """
    if not predictor.labels:
        scales = " and ".join(predictor.runtime.traits.task.dimensions)
        raise RecipeError(
            f"{predictor.name}: predicts {scales} without a label, and a timeline is of labels; predict without "
            "--timeline, or take a classifier"
        )
    options = options or TimelineOptions()
    options = replace(options, strict=options.strict or predictor.strict)
    found = find_turns(path, options)
    segments: list[Segment] = []
    predictions: list[Prediction] = []
    excluded = list(found.excluded)
    for one in predict_turns(predictor, path, found.turns, options):
        if isinstance(one.result, ExcludedSpan):
            excluded.append(one.result)
        else:
            segments.append(Segment.of(one.turn, one.result))
            predictions.append(one.result)
    timeline = Timeline(
        id=path.stem if options.name is None else f"{path.stem}-{options.name}",
        audio=str(path),
        seconds=found.seconds,
        labels=predictor.labels,
        segments=tuple(segments),
        excluded=tuple(sorted(excluded, key=lambda one: (one.start, one.end))),
        channel=options.name,
        segmentation=found.segmentation,
        model=predictor.name,
        model_scope=predictor.scope,
        notes=(*found.all_notes, *_notes(predictor, predictions, options)),
        damaged=found.damaged,
        relative_to=next((one.relative_to for one in segments if one.relative_to is not None), None),
    )
    if options.baseline:
        timeline = against_baseline(timeline)
    return smoothed(timeline, options.smoothing)


def _notes(predictor: Predictor, segments: Sequence[Prediction], options: TimelineOptions) -> tuple[str, ...]:
    """Return what a reader must know, one sentence each."""
    notes = []
    if isinstance(options.words, str) and len(segments) > 1:
        notes.append("the given text has no times, so it was not used")
    if not segments:
        notes.append("no speech was found")
    elif "text" in predictor.runtime.traits.modalities:
        without = sum("text" not in one.modalities and not has_unknown_text(one) for one in segments)
        if without == len(segments):
            notes.append("there was no text: the predictions are from sound alone")
        elif without:
            notes.append(
                f"{without} of {len(segments)} segments have no text: their predictions are from sound alone"
            )
    notes += [*_notes_of_groups(predictor, segments, options), *notes_of_texts(segments)]
    if options.engine is not None:
        notes.append(f"words were recognised by {options.engine.name}, and may be wrong")
        if options.language is None and (only := only_language(options.engine)):
            notes.append(f"{options.engine.name} takes all speech for the language {only!r}")
    return tuple(notes)


def _notes_of_groups(
    predictor: Predictor, segments: Sequence[Prediction], options: TimelineOptions
) -> tuple[str, ...]:
    """Return what predictions are relative to, and how many are not."""
    to = options.relative_to or (predictor.relative.to if predictor.relative is not None else None)
    plain = sum(one.relative_to is None for one in segments)
    if to is None or not segments:
        return ()
    if plain == len(segments):
        return (f"no prediction is relative to the {to}: {FEWEST} segments are needed, of known speakers",)
    notes = (f"predictions are relative to the {to}: an emotion that lasts throughout is lost",)
    if not plain:
        return notes
    return (*notes, f"{plain} of {len(segments)} predictions are not: {FEWEST} segments are needed")
