"""When memory is full: the same work in smaller micro-batches, with a warning."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TypeVar

import torch

from emofuse.errors import RunError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
# What torch reports when the memory of the CPU is full; for a GPU it has an exception.
_FULL = re.compile(r"can't allocate memory|not enough memory|Cannot allocate memory")


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory is full."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and _FULL.search(str(error)) is not None
    )


def retry_with_smaller_batches(
    work: Callable[[float], Result], micro_seconds: float, shortest: float
) -> tuple[Result, float]:
    """Run work in micro-batches of some seconds; when memory is full, halve them and run it again.

    Args:
        work: does all of it, from the beginning, in micro-batches of so many seconds.
        micro_seconds: to begin with.
        shortest: seconds of the shortest utterance: below that, every micro-batch holds one.

    Returns:
        The result of the work, and the seconds that fitted.

    Raises:
        RunError: one utterance alone does not fit.
    """
    while True:
        full: BaseException | None = None
        try:
            return work(micro_seconds), micro_seconds
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            full = error.with_traceback(None)
        # Here the frames of the failed attempt are gone, which a traceback would keep, and so is what they held.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if micro_seconds <= shortest:
            raise RunError(
                "memory is full with a single utterance; set audio.max_seconds, freeze more of the encoder, or "
                "take a smaller one"
            ) from full
        micro_seconds /= 2
        logger.warning(
            "memory is full: micro-batches hold %g s from here on, more of them a step; the effective batch stays",
            micro_seconds,
        )
