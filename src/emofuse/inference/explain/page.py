"""An explanation as a page: one HTML file with its recording and its drawings, without scripts."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import soundfile

from emofuse.inference.explain.drawings import (
    OPPOSE_COLOUR,
    SUPPORT_COLOUR,
    WIDTH,
    HeatMap,
    MomentStrip,
    colour_share,
    heat_map,
    moment_strip,
)
from emofuse.inference.explain.explanation import Attention, Completeness, Explanation, Matrix, Removal, Word
from emofuse.pages.templating import render_page
from emofuse.sound.clips import Clip


@dataclass(frozen=True)
class WordMark:
    """A word with its attribution; `strength` is the share of the colour in its background, in per cent."""

    text: str
    attribution: str
    colour: str
    strength: int


@dataclass(frozen=True)
class Sound:
    """The recording as a data URL, its drawing, and the same in numbers."""

    source: str
    milliseconds: int
    strip: MomentStrip
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RemovalTable:
    """Predictions with and without each modality; `trained` if the model was trained for a missing modality."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    trained: bool


@dataclass(frozen=True)
class AttentionMap:
    """One direction of the attention: its drawing, its largest weight, and the strongest moment of each word."""

    title: str
    largest: str
    drawing: HeatMap
    strongest: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class AttentionSection:
    """The maps that may be shown, and a note about them or about why there are none."""

    note: str
    maps: tuple[AttentionMap, ...]


def explanation_page(explanation: Explanation, clip: Clip | None) -> str:
    """Return the page of an explanation.

    Args:
        explanation: what is shown.
        clip: the recording, to be played and drawn; None if there is none.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    values = {
        "id": explanation.id,
        "model": explanation.model,
        "label": explanation.label,
        "predicted": explanation.predicted,
        "probability": f"{explanation.probabilities[explanation.label]:.1%}",
        "notes": explanation.notes,
        "words": _word_marks(explanation.words),
        "sound": _sound(explanation, clip),
        "removals": _removal_table(explanation),
        "attention": _attention(explanation),
        "target": explanation.target,
        "baselines": explanation.baselines,
        "completeness": _completeness(explanation.completeness),
        "width": WIDTH,
    }
    return render_page("explanation.html", values)


def _word_marks(words: Sequence[Word]) -> tuple[WordMark, ...]:
    read = [word for word in words if not word.special]
    largest = max((abs(word.attribution) for word in read), default=0.0)
    return tuple(
        WordMark(
            text=word.text,
            attribution=f"{word.attribution:+.3f}",
            colour=SUPPORT_COLOUR if word.attribution >= 0 else OPPOSE_COLOUR,
            strength=round(100 * colour_share(word.attribution, largest)),
        )
        for word in read
    )


def _sound(explanation: Explanation, clip: Clip | None) -> Sound | None:
    if clip is None or not explanation.moments:
        return None
    step = explanation.step
    return Sound(
        source=f"data:audio/wav;base64,{_wav(clip)}",
        milliseconds=round(1000 * step),
        strip=moment_strip(explanation, clip),
        rows=tuple((f"{n * step:.1f} s", f"{value:+.3f}") for n, value in enumerate(explanation.moments)),
    )


def _wav(clip: Clip) -> str:
    file = io.BytesIO()
    soundfile.write(file, clip.samples, clip.rate, format="WAV", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode("ascii")


def _removal_table(explanation: Explanation) -> RemovalTable | None:
    if not explanation.removals:
        return None
    labels = tuple(explanation.probabilities)

    def row(name: str, predicted: str, probabilities: Sequence[float]) -> tuple[str, ...]:
        return (name, predicted, *(f"{each:.1%}" for each in probabilities))

    def removal_row(one: Removal) -> tuple[str, ...]:
        return row(f"without the {one.modality}", one.label, [one.probabilities[each] for each in labels])

    complete = row("audio and text", explanation.predicted, list(explanation.probabilities.values()))
    return RemovalTable(
        heads=("input", "prediction", *labels),
        rows=(complete, *map(removal_row, explanation.removals)),
        trained=all(one.trained for one in explanation.removals),
    )


def _attention(explanation: Explanation) -> AttentionSection:
    attention: Attention = explanation.attention
    titled = (
        ("Attention of each word to the moments of the recording", attention.text_asks),
        ("Attention of each moment to the words of the text", attention.audio_asks),
    )
    maps = tuple(_attention_map(title, matrix, explanation) for title, matrix in titled if matrix is not None)
    return AttentionSection(attention.note[:1].upper() + attention.note[1:], maps)


def _attention_map(title: str, matrix: Matrix, explanation: Explanation) -> AttentionMap:
    strongest = []
    for word, row in zip(explanation.words, matrix, strict=True):
        moment = max(range(len(row)), key=lambda number: row[number])
        strongest.append((word.text, f"{moment * explanation.step:.1f} s", f"{row[moment]:.1%}"))
    largest = max(value for row in matrix for value in row)
    drawing = heat_map(explanation.words, matrix, explanation)
    return AttentionMap(title, f"{largest:.1%}", drawing, tuple(strongest))


def _completeness(found: Completeness) -> str:
    gap = "" if found.gap is None else f" ({found.gap:.1%} of the difference apart)"
    verdict = "They add up" if found.held else "They do not add up: do not rely even on their order"
    return (
        f"The difference is {found.difference:+.3f}; the numbers sum to {found.total:+.3f}{gap}. {verdict} "
        f"({found.gradients} gradients)."
    )
