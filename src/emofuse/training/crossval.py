"""Cross-validation: systems x folds x seeds, each a job; then one set of results."""

from __future__ import annotations

import json
import platform
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import torch

from emofuse import layout
from emofuse.config import Recipe, dump_recipe
from emofuse.data.labels import apply_policy
from emofuse.data.splits import corpus_hash, folds_document, make_folds
from emofuse.errors import CorpusError, RunError
from emofuse.evaluation.evaluate import METRICS, compare, confusion_text, evaluate_labels, summarise
from emofuse.evaluation.report import confusion_picture
from emofuse.training.fit import Progress
from emofuse.training.job import Job, Setting, is_complete, read_predictions, read_skips, run_job
from emofuse.training.loader import AudioStore
from emofuse.types import SYSTEMS, Corpus, Evaluation, Fold, Skip, SystemName, Task


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
) -> dict[str, Any]:
    """Compare systems under the recipe's protocol and return what `results.json` holds.

    Args:
        recipe: what to train; its `seeds` are all run.
        corpus: labels are brought under the recipe's policy first.
        out: the run folder.
        systems: which of the paper's systems.
        resume: go on with a run folder that holds the same recipe and folds; complete jobs are kept.
        listener: is told how far things are.

    Raises:
        RunError: the folder holds another run, or a run and `resume` is False.
        ProtocolError: the corpus cannot be split as the protocol demands.
        CorpusError, RecipeError: the corpus or the recipe cannot be used.
    """
    began = time.monotonic()
    out = Path(out)
    labelled, task = apply_policy(corpus, recipe.labels)
    folds = make_folds(labelled, recipe.protocol, recipe.selection, recipe.folds_seed)
    _open_run(out, recipe, folds_document(folds) | {"corpus_hash": corpus_hash(labelled)}, resume)
    store = AudioStore()
    jobs = [
        Job(system, fold, seed, layout.job_folder(out, fold.index, seed, system))
        for seed in recipe.seeds
        for fold in folds
        for system in systems
    ]
    for number, job in enumerate(jobs, start=1):
        tell = _teller(listener, number, len(jobs), job)
        if is_complete(job.folder):
            tell(None)
        else:
            run_job(job, Setting(recipe, task, store, tell), labelled)
    results = collect(out, recipe, labelled, task, folds, systems)
    results["cost"]["wall_s"] = time.monotonic() - began
    layout.write_json(out / layout.RESULTS, results)
    return results


def collect(
    out: Path, recipe: Recipe, corpus: Corpus, task: Task, folds: Sequence[Fold], systems: Sequence[SystemName]
) -> dict[str, Any]:
    """Pool the predictions of complete jobs, over the utterances that every system scored.

    Raises:
        CorpusError: no utterance was scored by all systems.
    """
    predicted = {
        (system, seed, fold.index): read_predictions(layout.job_folder(out, fold.index, seed, system))
        for system in systems
        for seed in recipe.seeds
        for fold in folds
    }
    skipped = _skips(out, recipe, folds, systems)
    truth = _common_truth(corpus, predicted)
    summaries: dict[str, dict[str, Any]] = {}
    for system in systems:
        pooled, by_fold = _evaluations(system, recipe, task, folds, predicted, truth)
        summaries[system] = summarise(
            pooled, by_fold, [fold.index for fold in folds if set(fold.test) & set(truth)]
        )
        summaries[system]["without_modality"] = _without_modality(out, recipe, folds, system)
        _draw(out, system, summaries[system], task)
    return {
        "corpus": corpus.name,
        "protocol": recipe.protocol,
        "selection": recipe.selection,
        "n_utterances": len({i for fold in folds for i in fold.test}),
        "labels": list(task.labels),
        "folds": [_describe(fold) for fold in folds],
        "folds_unscored": [fold.name for fold in folds if not set(fold.test) & set(truth)],
        "folds_hash": folds_document(folds)["hash"],
        "seeds": list(recipe.seeds),
        "word_vectors": _word_vectors(recipe),
        "systems": summaries,
        "comparisons": [
            compare(a, b, summaries, metric)
            for a, b in (("fusion", "audio"), ("fusion", "text"))
            if a in summaries and b in summaries
            for metric in METRICS
        ],
        "skipped": [asdict(skip) for skip in skipped],
        "cost": {"encoder_forwards": None, "cache_hits": None, "wall_s": None, "peak_rss_mb": _peak_rss_mb()},
        "looks": None,
    }


