"""From a model's labels to those of a task: by name, by usual spellings, or as the caller says."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emofuse.errors import RecipeError

# Words of our label policies -> other spellings. Single letters mean different things in different
# corpora (F is joy in German, fear in English): they are not here.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "neutral": ("neu", "neut", "neutrality"),
    "calm": ("cal", "calmness"),
    "happy": ("hap", "happiness", "happily", "joy", "joyful"),
    "excited": ("exc", "excitement", "excite"),
    "sad": ("sadness",),
    "angry": ("ang", "anger"),
    "fearful": ("fea", "fear", "afraid", "scared"),
    "disgusted": ("dis", "disgust"),
    "surprised": (
        "sur",
        "surprise",
        "surp",
        "ps",
        "pleasant_surprise",
        "pleasant surprise",
        "pleasant_surprised",
        "pleasant surprised",
    ),
    "frustrated": ("fru", "frustration", "frustrate"),
    "contempt": ("con", "contemptuous"),
    "bored": ("bor", "boredom"),
    "other": ("oth", "others"),
    "positive": ("pos",),
    "negative": ("neg",),
}
_WORD_OF = {spelling: word for word, spellings in SPELLINGS.items() for spelling in (word, *spellings)}


@dataclass(frozen=True)
class LabelMap:
    """The task's label for each of a model's labels.

    Attributes:
        mapping: theirs -> ours.
        unmapped: theirs without a counterpart; their probability is distributed over the others.
        unsaid: ours that the model cannot predict.
    """

    mapping: Mapping[str, str]
    unmapped: tuple[str, ...]
    unsaid: tuple[str, ...]

    def apply(self, probabilities: Mapping[str, float], ours: Sequence[str]) -> tuple[dict[str, float], float]:
        """Return the probabilities of our labels, and the share on labels without a counterpart.

        Raises:
            ZeroDivisionError: no probability is on labels with a counterpart.
        """
        sums = dict.fromkeys(ours, 0.0)
        for label, value in probabilities.items():
            if label in self.mapping:
                sums[self.mapping[label]] += value
        kept = sum(sums.values())
        return {label: value / kept for label, value in sums.items()}, 1.0 - kept / sum(probabilities.values())


def match_labels(
    theirs: Sequence[str], ours: Sequence[str], policy: Mapping[str, str], explicit: Mapping[str, str]
) -> LabelMap:
    """Find the counterparts of a model's labels.

    An explicit counterpart comes first; then the same name; then another spelling, such as `hap`, `happiness` or
    `joy` for `happy`; then the label that the policy maps it to, as `excited`.

    Args:
        theirs: the model's labels.
        ours: the task's.
        policy: the mapping of the label policy.
        explicit: theirs -> ours; an empty string leaves a label without a counterpart.

    Raises:
        RecipeError: an explicit label does not exist, or fewer than two of ours have a counterpart.
    """
    for label, wanted in explicit.items():
        refuse_unknown("--map", label, theirs, "the model's labels", f"{label}={wanted}")
        if wanted:
            refuse_unknown("--map", wanted, ours, "the labels of the task", f"{label}={wanted}")
    counterparts = {label: explicit.get(label, _counterpart(label, ours, policy)) for label in theirs}
    mapping = {label: wanted for label, wanted in counterparts.items() if wanted}
    if len(set(mapping.values())) < 2:
        raise RecipeError(
            f"fewer than two labels have a counterpart: the model has {', '.join(theirs)}, the corpus "
            f"{', '.join(ours)}; map them with --map theirs=ours"
        )
    predicted = set(mapping.values())
    return LabelMap(
        mapping=mapping,
        unmapped=tuple(label for label in theirs if label not in mapping),
        unsaid=tuple(label for label in ours if label not in predicted),
    )


def _counterpart(label: str, ours: Sequence[str], policy: Mapping[str, str]) -> str | None:
    plain = label.strip().lower()
    word = word_of(plain)
    by_name = {name.lower(): name for name in reversed(ours)}
    by_word = {word_of(name.lower()): name for name in reversed(ours)}
    merged = policy.get(word)
    return by_name.get(plain) or by_word.get(word) or (merged if merged in ours else None)


def word_of(plain: str) -> str:
    """Return our word for a label in lower case; the label itself where it is no known spelling of one.

    >>> word_of("hap"), word_of("grief")
    ('happy', 'grief')
    """
    return _WORD_OF.get(plain, plain)


def refuse_unknown(option: str, label: str, known: Sequence[str], of: str, pair: str) -> None:
    """Refuse a pair of labels of an option, one of which does not exist.

    Raises:
        RecipeError: `label` is none of the known ones; the message says which is near.
    """
    if label not in known:
        near = difflib.get_close_matches(label, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"they are {', '.join(known)}"
        raise RecipeError(f"{option} {pair}: {label!r} is none of {of}; {hint}")
