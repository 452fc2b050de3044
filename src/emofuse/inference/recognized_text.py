"""Text from speech recognition, for utterances and turns that have none."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from emofuse.data.asr_engines import Engine
from emofuse.data.transcription import knows_language
from emofuse.errors import EmofuseError
from emofuse.inference.utterance_stream import LongRecordings
from emofuse.sound.clips import SAMPLE_RATE, Clip, read_clip
from emofuse.types import Turn, Utterance

T = TypeVar("T", Utterance, Turn)

logger = logging.getLogger(__name__)


def with_recognized_text(
    utterances: Iterable[Utterance], engine: Engine, language: str | None, rate: int, long: LongRecordings
) -> Iterator[tuple[Utterance, Clip | None]]:
    """Yield utterances, those without text with the recognised one, and their clips as far as they were read.

    Recordings that are too long are left as they are, because they are cut into segments first; so are recordings
    that cannot be read, because predicting them reports the reason, and those that are no speech.

    Args:
        utterances: any number of them.
        engine: the speech recogniser.
        language: of utterances that do not name theirs; None lets the engine detect it.
        rate: of the clips that the model takes.
        long: which recordings are too long, and which are no speech.
    """
    for utterance in utterances:
        clip = None if utterance.audio is None or has_text(utterance) else _clip_of(utterance, long)
        if clip is None:
            yield utterance, None
        else:
            yield recognized(utterance, clip, engine, language), clip if rate == SAMPLE_RATE else None


def recognized(spoken: T, clip: Clip, engine: Engine, language: str | None) -> T:
    """Return an utterance or a turn with the text that an engine recognises in its clip of 16 kHz.

    It is returned as it is where it has a text, where the engine does not know its language, or fails on the clip.
    """
    if has_text(spoken):
        return spoken
    language = spoken.language or language
    if language and not knows_language(engine, language):
        logger.warning("%s does not know the language %r; choose another engine (--asr)", engine.name, language)
        return spoken
    try:
        transcript = engine(clip, language)
    except EmofuseError:
        raise
    except Exception as error:  # an engine is a program of others
        logger.warning("%s fails on a clip of %.1f s: %s", engine.name, clip.seconds, error)
        return spoken
    return replace(
        spoken,
        text=transcript.text,
        text_source=f"asr:{engine.name}",
        language=spoken.language or transcript.language,
    )


def has_text(spoken: Utterance | Turn) -> bool:
    """Return whether there is a text that is not blank."""
    return bool(spoken.text and spoken.text.strip())


def _clip_of(utterance: Utterance, long: LongRecordings) -> Clip | None:
    """Read a clip to recognise; None where the recording is too long, is no speech, or cannot be read."""
    if utterance.audio is None:
        return None
    try:
        if long.too_long(utterance) is not None:
            return None
        clip = read_clip(utterance.audio, utterance.start, utterance.end, SAMPLE_RATE, strict=long.strict)
        return None if long.is_speechless(clip) else clip
    except Exception:  # whatever it is, it comes again, and is reported, when the recording is predicted
        return None
