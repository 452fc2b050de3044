"""Systems that are no better than a cheap baseline, or that predict one label only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def weak_systems(systems: Mapping[str, Any], baselines: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each system whose figures give reason to look at its training first.

    Args:
        systems: label of a system -> its figures, as `emofuse.evaluation.summary.summarise` has them.
        baselines: the same of the baselines.
    """
    remarks = []
    best = max(baselines, key=lambda name: baselines[name]["ua"]["mean"], default=None)
    for name, figures in systems.items():
        predicted = [label for label, count in _predicted(figures).items() if count > 0]
        if len(predicted) == 1:
            remarks.append(f"{name} predicts {predicted[0]} for every utterance: it has learned nothing")
        elif best is not None and figures["ua"]["mean"] <= baselines[best]["ua"]["mean"]:
            ua, other = figures["ua"]["mean"], baselines[best]["ua"]["mean"]
            remarks.append(f"{name} (UA {ua:.3f}) is no better than {best} (UA {other:.3f}), which costs seconds")
    return remarks


def _predicted(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return how often each label is predicted."""
    columns = zip(*figures["confusion"], strict=True)
    return {label: sum(column) for label, column in zip(figures["per_class"], columns, strict=True)}
