"""Recognised texts that are kept, so that no clip is recognised twice."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from emofuse import layout
from emofuse.data.asr_engines import Engine, Transcript
from emofuse.data.cache import file_digest, key_of
from emofuse.errors import AudioError
from emofuse.sound import (
    activity,
    containers,
    float_range,
    media,
    ogg_pages,
    patched_file,
    recordings,
    soundfiles,
    speech_turns,
    tones,
    tracks,
)
from emofuse.sound import clips as audio
from emofuse.sound.speech_turns import SpeechGate
from emofuse.types import Utterance

# The samples of a recording, and whether they are speech, depend on these modules too.
DECODING = (audio, containers, float_range, media, ogg_pages, patched_file, recordings, soundfiles, tracks)
GATE = (activity, speech_turns, tones)
logger = logging.getLogger(__name__)

_TRANSCRIPT = TypeAdapter(Transcript)


def transcript_key(
    utterance: Utterance, path: Path, engine: Engine, language: str | None, gate: SpeechGate | None
) -> str:
    """Return the hash of everything that the text of an utterance depends on.

    Args:
        utterance: with its span.
        path: of its recording, of which the bytes count, and not the place.
        engine: the recogniser.
        language: ISO 639-1 code; None lets the engine detect it.
        gate: what tells speech from other sound; None recognises any sound.

    Raises:
        AudioError: the recording cannot be read.
    """
    try:
        recording = file_digest(path)
    except (OSError, ValueError) as error:
        raise AudioError(f"{path}: cannot be read ({error}); check the path or the corpus root") from error
    modules = DECODING if gate is None else (*DECODING, *GATE)
    return key_of(
        recording=recording,
        span=[utterance.start, utterance.end],
        language=language,
        engine=engine.version,
        gate=gate and gate.detector.name,
        code=[file_digest(Path(module)) for module in (__file__, *(str(one.__file__) for one in modules))],
    )


def cached_transcript(key: str) -> Transcript | None:
    """Return a transcript from the cache; None where it is missing or damaged."""
    try:
        return _TRANSCRIPT.validate_json(_file(key).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        logger.warning("%s is damaged; the utterance is recognised again", _file(key))
        return None


def cache_transcript(key: str, transcript: Transcript) -> None:
    """Keep a transcript.

    Raises:
        RunError: it cannot be written.
    """
    layout.write_json(_file(key), asdict(transcript))


def _file(key: str) -> Path:
    return layout.cache_folder() / "transcripts" / f"{key}.json"
