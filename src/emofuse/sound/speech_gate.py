"""Whether a clip holds speech at all: what a timeline would analyse of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from emofuse.sound.activity import Detector, default_detector, find_speech
from emofuse.sound.clips import SAMPLE_RATE, Clip, resampled
from emofuse.sound.speech_turns import to_turns, without_spans
from emofuse.sound.tones import find_tones_and_music


@dataclass(frozen=True)
class SpeechGate:
    """Tells speech from other sound.

    Attributes:
        detector: of voice activity; Silero where it is installed, else by the level.
    """

    detector: Detector = field(default_factory=default_detector)

    def has_speech(self, clip: Clip) -> bool:
        """Return whether a timeline of a clip would have a segment: speech that is no tone and no music.

        Raises:
            AudioError: a sample is not a number.
        """
        blocks = list(resampled([clip.samples], clip.rate, SAMPLE_RATE))
        turns = list(to_turns(find_speech(blocks, self.detector)))
        if not turns:
            return False
        excluded = find_tones_and_music(blocks)
        return any(True for turn in turns for _ in without_spans(turn, excluded))
