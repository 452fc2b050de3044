"""What the audit can find: every code with its meaning and the way out, in one place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, get_args

from emofuse.errors import CorpusError, RecipeError
from emofuse.types import Finding, Severity

Code = Literal[
    "speaker-overlap",
    "duplicate-audio-across-speakers",
    "missing-audio",
    "unreadable-audio",
    "text-is-label",
    "text-overlap",
    "duplicate-audio",
    "annotation-tokens",
    "text-uninformative",
    "text-determines-label",
    "text-missing",
    "speaker-single-label",
    "speaker-unknown",
    "speaker-spelling",
    "speaker-per-utterance",
    "dialogue-overlap",
    "label-spelling",
    "gender-mixed",
    "silent-audio",
    "clipped-audio",
    "multichannel-audio",
    "mixed-rates",
    "short-audio",
    "rare-class",
    "label-tie",
    "text-not-spoken",
]
CODES: tuple[Code, ...] = get_args(Code)

# Findings that make a protocol's numbers invalid whenever they are there; two more do so under conditions:
# text-is-label above a share, text-overlap where the protocol promises that there is none.
ERRORS: frozenset[Code] = frozenset(
    ("speaker-overlap", "duplicate-audio-across-speakers", "missing-audio", "unreadable-audio")
)
NOTES: frozenset[Code] = frozenset(("multichannel-audio", "mixed-rates", "short-audio", "label-tie"))

REMEDIES: dict[Code, str] = {
    "speaker-overlap": "choose a speaker protocol, or correct the speaker or session of these utterances",
    "duplicate-audio-across-speakers": "find out who speaks and drop the other copy from the manifest",
    "missing-audio": "check the corpus root, or prepare the manifest again",
    "unreadable-audio": "convert or copy these files again, or drop them from the manifest",
    "text-is-label": "use the column with the spoken words; a text system would read the label",
    "text-overlap": "report it, or set text_independent: true, which purges such utterances from training",
    "duplicate-audio": "drop the copies, or keep them in mind: they count twice",
    "annotation-tokens": "keep the recipe's annotations: strip, the default",
    "text-uninformative": "expect chance from the text system; use another corpus to judge text or fusion",
    "text-determines-label": "do not judge text or fusion here: they would learn the script by heart",
    "text-missing": "write or recognise the missing words (emofuse transcribe), or train with modality dropout",
    "speaker-single-label": "do not trust speaker-adapted figures; a system may recognise speakers, not emotions",
    "speaker-unknown": "name the speakers; else nothing tells whether a test speaker was trained on",
    "speaker-spelling": "write each speaker in one way; a person under two names may be in two parts",
    "speaker-per-utterance": "give each person one name; else folds and intervals count utterances, not people",
    "dialogue-overlap": "choose a protocol by sessions, or report that the other side of a dialogue is trained on",
    "label-spelling": "write each label in one way; a policy takes them for two, or leaves one out",
    "gender-mixed": "correct the gender codes: one code a speaker, one spelling a gender",
    "silent-audio": "listen to these clips; drop those with nothing in them",
    "clipped-audio": "listen to these clips; record them again where it matters",
    "multichannel-audio": "nothing: channels are averaged; cut them apart if each holds one speaker",
    "mixed-rates": "nothing: everything is resampled; see that no label goes with a rate",
    "short-audio": "check their spans: less than 0.3 s holds hardly a word",
    "rare-class": "merge or leave out such labels by a label policy, or choose larger folds",
    "label-tie": "see the cross-entropy against the votes in the results; leaving these out flatters every system",
    "text-not-spoken": "call these synthetic pairs, and claim no accuracy on conversation from them",
}

# How many utterances a refusal names.
NAMED = 3


def finding(code: Code, utterances: Iterable[str], message: str, severity: Severity | None = None) -> Finding:
    """Return a finding; None takes the severity of its code."""
    ids = tuple(utterances)
    usual: Severity = "error" if code in ERRORS else "note" if code in NOTES else "warning"
    return Finding(code, severity or usual, len(ids), ids, message, REMEDIES[code])


def refuse_errors(findings: Sequence[Finding], accepted: Collection[str] = ()) -> None:
    """Refuse what would make a protocol's numbers invalid, unless its code is accepted.

    Raises:
        CorpusError: a finding is an error and not accepted.
        RecipeError: an accepted code is unknown.
    """
    for code in accepted:
        if code not in CODES:
            raise RecipeError(f"--accept {code}: is no finding of the audit; findings are {', '.join(CODES)}")
    errors = [f for f in findings if f.severity == "error" and f.code not in accepted]
    if errors:
        first = errors[0]
        names = ", ".join(first.utterances[:NAMED]) + (" and more" if first.count > NAMED else "")
        others = "".join(f"; also {f.code} ({f.count})" for f in errors[1:])
        raise CorpusError(
            f"the audit found {first.code}: {first.message} ({names}){others}; {first.remedy}, "
            f"or continue with {' '.join(f'--accept {f.code}' for f in errors)}, which the results will show"
        )
