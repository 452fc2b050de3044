"""The folder of a cross-validation: the one place that begins and reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from emofuse import layout
from emofuse.config import Recipe, dump_recipe, load_recipe
from emofuse.data.splits import folds_document
from emofuse.errors import RunError
from emofuse.runs.job_folder import JobFolder
from emofuse.runs.labelled_utterances import LabelledUtterance, read_truth
from emofuse.runs.signature import Signature, run_signature
from emofuse.runs.stored_predictions import StoredPrediction
from emofuse.runs.system import FUSION, System
from emofuse.types import Fold
from emofuse.untrusted.json_text import read_json

_FOLDS = TypeAdapter(tuple[Fold, ...])


@dataclass(frozen=True)
class RunFolder:
    """A run folder; its files are read when they are first asked for.

    Attributes:
        path: of the folder.
        manifest_truth: the tested utterances as the manifest has them, for runs that do not store them.
    """

    path: Path
    manifest_truth: tuple[LabelledUtterance, ...] | None = None

    @classmethod
    def begin(
        cls,
        path: Path,
        recipe: Recipe,
        folds: Sequence[Fold],
        hashes: Mapping[str, str],
        environment: Mapping[str, Any],
        resume: bool,
    ) -> RunFolder:
        """Create a run folder, or check that the folder holds this very run.

        A run that ended before any of its jobs wrote a file holds nothing: any other may begin in its folder.

        Args:
            path: of the folder.
            recipe: of the run.
            folds: of the run.
            hashes: of the corpus, see `emofuse.data.run_hashes.run_hashes`.
            environment: what it runs with.
            resume: continue the run that the folder holds.

        Raises:
            RunError: the folder holds a run, and `resume` is False or it is another run; or it cannot be written.
        """
        layout.make_folder(path)
        run, document = cls(path), folds_document(folds) | dict(hashes)
        has_jobs = any(one.is_file() for one in path.glob("fold-*/**/*"))
        if has_jobs and (path / layout.FOLDS).is_file():
            run._refuse_other(recipe, document, resume)
            return run
        if has_jobs:
            raise RunError(f"{path}: holds jobs of a run without its {layout.FOLDS}; choose another folder")
        layout.write_text(path / layout.RECIPE, dump_recipe(recipe))
        layout.write_json(path / layout.ENVIRONMENT, environment)
        layout.write_json(path / layout.FOLDS, document)
        return run

    @classmethod
    def open(cls, path: Path, truth: tuple[LabelledUtterance, ...] | None = None) -> RunFolder:
        """Return the run folder at a path.

        Args:
            path: of the folder.
            truth: the tested utterances as the manifest has them, for a run that does not store them.

        Raises:
            RunError: there is no such folder.
        """
        if not path.is_dir():
            raise RunError(f"{path}: no such run folder; give one that `emofuse crossval` has made")
        return cls(path, truth)

    @property
    def name(self) -> str:
        """The name of the folder, without the path to it."""
        return self.path.resolve().name

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe that was run."""
        return load_recipe(self.path / layout.RECIPE)

    @cached_property
    def results(self) -> Mapping[str, Any]:
        """The contents of `results.json`."""
        return _document(self.path / layout.RESULTS)

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The folds."""
        return read_folds(self.path / layout.FOLDS)

    @property
    def corpus_hash(self) -> str:
        """The hash of the corpus, under the labels of the recipe."""
        return str(_document(self.path / layout.FOLDS).get("corpus_hash"))

    @cached_property
    def systems(self) -> tuple[System, ...]:
        """The systems that have results: fusion first, derived ones last."""
        systems = map(System.from_label, self.results["systems"])
        return tuple(sorted(systems, key=lambda system: (not system.trained, system != FUSION)))

    @cached_property
    def truth(self) -> tuple[LabelledUtterance, ...]:
        """The utterances that its folds test, with their true labels."""
        truth = self.manifest_truth or read_truth(self.path)
        if truth is None:
            raise RunError(f"{self.path}: does not say which labels are true; give its manifest with --manifest")
        return truth

    @property
    def signature(self) -> Signature:
        """What must be the same for its figures to be compared with others."""
        results = self.results  # first: a folder without results is no finished run
        return run_signature(self.recipe, results, self.folds, self.corpus_hash)

    def job(self, system: System, fold: int, seed: int) -> JobFolder:
        """Return the folder of a job."""
        return JobFolder(layout.job_folder(self.path, fold, seed, system.folder_name))

    def jobs(self, system: System, seed: int) -> dict[int, JobFolder]:
        """Return the folders of the jobs of a system and seed, by fold."""
        return {fold.index: self.job(system, fold.index, seed) for fold in self.folds}

    def predictions(self, system: System, seed: int) -> dict[str, StoredPrediction]:
        """Return the predictions of a system with jobs of its own (not "late") over all test parts, by id.

        Raises:
            RunError: a file is missing or damaged.
        """
        predictions: dict[str, StoredPrediction] = {}
        for job in self.jobs(system, seed).values():
            predictions |= job.predictions(system.predictions_file)
        return predictions

    def other_predictions(self, system: System, seed: int, file: str) -> dict[str, StoredPrediction]:
        """Return the predictions of further files, such as those of utterances without a label, by id.

        Only some folds may have such a file.

        Raises:
            RunError: a file is damaged.
        """
        predictions: dict[str, StoredPrediction] = {}
        for job in self.jobs(system, seed).values():
            if job.has(file):
                predictions |= job.predictions(file)
        return predictions

    def probabilities(self, system: System, seed: int) -> dict[str, dict[str, float]]:
        """Return the probabilities of any system over all test parts: utterance id -> label -> probability.

        Raises:
            RunError: a file is missing or damaged.
        """
        parts = [self.predictions(part, seed) for part in system.parts]
        common = [identity for identity in parts[0] if all(identity in part for part in parts)]
        return {identity: _mean([part[identity] for part in parts]) for identity in common}

    def _refuse_other(self, recipe: Recipe, document: Mapping[str, Any], resume: bool) -> None:
        out = self.path
        if not resume:
            raise RunError(f"{out}: holds a run already; add --resume to continue it, or choose another folder")
        try:
            held = read_json(out / layout.FOLDS)
            same_recipe = (out / layout.RECIPE).read_text(encoding="utf-8") == dump_recipe(recipe)
        except (OSError, ValueError) as error:
            raise RunError(
                f"{out}: its {layout.FOLDS} or {layout.RECIPE} is damaged; start in another folder"
            ) from error
        if held.get("hash") != document["hash"]:
            raise RunError(f"{out}: was run on other folds; the manifest or the protocol has changed")
        if held.get("corpus_hash") != document["corpus_hash"]:
            raise RunError(f"{out}: was run on another manifest; its labels, texts, spans or files have changed")
        # Older runs have none.
        if held.get("recordings_hash", document.get("recordings_hash")) != document.get("recordings_hash"):
            raise RunError(f"{out}: was run on other recordings: one has changed since; start in another folder")
        if not same_recipe:
            raise RunError(f"{out}: was run with another recipe; compare {out / layout.RECIPE}")


def read_folds(path: Path) -> tuple[Fold, ...]:
    """Return the folds of a file such as `folds.json`.

    Raises:
        RunError: it cannot be read, or holds something else.
    """
    try:
        return _FOLDS.validate_python(_document(path)["folds"])
    except (KeyError, ValueError) as error:
        raise RunError(f"{path}: holds no folds; give the {layout.FOLDS} of a run folder") from error


def _document(path: Path) -> dict[str, Any]:
    try:
        document = read_json(path)
    except FileNotFoundError as error:
        raise RunError(f"{path}: is not there; let the run come to its end, or name another folder") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read; run it again with --resume") from error
    if not isinstance(document, dict):
        raise RunError(f"{path}: is damaged; run it again in another folder")
    return document


def _mean(predictions: Sequence[StoredPrediction]) -> dict[str, float]:
    """Return the mean of the probabilities, label by label."""
    rows = [each.prediction.probabilities for each in predictions]
    return {label: sum(row[label] for row in rows) / len(rows) for label in rows[0]}
