"""Label policies: which labels a task keeps, which it merges, and in which order."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from emofuse.errors import CorpusError, RecipeError
from emofuse.types import Corpus, Task, Utterance

# The words that corpus functions use; `csv` keeps whatever labels the user has.
EMOTIONS = (
    "neutral", "calm", "happy", "excited", "sad", "angry", "fearful", "disgusted", "surprised", "frustrated",
    "contempt", "bored", "other",
)  # fmt: skip


@dataclass(frozen=True)
class LabelPolicy:
    """What becomes of each label; one that is not named becomes null."""

    mapping: Mapping[str, str] = field(hash=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The task's labels, each once, in the order of the mapping."""
        return tuple(dict.fromkeys(self.mapping.values()))


def _same(*labels: str) -> dict[str, str]:
    return {label: label for label in labels}


POLICIES: dict[str, LabelPolicy] = {
    "iemocap4": LabelPolicy({**_same("neutral", "happy", "angry", "sad"), "excited": "happy"}),
    "iemocap5": LabelPolicy({**_same("neutral", "happy", "angry", "sad", "frustrated"), "excited": "happy"}),
    "ekman7": LabelPolicy(
        {
            **_same("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"),
            "calm": "neutral",
            "excited": "happy",
        }
    ),
    "positive-negative-neutral": LabelPolicy(
        {
            **dict.fromkeys(("happy", "excited"), "positive"),
            **dict.fromkeys(("sad", "angry", "fearful", "disgusted", "frustrated", "contempt"), "negative"),
            **dict.fromkeys(("neutral", "calm"), "neutral"),
        }
    ),
}
AS_IS = "as-is"


def label_policy(labels: str | Mapping[str, str], corpus: Corpus) -> LabelPolicy:
    """Return a policy by its name, from a mapping, or, for `as-is`, from the labels of the corpus.

    Raises:
        RecipeError: no policy has that name.
    """
    if not isinstance(labels, str):
        return LabelPolicy(labels)
    if labels == AS_IS:
        return LabelPolicy(_same(*sorted({u.label for u in corpus if u.label is not None})))
    if labels not in POLICIES:
        names = (*POLICIES, AS_IS)
        near = difflib.get_close_matches(labels, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names)}, or give a mapping"
        raise RecipeError(f"labels: no label policy is called {labels!r}; {hint}")
    return POLICIES[labels]


def label_shares(utterance: Utterance, task: Task, soft: bool) -> list[float]:
    """Return the share of each label to learn from, in the task's order.

    Soft labels are the votes among the task's labels, made to sum to 1; votes for other labels are dropped. An
    utterance without such votes has its own label alone.
    """
    votes = [(utterance.votes or {}).get(label, 0.0) for label in task.labels]
    total = sum(votes)
    if soft and total > 0:
        return [vote / total for vote in votes]
    return [float(label == utterance.label) for label in task.labels]


def apply_policy(corpus: Corpus, labels: str | Mapping[str, str]) -> tuple[Corpus, Task]:
    """Relabel a corpus; utterances to which the policy does not apply stay, with a null label.

    Raises:
        RecipeError: no policy has that name.
        CorpusError: fewer than two labels are left.
    """
    policy = label_policy(labels, corpus)
    relabelled = corpus.relabel(policy.mapping)
    present = {u.label for u in relabelled}
    left = tuple(label for label in policy.labels if label in present)
    if len(left) < 2:
        raise CorpusError(
            f"{corpus.name or 'the corpus'}: under these labels {len(left)} of two or more is left "
            f"({', '.join(left) or 'none'}); choose another label policy"
        )
    return relabelled, Task(left)
