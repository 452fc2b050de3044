"""Text from speech recognition, for utterances and turns that have none."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from emofuse.data.asr_engines import Engine
from emofuse.data.transcription import knows_language
from emofuse.errors import EmofuseError, ModalityError, failure_of
from emofuse.inference.ready import Refused
from emofuse.inference.utterance_stream import LongRecordings, Pair, TooLong
from emofuse.sound.clips import SAMPLE_RATE, Clip, read_clip
from emofuse.types import Turn, Utterance

T = TypeVar("T", Utterance, Turn)

logger = logging.getLogger(__name__)


def with_recognized_text(
    utterances: Iterable[Utterance], engine: Engine, language: str | None, rate: int, long: LongRecordings
) -> Iterator[Pair]:
    """Yield utterances, those without text with the recognised one, and their clips as far as they were read.

    Where the model takes sound, recordings that are too long, that are no speech or that cannot be read are left
    as they are: predicting them cuts them into segments, or reports the reason. Where it takes text only, nothing
    else reads the recording, and what becomes of it is yielded in place of the clip.

    Args:
        utterances: any number of them.
        engine: the speech recogniser.
        language: of utterances that do not name theirs; None lets the engine detect it.
        rate: of the clips that the model takes; 0 where it takes text only.
        long: which recordings are too long, and which are no speech.
    """
    for utterance in utterances:
        if utterance.audio is None or has_text(utterance):
            yield utterance, None
            continue
        sound = _sound_of(utterance, utterance.audio, long, read_again=rate > 0)
        if not isinstance(sound, Clip):
            yield utterance, None if rate else sound
            continue
        spoken = recognized(utterance, sound, engine, language)
        if rate or has_text(spoken):
            yield spoken, sound if rate in (0, SAMPLE_RATE) else None
        else:
            reason = f"{utterance.id}: {engine.name} recognised no words in it, and the model takes text only"
            yield utterance, Refused(utterance, ModalityError(reason))


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


def _sound_of(
    utterance: Utterance, path: Path, long: LongRecordings, read_again: bool
) -> Clip | Refused | TooLong | None:
    """Read a clip to recognise; else return why there is none, or None for a failure that comes again later."""
    try:
        too_long = long.too_long(utterance)
        if too_long is not None:
            return too_long
        clip = read_clip(path, utterance.start, utterance.end, SAMPLE_RATE, strict=long.strict)
        return long.without_speech(utterance, clip) or clip
    except Exception as error:  # the border of an input: whatever it is, the others go on
        return None if read_again else Refused(utterance, failure_of(str(path), error))
