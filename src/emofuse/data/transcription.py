"""Recognise the speech of a corpus: each text is saved at once, and earlier texts are kept beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter

from emofuse import layout
from emofuse.data.asr_engines import Engine, Transcript, Word
from emofuse.data.cache import key_of
from emofuse.data.manifest import save_corpus
from emofuse.data.transcript_cache import cache_transcript, cached_transcript, transcript_key
from emofuse.errors import AudioError, RecipeError, RunError
from emofuse.sound.clips import SAMPLE_RATE, read_clip
from emofuse.sound.speech_turns import SpeechGate
from emofuse.types import Corpus, Skip, Utterance
from emofuse.untrusted.json_text import parse_json, to_json

logger = logging.getLogger(__name__)

GOLD = "gold"
# The key of a line's checksum in the words file.
CHECK = "check"


@dataclass(frozen=True)
class Recognition:
    """The recognised text of an utterance: a line of the words file; times count from the utterance's start.

    Attributes:
        id: of the utterance.
        source: "asr:ENGINE".
        key: the hash of everything that the text depends on.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    id: str
    source: str
    key: str
    language: str | None
    text: str
    confidence: float | None
    words: tuple[Word, ...]

    @classmethod
    def of(cls, utterance: Utterance, source: str, key: str, transcript: Transcript) -> Recognition:
        """Make the record of an utterance and its transcript."""
        return cls(
            utterance.id,
            source,
            key,
            transcript.language,
            transcript.text,
            transcript.confidence,
            transcript.words,
        )

    def apply(self, utterance: Utterance) -> Utterance:
        """Give the utterance the recognised text; texts that it had stay in `transcripts`."""
        kept = dict(utterance.transcripts)
        if utterance.text is not None:
            kept[utterance.text_source or GOLD] = utterance.text
        return replace(
            utterance,
            text=self.text,
            text_source=self.source,
            transcripts=kept | {self.source: self.text},
            language=utterance.language or self.language,
        )


_RECOGNITION = TypeAdapter(Recognition)


def words_file(out: Path) -> Path:
    """Return where words, times and confidences go: beside the manifest, N.words.jsonl for N.jsonl."""
    return out.with_name(f"{out.stem}.words.jsonl")


def recognise_corpus(
    corpus: Corpus,
    engine: Engine,
    out: Path,
    language: str | None = None,
    resume: bool = False,
    any_sound: bool = False,
) -> Iterator[Recognition | Skip]:
    """Recognise a corpus, utterance by utterance, and append each to the words file at once.

    Utterances in the words file of an earlier run, or in the cache, are not recognised again. Sound without speech
    has no words: recognisers write some for silence and noise too.

    Args:
        corpus: with recordings; an utterance without one is skipped.
        engine: the recogniser.
        out: the manifest that `save_recognised` will write.
        language: ISO 639-1 code of utterances without one; None lets the engine detect it.
        resume: continue a run that was stopped.
        any_sound: recognise sound without speech too.

    Raises:
        RecipeError: the engine does not know the language.
        RunError: a file exists already and `resume` is False, it belongs to another engine, or it cannot
            be written.
    """
    refuse_unknown_language(engine, language)
    done = _open_words(out, f"asr:{engine.name}", resume)
    gate = None if any_sound else SpeechGate()
    for utterance in corpus:
        try:
            result = _recognise(utterance, engine, language, done, gate)
        except AudioError as error:
            result = Skip(utterance.id, str(error))
        if isinstance(result, Recognition) and result is not done.get(utterance.id):
            _append(words_file(out), result)
        yield result


def save_recognised(corpus: Corpus, recognitions: Mapping[str, Recognition], out: Path) -> Corpus:
    """Write the manifest with the recognised texts, and the words file in its order; return the new corpus.

    Raises:
        RunError: a file cannot be written.
    """
    utterances = tuple(recognitions[u.id].apply(u) if u.id in recognitions else u for u in corpus)
    layout.write_json_lines(words_file(out), [_as_row(recognitions[u.id]) for u in corpus if u.id in recognitions])
    recognised = replace(corpus, utterances=utterances)
    save_corpus(recognised, out)
    return recognised


