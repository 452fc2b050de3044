"""The card of a box: what it was trained on, how it was evaluated, and what it must not be used for."""

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

**Audio and text of a pair were never spoken together: any gain from fusion is by construction and says nothing
about conversation.**

## What it is

The network of Krishna (2021), arXiv 2108.09669, with small encoders of its own: a residual CNN on log-mel frames
and a distilled BERT; cross-modal attention in both directions, attentive statistics pooling, early fusion. It
takes audio, text or both. Labels: neutral, happy, sad, angry, fearful, disgusted, surprised. The text encoder was
trained on English, the audio encoder on {voices}.

Licence of the weights: {licence} ({url}). Data and models used in training:

{sources}

## What it must not be used for

It predicts which emotion an actor was asked to play and how a reader would label a sentence. It does not know what
anybody feels. Do not use it to make decisions about people: not at work or in school (where Article 5 of the
European Union's Regulation 2024/1689 forbids it), and not in health care, policing, insurance, lending or border
control. It was not trained on conversations, children, ill people, most languages or most accents.

## Evaluation

Figures are unweighted accuracy (UA) with 95 % intervals over speakers, where there are enough speakers. Every
speaker in a figure was held out from training. The sections are audio alone, text alone, and pairs of both.

{voice}

{text}

{pairs}

## Calibration

{calibration}
"""

HEADING = ("| system | UA | women | men | accuracy | ECE |", "|---|---|---|---|---|---|")
SEEN_SENTENCES = (
    "The sentences of these pairs were part of the training data: on others, accuracy is below confidence."
)


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
    yield "### Audio\n"
    if figures["voice"]:
        yield "Cross-validated over speakers, on all corpora together; clips are trimmed and of one level:\n"
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
        f"These weights, on {kept['n']} pairs of two speakers of EmoDB that were held out from training; the "
        "sentences were not held out:\n"
    )
    yield from _systems(kept)


def _text(text: Mapping[str, Any]) -> Iterator[str]:
    yield "### Text\n"
    together = text["together"]
    student, teacher = together["student"], together["teacher"]
    rows = sum(fold["student"]["plain"]["n"] for name, fold in text.items() if name.startswith("fold-"))
    yield (
        f"Macro-F1 over the seven Ekman labels of GoEmotions (a text may have several), on {rows} texts that "
        f"neither the text encoder nor its teacher was trained on ({together['folds']} of five folds): "
        f"{student['plain']:.3f} as written, {student['recognised']:.3f} as a speech recogniser would write them; "
        f"the teacher has {teacher['plain']:.3f} and {teacher['recognised']:.3f}."
    )


def _pairs(figures: Mapping[str, Any]) -> Iterator[str]:
    judged = figures["pairs"]
    if judged is None:
        return
    yield "### Pairs\n"
    yield (
        f"Fusion models trained in the same way, each tested on one held-out fold of speakers and of sentences "
        f"({judged['folds']} of five folds): {judged['n']} pairs, {judged['speakers']} speakers.\n"
    )
    yield from _systems(judged)
    yield "\nHere the true label is that of the pair. With the true label of the modality that is present:\n"
    yield from HEADING
    for systems in judged["alone"].values():
        yield from _rows(systems)
    by_corpus = ", ".join(f"{name} {one['fusion']:.3f}" for name, one in judged["by_corpus"].items())
    yield f"\nAccuracy of the fusion by corpus: {by_corpus}."
    conflict = judged["conflict"]
    yield (
        f"\nWhere audio and text contradict each other ({conflict['n']} pairs), the prediction follows the text "
        f"in {conflict['words_win']:.0%} and the audio in {conflict['voice_wins']:.0%}; the confidence is "
        f"{conflict['confidence']:.2f}, and {conflict['confidence_on_agreeing_pairs']:.2f} where they agree."
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
    temperatures = ", ".join(f"{system} {value:.2f}" for system, value in judged["temperatures"].items())
    abstention = judged["abstention"]["fusion"]
    yield (
        f"One temperature is fitted for each combination of modalities ({temperatures}), on {judged['n']} "
        f"pairs of held-out speakers. The model abstains below a confidence of {abstention['threshold']:.2f}: it "
        f"then labels {abstention['coverage']:.0%} of the pairs, with an accuracy of "
        f"{abstention['accuracy_answered']:.3f} instead of {abstention['accuracy']:.3f}. On other recordings both "
        "figures will differ."
    )
    if figures["pairs"] is None:
        yield f"\n{SEEN_SENTENCES}"


def _ua(found: Mapping[str, Any]) -> str:
    interval = found["ci95"]
    return f"{found['ua']:.3f}" + ("" if interval is None else f" ({interval[0]:.3f} - {interval[1]:.3f})")
