"""The options of `emofuse predict`, grouped by meaning and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from emofuse.cli.page_options import PageOptions
from emofuse.cli.predict.formats import FormatName, TimelineFormatName
from emofuse.errors import CorpusError, RecipeError
from emofuse.pages.extra import PagesPackage, require_package
from emofuse.types import RelativeTo

# Formats that cannot be written to stdout, and the package that a format needs.
NOT_TEXT = ("picture", "xlsx")
PACKAGES: Mapping[str, PagesPackage] = {"page": "jinja2", "picture": "matplotlib", "xlsx": "xlsxwriter"}


@dataclass(frozen=True)
class ModelOptions:
    """How the model is used.

    Attributes:
        allow_missing: predict even if a modality is missing that the model requires.
        priors: how frequent each label is where the model is used; None for the priors of its training data.
        strict: refuse damaged recordings.
        any_sound: predict sound that is no speech too.
        relative_to: what predictions are relative to; None for plain ones.
    """

    allow_missing: bool = False
    priors: Mapping[str, float] | None = field(default=None, hash=False)
    strict: bool = False
    any_sound: bool = False
    relative_to: RelativeTo | None = None


@dataclass(frozen=True)
class TextOptions:
    """Where the words of recordings come from.

    Attributes:
        text: the transcript of the only recording, or a text without one.
        transcripts: a table, a file or a folder of transcripts.
        asr: the speech recognition engine for recordings without words.
        language: ISO 639-1 code of the spoken language.
        columns: of tables: field -> the name of its column, for those with other names.
    """

    text: str | None = None
    transcripts: Path | None = None
    asr: str | None = None
    language: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class SegmentOptions:
    """How a recording is cut into segments, and how their predictions are post-processed.

    Attributes:
        timeline: write a timeline, not one prediction per recording.
        segmentation: how segments are found.
        turns: a file or a folder of files with the segments.
        speakers: a file or a folder of files with who speaks when.
        smooth: seconds over which probabilities are smoothed; 0 for none.
        baseline: report changes relative to each speaker's own mean.
    """

    timeline: bool = False
    segmentation: str = "auto"
    turns: Path | None = None
    speakers: Path | None = None
    smooth: float = 0.0
    baseline: bool = False


@dataclass(frozen=True)
class CallOptions:
    """The channels of a call, each analysed by itself.

    Attributes:
        channels: name=number, separated by commas; None for recordings that are taken as a whole.
        analyse: the only channel to analyse.
        analyse_employee: allow the analysis of an employee's channel.
    """

    channels: str | None = None
    analyse: str | None = None
    analyse_employee: bool = False

    def all_channels(self) -> dict[str, int]:
        """Return the numbers of all channels by name; empty where recordings are taken as a whole.

        Raises:
            RecipeError: the channels are written in another way.
        """
        if self.channels is None:
            return {}
        from emofuse.sound.channels import parse_channels

        return parse_channels(self.channels)

    def analysed_channels(self) -> dict[str, int]:
        """Return the numbers of the channels to analyse by name; empty where recordings are taken as a whole.

        Raises:
            RecipeError: there is no such channel.
            EmofuseError: a channel is an employee's, and its analysis was not allowed.
        """
        channels = self.all_channels()
        if not channels:
            return {}
        from emofuse.sound.channels import refuse_employee

        if self.analyse is not None:
            if self.analyse not in channels:
                raise RecipeError(f"--analyse {self.analyse}: the channels are {', '.join(channels)}")
            channels = {self.analyse: channels[self.analyse]}
        for name in channels:
            refuse_employee(name, self.analyse_employee)
        return channels


@dataclass(frozen=True)
class OutputOptions:
    """What is written, and where.

    Attributes:
        format: the output format.
        folder: where files are written; None for stdout.
        each: write one file per input.
        resume: continue an interrupted run.
    """

    format: str = "table"
    folder: Path | None = None
    each: bool = False
    resume: bool = False

    def check(self) -> None:
        """Refuse a format that there is not, or that cannot be written, and options without their folder.

        Raises:
            CorpusError: there is no such format, or no folder for files.
            MissingExtraError: the format needs a package that is not installed.
        """
        choices = get_args(TimelineFormatName)
        if self.format not in choices:
            raise CorpusError(f"--format {self.format}: choose one of {', '.join(choices)}")
        for option, used in (("--each", self.each), ("--resume", self.resume)):
            if used and self.folder is None:
                raise CorpusError(f"{option} requires an output folder; add --out")
        if self.format in NOT_TEXT and self.folder is None:
            raise CorpusError(f"--format {self.format}: cannot be written to stdout; add --out")
        if self.format in PACKAGES:
            require_package(PACKAGES[self.format], f"--format {self.format}")


@dataclass(frozen=True)
class PredictOptions:
    """All options of a prediction."""

    model: ModelOptions = ModelOptions()
    text: TextOptions = TextOptions()
    segments: SegmentOptions = SegmentOptions()
    call: CallOptions = CallOptions()
    output: OutputOptions = OutputOptions()
    page: PageOptions = field(default_factory=PageOptions)

    @property
    def timeline(self) -> bool:
        """Whether timelines are wanted: by the option, or by a format that only timelines have."""
        form = self.output.format
        return self.segments.timeline or (
            form in get_args(TimelineFormatName) and form not in get_args(FormatName)
        )

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            CorpusError: there is no such format, or an option is about files and there is no folder for them.
            RecipeError: an option is about timelines, and none is wanted.
            MissingExtraError: the format needs a package that is not installed.
        """
        output, segments, call = self.output, self.segments, self.call
        output.check()
        for option, used in (
            ("--channels", call.channels is not None),
            ("--speakers", segments.speakers is not None),
            ("--turns", segments.turns is not None),
            ("--smooth", bool(segments.smooth)),
            ("--baseline", segments.baseline),
        ):
            if used and not self.timeline:
                raise RecipeError(f"{option} applies to timelines only; add --timeline")
        if self.model.any_sound and segments.segmentation not in ("auto", "windows"):
            raise RecipeError(
                f"--segmentation {segments.segmentation} finds speech, and --any-sound predicts any sound; "
                "drop one of them"
            )
        if self.page.used() and output.format not in ("page", "picture"):
            raise RecipeError(
                f"{self.page.used()[0]} applies to pages and pictures only; add --format page or picture"
            )
        if self.text.columns and not (self.text.transcripts or segments.turns or segments.speakers):
            raise RecipeError("--column names columns of tables; add --transcripts, --turns or --speakers")
        if call.analyse is not None and call.channels is None:
            raise RecipeError(
                f"--analyse {call.analyse}: name the channels with --channels, such as agent=0,customer=1"
            )


