"""The records of an explanation: strings and numbers only, as in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias

from emofuse.privacy import MASK, mask_words
from emofuse.types import Modality, schemas, shown_label

WORDS_LEFT_OUT = "there is no map: the words are left out of this page"

Matrix: TypeAlias = tuple[tuple[float, ...], ...]
Method = Literal["integrated gradients", "occlusion"]


@dataclass(frozen=True)
class Piece:
    """A token of the text, and its attribution.

    Attributes:
        text: the stretch, or the name of a piece that the tokenizer adds itself.
        start: its first character in the text that the model read.
        end: the character behind its last one.
        special: the tokenizer added it; it is the same in the baseline, so that its attribution is 0.
        attribution: see `Explanation`.
    """

    text: str
    start: int
    end: int
    special: bool = False
    attribution: float = 0.0


@dataclass(frozen=True)
class Word:
    """A word of the text with the pieces that it was cut into; its attribution is the sum of theirs."""

    text: str
    start: int
    end: int
    special: bool
    attribution: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Completeness:
    """Whether attributions add up to what they explain.

    Attributes:
        difference: the target at the input less the target at the baseline.
        total: the sum of all attributions.
        gap: how far they are apart, as a share of the difference; None where the difference is 0.
        held: the gap is within the tolerance on every stretch of the path together.
        gradients: how many were computed.
    """

    difference: float
    total: float
    gap: float | None
    held: bool
    gradients: int


@dataclass(frozen=True)
class Removal:
    """The prediction without one modality.

    Attributes:
        modality: that was taken away.
        label: the most probable one then.
        probabilities: of all labels then.
        trained: the model was trained with modality dropout; else its prediction without one is unreliable.
        abstained: the confidence is too low then: the label is withheld.
    """

    modality: Modality
    label: str
    probabilities: Mapping[str, float] = field(hash=False)
    trained: bool = True
    abstained: bool = False


@dataclass(frozen=True)
class Attention:
    """Cross-modal attention, averaged over heads; rows are words, columns are moments.

    Attributes:
        text_asks: where each word looks in the sound; a row sums to 1. None where text does not ask.
        audio_asks: where each moment looks in the text; a column sums to 1. None where audio does not ask.
        note: why there is no map, or with what caution to read it.
    """

    text_asks: Matrix | None
    audio_asks: Matrix | None
    note: str


@dataclass(frozen=True)
class Explanation:
    """Which words and which moments support a label.

    An attribution above 0 supports the label, one below 0 opposes it. Integrated gradients are how much each word
    or moment adds to the target on the way from the baseline to the utterance. Occlusion is the mean of what the
    target loses if a word or moment alone is replaced by the baseline, and of what it gains if that alone is not.

    Attributes:
        id: of the utterance.
        audio: the recording; None without.
        text: as the model got it; None where it got none.
        model: its name.
        method: how attributions were computed.
        label: what is explained.
        predicted: the label that the model predicts; None where the recording has no speech.
        probabilities: of all labels, as a prediction has them.
        target: what attributions are of, in words.
        baselines: modality -> what it is compared with, in words.
        words: of the text, in order.
        moments: attribution of each stretch of the recording.
        step: seconds of a moment: 0.1, or more where occlusion explains a recording of more than 10 s.
        seconds: how long the recording is; 0 without.
        completeness: whether the attributions add up; None for occlusion, which does not promise it.
        removals: the predictions without sound, and without text.
        attention: between the two.
        notes: what a reader should know besides.
        abstained: the confidence of the prediction is too low: the predicted label is withheld.
        model_scope: what the model is for, in its own words; None where it does not say.
    """

    id: str
    audio: str | None
    text: str | None
    model: str
    method: Method
    label: str
    predicted: str | None
    probabilities: Mapping[str, float] = field(hash=False)
    target: str
    baselines: Mapping[Modality, str] = field(hash=False)
    words: tuple[Word, ...]
    moments: tuple[float, ...]
    step: float
    seconds: float
    completeness: Completeness | None
    removals: tuple[Removal, ...]
    attention: Attention
    notes: tuple[str, ...] = ()
    abstained: bool = False
    model_scope: str | None = None

    @property
    def shown_prediction(self) -> str:
        """The prediction as people read it: a withheld label stands in brackets."""
        return shown_label(self.predicted, self.abstained)

    def without_words(self) -> Explanation:
        """Return the explanation with a mask in place of each word."""
        words = tuple(
            replace(word, text=MASK, pieces=tuple(replace(piece, text=MASK) for piece in word.pieces))
            for word in self.words
        )
        return replace(self, text=None if self.text is None else mask_words(self.text), words=words)

    def leaving_words_out(self) -> Explanation:
        """Return the explanation without any word, and so without attention between words and moments."""
        attention = Attention(None, None, WORDS_LEFT_OUT) if self.words else self.attention
        return replace(self, text=None, words=(), attention=attention)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON would hold it."""
        return {"schema": schemas.EXPLANATION} | asdict(self)
