"""The options of `emofuse predict`: which go together, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import call

from emofuse.cli.page_options import PageOptions
from emofuse.cli.predict.formats import TimelineFormatName
from emofuse.cli.predict.predict_options import (
    OutputOptions,
    PredictOptions,
    SegmentOptions,
    parse_priors,
)
from emofuse.errors import RecipeError
from emofuse.inference.timeline.formats import TIMELINE_FORMATS


@pytest.mark.parametrize("option", ["--each", "--resume"])
def test_options_about_files_need_a_folder(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, option: str
) -> None:
    code, _, err = call(capsys, "predict", model, archive, option)
    assert (code, err) == (2, f"error: {option} requires an output folder; add --out\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--format", "xml"), "--format xml: choose one of table, json"),
        (("--smooth", "3"), "--smooth applies to timelines only; add --timeline"),
        (("--channels", "a=0"), "--channels applies to timelines only; add --timeline"),
        (("--timeline", "--smooth", "-1"), "smoothing -1.0: give seconds"),
        (("--timeline", "--segmentation", "guess"), "segmentation guess: choose one of auto"),
        (("--any-sound", "--segmentation", "energy"), "energy finds speech, and --any-sound predicts any sound"),
        (("--timeline", "--analyse", "agent"), "name the channels with --channels"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, options: tuple[str, ...], words: str
) -> None:
    code, out, err = call(capsys, "predict", model, talks / "talk0.wav", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("option", ["--without-audio", "--without-words", "--pseudonyms"])
def test_options_about_pages_need_a_page(option: str) -> None:
    page = PageOptions("audio" in option, "words" in option, "pseudonyms" in option)
    segments = SegmentOptions(timeline=True)
    with pytest.raises(RecipeError, match=f"{option} applies to pages and pictures only; add --format page"):
        PredictOptions(segments=segments, output=OutputOptions("csv"), page=page).check()
    PredictOptions(output=OutputOptions("page"), page=page).check()


def test_every_format_of_timelines_is_offered() -> None:
    from typing import get_args

    assert set(TIMELINE_FORMATS) | {"table", "xlsx", "page", "picture"} == set(get_args(TimelineFormatName))


def test_a_format_that_only_timelines_have_asks_for_timelines() -> None:
    assert PredictOptions(output=OutputOptions("srt")).timeline
    assert not PredictOptions(output=OutputOptions("json")).timeline
    assert PredictOptions(segments=SegmentOptions(timeline=True), output=OutputOptions("json")).timeline


def test_priors_are_pairs_of_a_label_and_a_frequency() -> None:
    assert parse_priors(None) is None
    assert parse_priors("happy=0.1, neutral=0.9") == {"happy": 0.1, "neutral": 0.9}
    with pytest.raises(RecipeError, match="'happy' is repeated"):
        parse_priors("happy=0.1,happy=0.2")
    with pytest.raises(RecipeError, match="write it as label=frequency"):
        parse_priors("happy")
