"""Five ways to run one network, measured side by side in one run, each in a process of its own.

The parent sends chunk after chunk to one system after another, so that whatever else the machine does meets all of
them alike; while one computes, the others wait. It imports no torch itself.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from emofuse.box import find_trained_model
from emofuse.data.preparation import Item, Preparation
from emofuse.inference.bench.bench_utterances import CHUNK, draw_seconds, in_chunks, make_items
from emofuse.inference.bench.speed_figures import (
    REFERENCE,
    ChunkResults,
    Lengths,
    Report,
    Scope,
    in_rounds,
    labels_of,
    ratios_of,
    row_of,
)
from emofuse.inference.bench.systems import (
    SYSTEMS,
    BenchModels,
    ChunkResult,
    SystemName,
    open_counter,
    open_maker,
    open_peak,
    open_system,
)
from emofuse.inference.bench.workers import open_worker
from emofuse.threads import usable_processors

TIMED = "the network, from prepared arrays to logits; no decoding, no preparation, no loading"
# Packages whose versions matter.
COMPARED = ("torch", "transformers", "onnxruntime", "emofuse")
# Matrix products measured after each chunk; the fastest of all is the machine's peak.
PRODUCTS_PER_CHUNK = 1


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        model: a model folder, or a run folder with a model in it; None takes the paper's network at full size with
            random weights.
        threads: number of threads, in every system.
        utterances: number of utterances.
        rounds: how often each of them is run.
        seed: of lengths, noise and random weights.
    """

    model: Path | None
    threads: int
    utterances: int = 32
    rounds: int = 5
    seed: int = 0


def measure(plan: Plan, progress: Callable[[str, int, int], None] = lambda what, done, of: None) -> Report:
    """Run one network in five ways and compare them.

    Args:
        plan: what to measure.
        progress: called with the current step, the chunks done and their total.

    Raises:
        CheckpointError: there is no such model, or nothing to compare in it.
        EmofuseError: a system failed.
    """
    model = None if plan.model is None else find_trained_model(plan.model).resolve()
    with TemporaryDirectory(prefix="emofuse-bench-") as place:
        progress("exporting", 0, 0)
        with open_worker("export", open_maker, Path(place), plan.seed, plan.threads) as make:
            models = make(model)
        seconds = draw_seconds(plan.utterances, plan.seed)
        items = make_items(Preparation.load(models.folders.torch), seconds, models.longest_text, plan.seed)
        progress("counting", 0, 0)
        with open_worker("count of operations", open_counter, models.folders.torch, plan.threads) as count:
            flop = count(items)
        results, peak = _race(plan, models, items, progress)
    rows = tuple(row_of(name, results, sum(seconds), flop / peak) for name in SYSTEMS)
    scope = _scope(plan, models, seconds, flop / 1e9, peak / 1e9, len(set(labels_of(results[REFERENCE]))))
    return Report(scope, rows, ratios_of(results))


def _race(
    plan: Plan, models: BenchModels, items: Sequence[Item], progress: Callable[[str, int, int], None]
) -> tuple[ChunkResults, float]:
    """Send every chunk to every system in turn; return their results, and the peak in operations per second."""
    chunks = in_chunks(items)
    results: dict[SystemName, list[ChunkResult]] = {name: [] for name in SYSTEMS}
    with ExitStack() as stack:
        progress("loading", 0, 0)
        workers = {
            name: stack.enter_context(open_worker(name, open_system, name, models.folders, plan.threads))
            for name in SYSTEMS
        }
        products = stack.enter_context(open_worker("matrix products", open_peak, plan.threads))
        for run in workers.values():
            run(chunks[0])  # the first run of all takes longer, and does not count
        peak = products(PRODUCTS_PER_CHUNK)
        for done, chunk in enumerate(chunks * plan.rounds, start=1):
            for name, run in workers.items():
                results[name].append(run(chunk))
            peak = max(peak, products(PRODUCTS_PER_CHUNK))
            progress("measuring", done, len(chunks) * plan.rounds)
    return {name: in_rounds(own, len(chunks)) for name, own in results.items()}, peak


def _scope(
    plan: Plan, models: BenchModels, seconds: Sequence[float], gflop: float, peak_gflops: float, labels_told: int
) -> Scope:
    total = sum(seconds)
    return Scope(
        cpu=_cpu_name(),
        cores=usable_processors(),
        threads=plan.threads,
        versions={name: version(name) for name in COMPARED},
        model=models.model,
        parameters=models.parameters,
        utterances=len(seconds),
        seconds=Lengths(total, total / len(seconds), min(seconds), max(seconds)),
        seed=plan.seed,
        rounds=plan.rounds,
        chunk=CHUNK,
        timed=TIMED,
        gflop=gflop,
        peak_gflops=peak_gflops,
        labels_told=labels_told,
    )


def _cpu_name() -> str:
    """Return the processor's name, as the operating system reports it."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
