"""The mean of documents of one shape."""

from __future__ import annotations

from emofuse.runs.mean_documents import mean_of


def test_numbers_become_means_and_equal_counts_stay_whole() -> None:
    found = mean_of([{"n": 4, "of": {"ua": 0.5}, "m": 1}, {"n": 4, "of": {"ua": 0.7}, "m": 2}])
    assert found == {"n": 4, "of": {"ua": 0.6}, "m": 1.5}
    assert isinstance(found["n"], int)


def test_what_is_unknown_is_left_out_of_the_mean() -> None:
    assert mean_of([{"a": None, "b": None}, {"a": 0.5, "b": None}]) == {"a": 0.5, "b": None}
