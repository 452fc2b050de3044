"""Label policies: which labels a task keeps and merges, and how raters' votes make a label or its shares."""

from __future__ import annotations

import difflib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from emofuse.config import AgreementRecipe
from emofuse.errors import CorpusError, RecipeError
from emofuse.types import Corpus, Task, Utterance

logger = logging.getLogger(__name__)

Agreement = Literal["unanimous", "majority", "plurality"]

# The labels of the corpus readers; `csv` keeps the user's own labels.
EMOTIONS = (
    "neutral", "calm", "happy", "excited", "sad", "angry", "fearful", "disgusted", "surprised", "frustrated",
    "contempt", "bored", "other",
)  # fmt: skip


@dataclass(frozen=True)
class LabelPolicy:
    """A mapping of labels; a label outside it becomes null."""

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


def warn_of_capitals(counts: Mapping[str, int], place: str, known: Iterable[str] = ()) -> None:
    """Warn of labels that differ in capitals only: a task takes them for two, or leaves one of them out.

    Args:
        counts: how many utterances have each label.
        place: the corpus or file, for the warning.
        known: labels of a policy, from which a label of the corpus may differ.
    """
    spellings: dict[str, set[str]] = {}
    for label in (*counts, *known):
        spellings.setdefault(label.casefold(), set()).add(label)
    alike = [
        " and ".join(_counted(label, counts) for label in sorted(s)) for s in spellings.values() if len(s) > 1
    ]
    if alike:
        logger.warning("%s: labels differ in capitals only: %s; write them alike", place, "; ".join(alike))


def _counted(label: str, counts: Mapping[str, int]) -> str:
    return f"{label} ({counts.get(label, 0)})"


def label_shares(utterance: Utterance, task: Task, soft: bool) -> list[float]:
    """Return the training target: the share of each label, in the task's order.

    With several labels at once each share is 1 where somebody voted for the label. Soft labels are the votes
    among the task's labels, made to sum to 1; votes for other labels are dropped. An utterance without such votes
    has its own label alone.
    """
    votes = [(utterance.votes or {}).get(label, 0.0) for label in task.labels]
    total = sum(votes)
    if task.multi_label and total > 0:
        return [float(vote > 0) for vote in votes]
    if soft and total > 0:
        return [vote / total for vote in votes]
    return [float(label == utterance.label) for label in task.labels]


def dropped_mass(utterance: Utterance, task: Task) -> float | None:
    """Return the share of an utterance's votes that are for labels outside the task; None without votes."""
    votes = utterance.votes or {}
    total = sum(votes.values())
    if not total:
        return None
    return 1.0 - sum(votes.get(label, 0.0) for label in task.labels) / total


def agreement_of(utterance: Utterance) -> float | None:
    """Return the share of all votes that are for an utterance's label; None without votes or label."""
    total = sum((utterance.votes or {}).values())
    if not total or utterance.label is None or utterance.votes is None:
        return None
    return utterance.votes.get(utterance.label, 0.0) / total


def agreement_class(utterance: Utterance) -> Agreement | None:
    """Return whether all raters gave an utterance its label, more than half of them, or fewer."""
    share = agreement_of(utterance)
    if share is None:
        return None
    return "unanimous" if share > 1.0 - 1e-9 else "majority" if share > 0.5 else "plurality"


def undecided(corpus: Corpus, relabelled: Corpus, task: Task, agreement: AgreementRecipe | None = None) -> Corpus:
    """Return, relabelled, the utterances on which raters came to no label but voted for some of the task's."""
    pairs = zip(corpus, relabelled, strict=True)
    tied = {after.id for before, after in pairs if after.label is None and _tied(before, after, agreement)}
    return relabelled.select(lambda u: u.id in tied and (dropped_mass(u, task) or 0.0) < 1.0)


def label_counts(corpus: Corpus, relabelled: Corpus, agreement: AgreementRecipe | None = None) -> dict[str, int]:
    """Count what became of the labels of a corpus under a policy.

    Returns:
        `labelled`; of the others, those whose raters were `tied`, that have no votes either (`unlabelled`), and
        whose label the policy does not have or too few raters gave (`left_out`).
    """
    counts = Counter(labelled=0, tied=0, unlabelled=0, left_out=0)
    for before, after in zip(corpus, relabelled, strict=True):
        if after.label is not None:
            counts["labelled"] += 1
        elif _tied(before, after, agreement):
            counts["tied"] += 1
        else:
            counts["left_out" if before.label is not None or before.votes else "unlabelled"] += 1
    return dict(counts)


def _tied(before: Utterance, after: Utterance, agreement: AgreementRecipe | None) -> bool:
    """Return whether raters came to no label, by the corpus or, where votes decide, by their votes."""
    if agreement is not None and agreement.label == "votes":
        return len(_winners(after.votes)) > 1
    return before.label is None and bool(_winners(before.votes))


def _winners(votes: Mapping[str, float] | None) -> list[str]:
    """Return the labels with most votes; none where nobody voted."""
    most = max((votes or {}).values(), default=0.0)
    return [label for label, weight in (votes or {}).items() if most > 0 and weight > most - 1e-9]


def apply_policy(
    corpus: Corpus,
    labels: str | Mapping[str, str],
    agreement: AgreementRecipe | None = None,
    multi_label: bool = False,
) -> tuple[Corpus, Task]:
    """Relabel a corpus; utterances to which the policy does not apply stay, with a null label.

    Without `agreement` an utterance keeps the label that its corpus gives. With `multi_label` one whose strongest
    labels tie has the first of them: the targets are all of them, and the first only places it in folds.

    Raises:
        RecipeError: no policy has that name.
        CorpusError: fewer than two labels are left.
    """
    policy = label_policy(labels, corpus)
    counts = Counter(u.label for u in corpus if u.label is not None)
    warn_of_capitals(counts, corpus.name or "the corpus", policy.mapping)
    relabelled = corpus.relabel(policy.mapping)
    if agreement is not None:
        decided = tuple(_decided(u, policy, agreement) for u in relabelled)
        relabelled = replace(relabelled, utterances=decided)
    if multi_label:
        relabelled = replace(relabelled, utterances=tuple(_placed(u, policy) for u in relabelled))
    present = {u.label for u in relabelled}
    if multi_label:
        present |= {label for u in relabelled for label, weight in (u.votes or {}).items() if weight > 0}
    left = tuple(label for label in policy.labels if label in present)
    if len(left) < 2:
        raise CorpusError(
            f"{corpus.name or 'the corpus'}: under these labels {len(left)} of two or more is left "
            f"({', '.join(left) or 'none'}); choose another label policy"
        )
    return relabelled, Task(left)


def _decided(utterance: Utterance, policy: LabelPolicy, agreement: AgreementRecipe) -> Utterance:
    """Let the merged votes of an utterance decide on its label, as far as the recipe wants."""
    votes = utterance.votes
    if not votes or not sum(votes.values()):
        return utterance
    if agreement.label == "votes":
        winners = _winners(votes)
        label = winners[0] if len(winners) == 1 and winners[0] in policy.labels else None
        utterance = replace(utterance, label=label)
    share = agreement_of(utterance)
    if share is not None and share < agreement.minimum - 1e-9:
        return replace(utterance, label=None)
    return utterance


def _placed(utterance: Utterance, policy: LabelPolicy) -> Utterance:
    votes = {label: utterance.votes.get(label, 0.0) for label in policy.labels} if utterance.votes else {}
    if utterance.label is not None or not any(votes.values()):
        return utterance
    return replace(utterance, label=max(votes, key=lambda label: votes[label]))
