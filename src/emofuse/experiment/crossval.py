"""Cross-validation: systems x folds x seeds, each a job; then one set of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from emofuse import layout
from emofuse.config import Recipe, TextSource
from emofuse.data.audit import audit, refuse_errors
from emofuse.data.labels import undecided
from emofuse.data.splits import corpus_hash, folds_document
from emofuse.data.text_sources import kinds_of, reading
from emofuse.errors import RecipeError
from emofuse.experiment.job import Job, Setting, run_job
from emofuse.experiment.setup import only_wanted, open_run, recipe_corpus, recipe_folds, run_threads
from emofuse.experiment.speaker_norm import refuse_unfit
from emofuse.model.forward import computing_with
from emofuse.runs.results import collect
from emofuse.runs.run_folder import Run, is_complete
from emofuse.runs.score_counter import count_looks
from emofuse.training.audio_store import store_of
from emofuse.training.epoch import Progress
from emofuse.types import SYSTEMS, Corpus, Fold, SystemName


@dataclass(frozen=True)
class JobProgress:
    """Which of how many jobs runs, and how far it is; `training` is None when a job was found complete."""

    number: int
    jobs: int
    name: str
    training: Progress | None


Listener: TypeAlias = Callable[[JobProgress], None]


def cross_validate(
    recipe: Recipe,
    corpus: Corpus,
    out: str | Path,
    systems: Sequence[SystemName] = SYSTEMS,
    resume: bool = False,
    listener: Listener = lambda progress: None,
    accept: Collection[str] = (),
) -> dict[str, Any]:
    """Compare systems under the recipe's protocol and return what `results.json` holds.

    The audit runs first: what it calls an error stops the run, unless its code is in `accept`; warnings go into
    the results.

    Args:
        recipe: what to train; its `seeds` are all run.
        corpus: labels are brought under the recipe's policy first.
        out: the run folder.
        systems: which of the paper's systems.
        resume: go on with a run folder that holds the same recipe and folds; complete jobs are kept.
        listener: is told how far things are.
        accept: codes of findings to go on with.

    Raises:
        RunError: the folder holds another run, or a run and `resume` is False.
        ProtocolError: the corpus cannot be split as the protocol demands.
        CorpusError, RecipeError: the corpus or the recipe cannot be used, or the audit found an error.
    """
    began = time.monotonic()
    refuse_errors((), accept)  # an unknown code, before hours of reading
    out = Path(out)
    wanted = only_wanted(recipe, corpus)
    labelled, task = recipe_corpus(recipe, corpus)
    read = reading(labelled, recipe.text.source)
    folds = recipe_folds(recipe, read)
    found = audit(read, recipe.protocol, folds, recipe.text_independent, recipe.annotations, wanted)
    refuse_errors(found.findings, accept)
    refuse_unfit(recipe, labelled, systems, found.findings, accept)
    with computing_with(run_threads(out)):
        open_run(out, recipe, folds_document(folds) | {"corpus_hash": corpus_hash(labelled)}, resume)
        aside = undecided(wanted, labelled, task, recipe.agreement)
        store = store_of(recipe.audio.alter)
        setting = Setting(recipe, task, store, lambda progress: None, aside)
        _run_jobs(make_jobs(recipe, labelled, folds, systems, out), setting, labelled, listener)
    from emofuse.experiment.baselines import run_baselines  # loads scikit-learn, which only now is needed

    baselines, _ = run_baselines(read, task, folds, recipe.annotations)
    run = Run(
        out=out,
        recipe=recipe,
        wanted=wanted,
        corpus=labelled,
        task=task,
        folds=folds,
        systems=tuple(systems),
        findings=found.findings,
        accepted=tuple(sorted(accept)),
        baselines=baselines,
    )
    results = collect(run)
    results["cost"] |= {
        "encoder_forwards": setting.cost.encoder_forwards,
        "cache_hits": setting.cost.features.hits,
        "wall_s": time.monotonic() - began,
    }
    results["looks"] = count_looks(results["folds_hash"], out, recipe)
    layout.write_json(out / layout.RESULTS, results)
    return results


def _run_jobs(jobs: Sequence[Job], setting: Setting, corpus: Corpus, listener: Listener) -> None:
    """Run the jobs that are not complete, one after the other."""
    for number, job in enumerate(jobs, start=1):
        tell = _teller(listener, number, len(jobs), job)
        if is_complete(job.folder):
            tell(None)
        else:
            run_job(job, setting.telling(tell), corpus)


def make_jobs(
    recipe: Recipe, corpus: Corpus, folds: Sequence[Fold], systems: Sequence[SystemName], out: Path
) -> list[Job]:
    """Return the jobs of a run, in the order in which they run.

    Raises:
        RecipeError: the recipe wants gold and recognised text apart, and the corpus has not both.
    """
    if not recipe.text.cells:
        sources: tuple[TextSource, ...] = (recipe.text.source,)
    elif len(kinds_of(corpus)) > 1:
        sources = ("gold", "asr")
    else:
        raise RecipeError("text.cells needs gold and recognised text; make the latter with emofuse transcribe")
    return [
        Job(system, fold, seed, layout.job_folder(out, fold.index, seed, name_of(system, number, source)), source)
        for seed in recipe.seeds
        for fold in folds
        for number, source in enumerate(sources)
        for system in systems
        if number == 0 or system != "audio"
    ]


def name_of(system: SystemName, number: int, source: str) -> str:
    """Return what a job's folder is called: its system, and the text that it reads if that is the second one."""
    return f"{system}-{source}" if number else system


def _teller(listener: Listener, number: int, jobs: int, job: Job) -> Callable[[Progress | None], None]:
    name = f"{job.folder.name}, {job.fold.name}, seed {job.seed}"
    return lambda training: listener(JobProgress(number, jobs, name, training))
