from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.data.batching import (
    EQUAL_LENGTH_SECONDS,
    batches_of_lengths,
    cost_of,
    effective_batches,
    micro_batches,
)

FIXED = settings(derandomize=True, deadline=None)
COSTS = st.lists(st.floats(0.05, 50.0), max_size=60)
BUDGETS = st.floats(0.1, 100.0)


def flat(batches: Sequence[Sequence[int]]) -> list[int]:
    return [position for batch in batches for position in batch]


def test_what_has_sound_costs_its_seconds() -> None:
    assert cost_of("one two three", 2.5) == 2.5


@pytest.mark.parametrize(("text", "seconds"), [("one two three four five", 2.0), ("one", 0.4), ("", 0.4)])
def test_what_can_only_be_read_costs_what_saying_it_would(text: str, seconds: float) -> None:
    assert cost_of(text, None) == pytest.approx(seconds)


@FIXED
@given(COSTS, BUDGETS, st.integers(0, 9))
def test_every_position_is_in_one_effective_batch(costs: list[float], budget: float, seed: int) -> None:
    batches = effective_batches(costs, budget, np.random.default_rng(seed))
    assert sorted(flat(batches)) == list(range(len(costs)))
    assert all(batches)


@FIXED
@given(COSTS, BUDGETS, st.integers(0, 9))
def test_an_effective_batch_keeps_its_budget_unless_it_is_one_utterance(
    costs: list[float], budget: float, seed: int
) -> None:
    *batches, last = effective_batches(costs, budget, np.random.default_rng(seed)) or [[]]
    for batch in batches:
        assert len(batch) == 1 or sum(costs[p] for p in batch) <= budget + 1e-9
    assert len(last) <= 1 or sum(costs[p] for p in last) <= max(budget, costs[last[0]]) + budget / 2


@FIXED
@given(COSTS, BUDGETS, st.integers(0, 9))
def test_no_batch_is_a_remainder_of_less_than_half(costs: list[float], budget: float, seed: int) -> None:
    batches = effective_batches(costs, budget, np.random.default_rng(seed))
    assert len(batches) < 2 or sum(costs[p] for p in batches[-1]) >= budget / 2 - 1e-9


@FIXED
@given(COSTS, BUDGETS, st.integers(0, 9))
def test_no_effective_batch_would_have_had_room_for_the_next_utterance(
    costs: list[float], budget: float, seed: int
) -> None:
    batches = effective_batches(costs, budget, np.random.default_rng(seed))
    for batch, following in pairwise(batches):
        assert sum(costs[p] for p in batch) + costs[following[0]] > budget - 1e-9


def test_effective_batches_are_a_random_draw_and_the_same_for_the_same_seed() -> None:
    costs = [1.0] * 20
    first, again, other = (flat(effective_batches(costs, 5.0, np.random.default_rng(seed))) for seed in (0, 0, 1))
    assert first == again
    assert first not in (other, sorted(first))


@FIXED
@given(COSTS, BUDGETS)
def test_every_position_is_in_one_micro_batch(costs: list[float], budget: float) -> None:
    chosen = list(range(0, len(costs), 2))
    batches = micro_batches(costs, chosen, budget)
    assert sorted(flat(batches)) == chosen
    assert all(batches)


@FIXED
@given(COSTS, BUDGETS)
def test_a_micro_batch_keeps_its_budget_with_padding_unless_it_is_one_utterance(
    costs: list[float], budget: float
) -> None:
    for batch in micro_batches(costs, range(len(costs)), budget):
        assert len(batch) == 1 or max(costs[p] for p in batch) * len(batch) <= budget


@FIXED
@given(COSTS, BUDGETS)
def test_micro_batches_go_from_long_to_short(costs: list[float], budget: float) -> None:
    lengths = [costs[p] for p in flat(micro_batches(costs, range(len(costs)), budget))]
    assert lengths == sorted(lengths, reverse=True)


@FIXED
@given(COSTS, BUDGETS, st.randoms())
def test_micro_batches_do_not_depend_on_the_order_of_positions(
    costs: list[float], budget: float, rng: Random
) -> None:
    positions = list(range(len(costs)))
    rng.shuffle(positions)
    assert micro_batches(costs, positions, budget) == micro_batches(costs, range(len(costs)), budget)


def test_what_is_long_goes_with_few_and_what_is_short_with_many() -> None:
    assert micro_batches([1.0, 5.0, 1.0, 4.0, 1.0, 20.0], range(6), 10.0) == [[5], [1, 3], [0, 2, 4]]


def test_nothing_makes_no_batch() -> None:
    assert effective_batches([], 1.0, np.random.default_rng(0)) == []
    assert micro_batches([], [], 1.0) == []


LENGTHS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=40)


@given(lengths=LENGTHS)
def test_where_nothing_is_padded_only_equal_lengths_go_together(lengths: list[tuple[int, int]]) -> None:
    costs = [9.0 * (samples + 1) for samples, _ in lengths]
    batches = batches_of_lengths(lengths, costs, padded_seconds=0.0)
    assert sorted(chain(*batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len({lengths[position] for position in batch}) == 1
        assert len(batch) == 1 or sum(costs[position] for position in batch) <= EQUAL_LENGTH_SECONDS
    longest = [costs[batch[0]] for batch in batches]
    assert longest == sorted(longest, reverse=True)


@given(lengths=LENGTHS, padded=st.floats(1.0, 60.0))
def test_where_it_pays_neighbours_in_length_are_padded_together(
    lengths: list[tuple[int, int]], padded: float
) -> None:
    costs = [3.0 * (samples + 1) for samples, _ in lengths]
    batches = batches_of_lengths(lengths, costs, padded)
    assert sorted(chain(*batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(costs[position] for position in batch) * len(batch) <= padded
    order = [costs[position] for position in chain(*batches)]
    assert order == sorted(order, reverse=True)


def test_equal_lengths_are_found_however_they_are_mixed() -> None:
    lengths = [(5, 2), (7, 2), (5, 2), (5, 3), (5, 0), (0, 2), (5, 2)]
    batches = batches_of_lengths(lengths, [1.0, 2.0, 1.0, 1.0, 1.0, 0.8, 1.0], padded_seconds=0.0)
    assert [0, 2, 6] in batches
    assert len(batches) == 5
    assert batches[0] == [1]
