"""How each recording's timeline is made, from what was asked and from what lies beside the recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emofuse.cli.predict.inputs import Inputs
from emofuse.cli.predict.predict_options import Asked
from emofuse.cli.predict.timeline_writing import Job
from emofuse.cli.predict.transcript_files import Beside, Said, open_turns
from emofuse.types import Turn, Utterance

if TYPE_CHECKING:
    from emofuse.data.speech_recognition import Engine
    from emofuse.inference.timeline.options import TimelineOptions


@dataclass(frozen=True)
class Choosing:
    """Chooses the options of each recording's timeline.

    Attributes:
        asked: what is the same for all.
        engine: what recognises words.
        words: what is said in recordings.
        speakers: who speaks when in them.
        turns: their segments.
    """

    asked: Asked
    engine: Engine | None = None
    words: Beside[Said] | None = None
    speakers: Beside[Sequence[Turn]] | None = None
    turns: Beside[Sequence[Turn]] | None = None

    def for_long(self, recording: Utterance) -> TimelineOptions:
        """Return how a long recording is cut for one answer."""
        return self.for_job(Job(recording.id, recording))

    def for_job(self, job: Job) -> TimelineOptions:
        """Return the options of one timeline.

        Raises:
            CorpusError: what lies beside the recording cannot be read.
        """
        from emofuse.inference.timeline.options import TimelineOptions

        recording, asked = job.recording, self.asked
        said = self.words(recording) if self.words else asked.text
        words = tuple(said) if said is not None and not isinstance(said, str) else said
        turns = self.turns(recording) if self.turns else None
        return TimelineOptions(
            segmentation=asked.segmentation,  # type: ignore[arg-type]  # it is checked there
            turns=None if turns is None else tuple(turns),
            speakers=tuple((self.speakers(recording) if self.speakers else None) or ()),
            words=words,
            engine=self.engine,
            language=recording.language or asked.language,
            channel=job.channel,
            name=job.name,
            call=asked.call(),
            smoothing=asked.smooth,
            baseline=asked.baseline,
        )


def choosing(asked: Asked, inputs: Inputs) -> Choosing:
    """Open what lies beside recordings, and the engine.

    Raises:
        EmofuseError: something cannot be opened, or does not fit the recordings.
    """
    recordings = list(inputs) if asked.turns or asked.speakers else []
    return Choosing(
        asked,
        engine=_engine(asked.asr),
        words=inputs.words,
        speakers=open_turns(asked.speakers, recordings) if asked.speakers else None,
        turns=open_turns(asked.turns, recordings) if asked.turns else None,
    )


def _engine(spec: str | None) -> Engine | None:
    if spec is None:
        return None
    from emofuse.cli.transcribe_command import open_any_engine

    return open_any_engine(spec)
