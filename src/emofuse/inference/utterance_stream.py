"""Utterances on their way to a network: read and prepared in a thread, in windows, while it computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from emofuse.data.batching import cost_of
from emofuse.data.preparation import Preparation
from emofuse.errors import AudioError, EmofuseError, ModalityError, NoSpeechError, failure_of
from emofuse.inference.ready import Ready, Refused, without_foreign_text
from emofuse.sound.clips import Clip, read_clip, seconds_of
from emofuse.sound.recordings import Salvage
from emofuse.sound.speech_turns import SpeechGate
from emofuse.sound.streams import decoded_seconds
from emofuse.types import Modality, Prediction, Utterance

S = TypeVar("S")
T = TypeVar("T")
# A window is so many utterances, or seconds of sound: of these, equal lengths are computed together.
WINDOW_UTTERANCES, WINDOW_SECONDS = 16, 20.0
# Where batches are padded: how many of them a window holds.
PADDED_BATCHES = 4
# An emotion does not last so long: a recording of more seconds is not one utterance.
LONGEST_UTTERANCE_SECONDS = 30.0


@dataclass(frozen=True)
class LongRecordings:
    """What happens to recordings that are no single utterance: too long, or no speech.

    Attributes:
        predict: predicts a recording of more than `seconds`.
        strict: refuse damaged recordings; else they are used as far as they decode.
        gate: tells whether there is speech in a shorter one; None takes any sound.
    """

    predict: Callable[[Utterance, Path], Prediction]
    seconds: float = LONGEST_UTTERANCE_SECONDS
    strict: bool = False
    gate: SpeechGate | None = None

    def without_speech(self, utterance: Utterance, clip: Clip) -> Refused | None:
        """Return the refusal of an utterance whose clip is no speech; None where it is speech."""
        if self.gate is None or self.gate.has_speech(clip):
            return None
        return Refused(
            utterance, NoSpeechError(utterance.id, clip.damaged, clip.notes), clip.seconds, clip.seconds
        )

    def too_long(self, utterance: Utterance) -> TooLong | None:
        """Return a whole recording that is too long; None for any other, and for a span of one.

        Raises:
            AudioError: the recording cannot be read.
        """
        if utterance.audio is None or utterance.start or utterance.end is not None:
            return None
        seconds = seconds_of(utterance.audio)
        if seconds is None:  # the header does not state it
            seconds = decoded_seconds(utterance.audio, self.seconds, None if self.strict else Salvage())
        return TooLong(utterance, utterance.audio, seconds, self.predict) if seconds > self.seconds else None


@dataclass(frozen=True)
class TooLong:
    """A recording that is too long to be one utterance; `predict` is called when its turn comes."""

    utterance: Utterance
    path: Path
    seconds: float
    predict: Callable[[Utterance, Path], Prediction]

    @property
    def cost(self) -> float:
        """Seconds of sound."""
        return self.seconds

    @property
    def error(self) -> EmofuseError:
        """Why it cannot be computed as one utterance."""
        return AudioError(f"{self.utterance.id}: {self.seconds:.0f} s are too long for one utterance")


# An utterance with its clip, None where it is to be read, or with what is known already to become of it.
Pair = tuple[Utterance, Clip | Refused | TooLong | None]


@dataclass(frozen=True)
class Preparer:
    """Reads and prepares utterances for a model.

    Attributes:
        preparation: from clips and texts to arrays.
        modalities: what the model takes.
        needs_all: refuse an utterance that lacks one of them.
        long: what happens to long recordings and to other sound; None takes any recording as one utterance.
        strict: refuse damaged recordings; else they are used as far as they decode.
        text_languages: leave out text in any other language; None takes any text.
        allow_nothing: take an utterance without any modality of these too.
    """

    preparation: Preparation
    modalities: tuple[Modality, ...]
    needs_all: bool
    long: LongRecordings | None = None
    strict: bool = True
    text_languages: tuple[str, ...] | None = None
    allow_nothing: bool = False

    def __call__(self, pair: Pair) -> Ready | Refused | TooLong:
        """Prepare one utterance, unless it is known already what becomes of it."""
        utterance, clip = pair
        if isinstance(clip, Refused | TooLong):
            return clip
        try:
            whole = self.long if clip is None and self.preparation.audio else None
            if whole is not None and (too_long := whole.too_long(utterance)) is not None:
                return too_long
            clip = _read(self.preparation, utterance, clip, self.strict)
            if self.long is not None and clip is not None:
                refused = self.long.without_speech(utterance, clip)
                if refused is not None:
                    return refused
            ready = prepare_utterance(self.preparation, utterance, clip, self.strict)
            self._refuse_missing(ready)
            known = self.text_languages
            return ready if ready.item.ids is None else without_foreign_text(ready, known, self.needs_all)
        except Exception as fault:  # the border of an input: whatever it is, the others go on
            return Refused(utterance, failure_of(str(utterance.audio or utterance.id), fault))

    def _refuse_missing(self, ready: Ready) -> None:
        name, present = ready.utterance.id, ready.item.modalities
        if not present and not self.allow_nothing:
            raise ModalityError(f"{name}: the model takes {' and '.join(self.modalities)}; give it that")
        missing = [modality for modality in self.modalities if modality not in present]
        if missing and self.needs_all:
            raise ModalityError(
                f"{name}: has no {missing[0]}, and the model was not trained to do without; "
                "give it, or allow it with --allow-missing (allow_missing=True)"
            )


def prepare_utterance(
    preparation: Preparation, utterance: Utterance, clip: Clip | None = None, strict: bool = True
) -> Ready:
    """Read the sound of an utterance, unless `clip` is it, and prepare what the model takes.

    If not `strict`, a damaged recording is used as far as it decodes.

    Raises:
        AudioError: the recording cannot be used.
    """
    clip = _read(preparation, utterance, clip, strict)
    item = preparation(clip, utterance.text)
    lost = preparation.shortened(utterance.text)
    notes = () if lost is None else (lost,)
    if clip is None:
        return Ready(utterance, item, cost_of(utterance.text, None), 0.0, notes=notes)
    cost = cost_of(utterance.text, clip.seconds)
    return Ready(utterance, item, cost, clip.seconds, clip.damaged, (*clip.notes, *notes))


def _read(preparation: Preparation, utterance: Utterance, clip: Clip | None, strict: bool) -> Clip | None:
    """Return the clip of an utterance, read unless it is given; None without sound, or where it is not taken."""
    if clip is not None or preparation.audio is None or utterance.audio is None:
        return clip
    return read_clip(utterance.audio, utterance.start, utterance.end, preparation.audio.rate, strict=strict)


def windows(utterances: Iterable[T], cost: Callable[[T], float], padded_seconds: float = 0.0) -> Iterator[list[T]]:
    """Cut a stream into stretches of so many seconds, and so few utterances, that memory stays bounded.

    `cost` returns the seconds of one; `padded_seconds` are those of a batch, where batches are padded, else 0.
    """
    enough = PADDED_BATCHES * padded_seconds or WINDOW_SECONDS
    window: list[T] = []
    seconds = 0.0
    try:
        for utterance in utterances:
            window.append(utterance)
            seconds += cost(utterance)
            if len(window) == _most(padded_seconds) or seconds >= enough:
                yield window
                window, seconds = [], 0.0
    except Exception:  # the stream's own: what it gave before that is not lost
        if window:
            yield window
        raise
    if window:
        yield window


def ahead(stream: Iterator[T], before: Callable[[], None] = lambda: None) -> Iterator[T]:
    """Yield what a stream yields, while its next one is being made in a thread.

    The stream runs in that thread, one step at a time; what it raises is raised here, in its turn.
    `before` is called here, not in the thread, before each step.
    """
    end = object()
    with ThreadPoolExecutor(1, "emofuse-decoding") as thread:
        before()
        coming = thread.submit(next, stream, end)
        while (made := coming.result()) is not end:
            before()
            coming = thread.submit(next, stream, end)
            yield made  # type: ignore[misc]  # it is not the end


def prepared_windows(
    items: Iterable[S], prepare: Callable[[S], T], cost: Callable[[T], float], padded_seconds: float = 0.0
) -> Iterator[list[T]]:
    """Cut a stream into `windows`, each prepared in a thread while the caller uses the one before.

    Items are taken in the caller's thread, a window's worth before each step: what gives them (a cursor of a
    database, a decoder) may belong to that thread. What taking one raises is raised after the last window.
    `prepare` runs in the thread; `cost` and `padded_seconds` are as in `windows`.
    """
    source = iter(items)
    waiting: deque[S] = deque()
    failures: list[Exception] = []

    def take() -> None:
        try:
            waiting.extend(islice(source, 0 if failures else _most(padded_seconds) - len(waiting)))
        except Exception as failure:  # the caller's own: what came before it is not lost
            failures.append(failure)

    def stream() -> Iterator[list[T]]:
        while waiting:  # it is filled up before each step, so that a window may end early, but none is lost
            left = (waiting.popleft() for _ in iter(lambda: len(waiting), 0))
            yield from windows(map(prepare, left), cost, padded_seconds)

    yield from ahead(stream(), take)
    if failures:
        raise failures[0]


def _most(padded_seconds: float) -> int:
    return max(WINDOW_UTTERANCES, int(PADDED_BATCHES * padded_seconds))
