"""Speech recognisers of the Hub, through the pipeline of transformers: Whisper, and any model with CTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCTC, AutoModelForSpeechSeq2Seq, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES

from emofuse.data import asr_engines as asr
from emofuse.data.asr_engines import Transcript, Word, engine_name, folder_digest
from emofuse.data.cache import file_digest
from emofuse.data.tokenization import repeats_itself
from emofuse.errors import CheckpointError, RecipeError, brief_message
from emofuse.hub.snapshots import Source, folder_of
from emofuse.model.batch_inference import pick_device
from emofuse.model.vetting.loaders import load_config, load_recogniser
from emofuse.sound.clips import SAMPLE_RATE, Clip

# Whisper hears so much at a time. A CTC model gets a longer clip in overlapping windows: attention grows with its
# square.
WINDOW_SECONDS = 30.0


class TransformersEngine:
    """A recogniser of the Hub, or in a folder, on the GPU where there is one."""

    def __init__(self, model: str) -> None:
        """Load a model.

        Raises:
            RecipeError: no model is named.
            CheckpointError: it cannot be had, is no recogniser, or takes another rate than 16 kHz.
        """
        if not model:
            raise RecipeError(
                "--asr transformers: name a model behind a colon, as in transformers:openai/whisper-tiny"
            )
        try:
            source = Source(model)
            self._pipeline = load_recogniser(source, _architecture(load_config(source)), pick_device(None))
            digest = folder_digest(folder_of(source))
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"transformers: the model {model} cannot be had ({brief_message(error)}); name a folder or a "
                f"recogniser on the Hub; where there is a network: hf download {model}"
            ) from error
        rate = self._pipeline.feature_extractor.sampling_rate
        if rate != SAMPLE_RATE:
            raise CheckpointError(f"transformers: the model {model} takes {rate} Hz, not {SAMPLE_RATE} Hz")
        self.name = engine_name("transformers", model, digest)
        self.version = (
            f"transformers {version('transformers')}, torch {torch.__version__} on {self._pipeline.device.type}, "
            f"model {digest}, code {[file_digest(Path(module)) for module in (__file__, asr.__file__)]}"
        )
        self._kind = self._pipeline.type
        whisper = self._kind == "seq2seq_whisper"
        self._settings: dict[str, Any] = self._pipeline.model.generation_config.to_dict() if whisper else {}
        self._codes = _language_codes(self._settings)

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes of the languages of a Whisper; None for other models, which do not state them."""
        return frozenset(self._codes.values()) if self._codes else None

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        """Recognise a clip, always in the same way; only a model with CTC gives each word a confidence."""
        if self._kind == "seq2seq_whisper":
            return self._by_whisper(clip, language)
        if self._kind == "ctc":
            return self._by_ctc(clip, language)
        return Transcript.of(self._pipeline(clip.samples)["text"], language, ())

    def _by_whisper(self, clip: Clip, language: str | None) -> Transcript:
        asked, settings = language, dict[str, Any](num_beams=1)  # word times come from one beam only
        if self._settings.get("is_multilingual"):
            language = language or self._hear_language(clip)
            settings |= {"language": language, "task": "transcribe"}
        # A model that was tuned without times may have lost the heads that tell them; a long clip needs some.
        times = "word" if self._settings.get("alignment_heads") else clip.seconds > WINDOW_SECONDS
        result = self._pipeline(clip.samples, return_timestamps=times, generate_kwargs=settings)
        if times != "word":
            text, words = "" if repeats_itself(result["text"]) else result["text"], []
        else:
            chunks = _without_loops(result["chunks"])
            text = "".join(chunk["text"] for chunk in chunks)
            words = [Word.within(clip, chunk["text"], _times(clip, chunk["timestamp"])) for chunk in chunks]
        # Without words, a detected language is a guess.
        return Transcript.of(text, language or "en" if text else asked, words)

    def _hear_language(self, clip: Clip) -> str:
        """Return the language of the first 30 seconds; the pipeline cannot tell it together with word times."""
        prepared = self._pipeline.feature_extractor(clip.samples, sampling_rate=clip.rate, return_tensors="pt")
        with torch.inference_mode():
            numbers = self._pipeline.model.detect_language(prepared.input_features.to(self._pipeline.device))
        return self._codes[int(numbers[0])]

    def _by_ctc(self, clip: Clip, language: str | None) -> Transcript:
        windows: list[torch.Tensor] = []
        hook = self._pipeline.model.register_forward_hook(
            lambda module, given, found: windows.append(found.logits)
        )
        try:
            whole = clip.seconds <= WINDOW_SECONDS
            result = self._pipeline(
                clip.samples, return_timestamps="word", chunk_length_s=0 if whole else WINDOW_SECONDS
            )
        finally:
            hook.remove()
        words = [
            Word.within(clip, spoken, _times(clip, chunk["timestamp"]))
            for chunk in result["chunks"]
            if (spoken := self._spoken(chunk["text"]))
        ]
        if whole:  # windows overlap: there a frame has no single place
            words = [replace(word, confidence=_confidence(windows[0][0], clip, word)) for word in words]
        return Transcript.of(self._spoken(result["text"]), language, words)

    def _spoken(self, text: str) -> str:
        """Return a text without pieces such as <unk>, which the pipeline leaves in the texts of CTC models."""
        for piece in self._pipeline.tokenizer.all_special_tokens:
            text = text.replace(piece, "")
        return " ".join(text.split())


def _architecture(config: PreTrainedConfig) -> Any:
    """Return the Auto class of a recogniser: its configuration names its class, and some families have both."""
    names = " ".join(map(str, config.architectures or ()))
    writes = config.model_type in MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES and "CTC" not in names
    return AutoModelForSpeechSeq2Seq if writes else AutoModelForCTC


def _language_codes(settings: dict[str, Any]) -> dict[int, str]:
    """Return the number of a Whisper's language piece -> its ISO 639-1 code; {} where it is no Whisper."""
    if not settings:
        return {}
    if not settings.get("is_multilingual"):
        return {-1: "en"}  # it has no such piece
    return {number: piece.strip("<|>") for piece, number in settings["lang_to_id"].items()}


def _without_loops(chunks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the words of each window that repeat themselves: with noise, Whisper is caught in loops."""
    windows: dict[int, list[dict[str, Any]]] = {}
    for chunk in chunks:
        windows.setdefault(int((chunk["timestamp"][0] or 0.0) // WINDOW_SECONDS), []).append(chunk)
    texts = ((window, "".join(chunk["text"] for chunk in window)) for window in windows.values())
    return [chunk for window, text in texts if not repeats_itself(text) for chunk in window]


def _times(clip: Clip, timestamp: tuple[float | None, float | None]) -> tuple[float, float]:
    """Return the times of a word; one that the clip cuts off has no end."""
    start, end = timestamp
    return start or 0.0, clip.seconds if end is None else end


def _confidence(logits: torch.Tensor, clip: Clip, word: Word) -> float:
    """Return the mean probability of the likeliest piece over a word; logits are (frames, pieces)."""
    frames_per_second = len(logits) / clip.seconds
    first = min(int(word.start * frames_per_second), len(logits) - 1)
    last = max(first + 1, round(word.end * frames_per_second))
    likeliest = logits[first:last].float().softmax(dim=-1).amax(dim=-1)
    return round(float(likeliest.mean()), 4)
