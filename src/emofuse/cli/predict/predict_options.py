"""What was asked of `emofuse predict`, checked: which options go together, and what a run is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from emofuse import __version__, layout
from emofuse.cli.predict.formats import FormatName
from emofuse.cli.predict.timeline_writing import TimelineFormName, check_form
from emofuse.errors import CorpusError, RecipeError

# What a model folder says with; its card and its evaluation may change.
WEIGHTY = (
    layout.CONFIG,
    layout.WEIGHTS,
    layout.WEIGHTS_INDEX,
    layout.PREPARATION,
    layout.TOKENIZER,
    layout.CALIBRATION,
    layout.EXPORT,
    layout.GRAPH,
)


@dataclass(frozen=True)
class Asked:
    """The options of a prediction.

    Attributes:
        form: the format.
        timeline: tell what is to be heard when, not one answer a recording.
        out: a folder for what is written.
        each: a file for each input.
        resume: go on with what is there.
        text: what is said in the one recording.
        transcripts: what is said in recordings.
        speakers: who speaks when.
        turns: the segments.
        channels: name=number, ... of a call.
        analyse: the one channel that is analysed.
        analyse_employee: analyse somebody at work, which is asked for in so many words.
        segmentation: how segments are found.
        asr: the recogniser of speech.
        language: of what is spoken.
        smooth: seconds over which probabilities are smoothed.
        baseline: tell change against each speaker's own mean.
    """

    form: str = "table"
    timeline: bool = False
    out: Path | None = None
    each: bool = False
    resume: bool = False
    text: str | None = None
    transcripts: Path | None = None
    speakers: Path | None = None
    turns: Path | None = None
    channels: str | None = None
    analyse: str | None = None
    analyse_employee: bool = False
    segmentation: str = "auto"
    asr: str | None = None
    language: str | None = None
    smooth: float = 0.0
    baseline: bool = False

    @property
    def tells_when(self) -> bool:
        """Whether timelines are wanted: said so, or by a format that nothing else has."""
        return self.timeline or (self.form in get_args(TimelineFormName) and self.form not in get_args(FormatName))

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            CorpusError: a format that there is not, or files without a folder.
            RecipeError: options of timelines without one.
        """
        check_form(self.form)
        for option, given in (("--each", self.each), ("--resume", self.resume)):
            if given and self.out is None:
                raise CorpusError(f"{option} is about files; give their folder with --out")
        for option, given in (
            ("--channels", self.channels is not None),
            ("--speakers", self.speakers is not None),
            ("--turns", self.turns is not None),
            ("--smooth", bool(self.smooth)),
            ("--baseline", self.baseline),
        ):
            if given and not self.tells_when:
                raise RecipeError(f"{option} is about timelines; add --timeline")
        if self.analyse is not None and self.channels is None:
            raise RecipeError(
                f"--analyse {self.analyse}: name the channels with --channels, such as agent=0,customer=1"
            )

    def call(self) -> dict[str, int]:
        """Return all channels of a call: name -> number; empty where recordings are taken whole.

        Raises:
            RecipeError: they are written in another way.
        """
        if self.channels is None:
            return {}
        from emofuse.sound.channels import parse_channels

        return parse_channels(self.channels)

    def chosen_channels(self) -> dict[str, int]:
        """Return the channels that are analysed: name -> number; empty where recordings are taken whole.

        Raises:
            RecipeError: there is no such channel.
            EmofuseError: a channel is somebody's at work, and that was not asked for in so many words.
        """
        from emofuse.sound.channels import refuse_employee

        channels = self.call()
        if self.analyse is not None:
            if self.analyse not in channels:
                raise RecipeError(f"--analyse {self.analyse}: the channels are {', '.join(channels)}")
            channels = {self.analyse: channels[self.analyse]}
        for name in channels:
            refuse_employee(name, self.analyse_employee)
        return channels

    def known_by(self, folder: Path, further: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a run's answers depend on besides the inputs, as JSON holds it.

        Args:
            folder: of the model.
            further: what else the answers depend on.
        """
        return {
            "emofuse": __version__,
            "model": _weights_of(folder),
            "format": self.form if self.each or self.tells_when else None,
            "timeline": self.tells_when,
            "text": self.text,
            "transcripts": _digest(self.transcripts),
            "speakers": _digest(self.speakers),
            "turns": _digest(self.turns),
            "channels": self.channels,
            "analyse": self.analyse,
            "segmentation": self.segmentation,
            "language": self.language,
            "smooth": self.smooth,
            "baseline": self.baseline,
            **further,
        }


def _weights_of(folder: Path) -> str:
    """Return a hash of all that a model's answers depend on."""
    from emofuse.data.cache import file_digest, key_of

    files = [one for one in folder.iterdir() if one.name in WEIGHTY or one.suffix in (".safetensors", ".data")]
    return key_of(files={one.name: file_digest(one) for one in files})


def _digest(path: Path | None) -> str | None:
    """Return a hash of a file, or of the files of a folder; None without one."""
    if path is None:
        return None
    from emofuse.data.cache import file_digest, key_of

    if path.is_dir():
        files = [one for one in path.rglob("*") if one.is_file()]
        return key_of(files={str(one.relative_to(path)): file_digest(one) for one in files})
    return file_digest(path)
