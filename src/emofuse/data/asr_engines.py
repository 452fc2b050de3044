"""Recognisers of speech that need no torch, and what any recogniser gives: words, their times, how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from emofuse.data.cache import file_digest, key_of
from emofuse.errors import CheckpointError, MissingExtraError, RecipeError
from emofuse.sound.clips import SAMPLE_RATE, Clip

# Whisper small is the smallest that holds up on emotional speech in more than a few languages.
DEFAULT_WHISPER = "small"
# Pocketsphinx counts time in frames.
FRAMES_PER_SECOND = 100
CHOICES = "pocketsphinx, faster-whisper[:SIZE or folder] or transformers:MODEL"


@dataclass(frozen=True)
class Word:
    """A word that was heard.

    Attributes:
        word: as it stands in the text.
        start: seconds from the beginning of the clip.
        end: seconds from the beginning of the clip.
        confidence: between 0 and 1; None where the recogniser does not say.
    """

    word: str
    start: float
    end: float
    confidence: float | None = None

    @classmethod
    def within(cls, clip: Clip, word: str, times: tuple[float, float], confidence: float | None = None) -> Word:
        """Return a word with its times, in seconds, kept inside the clip; digits that mean nothing are cut."""
        start, end = (round(min(max(float(time), 0.0), clip.seconds), 3) for time in times)
        return cls(word.strip(), start, max(start, end), None if confidence is None else round(confidence, 4))


@dataclass(frozen=True)
class Transcript:
    """What a recogniser heard in a clip.

    Attributes:
        text: the words as they would be written; empty where nothing was heard.
        language: ISO 639-1 code, as given or as recognised; None where neither.
        confidence: the mean of the words' confidence; None where there is none.
        words: with their times; empty where the recogniser gives none.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    text: str
    language: str | None
    confidence: float | None = None
    words: tuple[Word, ...] = ()

    @classmethod
    def of(cls, text: str, language: str | None, words: Iterable[Word]) -> Transcript:
        """Put a transcript together, its confidence that of its words."""
        words = tuple(words)
        sure = [word.confidence for word in words if word.confidence is not None]
        return cls(text.strip(), language, round(float(np.mean(sure)), 4) if sure else None, words)


class Engine(Protocol):
    """A recogniser: the same clip gives the same transcript, whatever was heard before."""

    @property
    def name(self) -> str:
        """As the command line has it, and after "asr:" the `text_source` of its texts."""

    @property
    def version(self) -> str:
        """Everything that its texts depend on besides the clip: libraries, weights, code."""

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes that it knows; None where it does not say."""

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        """Recognise a clip of 16 kHz in a language, or in the one that it hears where None is given.

        Raises:
            RuntimeError, ValueError: its library fails on this clip.
        """


class PocketSphinx:
    """CMU Pocketsphinx with the American English model that its package carries: small, weak, no download."""

    languages = frozenset({"en"})

    def __init__(self, model: str = "") -> None:
        """Load the model.

        Raises:
            RecipeError: a model is named; there is only the one.
            MissingExtraError: pocketsphinx is not installed.
        """
        if model:
            raise RecipeError(f"--asr pocketsphinx:{model}: it carries its own model; write --asr pocketsphinx")
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise MissingExtraError("asr", "pocketsphinx") from error
        self.name = "pocketsphinx"
        self.version = f"pocketsphinx {version('pocketsphinx')}, code {file_digest(Path(__file__))}"
        self._decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        """Recognise a clip; the language can only be English."""
        # The mean that it takes off the cepstra would carry over from clip to clip: begin anew each time. The mean
        # follows the clip: one of the whole clip (full_utt) is led astray by the silence around the words.
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
            CheckpointError: the model cannot be had or read.
        """
        try:
            from faster_whisper import WhisperModel, download_model
        except ImportError as error:
            raise MissingExtraError("asr", "faster-whisper") from error
        name = model or DEFAULT_WHISPER
        try:
            folder = Path(name) if Path(name).is_dir() else Path(download_model(name))
            if not (folder / "tokenizer.json").is_file():
                raise ValueError("it has no tokenizer.json")
            self._model = WhisperModel(str(folder))
        except (OSError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"faster-whisper: the model {name} cannot be had ({_short(error)}); name a size, a folder with a "
                "converted model or one on the Hub, or take --asr pocketsphinx, which needs no download"
            ) from error
        self.name = f"faster-whisper:{name}"
        self.version = (
            f"faster-whisper {version('faster-whisper')}, ctranslate2 {version('ctranslate2')} on "
            f"{self._model.model.device} in {self._model.model.compute_type}, "
            f"model {folder_digest(folder)}, code {file_digest(Path(__file__))}"
        )
        self.languages = frozenset(self._model.supported_languages)

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        """Recognise a clip, without the random sampling that Whisper falls back to, so that it repeats."""
        segments, heard = self._model.transcribe(
            clip.samples,
            language=language,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        segments = list(segments)  # it recognises as it is read
        words = [
            Word.within(clip, word.word, (word.start, word.end), float(word.probability))
            for segment in segments
            for word in segment.words
        ]
        return Transcript.of("".join(segment.text for segment in segments), heard.language, words)


ENGINES: dict[str, Callable[[str], Engine]] = {"pocketsphinx": PocketSphinx, "faster-whisper": FasterWhisper}


def open_engine(spec: str) -> Engine:
    """Load a recogniser that needs no torch: `pocketsphinx`, `faster-whisper` or `faster-whisper:MODEL`.

    Raises:
        RecipeError: there is no such recogniser.
        MissingExtraError: its library is not installed.
        CheckpointError: its model cannot be had.
    """
    name, _, model = spec.partition(":")
    if name not in ENGINES:
        raise RecipeError(f"--asr {spec}: there is no such engine; choose {CHOICES}")
    return ENGINES[name](model)


def folder_digest(folder: Path) -> str:
    """Return a hash of the names and bytes of the files in a model's folder, those in folders below it left out.

    Raises:
        OSError: a file cannot be read.
    """
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return key_of(files={path.name: file_digest(path) for path in files})


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160].rstrip(".")
