"""The signature of a figure: one line, for papers, of what must be the same for figures to be compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from typing import Any
from urllib.parse import quote, unquote

from emofuse.config import AgreementRecipe, Recipe
from emofuse.errors import CorpusError
from emofuse.runs.system import System
from emofuse.types import Fold
from emofuse.untrusted.json_text import canonical_json

NAME = "emofuse"
# For what is not known; a figure with it can be cited, but not compared.
UNSTATED = "unstated"
NONE = "none"
# Appended to the protocol if folds are text-independent.
TEXT_INDEPENDENT = "+text-independent"
# The separators of the line, which are quoted in its words.
_RESERVED = re.compile(r"[%|=:(),/\s\x00-\x1f\x7f]")
_LINE = re.compile(
    rf"{NAME}\|(?P<corpus>[^|:]+):(?P<policy>[^|(]+)\((?P<labels>[^|)]+)\)\|n=(?P<n>\d+)/(?P<tested>\d+)"
    r"\|(?P<protocol>[^|=]+)\|(?P<rest>[^|=]+=[^|=]+(?:\|[^|=]+=[^|=]+)*)"
)
_KEYS = ("folds", "seeds", "val", "sel", "text", "pool", "v")
# Keys that lines of earlier versions lack.
_LATER_KEYS = ("data", "annotations", "agreement")


@dataclass(frozen=True)
class Signature:
    """What must be the same for two figures to be compared, as one line.

    Attributes:
        corpus: its name.
        policy: the label policy, by name; of a mapping its hash.
        labels: of the task, in order.
        n: utterances scored.
        tested: utterances that the protocol tests.
        protocol: who is tested while the others train.
        folds: a hash of the test parts and what may be trained on; see `folds_key`.
        seeds: how many trainings the figure is the mean of.
        validation: the unit by which validation was cut from training.
        selection: how the epoch was selected.
        text: where what is read comes from.
        data: a hash of labels, votes, texts, spans and names of files; see `corpus_hash` of `emofuse.data.splits`.
        annotations: whether tokens such as [LAUGHTER] are stripped or kept.
        agreement: how the votes of raters make a label; see `agreement_name`.
        accepted: findings of the audit that would have stopped the run, and were accepted.
        pooling: over what the figure is computed: all folds pooled.
        only: fields that restrict the corpus -> the one value that was kept.
        version: of emofuse, which computed the figure.
    """

    corpus: str
    policy: str
    labels: tuple[str, ...]
    n: int
    tested: int
    protocol: str
    folds: str
    seeds: int = 1
    validation: str = UNSTATED
    selection: str = UNSTATED
    text: str = UNSTATED
    data: str = UNSTATED
    annotations: str = UNSTATED
    agreement: str = UNSTATED
    accepted: tuple[str, ...] = ()
    pooling: str = "pooled"
    only: Mapping[str, str] = field(default_factory=dict, hash=False)
    version: str = field(default_factory=lambda: installed(NAME))

    def __str__(self) -> str:
        """Return the line.

        >>> str(Signature("iemocap", "iemocap4", ("sad", "angry"), 2, 3, "predefined", "0123abcd", version="1"))
        'emofuse|iemocap:iemocap4(sad,angry)|n=2/3|predefined|folds=0123abcd|seeds=1|val=unstated|sel=unstated|text=unstated|data=unstated|annotations=unstated|agreement=unstated|pool=pooled|v=1'
        """
        labels = ",".join(map(_quoted, self.labels))
        words = {
            "folds": self.folds,
            "seeds": str(self.seeds),
            "val": self.validation,
            "sel": self.selection,
            "text": self.text,
            "data": self.data,
            "annotations": self.annotations,
            "agreement": self.agreement,
            "pool": self.pooling,
            "v": self.version,
        }
        parts = [
            NAME,
            f"{_quoted(self.corpus)}:{_quoted(self.policy)}({labels})",
            f"n={self.n}/{self.tested}",
            _quoted(self.protocol),
            *(f"{key}={_quoted(word)}" for key, word in words.items()),
        ]
        if self.accepted:
            parts.append(f"accepted={','.join(map(_quoted, self.accepted))}")
        if self.only:
            kept = ",".join(f"{_quoted(name)}:{_quoted(value)}" for name, value in sorted(self.only.items()))
            parts.append(f"only={kept}")
        return "|".join(parts)

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a line back; what lines of earlier versions do not say is unstated.

        Raises:
            CorpusError: it is no signature.
        """
        match = _LINE.fullmatch(line.strip())
        values = dict(part.split("=") for part in match["rest"].split("|")) if match else {}
        known = set(values) - {"only", "accepted", *_LATER_KEYS} == set(_KEYS)
        if match is None or not known or not values["seeds"].isdecimal():
            raise CorpusError(
                f"{line[:80]!r} is no signature of {NAME}; copy the whole line that a command printed"
            )
        kept = [pair.partition(":") for pair in values["only"].split(",")] if "only" in values else []
        return cls(
            corpus=unquote(match["corpus"]),
            policy=unquote(match["policy"]),
            labels=tuple(map(unquote, match["labels"].split(","))),
            n=int(match["n"]),
            tested=int(match["tested"]),
            protocol=unquote(match["protocol"]),
            folds=unquote(values["folds"]),
            seeds=int(values["seeds"]),
            validation=unquote(values["val"]),
            selection=unquote(values["sel"]),
            text=unquote(values["text"]),
            data=unquote(values.get("data", UNSTATED)),
            annotations=unquote(values.get("annotations", UNSTATED)),
            agreement=unquote(values.get("agreement", UNSTATED)),
            accepted=tuple(map(unquote, values["accepted"].split(","))) if "accepted" in values else (),
            pooling=unquote(values["pool"]),
            only={unquote(name): unquote(value) for name, _, value in kept},
            version=unquote(values["v"]),
        )


