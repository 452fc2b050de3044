"""An explanation as a page: one HTML file with its recording and its drawings, without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from emofuse.inference.explain.drawings import (
    COLOUR_STEPS,
    MOST_COLOUR_PERCENT,
    OPPOSE_COLOUR,
    SUPPORT_COLOUR,
    HeatMap,
    MomentStrip,
    colour_step,
    heat_map,
    moment_strip,
    ticks,
)
from emofuse.inference.explain.explanation import Attention, Completeness, Explanation, Matrix, Removal, Word
from emofuse.pages.contents import EVERYTHING, PageContents
from emofuse.pages.scope_banner import ScopeBanner
from emofuse.pages.templating import EMBEDDED, render_page
from emofuse.sound.clips import Clip
from emofuse.sound.wav_url import wav_url
from emofuse.types import Modality, shown_label

# What people call the modalities.
PLAIN_NAMES: Mapping[Modality, str] = {"audio": "sound", "text": "words"}


@dataclass(frozen=True)
class WordMark:
    """A word with its attribution; `look` is the class of its background in the style sheet."""

    text: str
    attribution: str
    look: str


@dataclass(frozen=True)
class Sound:
    """The recording as a data URL (None if it is not to be played), its drawing, and the same in numbers."""

    source: str | None
    step: str
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


def explanation_page(explanation: Explanation, clip: Clip | None, contents: PageContents = EVERYTHING) -> str:
    """Return the page of an explanation.

    Args:
        explanation: what is shown.
        clip: the recording, to be played and drawn; None if there is none.
        contents: what the page may hold.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    sound = _sound(explanation, clip, contents)
    if not contents.words:
        explanation = explanation.leaving_words_out()
    if contents.pseudonyms is not None and explanation.audio is not None:
        explanation = replace(explanation, id=contents.pseudonyms.of("recording", explanation.id), audio=None)
    values = {
        "id": explanation.id,
        "heading": _heading(explanation),
        "scope": ScopeBanner.of(explanation.model_scope),
        "model": explanation.model,
        "label": explanation.label,
        "predicted": explanation.shown_prediction,
        "speech": explanation.predicted is not None,
        "abstained": explanation.abstained,
        "confidence": f"{max(explanation.probabilities.values()):.1%}",
        "probability": f"{explanation.probabilities[explanation.label]:.1%}",
        "notes": [_sentence(note) for note in explanation.notes],
        "words": _word_marks(explanation.words),
        "sound": sound,
        "removals": _removal_table(explanation),
        "attention": _attention(explanation),
        "method": explanation.method,
        "target": explanation.target,
        "comparisons": {PLAIN_NAMES[name]: baseline for name, baseline in explanation.baselines.items()},
        "completeness": _completeness(explanation.completeness),
        "ticks": ticks(explanation),
        "colours": {
            "steps": COLOUR_STEPS, "most": MOST_COLOUR_PERCENT, "support": SUPPORT_COLOUR, "oppose": OPPOSE_COLOUR,
        },
    }  # fmt: skip
    return render_page("explanation.html", values, "explanation.css", sources={"media-src": EMBEDDED})


def _heading(explanation: Explanation) -> str:
    if explanation.predicted is None:
        return f"No speech: what would speak for {explanation.label}?"
    if explanation.abstained:
        return f"Unsure: what speaks for {explanation.label}?"
    return (
        f"Why {explanation.label}?"
        if explanation.label == explanation.predicted
        else (f"What speaks for {explanation.label}?")
    )


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:]


def _word_marks(words: Sequence[Word]) -> tuple[WordMark, ...]:
    read = [word for word in words if not word.special]
    largest = max((abs(word.attribution) for word in read), default=0.0)
    return tuple(
        WordMark(
            text=word.text,
            attribution=f"{word.attribution:+.3f}",
            look=f"{'for' if word.attribution >= 0 else 'against'}{colour_step(word.attribution, largest)}",
        )
        for word in read
    )


def _sound(explanation: Explanation, clip: Clip | None, contents: PageContents) -> Sound | None:
    if clip is None or not explanation.moments:
        return None
    step = explanation.step
    return Sound(
        source=wav_url([clip.samples], clip.rate) if contents.audio else None,
        step=f"{step:g}",
        strip=moment_strip(explanation, clip),
        rows=tuple((f"{n * step:.1f} s", f"{value:+.3f}") for n, value in enumerate(explanation.moments)),
    )


def _removal_table(explanation: Explanation) -> RemovalTable | None:
    if not explanation.removals:
        return None
    labels = tuple(explanation.probabilities)

    def row(name: str, predicted: str, probabilities: Sequence[float]) -> tuple[str, ...]:
        return (name, predicted, *(f"{each:.1%}" for each in probabilities))

    def removal_row(one: Removal) -> tuple[str, ...]:
        rest = "words alone" if one.modality == "audio" else "sound alone"
        label = shown_label(one.label, one.abstained)
        return row(rest, label, [one.probabilities[each] for each in labels])

    complete = row("sound and words", explanation.shown_prediction, list(explanation.probabilities.values()))
    return RemovalTable(
        heads=("the model gets", "prediction", *labels),
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
    return AttentionSection(_sentence(attention.note), maps)


def _attention_map(title: str, matrix: Matrix, explanation: Explanation) -> AttentionMap:
    strongest = []
    for word, row in zip(explanation.words, matrix, strict=True):
        moment = max(range(len(row)), key=lambda number: row[number])
        strongest.append((word.text, f"{moment * explanation.step:.1f} s", f"{row[moment]:.1%}"))
    largest = max(value for row in matrix for value in row)
    drawing = heat_map(explanation.words, matrix, explanation)
    return AttentionMap(title, f"{largest:.1%}", drawing, tuple(strongest))


def _completeness(found: Completeness | None) -> str:
    if found is None:
        return (
            "These numbers need not add up to anything: words and moments work together, and here each is looked "
            "at by itself."
        )
    gap = "" if found.gap is None else f" ({found.gap:.1%} of the difference apart)"
    verdict = "They add up" if found.held else "They do not add up: do not rely even on their order"
    return (
        f"The difference is {found.difference:+.3f}; the numbers sum to {found.total:+.3f}{gap}. {verdict} "
        f"({found.gradients} steps)."
    )
