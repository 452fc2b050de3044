"""What the labels of other people's models are called here: by our words where they are known spellings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emofuse.errors import RecipeError
from emofuse.inference.label_map import SPELLINGS, refuse_unknown, word_of

# Numbers that stand for labels, as transformers writes them where nobody named them.
_NUMBER = re.compile(r"(label_?)?\d+", re.IGNORECASE)
# Who speaks is no emotion: lists such as `female_angry, male_angry`.
_SPEAKER = re.compile(r"(fe)?male[ _-]+(?P<word>.+)", re.IGNORECASE)
# What regressors call their dimensions -> what the corpora here call them.
DIMENSIONS = {"valence": "valence", "arousal": "arousal", "activation": "arousal", "dominance": "dominance"}


@dataclass(frozen=True)
class LabelNames:
    """The names here of a model's labels.

    Attributes:
        names: theirs -> ours, in their order; a label without a name here is left out of every prediction.
    """

    names: Mapping[str, str]

    @property
    def ours(self) -> tuple[str, ...]:
        """The names here, in the order of the first label of each."""
        return tuple(dict.fromkeys(name for name in self.names.values() if name))

    @property
    def renamed(self) -> str:
        """Which labels have another name here, as people read it; empty if none."""
        return ", ".join(
            f"{theirs} = {ours or 'left out'}" for theirs, ours in self.names.items() if theirs != ours
        )

    def columns(self) -> list[list[int]]:
        """Return, for each of ours, the numbers of the labels that have its name."""
        return [[number for number, name in enumerate(self.names.values()) if name == one] for one in self.ours]


def as_they_are(theirs: Sequence[str]) -> LabelNames:
    """Return a model's labels under their own names."""
    return LabelNames({label: label for label in theirs})


def name_labels(theirs: Sequence[str], explicit: Mapping[str, str]) -> LabelNames:
    """Return what a model's labels are called here.

    An explicit name comes first; then our word, where the label is a known spelling of it (`hap`, `HAPPINESS`,
    `开心/happy`, `female_happy`); then the label itself in lower case. Two labels fall together only where that is
    explicit, or where they differ by who speaks: of `happy` and `joy` in one list, `joy` stays `joy`.

    Args:
        theirs: the model's labels, in its order.
        explicit: theirs -> ours; an empty string leaves a label out.

    Raises:
        RecipeError: an explicit label does not exist, labels are mere numbers, or fewer than two are left.
    """
    for label, wanted in explicit.items():
        refuse_unknown("--label-map", label, theirs, "the model's labels", f"{label}={wanted}")
    numbers = [label for label in theirs if _NUMBER.fullmatch(label) and label not in explicit]
    if numbers:
        raise RecipeError(
            f"the model does not name its labels ({', '.join(numbers[:3])}{', ...' if len(numbers) > 3 else ''}); "
            f"look at its card, and name them with --label-map {numbers[0]}=neutral,..."
        )
    spoken = {label: _without_speaker(label) for label in theirs if label not in explicit}
    words = {plain: word_of(plain) for plain in spoken.values()}
    claimed = Counter(words.values())
    own = {plain: word if plain == word or claimed[word] == 1 else plain for plain, word in words.items()}
    named = LabelNames({label: explicit[label] if label in explicit else own[spoken[label]] for label in theirs})
    if len(named.ours) < 2:
        raise RecipeError(f"--label-map: fewer than two of the labels {', '.join(theirs)} are left; name more")
    return named


def _without_speaker(label: str) -> str:
    """Return a label in lower case, of several languages the one that is known, without who speaks.

    >>> _without_speaker("female_Angry"), _without_speaker("开心/happy")
    ('angry', 'happy')
    """
    plain = label.strip().lower()
    found = _SPEAKER.fullmatch(plain)
    parts = (found["word"] if found else plain).split("/")
    known = [part.strip() for part in parts if word_of(part.strip()) in SPELLINGS]
    return known[0] if known else "/".join(parts)
