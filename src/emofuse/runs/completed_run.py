"""A run whose jobs are complete, with the corpus that it was run on: what results are collected from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from emofuse.config import Recipe
from emofuse.errors import CorpusError
from emofuse.evaluation.labelled_predictions import LabelledPredictions
from emofuse.runs.labelled_utterances import ProbabilitiesById, labelled_utterances, to_arrays
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.system import System
from emofuse.types import Corpus, Finding, Fold, Skip, SystemName, Task


@dataclass(frozen=True)
class CompletedRun:
    """A run whose jobs are complete.

    Attributes:
        folder: the run folder.
        recipe: what was run.
        raw_corpus: the corpus before the label policy, as far as the recipe's `only` keeps it.
        corpus: the same, under the label policy.
        task: the labels.
        folds: the folds.
        names: of the systems that were trained.
        findings: of the audit.
        accepted: codes of the findings that were accepted.
        baselines: name -> utterance id -> probabilities in the order of the labels.
    """

    folder: RunFolder
    recipe: Recipe
    raw_corpus: Corpus
    corpus: Corpus
    task: Task
    folds: tuple[Fold, ...]
    names: tuple[SystemName, ...]
    findings: tuple[Finding, ...] = ()
    accepted: tuple[str, ...] = ()
    baselines: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)

    @property
    def systems(self) -> tuple[System, ...]:
        """The systems that were trained on the recipe's own text."""
        return tuple(map(System, self.names))

    @property
    def adapted(self) -> tuple[System, ...]:
        """The same with speaker normalisation, where the recipe asks for it."""
        return tuple(each.with_speaker_norm() for each in self.systems) if self.recipe.speaker_norm else ()

    @property
    def networks(self) -> tuple[System, ...]:
        """Every system with jobs of its own, those that `text.cells` adds included."""
        cells = [System(each.name, "asr") for each in self.systems if each.reads_text]
        return (*self.systems, *(cells if self.recipe.text.cells else ()))

    def seeds(self, system: System) -> list[ProbabilitiesById]:
        """Return the probabilities of a system from each seed."""
        return [self.folder.probabilities(system, seed) for seed in self.recipe.seeds]

    def skips(self) -> list[Skip]:
        """Return the utterances that any job skipped, each once."""
        by_id = {
            skip.id: skip
            for seed in self.recipe.seeds
            for system in self.networks
            for job in self.folder.jobs(system, seed).values()
            for skip in job.skips()
        }
        return [by_id[identity] for identity in sorted(by_id)]

    def without_modality(self, system: System) -> int:
        """Return for how many test utterances a system had no input, so that it predicted its prior."""
        return sum(job.without_modality() for job in self.folder.jobs(system, self.recipe.seeds[0]).values())

    def truth_of(self, predicted: Iterable[ProbabilitiesById]) -> dict[str, str]:
        """Return utterance id -> label of the test utterances that every system and seed predicted.

        Raises:
            CorpusError: there is none.
        """
        common = set.intersection(*map(set, predicted))
        if not common:
            raise CorpusError(
                "no test utterance could be read by every system; see the skipped ones in the job folders"
            )
        return {u.id: str(u.label) for u in self.corpus if u.id in common}

    def to_arrays(self, seeds: Sequence[ProbabilitiesById], truth: Mapping[str, str]) -> LabelledPredictions:
        """Put the predictions of each seed for the utterances of `truth` into arrays."""
        tested = [each for each in labelled_utterances(self.corpus, self.folds) if each.id in truth]
        return to_arrays(self.task.labels, tested, seeds)