def _recognise(
    utterance: Utterance,
    engine: Engine,
    language: str | None,
    done: Mapping[str, Recognition],
    gate: SpeechGate | None,
) -> Recognition | Skip:
    """Recognise an utterance, or find it among what is done or cached."""
    if utterance.audio is None:
        return Skip(utterance.id, "it has no recording; its text stays as it is")
    language = utterance.language or language
    if language and not knows_language(engine, language):
        return Skip(utterance.id, f"{engine.name} does not know the language {language!r}; choose another --asr")
    key = transcript_key(utterance, utterance.audio, engine, language, gate)
    if utterance.id in done and done[utterance.id].key == key:
        return done[utterance.id]
    transcript = cached_transcript(key)
    if transcript is None:
        clip = read_clip(utterance.audio, utterance.start, utterance.end, SAMPLE_RATE)
        try:
            spoken = gate is None or gate.has_speech(clip)
            transcript = engine(clip, language) if spoken else Transcript("", language)
        except (RuntimeError, ValueError) as error:
            return Skip(utterance.id, f"{engine.name} fails on it: {' '.join(str(error).split())[:160]}")
        cache_transcript(key, transcript)
    return Recognition.of(utterance, f"asr:{engine.name}", key, transcript)


def refuse_unknown_language(engine: Engine, language: str | None) -> None:
    """Refuse a language that an engine does not know: it would recognise words of another one.

    Raises:
        RecipeError: the engine does not know the language.
    """
    if language and not knows_language(engine, language):
        raise RecipeError(f"--language {language}: {engine.name} does not know it; choose another --asr")


def knows_language(engine: Engine, language: str) -> bool:
    """Tell whether an engine knows a language, as far as it says."""
    return engine.languages is None or language in engine.languages


def only_language(engine: Engine) -> str | None:
    """Return the language that an engine takes all speech for; None where it knows several, or does not say."""
    return next(iter(engine.languages)) if engine.languages is not None and len(engine.languages) == 1 else None


def _open_words(out: Path, source: str, resume: bool) -> dict[str, Recognition]:
    """Return what an earlier run recognised, and leave a words file to which lines can be added."""
    path = words_file(out)
    standing = [place for place in (out, path) if place.exists()]
    if standing and not resume:
        raise RunError(f"{standing[0]}: exists already; add --resume to continue, or choose another --out")
    done = {recognition.id: recognition for recognition in _read_words(path)}
    others = sorted({recognition.source for recognition in done.values()} - {source})
    if others:
        raise RunError(
            f"{path}: was started with {others[0]}, not {source}; use the same engine, or choose another --out"
        )
    layout.write_json_lines(path, [_as_row(recognition) for recognition in done.values()])
    return done


def _read_words(path: Path) -> list[Recognition]:
    """Read a words file.

    Damaged lines are left out, so that their utterances are recognised again. The last line, if it has no end, was
    cut off when a run was killed.
    """
    if not path.exists():
        return []
    *lines, _cut_off = path.read_bytes().split(b"\n")
    whole = [recognition for recognition in map(_of_line, lines) if recognition is not None]
    if lines and not whole and not any(b'"source"' in line for line in lines):
        raise RunError(f"{path}: holds something else than recognised words; choose another --out")
    if len(whole) < len(lines):
        damaged = len(lines) - len(whole)
        logger.warning("%s: %d damaged lines; their utterances are recognised again", path, damaged)
    return whole


def _as_row(recognition: Recognition) -> dict[str, Any]:
    """Return the line of a recognition as JSON holds it, with a checksum."""
    row = asdict(recognition)
    return row | {CHECK: _checksum(row)}


def _of_line(line: bytes) -> Recognition | None:
    """Return the recognition of a line; None where the line is damaged."""
    try:
        row = parse_json(line)
        check = row.pop(CHECK)
        recognition = _RECOGNITION.validate_json(to_json(row))
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    return recognition if check == _checksum(row) else None


def _checksum(row: Mapping[str, Any]) -> str:
    return key_of(**row)[:16]


def _append(path: Path, recognition: Recognition) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(to_json(_as_row(recognition)) + "\n")
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}); make room, and add --resume") from error
