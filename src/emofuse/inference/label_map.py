"""From a model's own labels to those of a task: by name, by usual spellings, or as somebody says."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emofuse.errors import RecipeError

# Words of our label policies -> how else they are written. Single letters mean different things in different
# corpora (F is joy in German, fear in English): they are not here.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "neutral": ("neu", "neut", "neutrality"),
    "calm": ("cal", "calmness"),
    "happy": ("hap", "happiness", "happily", "joy", "joyful"),
    "excited": ("exc", "excitement", "excite"),
    "sad": ("sadness",),
    "angry": ("ang", "anger"),
    "fearful": ("fea", "fear", "afraid"),
    "disgusted": ("dis", "disgust"),
    "surprised": ("sur", "surprise", "surp", "ps"),
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
    """What becomes of a model's labels.

    Attributes:
        mapping: theirs -> ours.
        unmapped: theirs that have no counterpart: their probability is shared out among the others.
        unsaid: ours that the model cannot say.
    """

    mapping: Mapping[str, str]
    unmapped: tuple[str, ...]
    unsaid: tuple[str, ...]

    def apply(self, probabilities: Mapping[str, float], ours: Sequence[str]) -> tuple[dict[str, float], float]:
        """Return the probabilities of our labels, and the share that was on labels without a counterpart.

        Raises:
            ZeroDivisionError: nothing was on labels that have one.
        """
        sums = dict.fromkeys(ours, 0.0)
        for label, value in probabilities.items():
            if label in self.mapping:
                sums[self.mapping[label]] += value
        kept = sum(sums.values())
        return {label: value / kept for label, value in sums.items()}, 1.0 - kept / sum(probabilities.values())


def match_labels(
    theirs: Sequence[str], ours: Sequence[str], policy: Mapping[str, str], given: Mapping[str, str]
) -> LabelMap:
    """Find the counterparts of a model's labels.

    What is given decides; then the same name; then another spelling of it, such as `hap`, `happiness` or `joy`
    for `happy`; then what the label policy makes of it, as of `excited`.

    Args:
        theirs: the model's labels.
        ours: the task's.
        policy: the mapping of the label policy.
        given: theirs -> ours, as somebody says; an empty word leaves a label without a counterpart.

    Raises:
        RecipeError: a label that is given is not there, or fewer than two of ours have a counterpart.
    """
    for label, wanted in given.items():
        _refuse_unknown(label, theirs, "the model's labels", f"{label}={wanted}")
        if wanted:
            _refuse_unknown(wanted, ours, "the labels of the task", f"{label}={wanted}")
    found = {label: given.get(label, _counterpart(label, ours, policy)) for label in theirs}
    mapping = {label: wanted for label, wanted in found.items() if wanted}
    if len(set(mapping.values())) < 2:
        raise RecipeError(
            f"fewer than two labels have a counterpart: the model says {', '.join(theirs)}, the corpus "
            f"{', '.join(ours)}; say which is which with --map theirs=ours"
        )
    said = set(mapping.values())
    return LabelMap(
        mapping=mapping,
        unmapped=tuple(label for label in theirs if label not in mapping),
        unsaid=tuple(label for label in ours if label not in said),
    )


def _counterpart(label: str, ours: Sequence[str], policy: Mapping[str, str]) -> str | None:
    plain = label.strip().lower()
    word = _WORD_OF.get(plain, plain)
    by_name = {name.lower(): name for name in reversed(ours)}
    by_word = {_WORD_OF.get(name.lower(), name.lower()): name for name in reversed(ours)}
    merged = policy.get(word)
    return by_name.get(plain) or by_word.get(word) or (merged if merged in ours else None)


def _refuse_unknown(label: str, known: Sequence[str], of: str, pair: str) -> None:
    if label not in known:
        near = difflib.get_close_matches(label, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"they are {', '.join(known)}"
        raise RecipeError(f"--map {pair}: {label!r} is none of {of}; {hint}")
