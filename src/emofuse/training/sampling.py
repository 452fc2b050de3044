"""What an epoch draws, and which labels an utterance could have had: for corpora that were put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emofuse.data.recipe_corpus import field_or_tag
from emofuse.errors import RecipeError
from emofuse.types import Utterance
from emofuse.types.arrays import Float64Array, IntArray


def drawing_shares(utterances: Sequence[Utterance], by: Sequence[str]) -> Float64Array | None:
    """Return how often each utterance is drawn, (utterances,), summing to 1; None where all count alike.

    The values of the first field share evenly, within each those of the second, and so on; the utterances that
    agree in all of them share the rest. So a large corpus does not drown a small one, nor a frequent label a rare
    one.

    Args:
        utterances: of which there are some.
        by: fields or tags.

    Raises:
        RecipeError: no utterance has anything there.
    """
    if not by:
        return None
    shares = np.ones(len(utterances))
    groups = [np.arange(len(utterances))]
    for name in by:
        if all(field_or_tag(utterance, name) is None for utterance in utterances):
            raise RecipeError(f"training.balance: no utterance has {name!r}; name a field or a tag")
        groups = [part for group in groups for part in _split(group, utterances, name, shares)]
    for group in groups:
        shares[group] /= len(group)
    return shares / shares.sum()


def _split(group: IntArray, utterances: Sequence[Utterance], name: str, shares: Float64Array) -> list[IntArray]:
    """Cut a group by a field; each part gets an equal share of what the group has."""
    words = [field_or_tag(utterances[position], name) for position in group]
    parts = [group[[one == word for one in words]] for word in dict.fromkeys(words)]
    shares[group] /= len(parts)
    return parts


def possible_labels(
    utterances: Sequence[Utterance], targets: IntArray, labels: int, by: str | None
) -> npt.NDArray[np.bool_] | None:
    """Return which labels each utterance can have, (utterances, labels): those in its group.

    A corpus without surprise does not teach that its language, or its microphone, is never surprised: the loss
    looks at no label that the corpus lacks. An utterance that has nothing there can have any.

    Args:
        utterances: of a training part.
        targets: (utterances,), the label's index.
        labels: how many there are.
        by: the field or tag whose values have labels of their own; None for none.

    Raises:
        RecipeError: no utterance has anything there.
    """
    if by is None:
        return None
    words = [field_or_tag(utterance, by) for utterance in utterances]
    if all(word is None for word in words):
        raise RecipeError(f"training.label_sets: no utterance has {by!r}; name a field or a tag")
    seen: dict[str | None, npt.NDArray[np.bool_]] = {}
    for word, target in zip(words, targets, strict=True):
        seen.setdefault(word, np.full(labels, word is None))[target] = True
    return np.stack([seen[word] for word in words])
