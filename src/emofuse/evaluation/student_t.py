"""Student's t, central and noncentral, from scipy: the one place where `evaluation` needs it."""

from __future__ import annotations

from typing import Any

import numpy as np

from emofuse.errors import MissingExtraError


def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t with `freedom` degrees of freedom.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    return float(_special().stdtrit(freedom, probability))


def t_power(noncentrality: float, freedom: int, level: float) -> float:
    """Return how often a two-sided t test at `level` rejects, when its statistic is noncentral t.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    critical = t_quantile(1 - level / 2, freedom)
    # Far out in its tails scipy's noncentral t is NaN (seen with 1.17) where it is less than 1e-40.
    below, above = np.nan_to_num(_special().nctdtr(freedom, noncentrality, [-critical, critical]))
    return float(1 - above + below)


def _special() -> Any:
    try:
        from scipy import special
    except ImportError as error:
        raise MissingExtraError("train", "an interval or a power calculation") from error
    return special