def parse_columns(options: Iterable[str]) -> dict[str, str]:
    """Return the name of each field's column, written as field=column.

    Raises:
        CorpusError: an option is not written like that, or a field is repeated.
    """
    columns: dict[str, str] = {}
    for option in options:
        named, _, name = option.partition("=")
        if not named or not name:
            raise CorpusError(f"--column {option}: write it as field=column, such as audio=wav_file")
        if named in columns:
            raise CorpusError(f"--column {option}: the field {named!r} is repeated")
        columns[named] = name
    return columns


def parse_priors(text: str | None) -> dict[str, float] | None:
    """Return the frequency of each label, written as label=frequency and separated by commas.

    Raises:
        RecipeError: a part is not written like that, or a label is repeated.
    """
    if text is None:
        return None
    priors: dict[str, float] = {}
    for part in text.split(","):
        label, _, number = part.strip().partition("=")
        if label in priors:
            raise RecipeError(f"--priors: the label {label!r} is repeated")
        try:
            priors[label] = float(number)
        except ValueError as error:
            raise RecipeError(
                f"--priors {part.strip()}: write it as label=frequency, such as happy=0.1"
            ) from error
    return priors


def parse_relative(text: str | None) -> RelativeTo | None:
    """Return what predictions are relative to.

    Raises:
        RecipeError: there is no such thing.
    """
    if text is None:
        return None
    named: RelativeTo | None = next((one for one in get_args(RelativeTo) if one == text), None)
    if named is None:
        raise RecipeError(f"--relative-to {text}: choose one of {', '.join(get_args(RelativeTo))}")
    return named
