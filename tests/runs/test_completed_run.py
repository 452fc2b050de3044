"""What results are collected from: systems, skips, and the utterances that every system predicted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_run import FOLDS, LABELS, TRUTH, make_run, small_recipe

from emofuse.errors import CorpusError
from emofuse.runs.system import AUDIO, FUSION, TEXT, System
from emofuse.types import Skip


def test_a_run_knows_which_networks_and_which_derived_systems_it_has(tmp_path: Path) -> None:
    recipe = small_recipe(tmp_path, "text.cells=true", "speaker_norm=true")
    run = replace(make_run(tmp_path / "run"), recipe=recipe, names=("audio", "text", "fusion"))
    assert run.systems == (AUDIO, TEXT, FUSION)
    assert run.networks == (AUDIO, TEXT, FUSION, System("text", "asr"), System("fusion", "asr"))
    assert run.adapted == tuple(each.with_speaker_norm() for each in (AUDIO, TEXT, FUSION))
    plain = make_run(tmp_path / "plain")
    assert (plain.networks, plain.adapted) == ((TEXT,), ())


def test_each_skipped_utterance_is_listed_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", ["audio", "text"])
    for system in (AUDIO, TEXT):
        path = run.folder.job(system, 1, 0).path / "metrics.json"
        metrics = json.loads(path.read_text())
        metrics |= {"skipped": [{"id": "u1", "reason": "broken"}], "without_modality": 2}
        path.write_text(json.dumps(metrics))
    assert run.skips() == [Skip("u1", "broken")]
    assert run.without_modality(TEXT) == 2


def test_scored_is_what_every_seed_predicted(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (seed,) = run.seeds(TEXT)
    fewer = {i: row for i, row in seed.items() if i != "u0"}
    assert run.truth_of([seed, fewer]) == {i: label for i, label in TRUTH.items() if i != "u0"}
    with pytest.raises(CorpusError, match="no test utterance could be read by every system"):
        run.truth_of([seed, {}])


def test_arrays_are_in_the_order_of_ids_and_have_the_fold_of_each_utterance(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    arrays = run.to_arrays(run.seeds(TEXT), TRUTH)
    assert arrays.ids == tuple(sorted(TRUTH))
    assert [LABELS[index] for index in arrays.truth] == [TRUTH[i] for i in arrays.ids]
    assert arrays.folds.tolist() == [fold.index for i in arrays.ids for fold in FOLDS if i in fold.test]
    assert arrays.probabilities.shape == (1, len(TRUTH), 2)
