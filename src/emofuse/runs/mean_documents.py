"""The mean of results of several seeds that have one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def mean_of(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean of documents of one shape, number by number.

    A number that no seed has is None; the mean of one that some seeds have is over those. A count that is the same
    everywhere stays whole.

    >>> mean_of([{"n": 4, "of": {"ua": 0.5}, "x": None}, {"n": 4, "of": {"ua": 0.6}, "x": None}])
    {'n': 4, 'of': {'ua': 0.55}, 'x': None}
    """
    return {key: _mean([each[key] for each in documents]) for key in documents[0]}


def _mean(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    if not known or all(isinstance(value, int) and value == known[0] for value in known):
        return known[0] if known else None
    if isinstance(known[0], Mapping):
        return mean_of(known)
    return float(np.mean(known))
