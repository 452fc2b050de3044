"""Cross-validation: systems x folds x seeds, each a job; then one set of results."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from emofuse import layout
from emofuse.config import AnnotationPolicy, Recipe, idle_keys
from emofuse.data.audit import audit, refuse_errors
from emofuse.data.labels import undecided
from emofuse.data.recipe_corpus import only_wanted, recipe_corpus, recipe_folds
from emofuse.data.run_hashes import refuse_changed_recordings, run_hashes
from emofuse.data.text_sources import kinds_of, use_text_source
from emofuse.errors import RecipeError
from emofuse.experiment.environment import environment, run_threads
from emofuse.experiment.frozen_statistics import FrozenVectors, frozen_statistics
from emofuse.experiment.job import Job, JobContext, run_job
from emofuse.experiment.speaker_norm import check_speaker_norm
from emofuse.model.batch_inference import computing_with
from emofuse.runs.completed_run import CompletedRun
from emofuse.runs.held_folder import holding_folder
from emofuse.runs.results import collect
from emofuse.runs.run_counter import count_runs
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.system import System
from emofuse.training.audio_cache import audio_cache_for
from emofuse.training.trainer import Progress
from emofuse.types import SYSTEMS, Corpus, Fold, SystemName, Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobProgress:
    """How far a run is.

    Attributes:
        number: of the job, from 1.
        jobs: how many there are.
        name: of the job.
        training: how far its training is; None if the job was complete before.
    """

    number: int
    jobs: int
    name: str
    training: Progress | None


ProgressCallback: TypeAlias = Callable[[JobProgress], None]


def cross_validate(
    recipe: Recipe,
    corpus: Corpus,
    out: str | Path,
    systems: Sequence[SystemName] = SYSTEMS,
    resume: bool = False,
    on_progress: ProgressCallback = lambda progress: None,
    accept: Collection[str] = (),
) -> dict[str, Any]:
    """Compare systems under the recipe's protocol and return what `results.json` holds.

    The audit runs first: an error stops the run, unless its code is in `accept`; warnings go into the results.

    Args:
        recipe: what to train; its `seeds` are all run.
        corpus: labels are brought under the recipe's policy first.
        out: the run folder.
        systems: which of the paper's systems.
        resume: continue a run folder that holds the same recipe and folds; complete jobs are kept.
        on_progress: progress callback.
        accept: codes of findings that do not stop the run.

    Raises:
        RunError: the folder holds another run, or a run and `resume` is False.
        ProtocolError: the corpus cannot be split as the protocol demands.
        CorpusError, RecipeError: the corpus or the recipe cannot be used, or the audit found an error.
    """
    began = time.monotonic()
    _check_request(recipe, accept)
    out = Path(out)
    wanted = only_wanted(recipe, corpus)
    labelled, task = recipe_corpus(recipe, corpus)
    read = use_text_source(labelled, recipe.text.source)
    folds = recipe_folds(recipe, read)
    report = audit(read, recipe.protocol, folds, recipe.text_independent, recipe.annotations, wanted)
    refuse_errors(report.findings, accept)
    check_speaker_norm(recipe, labelled, systems, report.findings, accept)
    hashes = run_hashes(labelled)
    with holding_folder(out) as held:
        with computing_with(run_threads(out)):
            folder = RunFolder.begin(out, recipe, folds, hashes, environment(), resume)
            without_label = undecided(wanted, labelled, task, recipe.agreement)
            audio = audio_cache_for(recipe.audio.alter)
            context = JobContext(recipe, task, audio, lambda progress: held.refuse_another(), without_label)
            _run_jobs(make_jobs(recipe, labelled, folds, systems, folder), context, labelled, on_progress)
            frozen = frozen_statistics(context, read, systems)
        refuse_changed_recordings(labelled, hashes["recordings_hash"])
        baselines = _baselines(read, task, folds, recipe.annotations, frozen)
        run = CompletedRun(
            folder=folder,
            recipe=recipe,
            raw_corpus=wanted,
            corpus=labelled,
            task=task,
            folds=folds,
            names=tuple(systems),
            findings=report.findings,
            accepted=tuple(sorted(accept)),
            baselines=baselines,
        )
        held.refuse_another()
        results = collect(run)
        results["cost"] |= context.cost_figures() | {"wall_s": time.monotonic() - began}
        results["looks"] = count_runs(results["folds_hash"], out, recipe)
        layout.write_json(out / layout.RESULTS, results)
    return results


def _check_request(recipe: Recipe, accept: Collection[str]) -> None:
    """Refuse unknown codes, and name keys without effect, before hours of reading."""
    refuse_errors((), accept)
    for sentence in idle_keys(recipe):
        logger.warning(sentence)


def _baselines(
    corpus: Corpus, task: Task, folds: Sequence[Fold], annotations: AnnotationPolicy, frozen: FrozenVectors
) -> dict[str, dict[str, list[float]]]:
    """Return baseline -> utterance id -> probabilities of the labels, in their order."""
    from emofuse.experiment.baselines import run_baselines  # loads scikit-learn, which only now is needed

    baselines, _ = run_baselines(corpus, task, folds, annotations, frozen)
    return baselines


def _run_jobs(jobs: Sequence[Job], context: JobContext, corpus: Corpus, on_progress: ProgressCallback) -> None:
    """Run the jobs that are not complete, one after the other; each step first reports as the context does."""
    _warn_of_faults(jobs)
    for number, job in enumerate(jobs, start=1):
        show = _reporter(on_progress, number, len(jobs), job)

        def report(progress: Progress, show: Callable[[Progress | None], None] = show) -> None:
            context.report(progress)
            show(progress)

        if job.folder.is_complete():
            show(None)
        else:
            run_job(job, replace(context, report=report), corpus)


def _warn_of_faults(jobs: Sequence[Job]) -> None:
    """Say which jobs had ended and are trained again, one sentence for each reason."""
    by_reason: dict[str, list[str]] = {}
    for job in jobs:
        fault = job.folder.fault()
        if fault is not None:
            by_reason.setdefault(fault, []).append(_name(job))
    for reason, names in by_reason.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        logger.warning("%s%s: %s; trained again", names[0], more, reason)


def make_jobs(
    recipe: Recipe, corpus: Corpus, folds: Sequence[Fold], names: Sequence[SystemName], run: RunFolder
) -> list[Job]:
    """Return the jobs of a run, in the order in which they run.

    Raises:
        RecipeError: `text.cells` is set, and the corpus lacks gold or recognised text.
    """
    sources = dict.fromkeys(names, recipe.text.source)
    again: list[SystemName] = []
    if recipe.text.cells:
        if len(kinds_of(corpus)) < 2:
            raise RecipeError("text.cells needs gold and recognised text; make the latter with emofuse transcribe")
        sources = dict.fromkeys(names, "gold")
        again = [name for name in names if System(name).reads_text]
    return [
        job
        for seed in recipe.seeds
        for fold in folds
        for job in (
            *(Job(run, name, fold, seed, source) for name, source in sources.items()),
            *(Job(run, name, fold, seed, "asr", "asr") for name in again),
        )
    ]


def _reporter(
    on_progress: ProgressCallback, number: int, jobs: int, job: Job
) -> Callable[[Progress | None], None]:
    return lambda training: on_progress(JobProgress(number, jobs, _name(job), training))


def _name(job: Job) -> str:
    return f"{job.system.label}, {job.fold.name}, seed {job.seed}"
