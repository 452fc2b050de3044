"""The systems of a run: their names in folders and in results, and where their predictions come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from emofuse import layout
from emofuse.errors import RunError
from emofuse.types import SYSTEMS, Modality, SystemName


@dataclass(frozen=True)
class System:
    """A system of a run.

    Attributes:
        name: of the paper's systems, or "late" for late fusion: the mean of the probabilities of audio and text.
        text: "asr" for the network that `text.cells` trains on recognised text, beside the one that is trained on
            the recipe's text; else None.
        adapted: whether its vectors are normalised by the statistics of each speaker (`speaker_norm`).
    """

    name: SystemName | Literal["late"]
    text: Literal["asr"] | None = None
    adapted: bool = False

    @property
    def folder_name(self) -> str:
        """The name of the folder of its jobs: "audio", "text-asr"."""
        return self.name if self.text is None else f"{self.name}-{self.text}"

    @property
    def label(self) -> str:
        """Its name in results: "audio", "fusion+speaker-norm", "late"."""
        return f"{self.folder_name}+speaker-norm" if self.adapted else self.folder_name

    @property
    def trained(self) -> bool:
        """Whether a network was trained for it; else its predictions are derived from those of trained systems."""
        return self.name != "late" and not self.adapted

    @property
    def reads_text(self) -> bool:
        """Whether it takes text."""
        return self.name != "audio"

    @property
    def parts(self) -> tuple[System, ...]:
        """The systems with predictions in job folders of which it is the mean; itself if it has a job folder."""
        return (AUDIO, TEXT) if self.name == "late" else (self,)

    @property
    def predictions_file(self) -> str:
        """The name of the file in its job folders that holds its predictions of the test part."""
        return layout.SPEAKER_NORM if self.adapted else layout.PREDICTIONS

    def unimodal(self, modality: Modality) -> System:
        """Return the system of one modality that is trained on the same text."""
        return System(modality, self.text if modality == "text" else None)

    def with_speaker_norm(self) -> System:
        """Return the same system with speaker normalisation."""
        return replace(self, adapted=True)

    @classmethod
    def from_label(cls, label: str) -> System:
        """Return the system that has a label.

        Raises:
            RunError: there is no such system.
        """
        if label not in _BY_LABEL:
            raise RunError(f"{label!r} is no system of a run; known systems are {', '.join(_BY_LABEL)}")
        return _BY_LABEL[label]


AUDIO, TEXT, FUSION, LATE = System("audio"), System("text"), System("fusion"), System("late")
_NETWORKS = (
    *(System(name) for name in SYSTEMS),
    *(System(name, "asr") for name in SYSTEMS if System(name).reads_text),
)
_BY_LABEL = {
    system.label: system for system in (*_NETWORKS, LATE, *(each.with_speaker_norm() for each in _NETWORKS))
}
