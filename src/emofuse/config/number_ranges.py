"""The ranges of the numbers in the configurations of encoders and in preprocessor settings, ours and others'."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

LOWEST_RATE, HIGHEST_RATE = 4_000, 192_000
MOST_BINS = 1_024
# Name of a number, its lowest and its highest value; the first pattern that fits counts. The largest encoders have
# 48 layers, 64 heads and a width of 4,096; vocabularies have up to 256,000 pieces.
RANGES: tuple[tuple[re.Pattern[str], float, float], ...] = tuple(
    (re.compile(pattern), lowest, highest)
    for pattern, lowest, highest in (
        (r"^(rate|sampling_rate|sample_rate)$", LOWEST_RATE, HIGHEST_RATE),
        (r"^num_mel_bins$", 1, MOST_BINS),
        (r"^(bins|feature_size)$", 0, MOST_BINS),
        (r"^(chunk_length|return_seconds)$", 0, 3_600),
        (r"(layers|blocks)$", 0, 256),
        (r"(^|attention_|num_|n_)heads?$|groups$", 1, 4_096),
        (r"^num_labels$", 0, 10_000),
        (r"^(hidden_size|d_model|width|widths|conv_dim)$", 1, 65_536),
        (r"^(kernel|conv_kernel|strides|conv_stride)$", 1, 65_536),
        (r"^vocab_size$", 1, 5_000_000),
        (r"(_size|_dim|_hidden|_forward|width|channels)$", -1, 1_000_000),
        (r"(_positions|_length|_tokens)$", -1, 10_000_000),
        (r"dropout$|drop$|dropout_prob$", 0, 1),
    )
)
# Names and numbers of labels are the model's own.
_WITHOUT_RANGES = {"id2label", "label2id", "task_specific_params"}
_LARGEST_INTEGER, _LARGEST_FLOAT = 2**31, 1e12
# Entries of a list, such as the kernels of a stack of convolutions or tokens that are never recognised.
_MOST_ENTRIES = 100_000


def find_out_of_range(settings: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the first number that is out of its range; None where all are in it.

    >>> find_out_of_range({"audio": {"rate": 100_000_000}})
    'rate is 100000000, not 4000 to 192000'
    """
    for name, value in _numbers(settings):
        if isinstance(value, list):
            return f"{name} has {len(value)} entries, not {_MOST_ENTRIES} or less"
        lowest, highest = _range_of(name, value)
        if not lowest <= value <= highest or not math.isfinite(value):
            return f"{name} is {value:.12g}, not {lowest:.12g} to {highest:.12g}"
    return None


def _range_of(name: str, value: float) -> tuple[float, float]:
    for pattern, lowest, highest in RANGES:
        if pattern.search(name):
            return lowest, highest
    largest = _LARGEST_INTEGER if isinstance(value, int) else _LARGEST_FLOAT
    return -largest, largest


def _numbers(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every number by the name of its key, and lists that are too long."""
    waiting = list(settings.items())
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping) and name not in _WITHOUT_RANGES:
            waiting += [(str(key), inner) for key, inner in value.items()]
        elif isinstance(value, (list, tuple)):
            if len(value) > _MOST_ENTRIES:
                yield name, list(value)
            waiting += [(name, inner) for inner in value]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, value
