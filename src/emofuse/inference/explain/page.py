"""An explanation as a page: one file that holds its sound and its pictures, and runs no script."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from string import Template

import soundfile

from emofuse.inference.explain.drawings import AGAINST, FOR, heat_map, strength, strip
from emofuse.inference.explain.explanation import Completeness, Explanation, Matrix, Word
from emofuse.sound.clips import Clip

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Why $label: $id</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #111; background: #fff; }
svg { width: 100%; height: auto; } audio { width: 100%; }
table { border-collapse: collapse; }
th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ccc; }
th:first-child, td:first-child { text-align: left; }
.word { display: inline-block; padding: 0 .3rem; margin: .1rem; text-align: center; border-radius: .2rem; }
.word small { display: block; font-variant-numeric: tabular-nums; }
.note { border-left: 6px solid #c77700; background: #f6f6f4; padding: .3rem 1rem; }
section { margin: 2.5rem 0; }
</style>
</head>
<body>
<h1>Why $label</h1>
<p>$said</p>
$notes
$words
$sound
$removals
$attention
$about
</body>
</html>
""")
GRADIENTS = Template("""<section><h2>What these numbers are</h2>
<p>The numbers of words and moments are integrated gradients (Sundararajan, Taly and Yan 2017). They share out a
difference: $target, at this utterance, less the same at a baseline. A number above 0 (+) spoke for the label, one
below 0 (&minus;) against it, compared with that baseline and no other; another baseline gives other numbers.</p>
<ul>$baselines</ul>
<p>$completeness</p>
<p>They say what the network's arithmetic responded to. They do not say what anybody felt, nor that the network is
right to respond to it, nor what it would say if a word were changed for another.</p>
<p>Sundararajan, Taly and Yan (2017): Axiomatic attribution for deep networks. ICML.</p></section>
""")
ATTENTION = """<p>Attention says which frames of one modality were mixed into which frames of the other. It does
not say which of them decided: other weights may lead to the same answer (Jain and Wallace 2019), and whether
weights explain anything depends on the question and has to be tested (Wiegreffe and Pinter 2019). Each frame holds
some of its neighbours too, by the layers below. Names in brackets are pieces that the tokenizer adds.</p>
<p>Jain and Wallace (2019): Attention is not explanation. NAACL. Wiegreffe and Pinter (2019): Attention is not not
explanation. EMNLP.</p>"""


def explanation_page(explanation: Explanation, clip: Clip | None) -> str:
    """Return the page of an explanation, with nothing in it that is fetched from elsewhere.

    Args:
        explanation: what is shown.
        clip: the recording, to be played and drawn; None where there is none.
    """
    chance = explanation.probabilities[explanation.label]
    said = (
        f"{escape(explanation.model)} says <strong>{escape(explanation.predicted)}</strong> of "
        f"{escape(explanation.id)}. Explained is {escape(explanation.label)}, to which it gives {chance:.1%}."
    )
    return PAGE.substitute(
        id=escape(explanation.id),
        label=escape(explanation.label),
        said=said,
        notes="".join(f'<p class="note">{escape(note)}.</p>' for note in explanation.notes),
        words=_words(explanation.words),
        sound=_sound(explanation, clip),
        removals=_removals(explanation),
        attention=_attention(explanation),
        about=GRADIENTS.substitute(
            target=escape(explanation.target),
            baselines="".join(f"<li>{escape(m)}: {escape(b)}</li>" for m, b in explanation.baselines.items()),
            completeness=_completeness(explanation.completeness),
        ),
    )


def _words(words: Sequence[Word]) -> str:
    """Return the text, each word with its number and coloured by it."""
    read = [word for word in words if not word.special]
    if not read:
        return ""
    largest = max(abs(word.attribution) for word in read)
    spans = [
        f'<span class="word" style="background: {_colour(word.attribution, largest)}">{escape(word.text)}'
        f"<small>{word.attribution:+.3f}</small></span>"
        for word in read
    ]
    return f"<section><h2>Words</h2><p>{' '.join(spans)}</p></section>"


def _colour(value: float, largest: float) -> str:
    share = round(100 * strength(value, largest))
    return f"color-mix(in srgb, {FOR if value >= 0 else AGAINST} {share}%, white)"


def _sound(explanation: Explanation, clip: Clip | None) -> str:
    """Return the player, the drawing, and the same in numbers."""
    if clip is None or not explanation.moments:
        return ""
    step = explanation.step
    rows = [(f"{n * step:.1f} s", f"{value:+.3f}") for n, value in enumerate(explanation.moments)]
    return (
        f'<section><h2>Moments</h2><audio controls src="data:audio/wav;base64,{_wav(clip)}"></audio>'
        f"<p>Each bar is {1000 * step:.0f} ms: above the line it spoke for the label, below it against it.</p>"
        f"{strip(explanation, clip)}"
        f"<details><summary>The numbers</summary>{_table(('from', 'adds'), rows)}</details></section>"
    )


def _wav(clip: Clip) -> str:
    file = io.BytesIO()
    soundfile.write(file, clip.samples, clip.rate, format="WAV", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode("ascii")


def _removals(explanation: Explanation) -> str:
    """Return what is said with everything there, and without each modality."""
    if not explanation.removals:
        return ""
    labels = list(explanation.probabilities)
    rows = [("with both", explanation.predicted, explanation.probabilities)]
    rows += [(f"without the {one.modality}", one.label, one.probabilities) for one in explanation.removals]
    cells = [(name, label, *(f"{chances[each]:.1%}" for each in labels)) for name, label, chances in rows]
    trained = all(one.trained for one in explanation.removals)
    caution = "" if trained else "<p>The model was not trained with a modality missing.</p>"
    table = _table(("the model", "says", *labels), cells)
    return f"<section><h2>Without sound, without words</h2>{table}{caution}</section>"


def _attention(explanation: Explanation) -> str:
    attention = explanation.attention
    parts = [f"<section><h2>Attention</h2><p>{escape(attention.note[:1].upper() + attention.note[1:])}.</p>"]
    for title, matrix in (
        ("Where each word looks in the sound", attention.text_asks),
        ("Where each moment looks in the text", attention.audio_asks),
    ):
        if matrix is not None:
            parts.append(_map(title, matrix, explanation))
    if attention.text_asks is not None or attention.audio_asks is not None:
        parts.append(ATTENTION)
    return "".join(parts) + "</section>"


def _map(title: str, matrix: Matrix, explanation: Explanation) -> str:
    largest = max(value for row in matrix for value in row)
    drawing = heat_map(explanation.words, matrix, explanation)
    rows = []
    for word, row in zip(explanation.words, matrix, strict=True):
        strongest = max(range(len(row)), key=lambda number: row[number])
        rows.append((word.text, f"{strongest * explanation.step:.1f} s", f"{row[strongest]:.1%}"))
    table = _table(("word", "strongest at", "share"), rows)
    return (
        f"<figure><figcaption>{title}; black is {largest:.1%}.</figcaption>{drawing}</figure>"
        f"<details><summary>The strongest of each word</summary>{table}</details>"
    )


def _completeness(found: Completeness) -> str:
    gap = "they cannot be compared" if found.gap is None else f"{found.gap:.1%} of it apart"
    verdict = "they add up" if found.held else "they do not add up: trust even their order little"
    return (
        f"The difference is {found.difference:+.3f}, the numbers sum to {found.total:+.3f}, {gap}: {verdict} "
        f"({found.gradients} gradients)."
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