def environment() -> dict[str, Any]:
    """Return what a result may depend on: versions, threads, processor kind."""
    packages = ("emofuse", "torch", "transformers", "accelerate", "numpy", "scikit-learn", "soundfile", "soxr")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {package: version(package) for package in packages},
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _open_run(out: Path, recipe: Recipe, document: dict[str, Any], resume: bool) -> None:
    """Make the run folder, or make sure that it holds this very run."""
    layout.make_folder(out)
    if not (out / layout.FOLDS).is_file():
        layout.write_text(out / layout.RECIPE, dump_recipe(recipe))
        layout.write_json(out / layout.ENVIRONMENT, environment())
        layout.write_json(out / layout.FOLDS, document)
        return
    if not resume:
        raise RunError(f"{out}: holds a run already; add --resume to go on with it, or choose another folder")
    try:
        held = json.loads((out / layout.FOLDS).read_text(encoding="utf-8"))
        same_recipe = (out / layout.RECIPE).read_text(encoding="utf-8") == dump_recipe(recipe)
    except (OSError, ValueError) as error:
        raise RunError(
            f"{out}: its {layout.FOLDS} or {layout.RECIPE} is damaged; start in another folder"
        ) from error
    if held.get("hash") != document["hash"]:
        raise RunError(f"{out}: was run on other folds; the manifest or the protocol has changed")
    if held.get("corpus_hash") != document["corpus_hash"]:
        raise RunError(f"{out}: was run on another manifest; its labels, texts, spans or files have changed")
    if not same_recipe:
        raise RunError(f"{out}: was run with another recipe; compare {out / layout.RECIPE}")


def _teller(listener: Listener, number: int, jobs: int, job: Job) -> Callable[[Progress | None], None]:
    name = f"{job.system}, {job.fold.name}, seed {job.seed}"
    return lambda training: listener(JobProgress(number, jobs, name, training))


def _common_truth(corpus: Corpus, predicted: dict[tuple[SystemName, int, int], dict[str, str]]) -> dict[str, str]:
    """Return id -> label of the test utterances that every system and seed scored."""
    scored: dict[tuple[SystemName, int], set[str]] = {}
    for (system, seed, _), labels in predicted.items():
        scored.setdefault((system, seed), set()).update(labels)
    common = set.intersection(*scored.values())
    if not common:
        raise CorpusError(
            "no test utterance could be read by every system; see the skipped ones in the job folders"
        )
    return {u.id: str(u.label) for u in corpus if u.id in common}


def _evaluations(
    system: SystemName,
    recipe: Recipe,
    task: Task,
    folds: Sequence[Fold],
    predicted: dict[tuple[SystemName, int, int], dict[str, str]],
    truth: dict[str, str],
) -> tuple[list[Evaluation], list[list[Evaluation]]]:
    """Return a pooled evaluation for each seed, and each seed's evaluations by fold."""
    pooled, by_fold = [], []
    for seed in recipe.seeds:
        labels = [predicted[system, seed, fold.index] for fold in folds]
        merged = {identity: label for fold in labels for identity, label in fold.items()}
        pooled.append(evaluate_labels(truth, merged, task.labels))
        by_fold.append(list(_fold_evaluations(folds, truth, merged, task)))
    return pooled, by_fold


def _fold_evaluations(
    folds: Sequence[Fold], truth: dict[str, str], predicted: dict[str, str], task: Task
) -> Iterator[Evaluation]:
    for fold in folds:
        part = {i: truth[i] for i in fold.test if i in truth}
        if part:
            yield evaluate_labels(part, predicted, task.labels)


def _skips(out: Path, recipe: Recipe, folds: Sequence[Fold], systems: Sequence[SystemName]) -> list[Skip]:
    """Return what any job left out, each utterance once."""
    found = {
        skip.id: skip
        for fold in folds
        for seed in recipe.seeds
        for system in systems
        for skip in read_skips(layout.job_folder(out, fold.index, seed, system))
    }
    return [found[identity] for identity in sorted(found)]


def _word_vectors(recipe: Recipe) -> str | None:
    """Return what word embeddings began with: a file, or "learnt"; None with a pre-trained text encoder."""
    if recipe.text.encoder is not None:
        return None
    return Path(recipe.text.vectors).name if recipe.text.vectors else "learnt"


def _without_modality(out: Path, recipe: Recipe, folds: Sequence[Fold], system: SystemName) -> int:
    """Count the test utterances of which a system got nothing: it answered them by its prior alone."""
    places = (layout.job_folder(out, fold.index, recipe.seeds[0], system) for fold in folds)
    documents = (json.loads((place / layout.METRICS).read_text(encoding="utf-8")) for place in places)
    return sum(document["without_modality"] for document in documents)


def _describe(fold: Fold) -> dict[str, Any]:
    return {
        "index": fold.index,
        "name": fold.name,
        "train": len(fold.train),
        "validation": len(fold.validation),
        "test": len(fold.test),
        "validation_unit": fold.validation_unit,
    }


def _draw(out: Path, system: str, summary: dict[str, Any], task: Task) -> None:
    stem, ending = layout.CONFUSION_TEXT.split(".")
    text = confusion_text(summary["confusion"], task.labels)
    layout.write_text(out / f"{stem}-{system}.{ending}", text)
    picture = out / f"{stem}-{system}.{layout.CONFUSION_PICTURE.split('.')[1]}"
    confusion_picture(summary["confusion"], task.labels, f"{system}, UA {summary['ua']['mean']:.3f}", picture)


def _peak_rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
