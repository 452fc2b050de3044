"""From speech to text for a whole corpus: what is done is kept at once, and old texts stay beside new ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from emofuse import layout
from emofuse.data import audio
from emofuse.data.asr import Engine, Transcript, Word
from emofuse.data.audio import SAMPLE_RATE, read_clip
from emofuse.data.cache import cache_folder, file_digest, key_of
from emofuse.data.manifest import save_corpus
from emofuse.errors import AudioError, RecipeError, RunError
from emofuse.types import Corpus, Skip, Utterance

GOLD = "gold"


@dataclass(frozen=True)
class Recognition:
    """What was heard in an utterance: a line of the words file; its times count from the utterance's start.

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
        """Say in which utterance a transcript was heard."""
        heard = transcript
        return cls(utterance.id, source, key, heard.language, heard.text, heard.confidence, heard.words)

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
_TRANSCRIPT = TypeAdapter(Transcript)


def words_file(out: Path) -> Path:
    """Return where words, times and confidences go: beside the manifest, N.words.jsonl for N.jsonl."""
    return out.with_name(f"{out.stem}.words.jsonl")


def recognise_corpus(
    corpus: Corpus, engine: Engine, out: Path, language: str | None = None, resume: bool = False
) -> Iterator[Recognition | Skip]:
    """Recognise a corpus, utterance by utterance, and keep each in the words file as soon as it is there.

    What the words file of an earlier run holds, or the cache, is not recognised again.

    Args:
        corpus: with recordings; an utterance without one is skipped.
        engine: the recogniser.
        out: the manifest that `save_recognised` will write.
        language: ISO 639-1 code of utterances that do not tell theirs; None lets the engine listen for it.
        resume: go on with a run that stopped.

    Raises:
        RecipeError: the engine does not know the language.
        RunError: a file stands there already and `resume` is False, it belongs to another engine, or it cannot
            be written.
    """
    if language and not _knows(engine, language):
        raise RecipeError(f"--language {language}: {engine.name} does not know it; choose another --asr")
    source = f"asr:{engine.name}"
    done = _open_words(out, source, resume)
    with words_file(out).open("a", encoding="utf-8") as file:
        for utterance in corpus:
            try:
                found = _recognise(utterance, engine, language, done)
            except AudioError as error:
                yield Skip(utterance.id, str(error))
                continue
            if isinstance(found, Recognition) and utterance.id not in done:
                file.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
                file.flush()
            yield found


def save_recognised(corpus: Corpus, recognitions: Mapping[str, Recognition], out: Path) -> Corpus:
    """Write the manifest with the recognised texts, and the words file in its order; return the new corpus.

    Raises:
        RunError: a file cannot be written.
    """
    utterances = tuple(recognitions[u.id].apply(u) if u.id in recognitions else u for u in corpus)
    _write_words(out, [recognitions[u.id] for u in corpus if u.id in recognitions])
    recognised = replace(corpus, utterances=utterances)
    save_corpus(recognised, out)
    return recognised


def _recognise(
    utterance: Utterance, engine: Engine, language: str | None, done: Mapping[str, Recognition]
) -> Recognition | Skip:
    """Recognise an utterance, or find it among what is done or cached."""
    if utterance.audio is None:
        return Skip(utterance.id, "it has no recording; its text stays as it is")
    language = utterance.language or language
    if language and not _knows(engine, language):
        return Skip(utterance.id, f"{engine.name} does not know the language {language!r}; choose another --asr")
    key = _key(utterance, engine, language)
    if utterance.id in done and done[utterance.id].key == key:
        return done[utterance.id]
    transcript = _cached(key)
    if transcript is None:
        clip = read_clip(utterance.audio, utterance.start, utterance.end, SAMPLE_RATE)
        try:
            transcript = engine(clip, language)
        except (RuntimeError, ValueError) as error:
            return Skip(utterance.id, f"{engine.name} fails on it: {' '.join(str(error).split())[:160]}")
        layout.write_json(_cache_file(key), asdict(transcript))
    return Recognition.of(utterance, f"asr:{engine.name}", key, transcript)
