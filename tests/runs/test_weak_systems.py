"""Systems that lose to a baseline or predict one label are named."""

from __future__ import annotations

from typing import Any

from emofuse.runs.weak_systems import weak_systems


def figures(ua: float, confusion: list[list[float]]) -> dict[str, Any]:
    return {"ua": {"mean": ua}, "confusion": confusion, "per_class": {"angry": {}, "sad": {}}}


BASELINES = {"majority": figures(0.5, [[2, 0], [2, 0]]), "baseline-text": figures(0.7, [[2, 0], [1, 1]])}


def test_a_system_that_beats_every_baseline_is_not_named() -> None:
    assert weak_systems({"fusion": figures(0.71, [[2, 0], [1, 1]])}, BASELINES) == []
    assert weak_systems({"fusion": figures(0.2, [[2, 0], [1, 1]])}, {}) == []


def test_a_system_that_is_no_better_than_a_baseline_is_named_with_both_figures() -> None:
    (remark,) = weak_systems({"fusion": figures(0.7, [[2, 0], [1, 1]])}, BASELINES)
    assert remark == "fusion (UA 0.700) is no better than baseline-text (UA 0.700), which costs seconds"


def test_a_system_that_predicts_one_label_is_named_with_it() -> None:
    (remark,) = weak_systems({"audio": figures(0.5, [[0, 2.0], [0, 2.5]])}, BASELINES)
    assert remark == "audio predicts sad for every utterance: it has learned nothing"
