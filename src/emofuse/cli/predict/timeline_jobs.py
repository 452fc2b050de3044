"""Timelines made one after the other: of each recording, or of each channel of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emofuse.cli.predict.inputs import Inputs, unique_ids
from emofuse.cli.predict.predict_options import CallOptions, PredictOptions
from emofuse.errors import CorpusError, failure_of
from emofuse.types import Skip, Timeline, Utterance

if TYPE_CHECKING:
    from emofuse.data.asr_engines import Engine
    from emofuse.inference.recognizer import EmotionRecognizer
    from emofuse.inference.timeline.options import TimelineOptions
    from emofuse.sound.channels import Call


@dataclass(frozen=True)
class TimelineJob:
    """A recording, or one channel of it.

    Attributes:
        id: of the timeline.
        recording: the recording.
        channel: number of the channel; None for the whole recording.
        name: of the channel.
        call: the recording with all its channels, one object for all jobs of a recording; None for no call.
    """

    id: str
    recording: Utterance
    channel: int | None = None
    name: str | None = None
    call: Call | None = None


@dataclass(frozen=True)
class TimelineSettings:
    """What the options of each recording's timeline are made from.

    Attributes:
        options: of the command, the same for all recordings.
        inputs: the recordings with the files that belong to them.
        engine: the speech recognition engine, if one is used.
    """

    options: PredictOptions
    inputs: Inputs
    engine: Engine | None = None

    def for_recording(self, recording: Utterance) -> TimelineOptions:
        """Return how a long recording is cut into segments for one prediction."""
        return self.for_job(TimelineJob(recording.id, recording))

    def for_job(self, job: TimelineJob) -> TimelineOptions:
        """Return the options of one timeline.

        Raises:
            CorpusError: a file that belongs to the recording cannot be read.
        """
        from emofuse.inference.timeline.options import TimelineOptions

        recording, inputs = job.recording, self.inputs
        text, segments, relative_to = self.options.text, self.options.segments, self.options.model.relative_to
        words = inputs.words(recording) if inputs.words else text.text
        turns = inputs.turns(recording) if inputs.turns else None
        speakers = inputs.speakers(recording) if inputs.speakers else None
        return TimelineOptions(
            # Windows take any sound.
            segmentation="windows" if self.options.model.any_sound else segments.segmentation,  # type: ignore[arg-type]
            turns=None if turns is None else tuple(turns),
            speakers=tuple(speakers or ()),
            words=words if words is None or isinstance(words, str) else tuple(words),
            engine=self.engine,
            language=inputs.language_of(recording) if self.engine is None else recording.language or text.language,
            channel=job.channel,
            name=job.name,
            call=job.call,
            smoothing=segments.smooth,
            baseline=segments.baseline,
            relative_to=None if relative_to == "collection" or not self.options.timeline else relative_to,
        )


def timeline_jobs(inputs: Inputs, options: CallOptions) -> list[TimelineJob]:
    """Return a job for each recording, or for each analysed channel of it."""
    channels, analysed = options.all_channels(), options.analysed_channels()
    if not analysed:
        return [TimelineJob(one.id, one) for one in inputs]
    from emofuse.sound.channels import Call

    jobs = []
    for one in inputs:
        call = None if one.audio is None else Call(one.audio, channels)
        jobs += [TimelineJob(f"{one.id}-{name}", one, number, name, call) for name, number in analysed.items()]
    names = unique_ids([job.id for job in jobs])  # of "a", channel "b-c", and of "a-b", channel "c"
    return [replace(job, id=name) for job, name in zip(jobs, names, strict=True)]


def make_timelines(
    recognizer: EmotionRecognizer,
    jobs: Iterable[TimelineJob],
    settings: TimelineSettings,
    progress: Callable[[int, float], None],
) -> Iterator[Timeline | Skip]:
    """Yield the timeline of each job, or a `Skip` with the reason why there is none.

    Args:
        recognizer: the model.
        jobs: any number of them.
        settings: how timelines are made.
        progress: called after each job with the number of jobs and the seconds of sound so far.
    """
    seconds = 0.0
    for done, job in enumerate(jobs, start=1):
        result: Timeline | Skip
        try:
            result = replace(_timeline(recognizer, job, settings), id=job.id)
            seconds += result.seconds
        except Exception as error:  # the border of a recording: whatever it is, the others go on
            result = Skip(job.id, str(failure_of(str(job.recording.audio or job.id), error)))
        progress(done, seconds)
        yield result


def _timeline(recognizer: EmotionRecognizer, job: TimelineJob, settings: TimelineSettings) -> Timeline:
    recording = job.recording
    if recording.audio is None or recording.start or recording.end is not None:
        raise CorpusError(f"{job.id}: a timeline requires a whole recording, not a text or a span of one")
    return recognizer.timeline(recording.audio, settings.for_job(job))
