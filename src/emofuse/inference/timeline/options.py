"""What may be chosen when a timeline is made of a recording."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from emofuse.data.asr_engines import Engine
from emofuse.errors import RecipeError
from emofuse.sound.channels import Call
from emofuse.types import Turn

SegmentationName = Literal["auto", "silero", "energy", "windows"]
WithinRecording = Literal["recording", "speaker"]
# A segment of more seconds is cut, at a pause where there is one.
LONGEST_SEGMENT = 15.0
# Windows are so long, and follow one another without overlap.
WINDOW_SECONDS = 4.0


@dataclass(frozen=True)
class TimelineOptions:
    """How a recording is cut into segments, and how their predictions are processed.

    Attributes:
        segmentation: a detector of speech, `auto` for the better one that is installed, or `windows` over it.
        turns: given segments; then none are detected.
        speakers: who speaks when; a segment gets the one who speaks most of it.
        words: words with times, or a text without times; None without a transcript.
        engine: what recognises the words of segments that have none; None leaves them without.
        language: ISO 639-1 code of what is spoken; None lets the engine listen for it.
        channel: the number of the channel, from 0; None for the mean of all.
        name: of that channel; it is the speaker of its turns.
        call: the recording with all its channels, for what bleeds from one into another; None for no call.
        smoothing: seconds over which probabilities are smoothed; 0 for none.
        baseline: tell change against each speaker's own mean.
        longest: a segment of more seconds is cut.
        strict: refuse a damaged recording; else it is used as far as it decodes, and the result says so.
        relative_to: predict each turn relative to all turns of the recording, or to those of its speaker; None for
            plain predictions.

    Raises:
        RecipeError: a value cannot be.
    """

    segmentation: SegmentationName = "auto"
    turns: tuple[Turn, ...] | None = None
    speakers: tuple[Turn, ...] = ()
    words: tuple[Turn, ...] | str | None = None
    engine: Engine | None = None
    language: str | None = None
    channel: int | None = None
    name: str | None = None
    call: Call | None = None
    smoothing: float = 0.0
    baseline: bool = False
    longest: float = LONGEST_SEGMENT
    strict: bool = False
    relative_to: WithinRecording | None = None

    def __post_init__(self) -> None:
        if self.segmentation not in get_args(SegmentationName):
            choices = ", ".join(get_args(SegmentationName))
            raise RecipeError(f"segmentation {self.segmentation}: choose one of {choices}")
        if self.relative_to is not None and self.relative_to not in get_args(WithinRecording):
            choices = " or ".join(get_args(WithinRecording))
            raise RecipeError(f"relative_to {self.relative_to}: a timeline by itself is relative to its {choices}")
        if not (math.isfinite(self.smoothing) and self.smoothing >= 0):
            raise RecipeError(f"smoothing {self.smoothing}: give seconds, 0 or more")
        if not (math.isfinite(self.longest) and self.longest > 0):
            raise RecipeError(f"longest {self.longest}: give seconds, more than 0")
        known = self.engine.languages if self.engine else None
        if self.engine and self.language and known is not None and self.language not in known:
            raise RecipeError(
                f"language {self.language}: {self.engine.name} does not know it; choose another engine (--asr)"
            )
