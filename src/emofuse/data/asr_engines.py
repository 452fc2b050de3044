"""Speech recognition engines without torch, and the records of recognised text: words, times, confidence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from emofuse.config.number_ranges import find_out_of_range
from emofuse.data.cache import file_digest, key_of
from emofuse.data.tokenization import repeats_itself
from emofuse.errors import CheckpointError, MissingExtraError, RecipeError
from emofuse.sound.clips import SAMPLE_RATE, Clip
from emofuse.untrusted.bounded_files import refuse_links_outside
from emofuse.untrusted.json_text import read_json_object

# Whisper small is the smallest that holds up on emotional speech in more than a few languages.
DEFAULT_WHISPER = "small"
# Pocketsphinx counts time in frames.
FRAMES_PER_SECOND = 100
# So many digits of a hash tell models of one name apart.
HASH_DIGITS = 12
CHOICES = "pocketsphinx, faster-whisper[:SIZE or folder] or transformers:MODEL"


@dataclass(frozen=True)
class Word:
    """A recognised word.

    Attributes:
        word: as it is written in the text.
        start: seconds from the beginning of the clip.
        end: seconds from the beginning of the clip.
        confidence: between 0 and 1; None where the engine has none.
    """

    word: str
    start: float
    end: float
    confidence: float | None = None

    @classmethod
    def within(cls, clip: Clip, word: str, times: tuple[float, float], confidence: float | None = None) -> Word:
        """Return a word with its times, in seconds, kept inside the clip and rounded."""
        start, end = (round(min(max(float(time), 0.0), clip.seconds), 3) for time in times)
        return cls(word.strip(), start, max(start, end), None if confidence is None else round(confidence, 4))


@dataclass(frozen=True)
class Transcript:
    """The recognised text of a clip.

    Attributes:
        text: the words as they are written; empty where none were recognised.
        language: ISO 639-1 code of the request or of the engine; None where both are unknown.
        confidence: the mean of the words' confidence; None where the words have none.
        words: with their times; empty where the engine has none.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    text: str
    language: str | None
    confidence: float | None = None
    words: tuple[Word, ...] = ()

    @classmethod
    def of(cls, text: str, language: str | None, words: Iterable[Word]) -> Transcript:
        """Make a transcript; its confidence is the mean of its words'."""
        words = tuple(words)
        confidences = [word.confidence for word in words if word.confidence is not None]
        return cls(text.strip(), language, round(float(np.mean(confidences)), 4) if confidences else None, words)


