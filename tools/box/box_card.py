"""The card of a box: what it learnt from, how good it is and on whom, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from licences import Licence

CARD = """---
library_name: emofuse
pipeline_tag: audio-classification
license: {spdx}
text_spoken: false
tags: [emotion-recognition, speech, text, multimodal, demonstration]
---

# {name}: emofuse's model in the box

{scope_sentence}.

**Voice and words were never spoken together; any gain of fusion is by construction and says nothing about
conversation.**

## What it is

The network of Krishna (2021), arXiv 2108.09669, over encoders of its own: a residual CNN over log-mel frames and a
small BERT, distilled; cross-modal attention both ways, attentive statistics, early fusion. It hears, reads, or
both. Labels: neutral, happy, sad, angry, fearful, disgusted, surprised. Its words are English; its voice has heard
{voices}.

Weights: {licence} ({url}). They were learnt from:

{sources}

## What it must not be used for

It guesses what an actor was asked to play and what a reader would say of a sentence. It does not know what anybody
feels. It must not decide anything about anybody: not at work or in school (there, the European Union's Regulation
2024/1689, Article 5, forbids it), not in health, policing, insurance, credit or at borders. It has not met
conversation, children, illness, most languages and most accents.

## How good it is

Figures are unweighted accuracy (UA) with 95 % intervals over speakers, where there are enough of them. No speaker
whom a figure is about was heard in training. Sounds alone, words alone, and pairs of both, in this order.

{voice}

{text}

{pairs}

## How sure it is

{calibration}
"""

HEADING = ("| system | UA | women | men | accuracy | ECE |", "|---|---|---|---|---|---|")
READ = "It has read the sentences of these pairs: on others it is less often right than it believes."


def box_card(name: str, licence: Licence, scope: str, figures: Mapping[str, Any]) -> str:
    """Return the card of a box.

    Args:
        name: of the box.
        licence: of its weights.
        scope: what it is for, as one sentence without its stop.
        figures: "voice", "text", "pairs", "kept_out" and "calibration".
    """
    return CARD.format(
        spdx=licence.name.lower(),
        name=name,
        scope_sentence=scope[0].upper() + scope[1:],
        voices=figures["voices"],
        licence=licence.name,
        url=licence.url,
        sources="\n".join(f"- {source}" for source in licence.sources),
        voice="\n".join(_voice(figures)),
        text="\n".join(_text(figures["text"])),
        pairs="\n".join(_pairs(figures)),
        calibration="\n".join(_calibration(figures)),
    )


def _voice(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "### Voice\n"
    if figures["voice"]:
        yield "Cross-validated over speakers, one corpus beside the other; clips cut, brought to one level:\n"
        yield "| corpus | clips | speakers | UA over its labels | women | men | UA over all seven |"
        yield "|---|---|---|---|---|---|---|"
        for corpus, systems in figures["voice"].items():
            one = systems["audio"]
            groups = one["by_gender"].get("gender", {}).get("values", {})
            by = [f"{groups[g]['ua']:.3f}" if g in groups else "-" for g in ("female", "male")]
            row = (corpus, one["n"], one["speakers"], _ua(one["restricted"]), *by, _ua(one["open"]))
            yield "| " + " | ".join(map(str, row)) + " |"
        yield ""
    kept = figures["kept_out"]
    yield (
        f"These very weights, on {kept['n']} pairs of two speakers of EmoDB whom they never heard, with sentences "
        "that they have read:\n"
    )
    yield from _systems(kept)


def _text(text: Mapping[str, Any]) -> Iterator[str]:
    yield "### Words\n"
    together = text["together"]
    student, teacher = together["student"], together["teacher"]
    rows = sum(fold["student"]["plain"]["n"] for name, fold in text.items() if name.startswith("fold-"))
    yield (
        f"Macro-F1 over the seven Ekman labels of GoEmotions, several a text, on {rows} texts that neither the "
        f"text encoder nor its teacher had met ({together['folds']} of five folds): {student['plain']:.3f} as "
        f"they are written, {student['recognised']:.3f} as a recogniser would write them; the teacher "
        f"{teacher['plain']:.3f} and {teacher['recognised']:.3f}."
    )


def _pairs(figures: Mapping[str, Any]) -> Iterator[str]:
    judged = figures["pairs"]
    if judged is None:
        return
    yield "### Pairs\n"
    yield (
        f"Fusions trained likewise, each without one fold of speakers and one fold of sentences, asked about "
        f"these ({judged['folds']} of five folds): {judged['n']} pairs, {judged['speakers']} speakers.\n"
    )
    yield from _systems(judged)
    yield "\nThe label there is that of the pair. With one side missing, and asked for the label of the other:\n"
    yield from HEADING
    for systems in judged["alone"].values():
        yield from _rows(systems)
    by_corpus = ", ".join(f"{name} {one['fusion']:.3f}" for name, one in judged["by_corpus"].items())
    yield f"\nThe fusion's accuracy by corpus: {by_corpus}."
    conflict = judged["conflict"]
    yield (
        f"\nWhere voice and words contradict each other ({conflict['n']} pairs), the words win in "
        f"{conflict['words_win']:.0%}, the voice in {conflict['voice_wins']:.0%}; its confidence is "
        f"{conflict['confidence']:.2f} there, {conflict['confidence_on_agreeing_pairs']:.2f} where they agree."
    )


def _systems(judged: Mapping[str, Any]) -> Iterator[str]:
    yield from HEADING
    yield from _rows(judged["systems"])


def _rows(systems: Mapping[str, Any]) -> Iterator[str]:
    for system, one in systems.items():
        groups = one["by_gender"].get("gender", {}).get("values", {})
        by = [f"{groups[g]['ua']:.3f}" if g in groups else "-" for g in ("female", "male")]
        yield f"| {system} | {_ua(one)} | {by[0]} | {by[1]} | {one['wa']:.3f} | {one['ece']:.3f} |"


def _calibration(figures: Mapping[str, Any]) -> Iterator[str]:
    judged = figures["calibration"]
    said = ", ".join(f"{system} {value:.2f}" for system, value in judged["temperatures"].items())
    sure = judged["abstention"]["fusion"]
    yield (
        f"Temperatures are fitted for each pattern of modalities ({said}), on {judged['n']} pairs of speakers "
        f"that training did not hear. Below a confidence of {sure['threshold']:.2f} it abstains: it then answers "
        f"{sure['coverage']:.0%} of the pairs, with an accuracy of {sure['accuracy_answered']:.3f} instead of "
        f"{sure['accuracy']:.3f}. On other recordings both will differ."
    )
    if figures["pairs"] is None:
        yield f"\n{READ}"


def _ua(found: Mapping[str, Any]) -> str:
    interval = found["ci95"]
    return f"{found['ua']:.3f}" + ("" if interval is None else f" ({interval[0]:.3f} - {interval[1]:.3f})")
