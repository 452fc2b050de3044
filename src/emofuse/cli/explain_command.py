"""`emofuse explain`: how much each word and each moment contributes to a label."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emofuse.cli.page_options import PageOptions, WithoutAudio, WithoutWords, WithPseudonyms
from emofuse.cli.predict.model_options import Calibrate, LabelMap, Together, chosen_model, parse_together
from emofuse.cli.terminal import echo
from emofuse.errors import RecipeError
from emofuse.pages.contents import PageContents
from emofuse.seal import locks, seal
from emofuse.types import shown_label

if TYPE_CHECKING:
    from emofuse.inference.explain.explanation import Explanation

# How many words and moments are printed; a page shows all of them.
PRINTED_PARTS = 5


def explain(
    model: Annotated[
        Path | None, typer.Argument(help="A model or run folder, a model in the box, or a model on the Hub.")
    ] = None,
    audio: Annotated[Path | None, typer.Argument(help="Recording.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Its transcript.")] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="ISO 639-1 code of the spoken language, such as en.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Label to explain; if omitted, the predicted one.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write an HTML page to this file.")] = None,
    steps: Annotated[
        int, typer.Option("--steps", help="Maximum number of steps (gradients) to compute; occlusion takes none.")
    ] = 1024,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    any_sound: Annotated[
        bool, typer.Option("--any-sound", help="Explain sound without speech too: tones, music, noise.")
    ] = False,
    together: Together = None,
    label_map: LabelMap = None,
    calibrate: Calibrate = None,
    without_audio: WithoutAudio = False,
    without_words: WithoutWords = False,
    pseudonyms: WithPseudonyms = False,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="Open no socket, and mask words in messages and pages.")
    ] = False,
) -> int:
    """Explain a prediction by its words and moments.

    Shows how much each word and each moment of an utterance contributes to a label: by integrated gradients or,
    for exported models and without torch, by occlusion, which leaves out words and moments one by one.
    """
    from emofuse.cli.output import configure_logging, print_json

    page = PageOptions(without_audio, without_words, pseudonyms)
    if page.used() and out is None:
        raise RecipeError(f"{page.used()[0]} applies to the page only; add --out")
    if sealed:
        seal()
    configure_logging()
    from emofuse.inference.explain.explain import explain as explain_utterance
    from emofuse.pages.extra import require_package

    if out is not None:
        require_package("jinja2", "--out")
    contents = page.contents()
    pair = parse_together(together)
    if pair:
        model, audio = None, model or audio
    elif model is None:
        raise RecipeError("name a model, or two with --model audio=NAME --model text=NAME")
    chosen = chosen_model(model, pair, label_map, calibrate)
    explanation = explain_utterance(chosen, audio, text, label, steps, any_sound=any_sound, language=language)
    shown = explanation.without_words() if locks() else explanation
    if out is not None:
        _write(shown, out, contents)
    if as_json:
        print_json(explanation.as_dict())
        return 0
    _show(shown)
    if out is not None:
        echo(f"page written to {out}")
    return 0


def _write(explanation: Explanation, out: Path, contents: PageContents) -> None:
    from emofuse import layout
    from emofuse.inference.explain.page import explanation_page
    from emofuse.sound.clips import read_clip

    has_sound = explanation.audio is not None and explanation.moments
    clip = read_clip(Path(str(explanation.audio))) if has_sound else None
    layout.write_text(out, explanation_page(explanation, clip, contents))


def _show(explanation: Explanation) -> None:
    from emofuse.cli.output import print_table

    step = explanation.step
    words = [(word.text, word.attribution) for word in explanation.words if not word.special]
    moments = [(f"{n * step:.1f} to {(n + 1) * step:.1f} s", value) for n, value in enumerate(explanation.moments)]
    for title, parts in (("word", words), ("moment", moments)):
        if parts:
            strongest = sorted(parts, key=lambda part: -abs(part[1]))[:PRINTED_PARTS]
            print_table((title, "contribution"), [(name, f"{value:+.3f}") for name, value in strongest])
    for one in explanation.removals:
        probability = one.probabilities[explanation.label]
        label = shown_label(one.label, one.abstained)
        echo(f"without the {one.modality}: {label}; {explanation.label} {probability:.1%}")
    probability = explanation.probabilities[explanation.label]
    echo(f"explained: {explanation.label}, {probability:.1%}; predicted: {explanation.shown_prediction}")
    echo(f"method: {explanation.method}")
    for note in explanation.notes:
        echo(f"note: {note}", err=True)