class Engine(Protocol):
    """A speech recognition engine: a clip has the same transcript whatever was recognised before."""

    @property
    def name(self) -> str:
        """Library and model, never a path; with "asr:" before it, the `text_source` of its texts."""

    @property
    def version(self) -> str:
        """Everything besides the clip that its texts depend on: libraries, weights, code."""

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes that it supports; None where that is unknown."""

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        """Recognise a clip of 16 kHz in a language; None lets the engine detect it.

        Raises:
            RuntimeError, ValueError: its library fails on this clip.
        """


class PocketSphinx:
    """CMU Pocketsphinx with the American English model of its package: small, weak, no download."""

    languages = frozenset({"en"})

    def __init__(self, model: str = "") -> None:
        """Load the model.

        Raises:
            RecipeError: a model is named, but pocketsphinx has only its own.
            MissingExtraError: pocketsphinx is not installed.
        """
        if model:
            raise RecipeError(f"--asr pocketsphinx:{model}: it has its own model; write --asr pocketsphinx")
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise MissingExtraError("asr", "pocketsphinx") from error
        self.name = "pocketsphinx"
        self.version = f"pocketsphinx {version('pocketsphinx')}, code {file_digest(Path(__file__))}"
        self._decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        """Recognise a clip; the language can only be English."""
        # Cepstral means would carry over from clip to clip, so they are reset. They adapt within the clip: a mean
        # over the whole clip (full_utt) is distorted by the silence around the words.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        try:
            self._decoder.process_raw(np.rint(clip.samples * 32767).astype(np.int16).tobytes())
        finally:
            self._decoder.end_utt()
        words = self._words(clip) if self._decoder.hyp() else []
        return Transcript.of(" ".join(word.word for word in words), "en", words)

    def _words(self, clip: Clip) -> list[Word]:
        """Return the words of the best path, without silences, noises and marks of a second pronunciation."""
        return [
            Word.within(
                clip,
                segment.word.partition("(")[0],
                (segment.start_frame / FRAMES_PER_SECOND, (segment.end_frame + 1) / FRAMES_PER_SECOND),
                min(1.0, segment.prob),
            )
            for segment in self._decoder.seg()
            if not segment.word.startswith(("<", "["))
        ]


class FasterWhisper:
    """Whisper by CTranslate2, on the GPU where there is one."""

    def __init__(self, model: str = "") -> None:
        """Load a model: a size such as `small`, a folder, or a name on the Hub.

        Raises:
            MissingExtraError: faster-whisper is not installed.
            CheckpointError: the model cannot be loaded or read.
        """
        try:
            from ctranslate2 import set_log_level
            from faster_whisper import WhisperModel, download_model
        except ImportError as error:
            raise MissingExtraError("asr", "faster-whisper") from error
        name = model or DEFAULT_WHISPER
        try:
            folder = Path(name) if Path(name).is_dir() else Path(download_model(name))
            if not (folder / "tokenizer.json").is_file():
                raise ValueError("it has no tokenizer.json")
            _look_through(folder)
            set_log_level(logging.ERROR)  # else it prints that a processor computes in single precision
            self._model = WhisperModel(str(folder))
        except (OSError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"faster-whisper: the model {name} cannot be loaded ({_short(error)}); name a size, a folder "
                "with a converted model or one on the Hub, or use --asr pocketsphinx, which needs no download"
            ) from error
        digest = folder_digest(folder)
        self.name = engine_name("faster-whisper", name, digest)
        self.version = (
            f"faster-whisper {version('faster-whisper')}, ctranslate2 {version('ctranslate2')} on "
            f"{self._model.model.device} in {self._model.model.compute_type}, "
            f"model {digest}, code {file_digest(Path(__file__))}"
        )
        self.languages = frozenset(self._model.supported_languages)

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        """Recognise a clip, without the random sampling that Whisper falls back to, so that it repeats.

        Whisper invents words in pauses, so they are left out (`vad_filter`); a text that repeats itself too.
        """
        found, info = self._model.transcribe(
            clip.samples,
            language=language,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=True,
        )
        segments = [segment for segment in found if not repeats_itself(segment.text)]
        words = [
            Word.within(clip, word.word, (word.start, word.end), float(word.probability))
            for segment in segments
            for word in segment.words
        ]
        # Without words, a detected language is a guess.
        return Transcript.of(
            "".join(segment.text for segment in segments), info.language if words else language, words
        )


ENGINES: dict[str, Callable[[str], Engine]] = {"pocketsphinx": PocketSphinx, "faster-whisper": FasterWhisper}


def open_engine(spec: str) -> Engine:
    """Load an engine that needs no torch: `pocketsphinx`, `faster-whisper` or `faster-whisper:MODEL`.

    Raises:
        RecipeError: there is no such engine.
        MissingExtraError: its library is not installed.
        CheckpointError: its model cannot be loaded.
    """
    name, _, model = spec.partition(":")
    if name not in ENGINES:
        raise RecipeError(f"--asr {spec}: there is no such engine; choose {CHOICES}")
    return ENGINES[name](model)


def engine_name(library: str, model: str, digest: str) -> str:
    """Return the name of an engine: of a model in a folder, the folder's name and its hash stand for its path."""
    folder = Path(model)
    return f"{library}:{folder.resolve().name}@{digest[:HASH_DIGITS]}" if folder.is_dir() else f"{library}:{model}"


def folder_digest(folder: Path) -> str:
    """Return a hash of the names and bytes of the files in a model's folder, without subfolders.

    Raises:
        OSError: a file cannot be read.
    """
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return key_of(files={path.name: file_digest(path) for path in files})


def _look_through(folder: Path) -> None:
    """Refuse a converted model whose files lead out of its folder, or whose settings no model has.

    Raises:
        ValueError, CheckpointError: the message says what is wrong.
    """
    refuse_links_outside(folder)
    settings = folder / "preprocessor_config.json"
    wrong = find_out_of_range(read_json_object(settings)) if settings.is_file() else None
    if wrong is not None:
        raise ValueError(f"{settings.name}: {wrong}")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160].rstrip(".")
