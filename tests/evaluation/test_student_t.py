from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import stats

from emofuse.errors import MissingExtraError
from emofuse.evaluation.student_t import t_power, t_quantile


@pytest.mark.parametrize(("freedom", "value"), [(1, 12.706), (4, 2.776), (9, 2.262), (23, 2.069), (1000, 1.962)])
def test_quantiles_are_those_of_the_printed_tables(freedom: int, value: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize("freedom", [1, 5, 9, 23, 200])
@pytest.mark.parametrize("noncentrality", [0.0, 0.5, 2.0, 4.0, 8.0])
def test_power_agrees_with_drawing_the_statistic(freedom: int, noncentrality: float) -> None:
    generator = np.random.default_rng(1)
    drawn = generator.normal(noncentrality, size=100_000) / np.sqrt(
        generator.chisquare(freedom, 100_000) / freedom
    )
    seen = np.mean(np.abs(drawn) >= stats.t.ppf(0.975, freedom))
    assert t_power(noncentrality, freedom, 0.05) == pytest.approx(seen, abs=0.008)


def test_power_is_a_number_however_far_out() -> None:
    found = [t_power(noncentrality, 9, 0.05) for noncentrality in np.arange(6, 64, 0.5)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(1.0)


def test_without_scipy_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"interval .* pip install \"emofuse\[train\]\""):
        t_quantile(0.975, 9)
