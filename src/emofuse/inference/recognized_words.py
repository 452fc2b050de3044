"""Utterances that get their words from a recogniser of speech, on the way to the network."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from emofuse.data.speech_recognition import Engine, Transcript
from emofuse.errors import AudioError
from emofuse.inference.utterance_stream import LongRecordings
from emofuse.sound.clips import SAMPLE_RATE, Clip, read_clip
from emofuse.types import Utterance

logger = logging.getLogger(__name__)


def with_words(
    utterances: Iterable[Utterance], engine: Engine, language: str | None, rate: int, long: LongRecordings
) -> Iterator[tuple[Utterance, Clip | None]]:
    """Yield utterances with the words that an engine hears in those that have none, and the sound at hand.

    What is too long is left to be cut into segments first; what cannot be read is left to whoever predicts it.

    Args:
        utterances: any number of them.
        engine: the recogniser of speech.
        language: of utterances that do not tell theirs; None lets the engine listen for it.
        rate: of the sound that the model takes.
        long: which recordings are too long.
    """
    for utterance in utterances:
        if utterance.audio is None or (utterance.text and utterance.text.strip()):
            yield utterance, None
            continue
        try:
            if long.seconds_over(utterance) is not None:
                yield utterance, None
                continue
            clip = read_clip(utterance.audio, utterance.start, utterance.end, SAMPLE_RATE)
        except AudioError:  # it is refused, by its reason, when its turn comes
            yield utterance, None
            continue
        heard = words_in(clip, engine, utterance.language or language)
        if heard is not None:
            spoken = utterance.language or heard.language
            source = f"asr:{engine.name}"
            utterance = replace(utterance, text=heard.text, text_source=source, language=spoken)
        yield utterance, clip if rate == SAMPLE_RATE else None


def words_in(clip: Clip, engine: Engine, language: str | None) -> Transcript | None:
    """Return what an engine hears in a clip of 16 kHz; None where it fails on it."""
    try:
        return engine(clip, language)
    except (RuntimeError, ValueError) as error:  # as its interface says of one clip
        logger.warning("%s fails on a clip of %.1f s: %s", engine.name, clip.seconds, error)
        return None
