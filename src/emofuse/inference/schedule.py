"""In which order and company utterances are computed, and how what comes next is made ready meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from emofuse.data.buckets import micro_batches
from emofuse.data.preparation import Item

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
# How many utterances, and seconds of sound, are looked at together to find company of equal length for each.
WINDOW, WINDOW_SECONDS = 16, 20.0
# Where batches are padded: how many of them are looked at together.
PADDED_BATCHES = 4
# How much sound of equal length goes together where nothing is padded.
EQUAL_SECONDS = 60.0


def windows(utterances: Iterable[T], cost: Callable[[T], float], padded_seconds: float = 0.0) -> Iterator[list[T]]:
    """Cut a stream into stretches of so many seconds, and so few utterances, that memory stays bounded.

    Args:
        utterances: of any number.
        cost: the seconds of one.
        padded_seconds: of a batch, where batches are padded; else 0.
    """
    enough = PADDED_BATCHES * padded_seconds or WINDOW_SECONDS
    most = _most(padded_seconds)
    window: list[T] = []
    seconds = 0.0
    try:
        for utterance in utterances:
            window.append(utterance)
            seconds += cost(utterance)
            if len(window) == most or seconds >= enough:
                yield window
                window, seconds = [], 0.0
    except Exception:  # the stream's own: what it gave before that is not lost
        if window:
            yield window
        raise
    if window:
        yield window


def ahead(stream: Iterator[T], before: Callable[[], None] = lambda: None) -> Iterator[T]:
    """Yield what a stream yields, while its next one is being made in a thread.

    The stream runs in that thread, one step at a time; what it raises is raised here, in its turn.

    Args:
        stream: of anything.
        before: is called here, not in the thread, before each step.
    """
    end = object()
    with ThreadPoolExecutor(1, "emofuse-decoding") as thread:
        before()
        coming = thread.submit(next, stream, end)
        while (made := coming.result()) is not end:
            before()
            coming = thread.submit(next, stream, end)
            yield made  # type: ignore[misc]  # it is not the end


def prepared_windows(
    items: Iterable[S], prepare: Callable[[S], T], cost: Callable[[T], float], padded_seconds: float = 0.0
) -> Iterator[list[T]]:
    """Cut a stream into `windows`, each prepared in a thread while the caller uses the one before.

    Items are taken in the caller's thread, a window's worth before each step: what gives them (a cursor of a
    database, a decoder) may belong to that thread. What taking one raises is raised after the last window.

    Args:
        items: of any number.
        prepare: runs in the thread.
        cost: the seconds of what is prepared.
        padded_seconds: of a batch, where batches are padded; else 0.
    """
    source = iter(items)
    waiting: deque[S] = deque()
    failures: list[Exception] = []
    most = _most(padded_seconds)

    def take() -> None:
        try:
            while len(waiting) < most and not failures:
                waiting.append(next(source))
        except StopIteration:
            return
        except Exception as failure:  # the caller's own: what came before it is not lost
            failures.append(failure)

    def stream() -> Iterator[list[T]]:
        while waiting:  # it is filled up before each step, so that a window may end early, but none is lost
            yield from windows(map(prepare, _drained(waiting)), cost, padded_seconds)

    yield from ahead(stream(), take)
    if failures:
        raise failures[0]


def _drained(waiting: deque[S]) -> Iterator[S]:
    while waiting:
        yield waiting.popleft()


def _most(padded_seconds: float) -> int:
    """Return how many utterances are looked at together at most."""
    return max(WINDOW, int(PADDED_BATCHES * padded_seconds))


def company(items: Sequence[Item], costs: Sequence[float], padded_seconds: float) -> list[list[int]]:
    """Return which positions are computed together, the longest first.

    Args:
        items: prepared utterances.
        costs: their seconds.
        padded_seconds: of a batch, padding included; 0 puts only what is equally long together.
    """
    if padded_seconds:
        return micro_batches(costs, range(len(items)), padded_seconds)
    equal: dict[tuple[int, int], list[int]] = {}
    for position, item in enumerate(items):
        equal.setdefault((_length(item.values), _length(item.ids)), []).append(position)
    batches = [part for group in equal.values() for part in micro_batches(costs, group, EQUAL_SECONDS)]
    return sorted(batches, key=lambda batch: -costs[batch[0]])


def compute_together(
    compute: Callable[[list[Item]], Sequence[R]],
    items: Sequence[Item],
    costs: Sequence[float],
    padded_seconds: float,
) -> list[R]:
    """Compute prepared utterances in batches, and return one result for each, in order.

    Args:
        compute: from the utterances of a batch to one result each.
        items: prepared utterances.
        costs: their seconds.
        padded_seconds: of a batch, where batches are padded; else 0.
    """
    rows: dict[int, R] = {}
    for positions in company(items, costs, padded_seconds):
        rows.update(zip(positions, compute([items[position] for position in positions]), strict=True))
    return [rows[position] for position in range(len(items))]


def _length(steps: object) -> int:
    return 0 if steps is None else len(steps)  # type: ignore[arg-type]  # an array
