"""The signature of a figure: one line, for papers, of what must be the same for figures to be compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from typing import Any
from urllib.parse import quote, unquote

from emofuse.config import Recipe
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
    pooling: str = "pooled"
    only: Mapping[str, str] = field(default_factory=dict, hash=False)
    version: str = field(default_factory=lambda: installed(NAME))

    def __str__(self) -> str:
        """Return the line.

        >>> str(Signature("iemocap", "iemocap4", ("sad", "angry"), 2, 3, "predefined", "0123abcd", version="1"))
        'emofuse|iemocap:iemocap4(sad,angry)|n=2/3|predefined|folds=0123abcd|seeds=1|val=unstated|sel=unstated|text=unstated|pool=pooled|v=1'
        """
        labels = ",".join(map(_quoted, self.labels))
        words = (self.folds, str(self.seeds), self.validation, self.selection, self.text, self.pooling)
        parts = [
            NAME,
            f"{_quoted(self.corpus)}:{_quoted(self.policy)}({labels})",
            f"n={self.n}/{self.tested}",
            _quoted(self.protocol),
            *(f"{key}={_quoted(word)}" for key, word in zip(_KEYS, (*words, self.version), strict=True)),
        ]
        if self.only:
            kept = ",".join(f"{_quoted(name)}:{_quoted(value)}" for name, value in sorted(self.only.items()))
            parts.append(f"only={kept}")
        return "|".join(parts)

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a line back.

        Raises:
            CorpusError: it is no signature.
        """
        match = _LINE.fullmatch(line.strip())
        values = dict(part.split("=") for part in match["rest"].split("|")) if match else {}
        if match is None or set(values) - {"only"} != set(_KEYS) or not values["seeds"].isdecimal():
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
            pooling=unquote(values["pool"]),
            only={unquote(name): unquote(value) for name, _, value in kept},
            version=unquote(values["v"]),
        )


def run_signature(
    recipe: Recipe,
    results: Mapping[str, Any],
    folds: Sequence[Fold],
    texts: Iterable[str | None],
) -> Signature:
    """Return the signature of a cross-validation.

    Args:
        recipe: of the run.
        results: the contents of `results.json`.
        folds: the folds.
        texts: the text sources of its utterances, as in the manifest.
    """
    n = max((figures["n"] for figures in results["systems"].values()), default=0)
    reads_text = any(System.from_label(label).reads_text for label in results["systems"])
    text = text_kinds(texts) if recipe.text.source == "given" else recipe.text.source
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


def protocol_name(protocol: str, text_independent: bool) -> str:
    """Return the name of a protocol, marked if it is text-independent."""
    return protocol + (TEXT_INDEPENDENT if text_independent else "")


def validation_of(folds: Iterable[Fold]) -> str:
    """Return the unit by which folds cut their validation parts; "none" where they have none."""
    return "+".join(sorted({fold.validation_unit or NONE for fold in folds})) or NONE


def text_kinds(sources: Iterable[str | None]) -> str:
    """Return which kinds of text there are, as `gold`, `asr`, both or `none`."""
    kinds = {"asr" if source.split(":")[0] == "asr" else "gold" for source in sources if source is not None}
    return "+".join(sorted(kinds)) or NONE


def _quoted(word: str) -> str:
    """Return a word whose signs cannot be taken for those of the line; an empty one becomes "none"."""
    return _RESERVED.sub(lambda match: quote(match[0], safe=""), word) or NONE
