"""The first pass of a run whose predictions are relative to what all of its inputs have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from emofuse.cli.output import InputProgress, console, progress_bar
from emofuse.cli.predict.inputs import without_failures
from emofuse.cli.predict.run_record import refuse_unfinished
from emofuse.cli.predict.timeline_jobs import TimelineSettings, make_timelines, timeline_jobs
from emofuse.errors import RecipeError
from emofuse.types import Prediction, Skip, Utterance

if TYPE_CHECKING:
    from emofuse.inference.predictor import Progress
    from emofuse.inference.recognizer import EmotionRecognizer

# Predicts utterances with a recogniser, as the options want it.
Predict = Callable[
    ["EmotionRecognizer", TimelineSettings, Iterator[Utterance], "Progress"], Iterator[Prediction | Skip]
]


def relative_recognizer(
    recognizer: EmotionRecognizer, settings: TimelineSettings, predict: Predict
) -> EmotionRecognizer:
    """Return the recogniser for relative predictions, after a first pass over all inputs where there must be one.

    Timelines that are relative to their recording or to its speakers need none: each makes its own. What fails in
    the first pass fails in the second one too, which reports it.

    Raises:
        RecipeError, CheckpointError: the model cannot give relative predictions.
        RunError: the output folder has an interrupted run, and it is not continued.
    """
    from emofuse.inference.relative import RelativeDecision, relative_parts

    to, output = settings.options.model.relative_to, settings.options.output
    if to is None:
        raise RecipeError("--relative-to: say what predictions are relative to")
    relative_parts(recognizer.predictor.folder, recognizer.predictor.runtime.traits)  # refuses it at once
    if output.folder is not None:
        refuse_unfinished(output.folder, output.resume)
    if settings.options.timeline and to != "collection":
        return recognizer

    with progress_bar() as bar:
        progress = InputProgress(bar, len(settings.inputs))
        relative = recognizer.relative(to, lambda first: _first_pass(first, settings, predict, progress))
    if isinstance(decision := relative.predictor.relative, RelativeDecision):
        console().print(decision.summary(), markup=False, emoji=False, soft_wrap=True)
    return relative


def _first_pass(
    recognizer: EmotionRecognizer, settings: TimelineSettings, predict: Predict, progress: InputProgress
) -> Iterable[object]:
    """Predict all inputs in the same parts as the second pass, and throw the predictions away."""
    if settings.options.timeline:
        jobs = timeline_jobs(settings.inputs, settings.options.call)
        yield from make_timelines(recognizer, jobs, settings, progress.step)
        return
    for part in settings.inputs.in_parts():
        progress.begin_part()
        utterances = without_failures(part.with_words(), _ignore)
        yield from predict(recognizer, settings, utterances, progress.step)


def _ignore(_: Skip) -> None:
    """Leave a failure to the second pass."""