def run_signature(
    recipe: Recipe,
    results: Mapping[str, Any],
    folds: Sequence[Fold],
    corpus_hash: str,
) -> Signature:
    """Return the signature of a cross-validation.

    Args:
        recipe: of the run.
        results: the contents of `results.json`.
        folds: the folds.
        corpus_hash: of the corpus under the labels of the recipe.
    """
    n = max((figures["n"] for figures in results["systems"].values()), default=0)
    reads_text = any(System.from_label(label).reads_text for label in results["systems"])
    given = results.get("text_kinds", UNSTATED)  # runs of earlier versions do not have it
    text = given if recipe.text.source == "given" else recipe.text.source
    stopped = {one["code"] for one in results["audit"]["findings"] if one["severity"] == "error"}
    return Signature(
        corpus=results["corpus"] or "unnamed",
        policy=policy_name(recipe.labels),
        labels=tuple(results["labels"]),
        n=n,
        tested=results["n_utterances"],
        protocol=protocol_name(recipe.protocol, recipe.text_independent),
        folds=folds_key(folds),
        seeds=len(results["seeds"]),
        validation=validation_of(folds),
        selection=recipe.selection,
        text=text if reads_text else NONE,
        data=corpus_hash,
        annotations=recipe.annotations if reads_text else NONE,
        agreement=agreement_name(recipe.agreement),
        accepted=tuple(code for code in results["audit"]["accepted"] if code in stopped),
        only=recipe.only,
    )


def folds_key(folds: Iterable[Fold]) -> str:
    """Return a short hash of the test part of each fold and what may be trained on.

    How the latter are parted into training and validation does not count, nor do names and order of folds: systems
    with one key were tested alike. (`folds_hash` of `emofuse.data.splits` covers all of it.)
    """
    rows = sorted([sorted(fold.test), sorted({*fold.train, *fold.validation})] for fold in folds)
    return hashlib.sha256(canonical_json(rows).encode()).hexdigest()[:8]


def policy_name(labels: str | Mapping[str, str]) -> str:
    """Return what a label policy is called: by its name, or a mapping by a hash of it."""
    if isinstance(labels, str):
        return labels
    text = canonical_json(sorted(labels.items()))
    return f"mapping-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def agreement_name(agreement: AgreementRecipe) -> str:
    """Return how the votes of raters make a label: `consensus`, or `votes-0.5` with a least share of the votes."""
    return agreement.label + (f"-{agreement.minimum:g}" if agreement.minimum else "")


def protocol_name(protocol: str, text_independent: bool) -> str:
    """Return the name of a protocol, marked if it is text-independent."""
    return protocol + (TEXT_INDEPENDENT if text_independent else "")


def validation_of(folds: Iterable[Fold]) -> str:
    """Return the unit by which folds cut their validation parts; "none" where they have none."""
    return "+".join(sorted({fold.validation_unit or NONE for fold in folds})) or NONE


def text_kinds(sources: Iterable[str | None]) -> str:
    """Return which kinds of text there are, as `gold`, `asr`, both or `none`, from the source of each text.

    A text whose source is not known is `unstated`.
    """
    kinds = {_text_kind(source) for source in sources}
    return "+".join(sorted(kinds)) or NONE


def _text_kind(source: str | None) -> str:
    if source is None:
        return UNSTATED
    return "asr" if source.split(":")[0] == "asr" else "gold"


def _quoted(word: str) -> str:
    """Return a word whose signs cannot be taken for those of the line; an empty one becomes "none"."""
    return _RESERVED.sub(lambda match: quote(match[0], safe=""), word) or NONE
